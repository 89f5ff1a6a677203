// Each trap known of the wire, by its number: what a node gets wrong that has not heard of it.
#include <algorithm>

#include <cnode/protocol/handshake.hpp>

#include "meeting.hpp"

namespace cnode::test {
namespace {

constexpr auto with_services = running_node::with_services;
// Whom global and pg leave alone: such a peer hears only answers.
constexpr dist::dist_flags hidden = all_flags & ~flag::published;

TEST(Trap, 01_TheDigestFlagIsBit26) {
  EXPECT_EQ(flag::mandatory_25_digest, 0x04000000u);
  running_node r;
  wire_peer p(r.n->port());
  ASSERT_TRUE(p.comes());
  EXPECT_TRUE(p.offered.flags & 0x04000000);
  EXPECT_FALSE(p.offered.flags & 1ull << 36);
}

TEST(Trap, 02_TheDigestFlagIsNotMandatory) {
  running_node r;
  wire_peer p(r.n->port());
  EXPECT_TRUE(p.comes(0x403070F94 | flag::published));
}

TEST(Trap, 03_TheChallengeToWhoAsksForANameCarriesNameMeAndNotPublished) {
  running_node r;
  wire_peer p(r.n->port());
  p.write(send_name("localhost", all_flags | flag::name_me));
  ASSERT_TRUE(p.status().starts_with("named:"));
  const auto c = p.challenged();
  EXPECT_TRUE(c.flags & flag::name_me);
  EXPECT_FALSE(c.flags & flag::published);
}

TEST(Trap, 04_TheOldNameOfOtp23And24IsTaken) {
  running_node r;
  wire_peer p(r.n->port());
  p.write(old_send_name("one@localhost", all_flags));
  EXPECT_EQ(p.status(), "ok");
}

TEST(Trap, 05_ColdSignalsInTheOldFormsAreTakenAlthoughTheNewOnesAreNegotiated) {
  meeting m;
  m.peer.tells("{2,'',W}", "cold");
  m.peer.tells("{22,ME,W}", "warm");
  m.peer.tells("{8,ME,V,cold}");
  EXPECT_TRUE(m.got("cold"));
  EXPECT_TRUE(m.got("warm"));
  EXPECT_TRUE(m.dies(m.v));
}

TEST(Trap, 06_FragmentsAloneSwitchesToFramesWithAHeader) {
  meeting m(all_flags | flag::fragments);
  m.in(m.w, [&](auto& p) { p.send(m.peer.word("ME"), atom("hello")); });
  const auto length = wire_peer::number(m.peer.raw(4), 0, 4);
  EXPECT_EQ(m.peer.raw(length).substr(0, 3), std::string("\x83\x44\x00", 3));  // a header with no atoms
  const auto body = etf::term_to_binary(m.peer.read("{2,'',W}")->root).substr(1) + etf::term_to_binary(atom("under_a_header")).substr(1);
  m.peer.write(frame(std::string("\x83\x44\x00", 3) + body, 4));
  EXPECT_TRUE(m.got("under_a_header"));
  m.peer.tells("{2,'',W}", "passed_through");
  EXPECT_TRUE(m.peer.closed());
}

TEST(Trap, 07_TheTagOfACallComesBackUntouchedThroughItsAlias) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',net_kernel}", "{'$gen_call',{ME,[alias|REF]},{is_auth,one@localhost}}");
  EXPECT_EQ(m.peer.hears(), "{33,P,REF} {[alias|REF],yes}");
  m.peer.tells("{6,ME,'',net_kernel}", "{'$gen_call',{ME,[[alias|REF]|mref]},{is_auth,one@localhost}}");
  EXPECT_EQ(m.peer.hears(), "{33,P,REF} {[[alias|REF]|mref],yes}");
  m.peer.tells("{6,ME,'',net_kernel}", "{'$gen_call',{ME,{REF,one@localhost}},{is_auth,one@localhost}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {{REF,one@localhost},yes}");
  m.peer.tells("{6,ME,'',net_kernel}", "{'$gen_call',{ME,REF},{is_auth,one@localhost}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {REF,yes}");
}

TEST(Trap, 08_ReferencesOfFiveWordsDifferInEachOfThem) {
  meeting m;
  const std::uint32_t other[] = {1, 2, 3, 4, 6};
  const auto b = block::make(16);
  m.peer.says("OTHERREF", make_ref(*b, atom("one@localhost"), wire_peer::our_creation, other, 5));
  m.peer.tells("{19,ME,V,LONGREF}");
  m.peer.tells("{19,ME,V,OTHERREF}");
  m.peer.tells("{20,ME,V,LONGREF}");
  EXPECT_EQ(m.heard_of_the_end(), "{28,V,ME,OTHERREF} over");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Trap, 09_PortsTravelAsV4Port) {
  meeting m;
  const auto b = block::make(16);
  m.peer.says("PORT", make_port(*b, atom("one@localhost"), wire_peer::our_creation, std::uint64_t{1} << 40));
  m.peer.tells("{6,ME,'',echo}", "{ME,{a,PORT}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {a,PORT}");
  const auto bytes = etf::term_to_binary(m.peer.heard_message->root);
  EXPECT_NE(bytes.find('\x78'), bytes.npos);
}

TEST(Trap, 10_TheSyncOfPgIsACast) {
  meeting m(hidden, with_services);
  m.calls("pg", "start", "[scope]");
  EXPECT_TRUE(m.r.events.wait_for("ended {ok,"));
  m.peer.tells("{6,ME,'',scope}", "{discover,ME}");
  EXPECT_TRUE(m.hears_soon("{22,P,ME} {'$gen_cast',{sync,P,[]}}"));
}

TEST(Trap, 10_UnknownMessagesDoNotEndPg) {
  meeting m(hidden, with_services);
  m.calls("pg", "start", "[scope]");
  EXPECT_TRUE(m.r.events.wait_for("ended {ok,"));
  m.peer.tells("{19,ME,scope,REF}");
  for (const char* junk : {"{sync,ME,[]}", "junk", "{'$gen_cast',{sync,ME,junk}}", "{join,ME,g,junk}"}) m.peer.tells("{6,ME,'',scope}", junk);
  m.peer.tells("{6,ME,'',echo}", "{ME,all_is_said}");
  for (std::string text; text != "{22,P,ME} all_is_said"; text = m.peer.hears()) {
    EXPECT_FALSE(text.starts_with("{28,scope,")) << text;
    ASSERT_NE(text, "closed");
  }
}

TEST(Trap, 11_TheScopeOfOtp29IsGreetedInAVersionItTakes) {
  meeting m(hidden, with_services);
  m.calls("pg", "start", "[scope]");
  EXPECT_TRUE(m.r.events.wait_for("ended {ok,"));
  m.peer.tells("{6,ME,'',scope}", "{discover,ME,1}");
  EXPECT_TRUE(m.hears_soon("{22,P,ME} {'$gen_cast',{local_data,P,1,#{}}}"));
}

TEST(Trap, 12_APeerThatSpeaksHalfOfGlobalIsPartedWith) {
  meeting m(all_flags, with_services, [](auto& c) { c.net_ticktime = 16s; });  // a stall is 2 s
  // Greets and never says anything more.
  m.peer.tells("{6,ME,'',global_name_server}", "{'$gen_cast',{init_connect,{8,tag},one@localhost,{locker,no_longer_a_pid,[],ME}}}");
  EXPECT_EQ(m.peer.hears_only("no such message"), "closed");
}

TEST(Trap, 13_AGreetingThatComesBeforeOurOwnNodeupIsAcknowledged) {
  running_node r(fake_epmd::manner::normal, {}, with_services);
  wire_peer p(r.n->port());
  p.write(send_name("one@localhost", all_flags));
  ASSERT_EQ(p.status(), "ok");
  const auto c = p.challenged();
  // In one piece with the last word of the handshake.
  const auto greeting = p.read("{'$gen_cast',{init_connect,{8,tag},one@localhost,{locker,no_longer_a_pid,[],ME}}}");
  p.write(challenge_reply(4242, c.number, "secret") +
          frame("\x70" + etf::term_to_binary(p.read("{6,ME,'',global_name_server}")->root) + etf::term_to_binary(greeting->root), 4));
  EXPECT_EQ(p.message(), "a" + digest(4242, "secret"));
  EXPECT_NE(p.hears_only("{6,P,'',global_name_server} {init_connect_ack,").find(",tag"), std::string::npos);
}

TEST(Trap, 14_OurGroupLeaderFormatsWhatIoFormatShips) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',user}", "{io_request,ME,ref,{put_chars,unicode,io_lib,format,[\"\",[]]}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {io_reply,ref,ok}");
  m.peer.tells("{6,ME,'',user}", "{io_request,ME,ref,{put_chars,unicode,no_such,function,[]}}");
  EXPECT_TRUE(m.peer.hears().starts_with("{22,P,ME} {io_reply,ref,{error,"));
}

