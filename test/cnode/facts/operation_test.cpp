// Every control message, in every form it has: what it does to the processes of a node that runs.
#include "meeting.hpp"

namespace cnode::test {
namespace {

TEST(Op, 01_LinkIsToldOfTheEnd) {
  meeting m;
  m.peer.tells("{1,ME,V}");
  EXPECT_EQ(m.heard_of_the_end(), "{24,V,ME} over");
}

TEST(Op, 01_LinkToADeadProcessIsAnsweredWithNoproc) {
  meeting m;
  m.ends(m.v, "over");
  ASSERT_TRUE(m.dies(m.v));
  m.peer.tells("{1,ME,V}");
  EXPECT_EQ(m.peer.hears(), "{24,V,ME} noproc");
}

TEST(Op, 02_SendArrives) {
  meeting m;
  m.peer.tells("{2,'',W}", "hello");
  EXPECT_TRUE(m.got("hello"));
}

TEST(Op, 03_ExitOfALinkedProcessArrives) {
  meeting m;
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  m.peer.tells("{3,ME,W,boom}");
  EXPECT_TRUE(m.got("{'EXIT',ME,boom}"));
}

TEST(Op, 04_UnlinkEndsALinkOfAPeerWithoutIds) {
  meeting m(all_flags & ~flag::unlink_id);
  m.peer.tells("{1,ME,V}");
  m.peer.tells("{4,ME,V}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.ends(m.v, "over");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Op, 05_NodeLinkMeansNothing) {
  meeting m;
  m.peer.tells("{5}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Op, 06_RegSendArrives) {
  meeting m;
  m.peer.tells("{6,ME,'',witness}", "hello");
  EXPECT_TRUE(m.got("hello"));
}

TEST(Op, 07_GroupLeaderChangesIt) {
  meeting m;
  m.peer.tells("{7,ME,W}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.in(m.w, [&](auto& p) { EXPECT_EQ(to_text(p.group_leader()), to_text(m.peer.word("ME"))); });
}

TEST(Op, 08_Exit2EndsAProcessThatIsNotLinked) {
  meeting m;
  m.peer.tells("{8,ME,V,boom}");
  EXPECT_TRUE(m.dies(m.v));
  m.peer.tells("{8,ME,W,boom}");
  EXPECT_TRUE(m.got("{'EXIT',ME,boom}"));
}

TEST(Op, 12_SendTtArrives) {
  meeting m;
  m.peer.tells("{12,'',W,{1,label,7,ME,6}}", "hello");
  EXPECT_TRUE(m.got("hello"));
}

TEST(Op, 13_ExitTtArrives) {
  meeting m;
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  m.peer.tells("{13,ME,W,{1,label,7,ME,6},boom}");
  EXPECT_TRUE(m.got("{'EXIT',ME,boom}"));
}

TEST(Op, 16_RegSendTtArrives) {
  meeting m;
  m.peer.tells("{16,ME,'',witness,{1,label,7,ME,6}}", "hello");
  EXPECT_TRUE(m.got("hello"));
}

TEST(Op, 18_Exit2TtEndsAProcess) {
  meeting m;
  m.peer.tells("{18,ME,V,{1,label,7,ME,6},boom}");
  EXPECT_TRUE(m.dies(m.v));
}

TEST(Op, 19_MonitorByPidTellsOfTheEnd) {
  meeting m;
  m.peer.tells("{19,ME,V,REF}");
  EXPECT_EQ(m.heard_of_the_end(), "{28,V,ME,REF} over");
}

TEST(Op, 19_MonitorByNameEchoesTheName) {
  meeting m;
  m.peer.tells("{19,ME,victim,REF}");
  EXPECT_EQ(m.heard_of_the_end(), "{28,victim,ME,REF} over");
}

TEST(Op, 19_MonitorOfNobodyIsAnsweredWithNoproc) {
  meeting m;
  m.peer.tells("{19,ME,nobody,REF}");
  EXPECT_EQ(m.peer.hears(), "{28,nobody,ME,REF} noproc");
}

TEST(Op, 20_DemonitorByPidAndByName) {
  meeting m;
  m.peer.tells("{19,ME,V,REF}");
  m.peer.tells("{20,ME,V,REF}");
  m.peer.tells("{19,ME,victim,LONGREF}");
  m.peer.tells("{20,ME,victim,LONGREF}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.ends(m.v, "over");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Op, 20_DemonitorByANameThatHasANewOwner) {
  meeting m;
  m.peer.tells("{19,ME,victim,REF}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.r.n->runtime().unregister_name(atom("victim"));
  m.peer.tells("{20,ME,victim,REF}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.ends(m.v, "over");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

// The reference of a monitor of W, as the peer has heard it.
void monitors(meeting& m, const std::string& target_heard, std::function<void(actors::process&)> monitor) {
  m.in(m.w, monitor);
  EXPECT_EQ(m.peer.hears(), "{19,W," + target_heard + ",R}");
  m.peer.says("MREF", m.peer.heard_control->root[3]);
}

TEST(Op, 21_MonitorPExitEndsAMonitor) {
  meeting m;
  monitors(m, "ME", [&](auto& p) { p.monitor(m.peer.word("ME")); });
  m.peer.tells("{21,ME,W,MREF,boom}");
  EXPECT_TRUE(m.got("{'DOWN',MREF,process,ME,boom}"));
}

TEST(Op, 22_SendSenderArrives) {
  meeting m;
  m.peer.tells("{22,ME,W}", "hello");
  EXPECT_TRUE(m.got("hello"));
}

TEST(Op, 23_SendSenderTtArrives) {
  meeting m;
  m.peer.tells("{23,ME,W,{1,label,7,ME,6}}", "hello");
  EXPECT_TRUE(m.got("hello"));
}

TEST(Op, 24_PayloadExitArrives) {
  meeting m;
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  m.peer.tells("{24,ME,W}", "{big,reason}");
  EXPECT_TRUE(m.got("{'EXIT',ME,{big,reason}}"));
}

TEST(Op, 25_PayloadExitTtArrives) {
  meeting m;
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  m.peer.tells("{25,ME,W,{1,label,7,ME,6}}", "{big,reason}");
  EXPECT_TRUE(m.got("{'EXIT',ME,{big,reason}}"));
}

TEST(Op, 26_PayloadExit2EndsAProcess) {
  meeting m;
  m.peer.tells("{26,ME,V}", "{big,reason}");
  EXPECT_TRUE(m.dies(m.v));
}

TEST(Op, 27_PayloadExit2TtEndsAProcess) {
  meeting m;
  m.peer.tells("{27,ME,V,{1,label,7,ME,6}}", "{big,reason}");
  EXPECT_TRUE(m.dies(m.v));
}

TEST(Op, 28_PayloadMonitorPExitEndsAMonitorByName) {
  meeting m;
  monitors(m, "there", [&](auto& p) { p.monitor(make_tuple_of(p.scratch(), atom("there"), atom("one@localhost"))); });
  m.peer.tells("{28,there,W,MREF}", "{big,reason}");
  EXPECT_TRUE(m.got("{'DOWN',MREF,process,{there,one@localhost},{big,reason}}"));
}

TEST(Op, 29_SpawnRequestIsAnsweredBeforeTheProcessSpeaks) {
  meeting m(all_flags & ~flag::published, running_node::with_services);
  m.peer.tells("{29,REF,ME,ME,{erlang,send,2},[monitor]}", "[ME,i_am_here]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,2,P}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} i_am_here");
  EXPECT_EQ(m.peer.hears(), "{28,P,ME,REF} normal");
}

TEST(Op, 30_SpawnRequestTtIsAnswered) {
  meeting m(all_flags & ~flag::published, running_node::with_services);
  m.peer.tells("{30,REF,ME,ME,{erlang,exit,1},[link],{1,label,7,ME,6}}", "[over]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,1,P}");
  EXPECT_EQ(m.peer.hears(), "{24,P,ME} over");
}

void asks_for_a_process(meeting& m) {
  m.in(m.w, [&](auto& p) { p.spawn_request(atom("one@localhost"), atom("m"), atom("f"), nil, true, true); });
  EXPECT_TRUE(m.peer.hears().starts_with("{29,R,W,"));
  m.peer.says("REQ", m.peer.heard_control->root[1]);
}

TEST(Op, 31_SpawnReplyTellsTheAsker) {
  meeting m;
  asks_for_a_process(m);
  m.peer.tells("{31,REQ,W,3,OTHER}");
  EXPECT_TRUE(m.got("{spawn_reply,REQ,ok,OTHER}"));
  m.peer.tells("{28,OTHER,W,REQ}", "over");
  EXPECT_TRUE(m.got("{'DOWN',REQ,process,OTHER,over}"));
  m.peer.tells("{24,OTHER,W}", "over");
  EXPECT_TRUE(m.got("{'EXIT',OTHER,over}"));
}

TEST(Op, 31_SpawnReplySaysWhyNot) {
  meeting m;
  asks_for_a_process(m);
  m.peer.tells("{31,REQ,W,0,badopt}");
  EXPECT_TRUE(m.got("{spawn_reply,REQ,error,badopt}"));
}

TEST(Op, 32_SpawnReplyTtTellsTheAsker) {
  meeting m;
  asks_for_a_process(m);
  m.peer.tells("{32,REQ,W,3,OTHER,{1,label,7,ME,6}}");
  EXPECT_TRUE(m.got("{spawn_reply,REQ,ok,OTHER}"));
}

TEST(Op, 33_AliasSendArrivesUntilTheAliasIsTakenBack) {
  meeting m;
  m.in(m.w, [&](auto& p) { m.peer.says("ALIAS", p.alias()); });
  m.peer.tells("{33,ME,ALIAS}", "hello");
  EXPECT_TRUE(m.got("hello"));
  m.in(m.w, [&](auto& p) { p.unalias(m.peer.word("ALIAS")); });
  m.peer.tells("{33,ME,ALIAS}", "too_late");
  m.peer.tells("{22,ME,W}", "marker");
  EXPECT_TRUE(m.got("marker"));
  EXPECT_EQ(m.times_got("too_late"), 0u);
}

TEST(Op, 34_AliasSendTtArrives) {
  meeting m;
  m.in(m.w, [&](auto& p) { m.peer.says("ALIAS", p.alias()); });
  m.peer.tells("{34,ME,ALIAS,{1,label,7,ME,6}}", "hello");
  EXPECT_TRUE(m.got("hello"));
}

TEST(Op, 35_UnlinkIdIsAcknowledgedAndEndsTheLink) {
  meeting m;
  m.peer.tells("{1,ME,V}");
  m.peer.tells("{35,17,ME,V}");
  EXPECT_EQ(m.peer.hears(), "{36,17,V,ME}");
  m.ends(m.v, "over");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Op, 35_UnlinkIdZeroCloses) {
  meeting m;
  m.peer.tells("{35,0,ME,V}");
  EXPECT_TRUE(m.peer.closed());
}

TEST(Op, 36_UnlinkIdAckLetsALinkBeMadeAgain) {
  meeting m;
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")), p.unlink(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  EXPECT_TRUE(m.peer.hears().starts_with("{35,"));
  m.peer.says("ID", m.peer.heard_control->root[1]);
  // An exit that was under way when the link was taken back is no news.
  m.peer.tells("{24,ME,W}", "was_under_way");
  m.peer.tells("{36,ID,ME,W}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  m.peer.tells("{24,ME,W}", "over");
  EXPECT_TRUE(m.got("{'EXIT',ME,over}"));
  EXPECT_EQ(m.times_got("{'EXIT',ME,was_under_way}"), 0u);
}

TEST(Op, 37_AltactSigArrivesInEachOfItsForms) {
  meeting m(all_flags | flag::altact_sig);
  m.in(m.w, [&](auto& p) { m.peer.says("ALIAS", p.alias()); });
  m.peer.tells("{37,1,ME,W}", "by_priority");
  m.peer.tells("{37,3,ME,W,{1,label,7,ME,6}}", "with_a_token");
  m.peer.tells("{37,4,ME,ALIAS}", "by_alias");
  m.peer.tells("{37,8,ME,witness}", "by_name");
  m.peer.tells("{37,17,ME,W}", "as_exit");
  for (const char* message : {"by_priority", "with_a_token", "by_alias", "by_name", "{'EXIT',ME,as_exit}"}) EXPECT_TRUE(m.got(message)) << message;
}

TEST(Op, OthersCloseTheConnectionAndAreNamedInTheLog) {
  for (const int op : {0, 9, 10, 11, 14, 15, 17, 38, 99}) {
    meeting m;
    m.peer.tells("{" + std::to_string(op) + ",ME,W}");
    EXPECT_TRUE(m.peer.closed()) << op;
    EXPECT_TRUE(m.r.events.wait_for("invalid distribution message from node one@localhost")) << op;
    EXPECT_TRUE(m.r.events.wait_for("down one@localhost connection_closed")) << op;
  }
}

}  // namespace
}  // namespace cnode::test
