// What a visible node must answer, in the order it happens (Row), the exchange of global (GlobalStep), and what makes a first-class citizen
// (Citizen): each against a node that runs, by a peer that speaks in bytes.
#include "meeting.hpp"

namespace cnode::test {
namespace {

constexpr auto with_services = running_node::with_services;
constexpr dist::dist_flags hidden = all_flags & ~flag::published;
const std::string to_global = "{6,ME,'',global_name_server}", from_global = "{6,P,'',global_name_server} ";
const std::string greeting = "{'$gen_cast',{init_connect,{8,mytag},one@localhost,{locker,no_longer_a_pid,[],ME}}}";

// ---- rows

TEST(Row, 01_FeaturesRequest) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',rex}", "{ME,features_request}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {features_reply,cpp@localhost,[erpc]}");
}

TEST(Row, 02_InitConnectIsSentAndAcknowledged) {
  meeting m(all_flags, with_services);
  EXPECT_TRUE(m.peer.hears_only(from_global + "{'$gen_cast',{init_connect,{8,").ends_with("P}}}"));
  m.peer.tells(to_global, greeting);
  EXPECT_TRUE(m.peer.hears_only(from_global + "{init_connect_ack,cpp@localhost,mytag,") != "closed");
}

TEST(Row, 03_ScopesOfPgAreGreeted) {
  meeting m(all_flags, with_services);
  m.calls("pg", "start", "[scope]");
  EXPECT_TRUE(m.peer.hears_only("{6,P,'',scope} {discover,P") != "closed");
}

TEST(Row, 04_PingIsAnsweredYes) {
  meeting m(hidden, with_services);
  m.peer.tells("{19,ME,net_kernel,REF}");
  m.peer.tells("{6,ME,'',net_kernel}", "{'$gen_call',{ME,[alias|REF]},{is_auth,one@localhost}}");
  EXPECT_EQ(m.peer.hears(), "{33,P,REF} {[alias|REF],yes}");
}

TEST(Row, 05_ACallToAnUnknownNameIsNoproc) {
  meeting m(hidden, with_services);
  m.peer.tells("{19,ME,unknown,REF}");
  EXPECT_EQ(m.peer.hears(), "{28,unknown,ME,REF} noproc");
}

std::string executed(meeting& m, const std::string& mfa) {
  m.peer.tells("{29,REF,ME,ME,{erpc,execute_call,4},[monitor]}", "[ref," + mfa + "]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,2,P}");
  return m.peer.hears();
}

TEST(Row, 06_RpcEndsAsTheFunctionDid) {
  meeting m(hidden, with_services);
  EXPECT_EQ(executed(m, "erlang,abs,[-1]"), "{28,P,ME,REF} {ref,return,1}");
  EXPECT_EQ(executed(m, "erlang,throw,[ball]"), "{28,P,ME,REF} {ref,throw,ball}");
  EXPECT_EQ(executed(m, "erlang,exit,[out]"), "{28,P,ME,REF} {ref,exit,out}");
  EXPECT_EQ(executed(m, "no,such,[1]"), "{28,P,ME,REF} {ref,error,undef,[{no,such,[1],[]}]}");
}

TEST(Row, 07_ACastIsRun) {
  meeting m(hidden, with_services);
  m.peer.tells("{29,REF,ME,ME,{erpc,execute_cast,3},[]}", "[erlang,send,[ME,i_ran]]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,0,P}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} i_ran");
}

TEST(Row, 08_AClosureEndsRatherThanHang) {
  meeting m(hidden, with_services);
  m.peer.tells("{29,REF,ME,ME,{erlang,apply,2},[monitor]}", "[no_fun,[]]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,2,P}");
  const auto end = m.peer.hears_only("{28,");  // behind the report of the crash to its group leader's node
  EXPECT_TRUE(end.starts_with("{28,P,ME,REF} {{badfun,no_fun},")) << end;
}

TEST(Row, 09_ARefusedSpawnHasFlags0AndTheReason) {
  meeting m(hidden, with_services);
  m.peer.tells("{29,REF,ME,ME,{erlang,node,0},[no_such_option]}", "[]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,0,badopt}");
  m.peer.tells("{29,REF,ME,ME,{erlang,node,3},[]}", "[]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,0,badarg}");
}

TEST(Row, 10_BlockCallAndSbcast) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',rex}", "{'$gen_call',{ME,REF},{block_call,erlang,abs,[-1],ME}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {REF,1}");
  m.peer.tells("{6,ME,'',rex}", "{ME,{sbcast,witness,hello}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {rex,cpp@localhost,cpp@localhost}");
  EXPECT_TRUE(m.got("hello"));
  m.peer.tells("{6,ME,'',rex}", "{ME,{sbcast,nobody,hello}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {rex,cpp@localhost,{nonexisting_name,nobody}}");
}