TEST(Trap, 15_SpawnOptionsAreAtomsAndArgumentsMayComeAsAString) {
  meeting m(hidden, with_services);
  m.peer.tells_bytes("{29,REF,ME,ME,{erlang,exit,1},[monitor]}", std::string("\x83\x6b\0\1\7", 5));
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,2,P}");
  EXPECT_EQ(m.peer.hears(), "{28,P,ME,REF} 7");
}

TEST(Trap, 16_TheSpawnReplyComesBeforeTheDownAndTellsWhatWasMade) {
  meeting m(hidden, with_services);
  const struct {
    const char *options, *flags;
    int ends;
  } all[] = {{"[monitor]", "2", 1}, {"[link]", "1", 1}, {"[link,monitor]", "3", 2}, {"[]", "0", 0}};
  for (const auto& spawn : all) {
    m.peer.tells("{29,REF,ME,ME,{erlang,exit,1}," + std::string(spawn.options) + "}", "[now]");
    EXPECT_EQ(m.peer.hears(), "{31,REF,ME," + std::string(spawn.flags) + ",P}");
    for (int i = 0; i < spawn.ends; ++i) EXPECT_TRUE(m.peer.hears().ends_with(" now"));
  }
}

TEST(Trap, 17_TheOldRexFormIsAnsweredAndAPeerWithoutSpawnIsNotsup) {
  meeting m(hidden & ~flag::spawn, with_services);
  m.peer.tells("{6,ME,'',rex}", "{ME,{call,erlang,node,[],user}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {rex,cpp@localhost}");
  m.calls("rpc", "call", "['one@localhost',erlang,node,[]]");
  EXPECT_TRUE(m.ended("{badrpc,notsup}"));
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Trap, 18_WhatWeOfferWeDo) {
  meeting m(hidden, with_services);
  const auto offered = m.peer.offered.flags;
  EXPECT_FALSE(offered & (flag::name_me | 0x10ull << 32 | 0xf8000000));
  // DIST_MONITOR, DIST_MONITOR_NAME
  m.peer.tells("{19,ME,nobody,REF}");
  EXPECT_EQ(m.peer.hears(), "{28,nobody,ME,REF} noproc");
  // ALIAS
  m.in(m.w, [&](auto& p) { m.peer.says("ALIAS", p.alias()); });
  m.peer.tells("{33,ME,ALIAS}", "hello");
  EXPECT_TRUE(m.got("hello"));
  // SPAWN
  m.peer.tells("{29,REF,ME,ME,{erlang,node,0},[monitor]}", "[]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,2,P}");
  EXPECT_EQ(m.peer.hears(), "{28,P,ME,REF} normal");
  // ALTACT_SIG
  m.peer.tells("{37,4,ME,ALIAS}", "again");
  EXPECT_TRUE(m.got("again"));
}

