#include <cstdio>
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>

#include <cnode/actors/sys.hpp>
#include <cnode/actors/upgrade.hpp>

#include "server_node.hpp"

namespace cnode::test {
namespace {

struct sys_node : server_node {
  explicit sys_node(const std::string& init = "0", const std::string& module = "cb") { server = start_server(init, module); }
  std::string sys(const std::string& f, const std::string& more = "") {
    return call("sys", f, "[" + server + (more.empty() ? "" : ", " + more) + "]");
  }
  std::string server;
};

TEST(Sys, ASuspendedServerAnswersOnlySystemMessages) {
  sys_node n;
  EXPECT_EQ(n.sys("suspend"), "ok");
  const auto caller = n.new_client();
  EXPECT_EQ(n.apply(caller, "gen_server", "call", "[" + n.server + ", {do, {reply, first, 1}}]"), "waits");
  n.send(n.server, "{'$gen_cast', {do, {noreply, 2}}}");
  EXPECT_EQ(n.sys("get_state"), "0");
  EXPECT_EQ(n.sys("resume"), "ok");
  EXPECT_EQ(caller.last(), "first");
  EXPECT_EQ(n.sys("get_state"), "2");
}

TEST(Sys, ChangeCodeWorksOnlyWhileSuspended) {
  sys_node n("{state, 1}");
  EXPECT_EQ(n.sys("change_code", "cb, \"1\", [x]"), "{error,{unknown_system_msg,{change_code,cb,\"1\",[x]}}}");
  n.sys("suspend");
  EXPECT_EQ(n.sys("change_code", "cb, \"1\", [x]"), "ok");
  EXPECT_EQ(n.sys("resume"), "ok");
  EXPECT_EQ(n.sys("get_state"), "{changed,\"1\",{state,1},[x]}");
}

TEST(Sys, ChangeCodeGivesBackWhatWentWrongAndKeepsTheState) {
  sys_node n;
  n.sys("suspend");
  EXPECT_EQ(n.sys("change_code", "cb, 1, {do, {error, no}}"), "{error,{error,no}}");
  EXPECT_EQ(n.sys("change_code", "cb, 1, {do, what}"), "{error,what}");
  EXPECT_EQ(n.sys("change_code", "cb, 1, {raise, throw, {ok, thrown}}"), "ok");
  const auto failed = n.sys("change_code", "cb, 1, {raise, error, oops}");
  EXPECT_TRUE(failed.starts_with("{error,{'EXIT',{oops,[{cb,code_change,3")) << failed;
  EXPECT_EQ(n.sys("change_code", "cb, 1, {raise, exit, oops}"), "{error,{'EXIT',oops}}");
  EXPECT_EQ(n.sys("get_state"), "thrown");
}

TEST(Sys, WithoutCodeChangeItIsUndef) {
  sys_node n("0", "bare");
  n.sys("suspend");
  const auto failed = n.sys("change_code", "bare, 1, []");
  EXPECT_TRUE(failed.starts_with("{error,{'EXIT',{undef,[{bare,code_change,[1,0,[]],[]}")) << failed;
}

TEST(Sys, ReplaceStateAppliesAFunctionOfAModuleHere) {
  sys_node n;
  EXPECT_EQ(n.sys("replace_state", "fun cb:wrap/1"), "{wrapped,0}");
  EXPECT_EQ(n.sys("get_state"), "{wrapped,0}");
  EXPECT_EQ(n.sys("replace_state", "fun cb:nothing/1"), "error:{callback_failed,{gen_server,system_replace_state},{error,undef}}");
  EXPECT_EQ(n.sys("get_state"), "{wrapped,0}");
}

TEST(Sys, ReplaceStateAnswersWithTheNewStateHoweverMuchOfTheFormerItHolds) {
  sys_node n;
  std::string state = "0";
  for (int i = 0; i < 200; ++i) {
    state = "{wrapped," + state + "}";
    ASSERT_EQ(n.sys("replace_state", "fun cb:wrap/1"), state);
  }
}

TEST(Sys, ClosuresOfOtherNodesFailWithoutHarm) {
  sys_node n;
  const auto client = n.new_observer();
  n.in(client.pid, [&](actors::process& p) {
    auto& b = p.scratch();
    // A closure as a message of another node brings it: uniq, arity and index, module, old index, old uniq, pid.
    auto* box = b.reserve(8);
    box[0] = CNODE_HEADER(CNODE_FUN, 7);
    box[1] = box[2] = 0;
    box[3] = std::uint64_t{1} << 32;
    box[4] = atom("erl_eval").word();
    box[5] = small(42).word();
    box[6] = small(7).word();
    box[7] = p.pid().word();
    const term fun{cnode_make_boxed(box)};
    p.send(parsed(n.server)->root, make_tuple_of(b, atom("system"), make_tuple_of(b, p.pid(), small(1)),
                                                 make_tuple_of(b, atom("replace_state"), fun)));
  });
  EXPECT_TRUE(client.last().starts_with("{1,{error,{callback_failed,{gen_server,system_replace_state},{error,{badfun,")) << client.last();
  EXPECT_EQ(n.sys("get_state"), "0");
}

TEST(Sys, TheReleaseOfTheAskerDecidesTheFormOfTheAnswer) {
  auto b = block::make(64);
  const term pid = make_pid(*b, atom("old@host"), 5, 9, 0);
  const std::uint32_t ids[5] = {1, 2, 3, 4, 5};
  const auto from = [&](std::size_t words) {
    const term ref = make_ref(*b, atom("old@host"), 5, ids, words);
    return make_tuple_of(*b, pid, make_cons(*b, atom("alias"), ref));
  };
  EXPECT_FALSE(actors::sys::wants_ok_tuple(from(3)));
  EXPECT_TRUE(actors::sys::wants_ok_tuple(from(5)));
  EXPECT_TRUE(actors::sys::wants_ok_tuple(make_tuple_of(*b, term{cnode_make_local_pid(3, 0)}, small(1))));
  actors::sys::set_otp_release_of_node([](term node) { return node.same(atom("old@host")) ? 25 : 0; });
  EXPECT_FALSE(actors::sys::wants_ok_tuple(from(5)));
  actors::sys::set_otp_release_of_node([](term) { return 27; });
  EXPECT_TRUE(actors::sys::wants_ok_tuple(from(3)));
  actors::sys::set_otp_release_of_node({});
}

TEST(Sys, GetStatusHasOtpsShape) {
  sys_node n("{s, 1}");
  EXPECT_EQ(n.sys("get_status"),
            "{status," + n.server + ",{module,gen_server},[[{'$initial_call',{cb,init,1}},{'$ancestors',[" + to_text(n.user.pid) +
                "]}],running," + n.server + ",[],[{header,\"Status for generic server " + n.server +
                "\"},{data,[{\"Status\",running},{\"Parent\"," + n.server + "},{\"Logged events\",[]}]},{data,[{\"State\",{s,1}}]}]]}");
  n.sys("suspend");
  EXPECT_TRUE(contains(n.sys("get_status"), "]],suspended,") || contains(n.sys("get_status"), "],suspended,"));
}

TEST(Sys, FormatStatusIsHonoured) {
  sys_node one("{s, 1}", "status1");
  EXPECT_TRUE(contains(one.sys("get_status"), "{data,[{\"State\",hidden}]}")) << one.sys("get_status");
  sys_node two("{s, 1}", "status2");
  EXPECT_TRUE(contains(two.sys("get_status"), "[]}]},{data,[{\"Own\",normal}]}]]}")) << two.sys("get_status");
}

TEST(Sys, TerminateCallsTheCallback) {
  sys_node n;
  EXPECT_EQ(n.sys("terminate", "shutdown"), "ok");
  EXPECT_EQ(callbacks::trace(), std::vector<std::string>{"terminate(shutdown, 0)"});
  EXPECT_FALSE(n.alive(n.server));
  EXPECT_EQ(n.sys("get_state"), "exit:{noproc,{sys,get_state,[" + n.server + "]}}");
}

TEST(Sys, LogKeepsTheLatestEvents) {
  sys_node n("[]");
  EXPECT_EQ(n.sys("log", "{true, 3}"), "ok");
  n.send(n.server, "{'$gen_cast', a}");
  n.send(n.server, "b");
  EXPECT_EQ(n.sys("log", "get"), "{ok,[{noreply,[a]},{in,b},{noreply,[b,a]}]}");
  EXPECT_TRUE(contains(n.sys("get_status"), "[{log,[[],{{noreply,[a]}," + n.server + ",fun gen_server:print_event/3},")) << n.sys("get_status");
  EXPECT_EQ(n.sys("log", "false"), "ok");
  EXPECT_EQ(n.sys("log", "get"), "{ok,[]}");
  EXPECT_EQ(n.sys("log", "loud"), "unknown_debug");
}

TEST(Sys, StatisticsCountMessages) {
  sys_node n("[]");
  EXPECT_EQ(n.sys("statistics", "get"), "{ok,no_statistics}");
  n.sys("statistics", "true");
  n.request(n.server, "get");
  n.send(n.server, "x");
  const auto s = n.sys("statistics", "get");
  EXPECT_TRUE(s.starts_with("{ok,[{start_time,{{") && contains(s, "{messages_in,2},{messages_out,1}]}")) << s;
}

TEST(Sys, LogToFileWritesOtpsText) {
  sys_node n("[]");
  const auto file = std::filesystem::temp_directory_path() / ("cnode-sys-" + std::to_string(::getpid()));
  EXPECT_EQ(n.sys("log_to_file", "\"" + file.string() + "\""), "ok");
  n.send(n.server, "{'$gen_cast', a}");
  n.request(n.server, "{do, {reply, yes, 5}}");
  EXPECT_EQ(n.sys("log_to_file", "false"), "ok");
  n.send(n.server, "{'$gen_cast', {do, {noreply, 6}}}");
  std::ifstream in(file);
  const std::string text{std::istreambuf_iterator<char>{in}, {}};
  EXPECT_EQ(text, "*DBG* " + n.server + " got cast a\n*DBG* " + n.server + " new state [a]\n*DBG* " + n.server +
                      " got call {do,{reply,yes,5}} from " + to_text(n.user.pid) + "\n*DBG* " + n.server + " sent yes to " +
                      to_text(n.user.pid) + ", new state 5\n");
  std::filesystem::remove(file);
  EXPECT_EQ(n.sys("log_to_file", "\"/no/such/directory/file\""), "{error,open_file}");
}

TEST(Sys, TraceGoesToTheGroupLeaderToBeFormattedThere) {
  server_node n;
  const auto leader = n.new_observer();
  const auto client = n.new_client();
  n.in(client.pid, [&](actors::process& p) { p.set_group_leader(leader.pid); });
  const auto server = n.pid_in(n.apply(client, "gen_server", "start", "[cb, [], []]"));
  EXPECT_EQ(n.call("sys", "trace", "[" + server + ", true]"), "ok");
  n.send(server, "hello");
  ASSERT_EQ(leader.seen->size(), 2u);
  EXPECT_TRUE(contains((*leader.seen)[0], "{put_chars,unicode,io_lib,format,[\"*DBG* ~tp got ~tp~n\",[" + server + ",hello]]}")) << (*leader.seen)[0];
  EXPECT_TRUE(contains((*leader.seen)[1], "[\"*DBG* ~tp new state ~tp~n\",[" + server + ",[hello]]]")) << (*leader.seen)[1];
}

TEST(Sys, DebugFunctionsAreRefused) {
  sys_node n;
  EXPECT_EQ(n.sys("install", "{fun cb:f/3, 1}"), "{error,{badfun,fun cb:f/3}}");
  EXPECT_EQ(n.sys("remove", "fun cb:f/3"), "ok");
  EXPECT_EQ(n.sys("no_debug"), "ok");
}

TEST(Sys, AServerTakenBackWaitsAsLongAsItDidBefore) {
  sys_node n;
  const auto in_server = [&](auto f) {
    n.in(parsed(n.server)->root, [&](actors::process& p) { f(dynamic_cast<actors::upgradable&>(*p.current_behaviour()), p); });
  };
  std::shared_ptr<actors::saved_state> before;
  n.sys("suspend");
  in_server([&](auto& u, auto& p) { before = u.save(p); });
  n.sys("resume");
  n.send(n.server, "{do, {noreply, new, 50}}");
  n.sys("suspend");
  in_server([&](auto& u, auto& p) { u.restore(p, *before); });
  const auto old = n.sys("get_state");
  n.sys("resume");
  n.pass(100);
  EXPECT_EQ(n.sys("get_state"), old);  // without the message `timeout`
}

TEST(Sys, UnknownRequestsAreNamed) {
  sys_node n;
  const auto client = n.new_observer();
  n.in(client.pid, [&](actors::process& p) {
    auto& b = p.scratch();
    p.send(parsed(n.server)->root, make_tuple_of(b, atom("system"), make_tuple_of(b, p.pid(), small(1)), atom("dance")));
  });
  EXPECT_EQ(client.last(), "{1,{error,{unknown_system_msg,dance}}}");
}

}  // namespace
}  // namespace cnode::test
