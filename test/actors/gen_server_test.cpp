#include <gtest/gtest.h>

#include "server_node.hpp"

namespace cnode::test {
namespace {

using callbacks::trace;

// ---- start

TEST(GenServerStart, AnswersOkWithThePid) {
  server_node n;
  const auto server = n.start_server("7");
  EXPECT_TRUE(n.alive(server)) << server;
  EXPECT_EQ(n.request(server, "get"), "7");
}

TEST(GenServerStart, TellsTheStarterWhatInitSaid) {
  server_node n;
  EXPECT_EQ(n.call("gen_server", "start", "[cb, {do, ignore}, []]"), "ignore");
  EXPECT_EQ(n.call("gen_server", "start", "[cb, {do, {stop, no_way}}, []]"), "{error,no_way}");
  EXPECT_EQ(n.call("gen_server", "start", "[cb, {do, {error, quietly}}, []]"), "{error,quietly}");
  EXPECT_EQ(n.call("gen_server", "start", "[cb, {do, {ok}}, []]"), "{error,{bad_return_value,{ok}}}");
  EXPECT_EQ(n.call("gen_server", "start", "[cb, {do, {ok, 1, soon}}, []]"), "{error,{bad_return_value,{ok,1,soon}}}");
  EXPECT_EQ(n.call("gen_server", "start", "[cb, {raise, exit, bye}, []]"), "{error,bye}");
  EXPECT_EQ(n.call("gen_server", "start", "[cb, {raise, throw, {stop, thrown}}, []]"), "{error,thrown}");
  const auto failed = n.call("gen_server", "start", "[cb, {raise, error, oops}, []]");
  EXPECT_TRUE(failed.starts_with("{error,{oops,[{cb,init,1,[]},{gen_server,init_it,2,[]}")) << failed;
  const auto undef = n.call_unloaded("gen_server", "start", "[nowhere, 1, []]");
  EXPECT_TRUE(undef.starts_with("{error,{undef,[{nowhere,init,[1],[]}")) << undef;
}

TEST(GenServerStart, LeavesACrashReportUnlessItEndsInOrder) {
  server_node n;
  n.call("gen_server", "start", "[cb, {do, ignore}, []]");
  n.call("gen_server", "start", "[cb, {do, {stop, shutdown}}, []]");
  n.call("gen_server", "start", "[cb, {do, {error, quietly}}, []]");
  EXPECT_EQ(n.log, "");
  n.call("gen_server", "start", "[cb, {do, {stop, no_way}}, []]");
  EXPECT_TRUE(contains(n.log, "initial call: cb:init/1")) << n.log;
  EXPECT_TRUE(contains(n.log, "exception exit: no_way")) << n.log;
}

TEST(GenServerStart, RegistersALocalNameOnce) {
  server_node n;
  const auto first = n.pid_in(n.call("gen_server", "start", "[{local, inc}, cb, 1, []]"));
  EXPECT_EQ(n.text(n.node->whereis(atom("inc"))), first);
  EXPECT_EQ(n.call("gen_server", "start", "[{local, inc}, cb, 1, []]"), "{error,{already_started," + first + "}}");
  EXPECT_EQ(n.call("Elixir.GenServer", "start", "[cb, 1, [{name, inc}]]"), "{error,{already_started," + first + "}}");
  EXPECT_EQ(n.request("inc", "get"), "1");
}

TEST(GenServerStart, GivesTheNameBackBeforeItReportsAFailure) {
  server_node n;
  EXPECT_EQ(n.call("gen_server", "start", "[{local, inc}, cb, {do, {stop, a}}, []]"), "{error,a}");
  EXPECT_FALSE(n.node->whereis(atom("inc")));
}

TEST(GenServerStart, SaysWhereItComesFrom) {
  server_node n;
  const auto server = n.start_server("1");
  n.in(parsed(server)->root, [&](actors::process& p) {
    EXPECT_EQ(to_text(p.dictionary_get(atom("$ancestors"))), "[" + to_text(n.user.pid) + "]");
    EXPECT_EQ(to_text(p.dictionary_get(atom("$initial_call"))), "{cb,init,1}");
  });
}

TEST(GenServerStart, WaitsNoLongerThanToldAndKillsTheServer) {
  server_node n;
  EXPECT_EQ(n.call("gen_server", "start", "[cb, {wait, {ok, 1}}, [{timeout, 50}]]"), "waits");
  const auto before = n.node->process_count();
  n.pass(51);
  EXPECT_EQ(n.user.last(), "{error,timeout}");
  EXPECT_EQ(n.node->process_count(), before - 1);
}

TEST(GenServerStart, AKilledInitIsReportedWithItsReason) {
  server_node n;
  EXPECT_EQ(n.call("gen_server", "start", "[{local, slow}, cb, {wait, {ok, 1}}, []]"), "waits");
  const term pid = n.node->whereis(atom("slow"));
  n.in(n.new_observer().pid, [&](actors::process& p) { p.exit_signal(pid, atom("kill")); });
  EXPECT_EQ(n.user.last(), "{error,killed}");
}

TEST(GenServerStart, StartLinkLinksAndStartMonitorMonitors) {
  server_node n;
  const auto linked = n.pid_in(n.call("gen_server", "start_link", "[cb, 1, []]"));
  n.in(n.user.pid, [&](actors::process& p) { EXPECT_TRUE(p.has_link(parsed(linked)->root)); });
  const auto monitored = n.call("gen_server", "start_monitor", "[cb, 1, []]");
  EXPECT_TRUE(monitored.starts_with("{ok,{<0.") && contains(monitored, "#Ref<")) << monitored;
  EXPECT_EQ(n.call("gen_server", "start_monitor", "[cb, {do, ignore}, []]"), "ignore");
}

TEST(GenServerStart, ElixirRefusesAStrangeName) {
  server_node n;
  const auto error = n.call("Elixir.GenServer", "start", "[cb, 1, [{name, \"text\"}]]");
  EXPECT_TRUE(error.starts_with("error:") && contains(error, "'Elixir.ArgumentError'") && contains(error, "expected :name option")) << error;
}

// ---- callbacks

TEST(GenServerCall, KeepsTheNewState) {
  server_node n;
  const auto server = n.start_server("0");
  EXPECT_EQ(n.request(server, "{do, {reply, a, {new, [1,2,3], <<\"text\">>}}}"), "a");
  EXPECT_EQ(n.request(server, "get"), "{new,[1,2,3],<<\"text\">>}");
}

TEST(GenServerCall, MayAnswerLaterThroughAnyFormOfTag) {
  server_node n;
  const auto server = n.start_server("0");
  const auto o = n.new_observer();
  std::string from;
  // A caller with an alias: the reply goes through it, and the tag comes back untouched.
  const auto client = n.new_observer();
  n.in(client.pid, [&](actors::process& p) {
    auto& b = p.scratch();
    const term alias = p.alias();
    const term multi = make_cons(b, make_cons(b, atom("alias"), alias), small(5));
    const term pair = make_tuple_of(b, small(7), atom("a@b"));
    for (const term tag : {make_cons(b, atom("alias"), alias), multi, pair, small(9)})
      p.send(parsed(server)->root, make_tuple_of(b, atom("$gen_call"), make_tuple_of(b, p.pid(), tag), parsed("{do, {reply, yes, 0}}")->root));
  });
  ASSERT_EQ(client.seen->size(), 4u);
  EXPECT_TRUE((*client.seen)[0].starts_with("{[alias|#Ref<")) << (*client.seen)[0];
  EXPECT_TRUE((*client.seen)[1].starts_with("{[[alias|#Ref<") && contains((*client.seen)[1], "|5],yes}"));
  EXPECT_EQ((*client.seen)[2], "{{7,a@b},yes}");
  EXPECT_EQ((*client.seen)[3], "{9,yes}");
}

TEST(GenServerCall, AReplyAfterTheAliasIsGoneIsDropped) {
  server_node n;
  const auto server = n.start_server("0");
  const auto client = n.new_observer();
  n.in(client.pid, [&](actors::process& p) {
    auto& b = p.scratch();
    const term alias = copy(b, p.alias());
    p.unalias(alias);
    p.send(parsed(server)->root, make_tuple_of(b, atom("$gen_call"), make_tuple_of(b, p.pid(), make_cons(b, atom("alias"), alias)),
                                               parsed("{do, {reply, yes, 0}}")->root));
  });
  EXPECT_TRUE(client.seen->empty());
}

TEST(GenServerCall, ThrownValuesCountAsReturned) {
  server_node n;
  const auto server = n.start_server("0");
  EXPECT_EQ(n.request(server, "{raise, throw, {reply, thrown, 1}}"), "thrown");
  EXPECT_EQ(n.request(server, "get"), "1");
}

TEST(GenServerCall, ContinueComesBeforeTheNextMessage) {
  server_node n;
  const auto server = n.start_server("{do, {ok, [], {continue, first}}}");
  EXPECT_EQ(n.request(server, "get"), "[first]");
  EXPECT_EQ(n.request(server, "{do, {reply, ok, [x], {continue, {do, {noreply, [y], {continue, last}}}}}}"), "ok");
  EXPECT_EQ(n.request(server, "get"), "[last,y]");
}

TEST(GenServerCall, AWaitingCallbackLeavesOtherMessagesInOrder) {
  server_node n;
  const auto server = n.start_server("[]");
  n.send(server, "{'$gen_cast', {wait, {noreply, [0]}}}");
  n.send(server, "one");
  n.send(server, "{'$gen_cast', two}");
  n.send(server, "go");
  EXPECT_EQ(n.request(server, "get"), "[two,one,0]");
}

TEST(GenServerInfo, TimeoutComesAfterTheTimeUnlessAMessageDoes) {
  server_node n;
  const auto server = n.start_server("{do, {ok, [], 100}}");
  n.pass(99);
  EXPECT_EQ(n.request(server, "{do, {reply, ok, [], 50}}"), "ok");
  n.pass(49);
  EXPECT_EQ(n.call("sys", "get_state", "[" + server + "]"), "[]");  // a system message starts the time again
  n.pass(49);
  EXPECT_EQ(n.call("sys", "get_state", "[" + server + "]"), "[]");
  n.pass(51);
  EXPECT_EQ(n.request(server, "get"), "[timeout]");
  n.pass(1000);
  EXPECT_EQ(n.request(server, "get"), "[timeout]");
}

TEST(GenServerInfo, TimeoutZeroComesWhenTheMailboxIsEmpty) {
  server_node n;
  const auto server = n.start_server("{do, {ok, [], 0}}");
  EXPECT_EQ(n.request(server, "get"), "[timeout]");
}

TEST(GenServerInfo, HibernateChangesNothingOneCanSee) {
  server_node n;
  const auto server = n.start_server("{do, {ok, [], hibernate}}");
  EXPECT_EQ(n.request(server, "{do, {reply, ok, [{a, <<\"b\">>}], hibernate}}"), "ok");
  EXPECT_EQ(n.request(server, "get"), "[{a,<<\"b\">>}]");
}

TEST(GenServerInfo, WithoutHandleInfoMessagesAreLoggedAndDropped) {
  server_node n;
  const auto server = n.start_server("5", "bare");
  n.send(server, "hello");
  EXPECT_EQ(n.request(server, "get"), "5");
  EXPECT_TRUE(contains(n.log, "** Undefined handle_info in bare\n** Unhandled message: hello")) << n.log;
}

TEST(GenServerInfo, WithoutHandleCastItCrashesWithUndef) {
  server_node n;
  const auto server = n.start_server("5", "bare");
  n.send(server, "{'$gen_cast', x}");
  EXPECT_FALSE(n.alive(server));
  EXPECT_TRUE(contains(n.log, "{'function not exported',")) << n.log;
}

// ---- the end

TEST(GenServerEnd, StopWithAReplyTerminatesFirst) {
  server_node n;
  const auto server = n.start_server("0");
  EXPECT_EQ(n.request(server, "{do, {stop, normal, bye, last}}"), "bye");
  EXPECT_FALSE(n.alive(server));
  EXPECT_EQ(trace(), std::vector<std::string>{"terminate(normal, last)"});
  EXPECT_EQ(n.log, "");
}

TEST(GenServerEnd, StopWithoutAReplyFailsTheCall) {
  server_node n;
  const auto server = n.start_server("0");
  EXPECT_EQ(n.request(server, "{do, {stop, {shutdown, x}, 1}}"), "exit:{{shutdown,x},{gen_server,call,[" + server + ",{do,{stop,{shutdown,x},1}}]}}");
  EXPECT_EQ(n.log, "");
}

TEST(GenServerEnd, AnErrorInACallbackEndsItWithReasonAndStack) {
  server_node n;
  const auto server = n.start_server("0");
  const auto observer = n.new_observer();
  n.in(observer.pid, [&](actors::process& p) { p.monitor(parsed(server)->root); });
  const auto answer = n.request(server, "{raise, error, bad_thing}");
  EXPECT_TRUE(answer.starts_with("exit:{{bad_thing,[{cb,handle_call,3,[]},{gen_server,try_handle_call,4,[]}")) << answer;
  EXPECT_TRUE(contains(answer, ",{gen_server,call,[" + server + ",{raise,error,bad_thing}]}}")) << answer;
  EXPECT_TRUE(contains(observer.last(), "{bad_thing,[{cb,handle_call,3,[]}")) << observer.last();
  ASSERT_EQ(trace().size(), 1u);
  EXPECT_TRUE(trace()[0].starts_with("terminate({bad_thing,[{cb,handle_call,3,[]}")) << trace()[0];
  EXPECT_TRUE(contains(n.log, "** Generic server " + server + " terminating \n** Last message in was {raise,error,bad_thing}\n"
                              "** When Server state == 0\n** Reason for termination ==\n** {bad_thing,[{cb,handle_call,3,[]}"))
      << n.log;
  EXPECT_TRUE(contains(n.log, "exception error: bad_thing")) << n.log;
}

TEST(GenServerEnd, BadReturnValuesAreNamed) {
  server_node n;
  const auto server = n.start_server("0");
  const auto answer = n.request(server, "{do, nonsense}");
  EXPECT_TRUE(answer.starts_with("exit:{{bad_return_value,nonsense},{gen_server,call,")) << answer;
  const auto other = n.start_server("0");
  n.send(other, "{'$gen_cast', {do, {reply, 1, 2}}}");
  EXPECT_FALSE(n.alive(other));
  EXPECT_TRUE(contains(n.log, "** {bad_return_value,{reply,1,2}}")) << n.log;
}

TEST(GenServerEnd, AFailingTerminateGivesTheReason) {
  server_node n;
  const auto server = n.start_server("0");
  const auto answer = n.request(server, "{do, {stop, normal, {raise, error, in_terminate}}}");
  EXPECT_TRUE(answer.starts_with("exit:{{in_terminate,[{cb,terminate,2,[]}")) << answer;
}

TEST(GenServerEnd, TheParentsExitTerminatesATrappingServer) {
  server_node n;
  const auto parent = n.new_client();
  const auto server = n.pid_in(n.apply(parent, "gen_server", "start_link", "[cb, 0, []]"));
  n.in(parsed(server)->root, [](actors::process& p) { p.set_trap_exit(true); });
  n.in(parent.pid, [](actors::process& p) { p.exit(atom("shutdown")); });
  EXPECT_FALSE(n.alive(server));
  EXPECT_EQ(trace(), std::vector<std::string>{"terminate(shutdown, 0)"});
}

TEST(GenServerEnd, AnothersExitIsAMessageToATrappingServer) {
  server_node n;
  const auto server = n.start_server("[]");
  n.in(parsed(server)->root, [](actors::process& p) { p.set_trap_exit(true); });
  n.in(n.user.pid, [&](actors::process& p) { p.exit_signal(parsed(server)->root, atom("shutdown")); });
  EXPECT_EQ(n.request(server, "get"), "[{'EXIT'," + to_text(n.user.pid) + ",shutdown}]");
}

TEST(GenServerEnd, StopWaitsForTheEnd) {
  server_node n;
  const auto server = n.start_server("0");
  EXPECT_EQ(n.call("gen_server", "stop", "[" + server + "]"), "ok");
  EXPECT_EQ(trace(), std::vector<std::string>{"terminate(normal, 0)"});
  EXPECT_EQ(n.call("gen_server", "stop", "[" + server + "]"), "exit:noproc");
  const auto other = n.start_server("0");
  EXPECT_EQ(n.call("Elixir.GenServer", "stop", "[" + other + ", oops, 1000]"), "ok");
  EXPECT_EQ(n.call("Elixir.GenServer", "stop", "[nobody, oops, 1000]"), "exit:{noproc,{'Elixir.GenServer',stop,[nobody,oops,1000]}}");
}

TEST(GenServerEnd, StopRefusesATimeThatIsNone) {
  server_node n;
  const auto server = n.start_server("0");
  for (const char* module : {"gen", "gen_server", "gen_statem", "gen_event", "proc_lib", "supervisor"})
    EXPECT_EQ(n.call(module, "stop", "[" + server + ", normal, soon]"), "error:function_clause") << module;
  EXPECT_TRUE(trace().empty());
}

// ---- clients

TEST(GenCall, ReplyRefusesWhatIsNoFrom) {
  server_node n;
  for (const char* module : {"gen", "gen_server", "gen_statem", "Elixir.GenServer"})
    EXPECT_EQ(n.call(module, "reply", "[nobody, x]"), "error:function_clause") << module;
}

TEST(GenCall, SaysWhyThereIsNoReply) {
  server_node n;
  EXPECT_EQ(n.request("nobody", "x"), "exit:{noproc,{gen_server,call,[nobody,x]}}");
  EXPECT_EQ(n.request("<0.9999.0>", "x"), "exit:{noproc,{gen_server,call,[<0.9999.0>,x]}}");
  const auto me = to_text(n.user.pid);
  EXPECT_EQ(n.request(me, "x"), "exit:{calling_self,{gen_server,call,[" + me + ",x]}}");
  EXPECT_EQ(n.call("Elixir.GenServer", "call", "[nobody, x]"), "exit:{noproc,{'Elixir.GenServer',call,[nobody,x,5000]}}");
  EXPECT_EQ(n.request("{name, 'other@nowhere'}", "x"), "exit:{{nodedown,other@nowhere},{gen_server,call,[{name,other@nowhere},x]}}");
}

TEST(GenCall, TimesOutAndDropsTheLateReply) {
  server_node n;
  const auto server = n.start_server("0");
  EXPECT_EQ(n.call("gen_server", "call", "[" + server + ", {wait, {reply, late, 1}}, 100]"), "waits");
  n.pass(101);
  EXPECT_EQ(n.user.last(), "exit:{timeout,{gen_server,call,[" + server + ",{wait,{reply,late,1}},100]}}");
  n.send(server, "go");
  EXPECT_EQ(n.request(server, "get"), "1");
  n.in(n.user.pid, [](actors::process& p) { EXPECT_EQ(p.message_queue_len(), 0u); });
}

TEST(GenCall, MultiCallCollectsRepliesAndBadNodes) {
  server_node n;
  n.call("gen_server", "start", "[{local, inc}, cb, 1, []]");
  EXPECT_EQ(n.call("gen_server", "multi_call", "[[nonode@nohost], inc, get, 100]"), "{[{nonode@nohost,1}],[]}");
  EXPECT_EQ(n.call("gen_server", "multi_call", "[[nonode@nohost], nobody, get, 100]"), "{[],[nonode@nohost]}");
}

TEST(GenCall, RepliesMayComeFromElsewhere) {
  server_node n;
  const auto server = n.start_server("0");
  const auto caller = n.new_client();
  const auto helper = n.new_client();
  n.start(caller, "gen_server", "call", "[" + server + ", {defer, " + to_text(helper.pid) + "}]");
  n.in(helper.pid, [](actors::process& p) {
    auto from = p.take_message([](void*, term) { return true; }, nullptr);
    ASSERT_TRUE(from);
    const term args[] = {copy(p.scratch(), from->root), atom("answered")};
    p.call(atom("gen_server"), atom("reply"), args);
  });
  EXPECT_EQ(caller.last(), "answered");
}

}  // namespace
}  // namespace cnode::test