TEST(Trap, 19_AnythingMalformedClosesTheConnection) {
  const auto u8 = [](auto... n) { return std::string{static_cast<char>(n)...}; };
  const std::pair<const char*, std::string> messages[] = {
      {"a tag that is none", u8(131, 1)},
      {"a duplicate map key", u8(131, 116, 0, 0, 0, 2, 97, 1, 97, 0, 97, 1, 97, 0)},
      {"a float that is no number", u8(131, 70, 127, 248, 0, 0, 0, 0, 0, 0)},
      {"a reference of six words", u8(131, 90, 0, 6, 119, 3, 'n', '@', 'h', 0, 0, 0, 1) + std::string(24, '\0')},
      {"a bit count of 0", u8(131, 77, 0, 0, 0, 1, 0, 1)},
      {"a bit count of 9", u8(131, 77, 0, 0, 0, 1, 9, 1)},
      {"a compressed term", u8(131, 80, 0, 0, 0, 2, 0x78, 0x9c, 0x4b, 0x64, 0x04, 0x00)},
  };
  for (const auto& [what, bytes] : messages) {
    meeting m;
    m.peer.tells_bytes("{6,ME,'',witness}", bytes);
    EXPECT_TRUE(m.peer.closed()) << what;
  }
  for (const char* control : {"{99,ME,W}", "{1,W,W}", "{35,0,ME,W}", "{6,ME,'',<<\"witness\">>}"}) {
    meeting m;
    m.peer.tells(control, control[1] == '6' ? "hello" : "");
    EXPECT_TRUE(m.peer.closed()) << control;
  }
}