TEST(Row, 11_TheOldRexFormAndItsOutput) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',rex}", "{ME,{call,erlang,abs,[-1],user}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {rex,1}");
  m.peer.tells("{6,ME,'',rex}", "{ME,{call,io,format,[\"hello\",[]],send_stdout_to_caller}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {rex_stdout,<<\"hello\">>}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {rex,ok}");
}

TEST(Row, 12_TheGroupLeaderAnswersTheIoProtocol) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',user}", "{io_request,ME,ref,{put_chars,unicode,<<>>}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {io_reply,ref,ok}");
  m.peer.tells("{6,ME,'',user}", "{io_request,ME,ref,no_such_request}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {io_reply,ref,{error,request}}");
}

TEST(Row, 13_LogsOfOthersArePrinted) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',logger_proxy}", "{log,error,\"~p went wrong\",[it],[]}");
  EXPECT_TRUE(m.r.events.wait_for("log it went wrong"));
}

TEST(Row, 14_GlobalMonitorsOurPids) {
  meeting m(hidden, with_services);
  m.peer.tells("{19,ME,W,REF}");
  m.peer.tells("{1,OTHER,W}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.ends(m.w, "over");
  EXPECT_TRUE(m.hears_both("{28,W,ME,REF} over", "{24,W,OTHER} over"));
}

TEST(Row, 15_ALinkToADeadPidIsNoproc) {
  meeting m;
  m.ends(m.v, "over");
  ASSERT_TRUE(m.dies(m.v));
  m.peer.tells("{1,ME,V}");
  EXPECT_EQ(m.peer.hears(), "{24,V,ME} noproc");
}

TEST(Row, 16_UnlinkIdIsAcknowledgedBeforeAnythingElse) {
  meeting m;
  m.peer.tells("{1,ME,V}");
  m.peer.tells("{35,9,ME,V}");
  m.peer.tells("{19,ME,V,REF}");
  m.peer.tells("{8,ME,V,boom}");
  EXPECT_EQ(m.peer.hears(), "{36,9,V,ME}");
  EXPECT_EQ(m.peer.hears(), "{28,V,ME,REF} boom");
}

TEST(Row, 17_TicksComeWithoutBeingAsked) {
  meeting m(all_flags, running_node::alone, [](auto& c) { c.net_ticktime = 400ms; });
  EXPECT_EQ(m.peer.raw(4), std::string(4, '\0'));
}

TEST(Row, 18_TheShellOfOtp25GetsANameAndAnAnswer) {
  running_node r(fake_epmd::manner::normal, {}, with_services);
  wire_peer p(r.n->port(), "given@localhost");
  p.write(send_name("localhost", hidden | flag::name_me));
  const auto told = p.status();
  ASSERT_TRUE(told.starts_with("named:"));
  const auto size = wire_peer::number(told, 6, 2);
  const auto b = block::make(16);
  p.says("SHELL", make_pid(*b, atom(told.substr(8, size)), static_cast<std::uint32_t>(wire_peer::number(told, 8 + size, 4)), 7, 0));
  ASSERT_TRUE(p.proves(p.challenged()));
  const std::uint32_t words[] = {7, 8, 9};
  p.says("REQUEST", make_ref(*b, atom(told.substr(8, size)), static_cast<std::uint32_t>(wire_peer::number(told, 8 + size, 4)), words, 3));
  p.tells("{29,REQUEST,SHELL,SHELL,{erpc,execute_call,4},[monitor]}", "[ref,shell,start,[]]");
  EXPECT_EQ(p.hears(), "{31,REQUEST,SHELL,2,P}");
  EXPECT_TRUE(p.hears().starts_with("{28,P,SHELL,REQUEST} {ref,"));
}

TEST(Row, 19_TheProbesOfLaterShellsAreAnswered) {
  meeting m(hidden, with_services);
  for (const char* probe : {"code,ensure_loaded,[shell]", "code,ensure_loaded,['Elixir.IEx']"})
    EXPECT_TRUE(executed(m, probe).starts_with("{28,P,ME,REF} {ref,return,{")) << probe;
  EXPECT_EQ(executed(m, "net_kernel,get_net_ticktime,[]"), "{28,P,ME,REF} {ref,return,60}");
}

TEST(Row, 20_WhatAnObserverAsksEndsAtOnce) {
  meeting m(hidden, with_services);
  for (const char* question : {"observer_backend,vsn,[]", "observer_backend,sys_info,[]", "erlang,function_exported,[observer_backend,vsn,0]"})
    EXPECT_TRUE(executed(m, question).starts_with("{28,P,ME,REF} {ref,")) << question;
}

TEST(Row, 21_AnythingToAnUnknownNameIsDroppedSilently) {
  meeting m;
  m.peer.tells("{6,ME,'',mnesia_monitor}", "{hello,ME}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

// ---- global, step by step

struct GlobalStep : testing::Test {
  meeting m{all_flags, with_services, [](auto& c) { c.net_ticktime = 120s; }};
  std::string lock_set;         // what its locker told us
  bool monitors_me = false;     // it has asked for our end

  // Up to the acknowledged greeting of both.
  void greet() {
    ASSERT_NE(m.peer.hears_only(from_global + "{'$gen_cast',{init_connect,"), "closed");
    m.peer.says("ITSTAG", m.peer.heard_message->root[1][1][1]);
    m.peer.says("ITSLOCKER", m.peer.heard_message->root[1][3][3]);
    m.peer.tells(to_global, greeting);
    ASSERT_NE(m.peer.hears_only(from_global + "{init_connect_ack,cpp@localhost,mytag,"), "closed");
    m.peer.tells(to_global, "{init_connect_ack,one@localhost,ITSTAG,mytag}");
  }
  // Its lock on us is answered; ours on it is taken.
  void lock() {
    greet();
    // The locker asks for our lock by a call; we say yes, and ask for its own.
    for (bool asked = false, told = false; !(asked && told);) {
      const auto text = m.peer.hears();
      ASSERT_NE(text, "closed");
      if (text.find("{set_lock,") != text.npos) {
        asked = true;
        m.peer.says("FROM", m.peer.heard_message->root[1][0]);
        m.peer.says("TAG", m.peer.heard_message->root[1][1]);
        m.peer.tells("{22,ME,FROM}", "{TAG,true}");
      } else if (text.find("{lock_set,") != text.npos) {
        told = true;
        lock_set = text;
      }
    }
    m.peer.tells("{22,ME,ITSLOCKER}", "{lock_set,ME,true,[],ITSTAG}");
    m.peer.tells(to_global, "{lock_set,ME,true,[],ITSTAG}");
  }
  std::string hears(const std::string& what) {
    for (;;) {
      auto text = m.peer.hears();
      monitors_me = monitors_me || text == "{19,P,ME,R}";
      if (text == "closed" || text.find(what) != text.npos) return text;
    }
  }
  std::string calls(const std::string& request) {
    m.peer.tells(to_global, "{'$gen_call',{ME,REF}," + request + "}");
    const auto text = hears("{REF,");
    return text.substr(text.find("{REF,"));
  }
};

TEST_F(GlobalStep, 1_ItGreetsWithProtocol8ATagItsNameAndALocker) {
  const auto text = m.peer.hears_only(from_global + "{'$gen_cast',{init_connect,");
  EXPECT_NE(text.find("{init_connect,{8,"), std::string::npos) << text;
  EXPECT_NE(text.find(",cpp@localhost,{locker,no_longer_a_pid,"), std::string::npos) << text;
}

TEST_F(GlobalStep, 2_ItAcknowledgesAGreetingWithBothTags) {
  ASSERT_NE(m.peer.hears_only(from_global + "{'$gen_cast',{init_connect,"), "closed");
  m.peer.says("ITSTAG", m.peer.heard_message->root[1][1][1]);
  m.peer.tells(to_global, greeting);
  EXPECT_EQ(m.peer.hears_only(from_global + "{init_connect_ack,"), from_global + "{init_connect_ack,cpp@localhost,mytag,ITSTAG}");
}

TEST_F(GlobalStep, 3_ItGivesALockOnceAndRefusesIt) {
  EXPECT_EQ(calls("{set_lock,{some_lock,ME}}"), "{REF,true}");
  EXPECT_EQ(calls("{set_lock,{some_lock,OTHER}}"), "{REF,false}");
  EXPECT_EQ(calls("{del_lock,{some_lock,ME}}"), "{REF,true}");
  EXPECT_EQ(calls("{set_lock,{some_lock,OTHER}}"), "{REF,true}");
}

TEST_F(GlobalStep, 4_ItTellsTheOtherLockerThatTheLockIsSet) {
  lock();
  EXPECT_NE(lock_set.find("{lock_set,ITSLOCKER,true,"), std::string::npos) << lock_set;
  EXPECT_NE(lock_set.find(",mytag}"), std::string::npos) << lock_set;
}

TEST_F(GlobalStep, 5_ItExchangesNamesUnderTheLock) {
  lock();
  const auto text = hears("{exchange,cpp@localhost,");
  EXPECT_NE(text.find(",mytag}"), std::string::npos) << text;
}

TEST_F(GlobalStep, 6_ItResolvesAndKnowsTheOtherAfterwards) {
  lock();
  ASSERT_NE(hears("{exchange,cpp@localhost,"), "closed");
  m.peer.tells(to_global, "{'$gen_cast',{exchange,one@localhost,[{theirs,ME,{global,random_exit_name}}],[],ITSTAG}}");
  ASSERT_NE(hears("{resolved,cpp@localhost,"), "closed");
  m.peer.tells(to_global, "{'$gen_cast',{resolved,one@localhost,[{insert,{theirs,ME,{global,random_exit_name}}}],[],unused,[],ITSTAG}}");
  ASSERT_NE(hears("{del_lock,"), "closed");
  for (const auto end = std::chrono::steady_clock::now() + 10s; std::chrono::steady_clock::now() < end && calls("get_known") != "{REF,[one@localhost]}";) {
  }
  EXPECT_EQ(calls("get_known"), "{REF,[one@localhost]}");
  m.calls("global", "whereis_name", "[theirs]");
  EXPECT_TRUE(m.ended(to_text(m.peer.word("ME"))));
}

TEST_F(GlobalStep, 7_NewNodesAreConnectedTo) {
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);
  m.r.epmd.knows("two", port);
  m.peer.tells(to_global, "{'$gen_cast',{new_nodes,one@localhost,[],[],[{two@localhost,8}],[]}}");
  wire_peer two(fake_peer(::accept(listener, nullptr, nullptr)), "two@localhost");
  EXPECT_TRUE(two.is_called());
  EXPECT_TRUE(m.r.events.wait_for("up two@localhost"));
  ::close(listener);
}

TEST_F(GlobalStep, 8_ItAnswersEveryCallOfTheSteadyState) {
  EXPECT_EQ(calls("{register,name,ME,{global,random_exit_name}}"), "{REF,yes}");
  EXPECT_EQ(calls("{unregister,name}"), "{REF,ok}");
  EXPECT_EQ(calls("{register_ext,name,ME,{global,random_exit_name},one@localhost}"), "{REF,yes}");
  EXPECT_EQ(calls("{unregister,name}"), "{REF,ok}");
  EXPECT_EQ(calls("get_known"), "{REF,[]}");
  EXPECT_EQ(calls("get_protocol_version"), "{REF,8}");
  EXPECT_TRUE(monitors_me);
}

TEST_F(GlobalStep, 9_WhoSaysRemoveConnectionIsPartedWith) {
  greet();
  m.peer.tells(to_global, "{remove_connection,one@localhost}");
  EXPECT_EQ(hears("no such message"), "closed");
}

// ---- the checklist

TEST(Citizen, 1_OffersItsFlagsAndTakesTheOnesInCommon) {
  meeting m;
  constexpr auto wanted = flag::published | 0x403070F94ull | 0x4000000 | flag::dist_monitor | flag::dist_monitor_name | flag::small_atom_tags | flag::unicode_io |
                          flag::send_sender | flag::big_seqtrace_labels | flag::exit_payload | flag::spawn | flag::alias | flag::dist_hdr_atom_cache |
                          flag::fragments | flag::altact_sig;
  EXPECT_EQ(m.peer.offered.flags & wanted, wanted);
  EXPECT_EQ(m.r.n->peer(atom("one@localhost"))->flags & ~all_flags, 0u);
}

TEST(Citizen, 5_LosesLinksAndMonitorsWithTheConnection) {
  auto m = std::make_unique<meeting>();
  const auto me = m->peer.word("ME");
  m->in(m->w, [&](auto& p) { p.link(me), p.monitor(make_tuple_of(p.scratch(), atom("there"), atom("one@localhost"))); });
  EXPECT_EQ(m->peer.hears(), "{1,W,ME}");
  EXPECT_EQ(m->peer.hears(), "{19,W,there,R}");
  m->peer.says("MREF", m->peer.heard_control->root[3]);
  EXPECT_TRUE(m->r.n->disconnect(atom("one@localhost")));
  EXPECT_TRUE(m->got("{'EXIT',ME,noconnection}"));
  EXPECT_TRUE(m->got("{'DOWN',MREF,process,{there,one@localhost},noconnection}"));
}

TEST(Citizen, 10_TicksWhileEverySchedulerIsInUserCode) {
  meeting m(all_flags, running_node::alone, [](auto& c) { c.net_ticktime = 400ms, c.schedulers = 1; });
  std::promise<void> free;
  auto stuck = free.get_future().share();
  m.r.n->runtime().run_in(m.w, [stuck](actors::process&) { stuck.wait(); });
  for (int i = 0; i < 8; ++i) {
    EXPECT_EQ(m.peer.raw(4), std::string(4, '\0'));
    m.peer.write(std::string(4, '\0'));  // we live
  }
  free.set_value();
  EXPECT_EQ(m.r.events.count("down one@localhost"), 0u);
}

}  // namespace
}  // namespace cnode::test
