// The C++ headers for module authors, seen from outside: modules/features.cpp is loaded into a runtime and called.
#include <gtest/gtest.h>

#include <cnode/actors/gen.hpp>

#include "code_node.hpp"

namespace cnode::test {
namespace {

class module_api : public ::testing::Test {
 protected:
  module_api() {
    actors::add_behaviour_builtins(*n.runtime);
    put("v1");
  }
  // A gen_server with native state: the given number of ones.
  std::string start_server(int values) {
    const auto started = n.call("gen_server", "start", "[features, " + std::to_string(values) + ", []]");
    EXPECT_EQ(started.substr(0, 4), "{ok,") << started;
    return started.substr(4, started.size() - 5);
  }
  std::string ask(const std::string& server, const std::string& request) {
    return call("asks", "[" + server + ", " + request + ", 5000]");
  }
  void put(const std::string& variant) {
    write(n.dir + "/features.so", contents(std::string{TEST_MODULES} + "/" + variant + "/features.so"));
  }
  void load(const std::string& variant) {
    put(variant);
    ASSERT_EQ(n.call("code", "load_file", "[features]"), "{module,features}");
  }
  std::string call(const std::string& f, const std::string& args = "[]") { return n.call("features", f, args); }
  running_call waiting(const std::string& f, const std::string& args = "[]") { return n.start_waiting("features", f, args); }
  void send(const running_call& c, const std::string& message) {
    auto parsed = parse_term(message);
    ASSERT_TRUE(parsed) << message;
    n.runtime->send(c.pid, std::move(*parsed));
  }
  std::string wait(running_call& c) { return n.wait(std::move(c)); }
  code_node n;
};

using ModuleApi = module_api;
constexpr auto function_clause = "error:function_clause";

TEST_F(ModuleApi, IntegersKeepTheirValueAndTheirRange) {
  for (auto v : {"0", "-1", "2305843009213693951", "2305843009213693952", "-2305843009213693953", "9223372036854775807", "-9223372036854775808"})
    EXPECT_EQ(call("int64", "[" + std::string{v} + "]"), v);
  EXPECT_EQ(call("int64", "[9223372036854775808]"), function_clause);
  EXPECT_EQ(call("int64", "[-9223372036854775809]"), function_clause);
  EXPECT_EQ(call("int64", "[1.0]"), function_clause);
  EXPECT_EQ(call("byte", "[255]"), "255");
  EXPECT_EQ(call("byte", "[256]"), function_clause);
  EXPECT_EQ(call("byte", "[-1]"), function_clause);
  EXPECT_EQ(call("uint64", "[18446744073709551615]"), "18446744073709551615");
  EXPECT_EQ(call("uint64", "[18446744073709551616]"), function_clause);
}

TEST_F(ModuleApi, ValuesConvertByTheirType) {
  EXPECT_EQ(call("real", "[1.5]"), "1.5");
  EXPECT_EQ(call("real", "[1]"), function_clause);
  EXPECT_EQ(call("flag", "[true]"), "false");
  EXPECT_EQ(call("flag", "[1]"), function_clause);
  EXPECT_EQ(call("text", "[<<\"hi\">>]"), "<<\"hi!\">>");
  EXPECT_EQ(call("text", "[\"hi\"]"), function_clause);
  EXPECT_EQ(call("name", "['an atom']"), "'an atom'");
  EXPECT_EQ(call("vector_of_ints", "[[1000,2000,3000]]"), "[1000,2000,3000]");
  EXPECT_EQ(call("vector_of_ints", "[[]]"), "[]");
  EXPECT_EQ(call("vector_of_ints", "[[1,2|3]]"), function_clause);
  EXPECT_EQ(call("vector_of_ints", "[[1,a]]"), function_clause);
  EXPECT_EQ(call("map_of_ints", "[#{<<\"a\">> => 2}]"), "#{<<\"a\">> => 2,<<\"new\">> => 1}");
  EXPECT_EQ(call("maybe", "[nil]"), "nil");
  EXPECT_EQ(call("maybe", "[5]"), "5");
  EXPECT_EQ(call("either", "[5]"), "{0,5}");
  EXPECT_EQ(call("either", "[<<\"five\">>]"), "{1,<<\"five\">>}");
  EXPECT_EQ(call("either", "[five]"), function_clause);
  EXPECT_EQ(call("pair_of", "[{a,1}]"), "{1,a}");
  EXPECT_EQ(call("nested_tuple", "[{point,{1.0,2.0}}]"), "{1.0,2.0}");
  EXPECT_EQ(call("nested_tuple", "[{dot,{1.0,2.0}}]"), function_clause);
  EXPECT_EQ(call("nothing"), "ok");
  EXPECT_EQ(call("renamed"), "ok");
  EXPECT_EQ(call("raw", "[{a,[b|c],#{}}]"), "{a,[b|c],#{}}");
}

TEST_F(ModuleApi, DescribedStructsAreMaps) {
  EXPECT_EQ(call("older", "[#{name => <<\"joe\">>, scores => [1000]}]"), "#{name => <<\"joe\">>,scores => [1000,100]}");
  EXPECT_EQ(call("older", "[#{name => <<\"joe\">>, scores => [1000], further => 1}]"), "#{name => <<\"joe\">>,scores => [1000,100]}");
  EXPECT_EQ(call("older", "[#{name => <<\"joe\">>}]"), function_clause);
  EXPECT_EQ(call("older", "[#{name => joe, scores => []}]"), function_clause);
  EXPECT_EQ(call("next_user", "[#{'__struct__' => 'Elixir.User', id => 1}]"), "#{'__struct__' => 'Elixir.User',id => 2}");
  EXPECT_EQ(call("next_user", "[#{id => 1}]"), function_clause);
}

TEST_F(ModuleApi, NumbersNeverOverflow) {
  EXPECT_EQ(call("plus", "[1, 2]"), "3");
  EXPECT_EQ(call("plus", "[1, 2.5]"), "3.5");
  EXPECT_EQ(call("plus", "[2305843009213693951, 1]"), "2305843009213693952");
  EXPECT_EQ(call("plus", "[18446744073709551615, 1]"), "18446744073709551616");
  EXPECT_EQ(call("plus", "[-18446744073709551616, 18446744073709551617]"), "1");
  EXPECT_EQ(call("minus", "[18446744073709551616, 1]"), "18446744073709551615");
  EXPECT_EQ(call("minus", "[5, 18446744073709551616]"), "-18446744073709551611");
  EXPECT_EQ(call("minus", "[-2305843009213693952, 1]"), "-2305843009213693953");
  EXPECT_EQ(call("times", "[4294967296, 4294967296]"), "18446744073709551616");
  EXPECT_EQ(call("times", "[-340282366920938463463374607431768211456, 340282366920938463463374607431768211457]"),
            "-115792089237316195423570985008687907853610267032561502502920958615344897851392");
  EXPECT_EQ(call("times", "[123456789012345678901234567890, 0]"), "0");
  EXPECT_EQ(call("times", "[1.0e308, 10]"), "error:badarith");
  EXPECT_EQ(call("divide", "[3, 2]"), "1.5");
  EXPECT_EQ(call("divide", "[3, 0]"), "error:badarith");
  EXPECT_EQ(call("smaller", "[1, 1.5]"), "true");
  EXPECT_EQ(call("smaller", "[18446744073709551616, 1]"), "false");
}

TEST_F(ModuleApi, ClausesAreTriedInOrder) {
  EXPECT_EQ(call("area", "[{square, 3}]"), "9");
  EXPECT_EQ(call("area", "[{rectangle, 3, 4.0}]"), "12.0");
  EXPECT_EQ(call("area", "[nothing]"), "none");
  EXPECT_EQ(call("area", "[{circle, 1}]"), function_clause);
}

TEST_F(ModuleApi, WhatACallbackThrowsBecomesClassAndReason) {
  EXPECT_EQ(call("fail", "[badarg]"), "error:badarg");
  EXPECT_EQ(call("fail", "[exit]"), "exit:{gone,1}");
  EXPECT_EQ(call("fail", "[throw]"), "throw:ball");
  EXPECT_EQ(call("fail", "[runtime_error]"), "error:{cxx_exception,<<\"std::runtime_error\">>,<<\"it broke\">>}");
  EXPECT_EQ(call("fail", "[number]"), "error:{cxx_exception,<<\"int\">>,<<>>}");
  EXPECT_EQ(call("fail", "[what]"), "error:{badmatch,what}");
}

TEST_F(ModuleApi, FormatShowsTextAndInspect) {
  EXPECT_EQ(call("formatted", "[<<\"hi\">>]"), "<<\"hi and \\\"hi\\\" {}\">>");
  EXPECT_EQ(call("formatted", "[ok]"), "<<\"ok and :ok {}\">>");
  EXPECT_EQ(call("formatted", "[{1, 2.5}]"), "<<\"{1, 2.5} and {1, 2.5} {}\">>");
}

TEST_F(ModuleApi, ATailCallGoesToAnyModule) {
  EXPECT_EQ(call("tail", "[features, raw, [there]]"), "there");
  EXPECT_EQ(call("tail", "[features, no_such, []]"), "error:undef");
}

TEST_F(ModuleApi, TasksNestWithoutDeepeningTheStack) {
  EXPECT_EQ(call("sum_to", "[2000]"), "2001000");
  EXPECT_EQ(call("many_tasks", "[100000]"), "100000");
}

TEST_F(ModuleApi, AWaitingTaskGoesOnWithItsMessage) {
  auto c = waiting("wait_nested");
  send(c, "ignored");
  send(c, "{go, 5}");
  EXPECT_EQ(wait(c), "{<<\"a text too long for the small string optimisation\">>,5}");
  EXPECT_EQ(call("frames_alive"), "0");
}

TEST_F(ModuleApi, AKilledTaskDestroysItsFrames) {
  auto c = waiting("wait_nested");
  EXPECT_EQ(call("frames_alive"), "2");
  n.runtime->exit_signal(c.pid, c.pid, atom("kill"));
  EXPECT_EQ(wait(c), "killed");
  EXPECT_TRUE(eventually([&] { return call("frames_alive") == "0"; }));
}

TEST_F(ModuleApi, PurgeDestroysTheFramesOfOldCode) {
  auto c = waiting("wait_nested");
  load("v2");
  EXPECT_EQ(n.call("code", "soft_purge", "[features]"), "false");
  EXPECT_EQ(n.call("code", "purge", "[features]"), "true");
  EXPECT_EQ(wait(c), "killed");
  EXPECT_TRUE(n.unmaps(1));
}

TEST_F(ModuleApi, ReceiveTakesWhatFitsAndLeavesTheRest) {
  auto c = waiting("in_order");
  send(c, "{a, 1}");
  send(c, "{b, 2}");
  EXPECT_EQ(wait(c), "[2,1]");
  c = waiting("one_of");
  send(c, "not_this");
  send(c, "<<\"text\">>");
  EXPECT_EQ(wait(c), "<<\"text\">>");
  c = waiting("by_clause");
  send(c, "{add, 1, 2.0}");
  EXPECT_EQ(wait(c), "3.0");
  c = waiting("by_clause");
  send(c, "stop");
  EXPECT_EQ(wait(c), "stopped");
}

TEST_F(ModuleApi, WaitsEndByTimeout) { EXPECT_EQ(call("timed"), "timeout"); }

TEST_F(ModuleApi, WhatATaskThrowsReachesWhoAwaitsIt) { EXPECT_EQ(call("catches"), "{caught,exit,late}"); }

TEST_F(ModuleApi, AppliedFunctionsMayWaitToo) {
  EXPECT_EQ(call("applies", "[features, raw, [1]]"), "{value,1}");
  EXPECT_EQ(call("applies", "[features, timed, []]"), "{value,timeout}");
  EXPECT_EQ(call("applies", "[features, tail, [features, raw, [2]]]"), "{value,2}");
  EXPECT_EQ(call("applies", "[features, fail, [badarg]]"), "error:badarg");
  EXPECT_EQ(call("applies", "[features, applies, [features, catches, []]]"), "{value,{value,{caught,exit,late}}}");
  EXPECT_EQ(call("applies", "[no_such, f, []]"), "error:undef");
  EXPECT_EQ(call("awaits_a_tail_call"), "{awaited,7}");
  auto c = waiting("applies", "[features, wait_nested, []]");
  EXPECT_EQ(call("frames_alive"), "2");
  n.runtime->exit_signal(c.pid, c.pid, atom("kill"));
  EXPECT_EQ(wait(c), "killed");
  EXPECT_TRUE(eventually([&] { return call("frames_alive") == "0"; }));
}

TEST_F(ModuleApi, ALoopMovesToNewCodeWithBecome) {
  auto c = waiting("loops", "[2]");
  load("v2");
  send(c, "{step, 1}");
  send(c, "{step, 2}");
  EXPECT_EQ(wait(c), "{done,2,<<\"2\">>}");
}

TEST_F(ModuleApi, CallAsksAServerAndExitsAsGenServerDoes) {
  EXPECT_EQ(call("spawn_and_ask"), "{echo,hello}");
  EXPECT_EQ(call("asks", "[no_server, hello, 100]"), "{exit,{noproc,{gen_server,call,[no_server,hello,100]}}}");
  auto silent = waiting("wait_for_go");
  auto c = n.start("features", "asks", "[" + to_text(silent.pid) + ", hello, 10]");
  EXPECT_EQ(wait(c), "{exit,{timeout,{gen_server,call,[" + to_text(silent.pid) + ",hello,10]}}}");
  c = waiting("asks", "[" + to_text(silent.pid) + ", hello, 10000]");
  n.runtime->exit_signal(silent.pid, silent.pid, atom("kill"));
  EXPECT_EQ(wait(c), "{exit,{killed,{gen_server,call,[" + to_text(silent.pid) + ",hello,10000]}}}");
}

TEST_F(ModuleApi, ProcessesMonitorSendAndRemember) {
  EXPECT_EQ(call("process_facts"), "[true,{gone,1},1,1,true,nil]");
}

TEST_F(ModuleApi, ANativeStateIsChangedInPlaceAndSeenAsATerm) {
  const auto server = start_server(2);
  const auto where = ask(server, "where");
  EXPECT_EQ(ask(server, "sum"), "2");
  EXPECT_EQ(ask(server, "where"), where);
  EXPECT_EQ(ask(server, "{push, 1000}"), "ok");
  EXPECT_EQ(ask(server, "sum"), "1002");
  EXPECT_EQ(n.call("sys", "get_state", "[" + server + "]"), "#{values => [1,1,1000]}");
}

TEST_F(ModuleApi, ANewVersionWithTheSameLayoutUsesTheLivingObject) {
  const auto server = start_server(100000);
  const auto where = ask(server, "where");
  load("v2");
  EXPECT_EQ(ask(server, "vsn"), "<<\"2\">>");
  EXPECT_EQ(ask(server, "where"), where);
  EXPECT_EQ(n.call("code", "purge", "[features]"), "false");
  EXPECT_EQ(ask(server, "where"), where);
  EXPECT_EQ(ask(server, "sum"), "100000");
  EXPECT_TRUE(n.unmaps(1)) << "nothing of the object needs the version that made it";
}

TEST_F(ModuleApi, ANewVersionWithAnotherLayoutGetsTheStateAsATerm) {
  const auto server = start_server(3);
  load("v3");
  // v3 wants a further field.
  EXPECT_EQ(ask(server, "sum").substr(0, 55), "{exit,{{{bad_state,#{values => [1,1,1]}},[{features,han");
}

TEST_F(ModuleApi, CodeChangeGetsTheOldStateAndItsArguments) {
  const auto server = start_server(1);
  n.call("sys", "suspend", "[" + server + "]");
  load("v2");
  EXPECT_EQ(n.call("sys", "change_code", "[" + server + ", features, <<\"1\">>, 41]"), "ok");
  n.call("sys", "resume", "[" + server + "]");
  EXPECT_EQ(ask(server, "sum"), "42");
}

TEST_F(ModuleApi, ACallbackMayWaitForAnotherServer) {
  const auto first = start_server(5), second = start_server(7);
  auto c = waiting("one_tuple");
  ASSERT_EQ(call("cast_ask", "[" + first + ", " + second + ", " + to_text(c.pid) + "]"), "ok");
  EXPECT_EQ(wait(c), "{sum,7}");
}

TEST_F(ModuleApi, AServerMayAnswerLater) {
  const auto server = start_server(1);
  EXPECT_EQ(call("later", "[" + server + "]"), "{ok,late}");
}

TEST_F(ModuleApi, APlainFunctionThatWouldWaitIsToldToBeACoroutine) {
  auto silent = n.start_waiting("features", "one_tuple");
  EXPECT_EQ(call("waits_in_plain", "[" + to_text(silent.pid) + "]"),
            "error:{cannot_wait,{gen_server,call,2},<<\"a plain function cannot wait: make it a coroutine, task<> f(...), and co_await "
            "apply(...)\">>}");
  send(silent, "{sum, 1}");
  wait(silent);
}

TEST_F(ModuleApi, APlainFunctionCallsWhatDoesNotWait) {
  EXPECT_EQ(call("counts_in_plain"), "0");
  EXPECT_EQ(call("fails_in_plain").substr(0, 5), "exit:");
}

TEST_F(ModuleApi, AThreadIsToldThatItHasNoMailbox) {
  EXPECT_EQ(call("monitors_in_a_thread"), "{no_process,<<\"erlang:monitor/2\">>,<<\"a thread has no mailbox: let the process that owns it do this\">>}");
}

TEST_F(ModuleApi, ViaModulesAreAskedForTheProcess) {
  const auto server = call("spawn_echo_server");
  EXPECT_EQ(call("asks", "[{via, features, " + server + "}, hello, 5000]"), "{echo,hello}");
  EXPECT_EQ(call("asks", "[{via, features, nobody}, hello, 5000]"), "{exit,{noproc,{gen_server,call,[{via,features,nobody},hello,5000]}}}");
  auto c = waiting("one_message");
  EXPECT_EQ(call("casts", "[{via, features, " + to_text(c.pid) + "}]"), "ok");
  EXPECT_EQ(wait(c), "{by_name,{'$gen_cast',hello}}");
  EXPECT_EQ(call("casts", "[{via, features, nobody}]"), "ok");
}

TEST_F(ModuleApi, RequestsAreAnsweredLater) {
  const auto server = call("spawn_echo_server");
  EXPECT_EQ(call("asks_later", "[" + server + "]"), "{reply,{echo,hello}}");
  EXPECT_EQ(call("asks_later", "[nobody]"), "{error,{noproc,nobody}}");
  EXPECT_EQ(call("requests", "[nobody]"), "no_reply");
}

}  // namespace
}  // namespace cnode::test