TEST(Trap, 19_AWrongCreationInFromIsTaken) {
  meeting m;
  const auto b = block::make(16);
  m.peer.says("EARLIER", make_pid(*b, atom("one@localhost"), 4, 9, 0));
  m.peer.tells("{19,EARLIER,nobody,REF}");
  EXPECT_EQ(m.peer.hears(), "{28,nobody,EARLIER,REF} noproc");
  EXPECT_EQ(etf::term_to_binary(m.peer.heard_control->root[2]), etf::term_to_binary(m.peer.word("EARLIER")));
}

TEST(Trap, 20_AnIntegerOf65536BytesPassesBothWays) {
  meeting m;
  auto big = block::make(16 * 1024);
  std::vector<std::uint64_t> limbs(65'536 / 8, ~std::uint64_t{0});
  m.peer.says("BIG", make_big(*big, false, limbs.data(), limbs.size()));
  m.peer.tells("{6,ME,'',echo}", "{ME,BIG}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} BIG");
}

TEST(Trap, 21_TheCreation99OfARefusalIsNoneAndWithoutEpmdItIsRandomAndAbove3) {
  running_node taken(fake_epmd::manner::taken);
  ASSERT_TRUE(taken.error);
  EXPECT_NE(taken.error->text.find("seems to be in use"), std::string::npos);
  std::uint16_t port = 0;
  ::close(listen_on_loopback(port));
  running_node alone(fake_epmd::manner::normal, [&](auto& c) { c.no_epmd = true, c.dist_port = port; });
  ASSERT_FALSE(alone.error) << alone.error->text;
  EXPECT_GT(alone.n->creation(), 3u);
  EXPECT_EQ(alone.epmd.registrations(), 0);
}

TEST(Trap, 22_PidsOfAnEarlierLifeAreDeadAndWhoComesAgainIsLetIn) {
  meeting m;
  m.peer.tells("{22,ME,OLD}", "lost");
  m.peer.tells("{19,ME,OLD,REF}");
  EXPECT_EQ(m.peer.hears(), "{28,OLD,ME,REF} noproc");
  m.peer.tells("{1,ME,OLD}");
  EXPECT_EQ(m.peer.hears(), "{24,OLD,ME} noproc");
  wire_peer again(m.r.n->port());
  EXPECT_TRUE(again.comes());
  EXPECT_EQ(again.told, "alive");
}

TEST(Trap, 23_GetStatusHasTheModuleThirdAndTheStateOfSysSecond) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',global_name_server}", "{system,{ME,tag},get_status}");
  const auto text = m.peer.hears();
  EXPECT_TRUE(text.starts_with("{22,P,ME} {tag,{status,P,{module,gen_server},[[")) << text;
  EXPECT_NE(text.find("],running,"), std::string::npos) << text;
}

TEST(Trap, 24_ChangeCodeToARunningProcessIsAnError) {
  meeting m(hidden, with_services);
  m.peer.tells("{6,ME,'',global_name_server}", "{system,{ME,tag},{change_code,global,undefined,[]}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} {tag,{error,{unknown_system_msg,{change_code,global,undefined,[]}}}}");
}

TEST(Trap, 25_ReplaceStateWithAClosureFailsWithoutHarm) {
  meeting m(hidden, with_services);
  const auto name = std::string("\x77\x0d") + "one@localhost";
  std::string fun = "\1" + std::string(16, 'u') + std::string("\0\0\0\4\0\0\0\0", 8) + "\x77\1m" + std::string("\x61\4\x61\x63", 4) + "\x58" + name +
                    std::string(8, '\0') + std::string("\0\0\0\5", 4);
  const auto size = fun.size() + 4;
  const auto closure = std::string("\x70\0\0", 3) + static_cast<char>(size >> 8) + static_cast<char>(size) + fun;
  // {system, {ME, tag}, {replace_state, Fun}}
  const auto me = etf::term_to_binary(m.peer.word("ME")).substr(1);
  m.peer.tells_bytes("{6,ME,'',global_name_server}", "\x83\x68\3\x77\6system\x68\2" + me + "\x77\3tag" + "\x68\2\x77\x0dreplace_state" + closure);
  const auto text = m.peer.hears();
  EXPECT_TRUE(text.starts_with("{22,P,ME} {tag,{error,{callback_failed,")) << text;
  m.peer.tells("{19,ME,global_name_server,REF}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Trap, 26_TaskSupervisorsOfEitherElixirHearAtOnceThatWeHaveNone) {
  meeting m(hidden, with_services);
  m.peer.tells("{19,ME,'Elixir.My.Tasks',REF}");
  m.peer.tells("{6,ME,'','Elixir.My.Tasks'}", "{'$gen_call',{ME,[alias|REF]},{start_task,[ME,[ME],{m,f,[]}],temporary,nil}}");
  m.peer.tells("{6,ME,'','Elixir.My.Tasks'}", "{'$gen_call',{ME,[alias|REF]},{start_task,[ME,monitor],temporary,nil}}");
  EXPECT_EQ(m.peer.hears(), "{28,'Elixir.My.Tasks',ME,REF} noproc");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Trap, 27_MapsAreTheSameInWhateverOrderTheirKeysCome) {
  meeting m;
  const auto u8 = [](auto... n) { return std::string{static_cast<char>(n)...}; };
  const auto me = etf::term_to_binary(m.peer.word("ME")).substr(1);
  // {ME, #{b => 1, a => 2}}, with b first
  m.peer.tells_bytes("{6,ME,'',echo}", u8(131, 104, 2) + me + u8(116, 0, 0, 0, 2, 119, 1, 'b', 97, 1, 119, 1, 'a', 97, 2));
  EXPECT_EQ(m.peer.hears(), "{22,P,ME} #{a => 2,b => 1}");
}

// erpc:execute_call/4 as a BEAM asks for it.
std::string asked(meeting& m, const std::string& mfa) {
  m.peer.tells("{29,REF,ME,ME,{erpc,execute_call,4},[monitor]}", "[ref," + mfa + "]");
  EXPECT_EQ(m.peer.hears(), "{31,REF,ME,2,P}");
  auto text = m.peer.hears();
  const std::string before = "{28,P,ME,REF} {ref,return,";
  return text.starts_with(before) ? text.substr(before.size()) : text;
}

TEST(Trap, 28_TheProbesOfARemoteShellAreAnswered) {
  meeting m(hidden, with_services);
  EXPECT_TRUE(asked(m, "code,ensure_loaded,[shell]").starts_with("{error,"));
  EXPECT_TRUE(asked(m, "code,ensure_loaded,['Elixir.IEx']").starts_with("{error,"));
  EXPECT_TRUE(asked(m, "code,ensure_loaded,[iex]").starts_with("{error,"));
  EXPECT_EQ(asked(m, "net_kernel,get_net_ticktime,[]"), "60}");
  EXPECT_TRUE(asked(m, "erlang,system_info,[system_version]").starts_with("\""));
}

TEST(Trap, 29_APidWithNumberZeroIsAPid) {
  meeting m(hidden, with_services);
  const auto b = block::make(16);
  m.peer.says("ZERO", make_pid(*b, atom("one@localhost"), wire_peer::our_creation, 0, 0));
  m.peer.tells("{6,ZERO,'',rex}", "{ZERO,{call,erlang,node,[],user}}");
  EXPECT_EQ(m.peer.hears(), "{22,P,ZERO} {rex,cpp@localhost}");
}

TEST(Trap, 30_BinariesOfTermsMayHoldLatin1Atoms) {
  meeting m(hidden, with_services);
  m.calls("erlang", "binary_to_term", "[<<131,100,0,2,233,97>>]");
  EXPECT_TRUE(m.ended(to_text(atom("\xc3\xa9" "a"))));
}

TEST(Trap, 31_UnderTlsTheFramesOfTheHandshakeHaveFourBytesOfLength) {
  auto c = config("cpp@localhost", 99);
  c.four_byte_frames = true;
  auto calls = dist::handshake::we_started(c, "one@localhost");
  const auto first = calls.take_output();
  EXPECT_EQ(wire_peer::number(first, 0, 4), first.size() - 4);
  EXPECT_EQ(first[4], 'N');
}

TEST(Trap, 32_TheDownOfAMonitorByNameEchoesTheName) {
  meeting m;
  m.peer.tells("{19,ME,witness,REF}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.ends(m.w, "over");
  EXPECT_EQ(m.peer.hears(), "{28,witness,ME,REF} over");
}

TEST(Trap, 33_SendAfterToAnotherNodeIsBadargHere) {
  meeting m(hidden, with_services);
  m.calls("erlang", "send_after", "[1,ME,late]");
  EXPECT_TRUE(m.r.events.wait_for("ended error badarg"));
  m.calls("erlang", "send_after", "[1,{there,one@localhost},late]");
  for (const auto end = std::chrono::steady_clock::now() + 10s; m.r.events.count("ended error badarg") < 2 && std::chrono::steady_clock::now() < end;)
    std::this_thread::yield();
  EXPECT_EQ(m.r.events.count("ended error badarg"), 2u);
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Trap, 34_CallsThatCrossMakeOneConnection) {
  for (const std::string name : {"aaa@localhost", "zzz@localhost"}) {
    outgoing o(name);
    wire_peer comes(o.r.n->port(), name);
    const bool in = comes.comes();
    EXPECT_EQ(in, name[0] == 'z');
    EXPECT_NE(in, o.peer->is_called());
    EXPECT_TRUE(o.is_up());
    EXPECT_EQ(o.r.n->peers().size(), 1u);
    EXPECT_EQ(o.r.events.count("up " + name), 1u);
  }
}

TEST(Trap, 35_APingThatComesWithTheHandshakesLastWordIsAnsweredYes) {
  running_node r(fake_epmd::manner::normal, {}, with_services);
  wire_peer p(r.n->port());
  p.write(send_name("one@localhost", hidden));
  ASSERT_EQ(p.status(), "ok");
  const auto c = p.challenged();
  p.write(challenge_reply(4242, c.number, "secret"));
  p.tells("{19,ME,net_kernel,REF}");
  p.tells("{6,ME,'',net_kernel}", "{'$gen_call',{ME,[alias|REF]},{is_auth,one@localhost}}");
  EXPECT_EQ(p.message(), "a" + digest(4242, "secret"));
  EXPECT_EQ(p.hears(), "{33,P,REF} {[alias|REF],yes}");
}

TEST(Trap, 36_WhoIsSweptIntoEverybodysCallsAnswersAtOnce) {
  meeting m(hidden, with_services);
  m.peer.tells("{19,ME,no_such_server,REF}");
  m.peer.tells("{6,ME,'',no_such_server}", "{'$gen_call',{ME,[[alias|REF]|REF]},request}");
  EXPECT_EQ(m.peer.hears(), "{28,no_such_server,ME,REF} noproc");
  EXPECT_NE(asked(m, "no_such,function,[]").find("{ref,error,undef,[{no_such,function,[],[]}]}"), std::string::npos);
}

TEST(Trap, 37_TheAnswerToGetStateHasTheFormOfTheAskersRelease) {
  // ALTACT_SIG is of OTP 28; without it the size of the alias says it: 3 words are OTP 25, 5 are later ones.
  meeting latest(hidden, with_services);
  latest.peer.tells("{6,ME,'',global_name_server}", "{system,{ME,[alias|REF]},get_state}");
  EXPECT_TRUE(latest.peer.hears_only("{33,P,REF}").starts_with("{33,P,REF} {[alias|REF],{ok,{state,"));
  meeting m(hidden & ~flag::altact_sig, with_services);
  m.peer.tells("{6,ME,'',global_name_server}", "{system,{ME,[alias|LONGREF]},get_state}");
  const auto newer = m.peer.hears_only("{33,P,LONGREF}");
  EXPECT_TRUE(newer.starts_with("{33,P,LONGREF} {[alias|LONGREF],{ok,{state,")) << newer;
  m.peer.tells("{6,ME,'',global_name_server}", "{system,{ME,[alias|REF]},get_state}");
  const auto older = m.peer.hears_only("{33,P,REF}");
  EXPECT_TRUE(older.starts_with("{33,P,REF} {[alias|REF],{state,")) << older;
}

}  // namespace
}  // namespace cnode::test
