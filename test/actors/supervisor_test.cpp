#include <gtest/gtest.h>

#include <cnode/actors/supervisor.hpp>
#include <cnode/actors/upgrade.hpp>

#include "server_node.hpp"

namespace cnode::test {
namespace {

// A supervisor under `n.user`'s eyes; sup:init returns its argument.
struct sup_node : server_node {
  sup_node() {
    static constexpr actors::builtin_function f[] = {{"init", 1, [](cnode_env*, const cnode_term* a) { return a[0]; }}};
    node->code().add_builtin("sup", f);
    in(user.pid, [](actors::process& p) { p.set_trap_exit(true); });
  }
  // The children: a comma-separated list of maps.
  std::string start(const std::string& flags, const std::string& children) {
    sup = call("supervisor", "start_link", "[{local, sup}, sup, {ok, {" + flags + ", [" + children + "]}}]");
    return sup;
  }
  static std::string child(const std::string& id, const std::string& more = "", const std::string& init = "0") {
    return "#{id => " + id + ", start => {gen_server, start_link, [{local, " + id + "}, cb, " + init + ", []]}" + (more.empty() ? "" : ", " + more) + "}";
  }
  std::string ask(const std::string& f, const std::string& more = "") { return call("supervisor", f, more.empty() ? "[sup]" : "[sup, " + more + "]"); }
  std::string where(const std::string& name) {
    const term t = node->whereis(atom(name));
    return t ? to_text(t) : "undefined";
  }
  void crash(const std::string& name) { send(where(name), "{'$gen_cast', {raise, exit, crashed}}"); }
  std::string sup;
};

TEST(Supervisor, StartsChildrenInOrderAndListsTheLatestFirst) {
  sup_node n;
  n.start("#{}", n.child("a") + ", " + n.child("b"));
  EXPECT_EQ(n.ask("which_children"), "[{b," + n.where("b") + ",worker,[gen_server]},{a," + n.where("a") + ",worker,[gen_server]}]");
  EXPECT_EQ(n.ask("count_children"), "[{specs,2},{active,2},{supervisors,0},{workers,2}]");
  EXPECT_TRUE(contains(n.quiet_log, "started: [{pid," + n.where("a") + "},{id,a},{mfargs,{gen_server,start_link,")) << n.quiet_log;
}

TEST(Supervisor, RestartsOneForOne) {
  sup_node n;
  n.start("#{}", n.child("a") + ", " + n.child("b"));
  const auto a = n.where("a"), b = n.where("b");
  n.crash("a");
  EXPECT_NE(n.where("a"), a);
  EXPECT_NE(n.where("a"), "undefined");
  EXPECT_EQ(n.where("b"), b);
  EXPECT_TRUE(contains(n.log, "errorContext: child_terminated\n    reason: crashed\n    offender: [{pid," + a + "},{id,a}")) << n.log;
}

TEST(Supervisor, RestartsAll) {
  sup_node n;
  n.start("#{strategy => one_for_all}", n.child("a") + ", " + n.child("b") + ", " + n.child("t", "restart => temporary"));
  const auto a = n.where("a"), b = n.where("b");
  n.crash("b");
  EXPECT_NE(n.where("a"), a);
  EXPECT_NE(n.where("b"), b);
  EXPECT_TRUE(n.alive(n.where("a")));
  EXPECT_EQ(n.where("t"), "undefined");
  EXPECT_EQ(n.ask("count_children"), "[{specs,2},{active,2},{supervisors,0},{workers,2}]");
}

TEST(Supervisor, RestartsTheRest) {
  sup_node n;
  n.start("#{strategy => rest_for_one}", n.child("a") + ", " + n.child("b") + ", " + n.child("c"));
  const auto a = n.where("a"), b = n.where("b"), c = n.where("c");
  n.crash("b");
  EXPECT_EQ(n.where("a"), a);
  EXPECT_NE(n.where("b"), b);
  EXPECT_NE(n.where("c"), c);
  EXPECT_EQ(n.ask("which_children").substr(0, 4), "[{c,");
}

TEST(Supervisor, GivesUpAfterTooManyRestarts) {
  sup_node n;
  n.start("#{intensity => 2, period => 5}", n.child("a"));
  n.crash("a");
  n.crash("a");
  EXPECT_NE(n.where("a"), "undefined");
  n.crash("a");
  EXPECT_EQ(n.where("a"), "undefined");
  EXPECT_EQ(n.where("sup"), "undefined");
  EXPECT_TRUE(contains(n.log, "errorContext: shutdown\n    reason: reached_max_restart_intensity")) << n.log;
}

TEST(Supervisor, ForgetsRestartsAfterThePeriod) {
  sup_node n;
  n.start("#{intensity => 1, period => 5}", n.child("a"));
  for (int i = 0; i < 4; ++i) {
    n.crash("a");
    n.pass(7000);
    EXPECT_NE(n.where("sup"), "undefined") << i;
  }
}

TEST(Supervisor, KnowsWhoIsToBeRestarted) {
  sup_node n;
  n.start("#{intensity => 9}", n.child("p") + ", " + n.child("t", "restart => transient") + ", " + n.child("x", "restart => temporary"));
  for (const auto* name : {"p", "t", "x"}) n.send(n.where(name), "{'$gen_cast', {do, {stop, normal, 0}}}");
  EXPECT_NE(n.where("p"), "undefined");
  EXPECT_EQ(n.where("t"), "undefined");
  EXPECT_EQ(n.ask("which_children").substr(0, 15), "[{t,undefined,w");
  EXPECT_EQ(n.ask("restart_child", "t").substr(0, 4), "{ok,");
  n.crash("t");
  EXPECT_NE(n.where("t"), "undefined");
  EXPECT_EQ(n.ask("restart_child", "x"), "{error,not_found}");
  EXPECT_EQ(n.ask("restart_child", "t"), "{error,running}");
}

TEST(Supervisor, AddsEndsAndDeletesChildren) {
  sup_node n;
  n.start("#{}", "");
  const auto started = n.ask("start_child", n.child("a"));
  EXPECT_EQ(started, "{ok," + n.where("a") + "}");
  EXPECT_EQ(n.ask("start_child", n.child("a")), "{error,{already_started," + n.where("a") + "}}");
  EXPECT_EQ(n.ask("delete_child", "a"), "{error,running}");
  EXPECT_EQ(n.ask("terminate_child", "a"), "ok");
  EXPECT_EQ(n.where("a"), "undefined");
  EXPECT_EQ(n.ask("start_child", n.child("a")), "{error,already_present}");
  EXPECT_EQ(n.ask("get_childspec", "a"),
            "{ok,#{id => a,modules => [gen_server],restart => permanent,shutdown => 5000,significant => false,"
            "start => {gen_server,start_link,[{local,a},cb,0,[]]},type => worker}}");
  EXPECT_EQ(n.ask("delete_child", "a"), "ok");
  EXPECT_EQ(n.ask("get_childspec", "a"), "{error,not_found}");
  EXPECT_EQ(n.ask("terminate_child", "a"), "{error,not_found}");
}

TEST(Supervisor, SaysWhyAChildDidNotStart) {
  sup_node n;
  n.start("#{}", "");
  EXPECT_EQ(n.ask("start_child", n.child("a", "", "{do, {stop, broken}}")),
            "{error,{broken,{child,undefined,a,{gen_server,start_link,[{local,a},cb,{do,{stop,broken}},[]]},permanent,false,5000,worker,"
            "[gen_server]}}}");
  EXPECT_EQ(n.ask("start_child", "#{id => a}"), "{error,missing_start}");
  EXPECT_EQ(n.ask("start_child", "nonsense"), "{error,{invalid_child_spec,nonsense}}");
  EXPECT_EQ(n.ask("start_child", n.child("a", "restart => often")), "{error,{invalid_restart_type,often}}");
  const auto undef = n.call_unloaded("supervisor", "start_child", "[sup, {c, {nowhere, f, []}, permanent, 10, worker, []}]");
  EXPECT_TRUE(undef.starts_with("{error,{{'EXIT',{undef,[{nowhere,f,[],[]}]}},{child,undefined,c,")) << undef;
}

TEST(Supervisor, AFailingFirstChildFailsTheStart) {
  sup_node n;
  EXPECT_EQ(n.start("#{}", n.child("a") + ", " + n.child("b", "", "{do, {stop, broken}}")),
            "{error,{shutdown,{failed_to_start_child,b,broken}}}");
  EXPECT_EQ(n.where("a"), "undefined");
  EXPECT_TRUE(n.start("#{strategy => wild}", "").starts_with("{error,{supervisor_data,{invalid_strategy,wild}}}"));
  EXPECT_TRUE(n.start("#{}", n.child("a") + ", " + n.child("a")).starts_with("{error,{start_spec,{duplicate_child_name,a}}}"));
}

TEST(Supervisor, EndsChildrenLatestFirstAndKillsTheSlow) {
  sup_node n;
  n.start("#{}", n.child("a") + ", " + n.child("b", "shutdown => 100"));
  for (const auto* name : {"a", "b"}) n.in(parsed(n.where(name))->root, [](actors::process& p) { p.set_trap_exit(true); });
  n.send(n.where("b"), "{'$gen_cast', {wait, {noreply, 1}}}");
  const auto b = n.where("b");
  n.in(n.user.pid, [&](actors::process& p) { p.exit_signal(parsed(n.where("sup"))->root, atom("shutdown")); });
  EXPECT_TRUE(n.alive(b));
  EXPECT_TRUE(callbacks::trace().empty());
  n.pass(101);
  EXPECT_FALSE(n.alive(b));
  EXPECT_EQ(callbacks::trace(), std::vector<std::string>{"terminate(shutdown, 0)"});
  EXPECT_EQ(n.where("sup"), "undefined");
  EXPECT_TRUE(contains(n.log, "errorContext: shutdown_error\n    reason: killed")) << n.log;
}

TEST(Supervisor, TriesAgainWhenARestartFails) {
  sup_node n;
  n.start("#{intensity => 3}", n.child("a"));
  // The name is taken when the child is restarted, until there have been too many attempts.
  const auto a = n.where("a");
  const auto thief = n.new_observer();
  n.node->unregister_name(atom("a"));
  n.node->register_name(atom("a"), thief.pid);
  n.send(a, "{'$gen_cast', {raise, exit, crashed}}");
  EXPECT_EQ(n.where("sup"), "undefined");
  EXPECT_TRUE(contains(n.log, "errorContext: start_error\n    reason: {already_started," + to_text(thief.pid) + "}")) << n.log;
}

TEST(Supervisor, SimpleOneForOneStartsChildrenByArguments) {
  sup_node n;
  n.start("#{strategy => simple_one_for_one, intensity => 5}", "#{id => x, start => {gen_server, start_link, [cb]}}");
  const auto one = n.pid_in(n.ask("start_child", "[1, []]"));
  const auto two = n.pid_in(n.ask("start_child", "[2, []]"));
  EXPECT_EQ(n.ask("count_children"), "[{specs,1},{active,2},{supervisors,0},{workers,2}]");
  EXPECT_EQ(n.request(two, "get"), "2");
  EXPECT_EQ(n.ask("terminate_child", one), "ok");
  EXPECT_FALSE(n.alive(one));
  n.send(two, "{'$gen_cast', {raise, exit, crashed}}");
  const auto children = n.ask("which_children");
  ASSERT_TRUE(children.starts_with("[{undefined,<")) << children;
  const auto again = children.substr(12, children.find(',', 12) - 12);
  EXPECT_NE(again, two);
  EXPECT_EQ(n.request(again, "get"), "2");
  EXPECT_EQ(n.ask("restart_child", "x"), "{error,simple_one_for_one}");
  EXPECT_EQ(n.ask("terminate_child", "x"), "{error,simple_one_for_one}");
  n.in(n.user.pid, [&](actors::process& p) { p.exit_signal(parsed(n.where("sup"))->root, atom("shutdown")); });
  EXPECT_FALSE(n.alive(again));
}

TEST(Supervisor, ItsStatusIsReadByReleaseHandlers) {
  sup_node n;
  n.start("#{}", n.child("a"));
  const auto status = n.call("sys", "get_status", "[sup]");
  EXPECT_TRUE(contains(status, "{data,[{\"State\",{state,{local,sup},one_for_one,{[a],#{a => {child," + n.where("a") +
                                   ",a,{gen_server,start_link,[{local,a},cb,0,[]]},permanent,false,5000,worker,[gen_server]}}},"
                                   "undefined,1,5,[],0,never,sup,"))
      << status;
  EXPECT_TRUE(contains(status, "{supervisor,[{\"Callback\",sup}]}]]}")) << status;
  EXPECT_TRUE(contains(status, "{'$initial_call',{supervisor,sup,1}}")) << status;
}

TEST(Supervisor, ChangeCodeAsksTheCallbackModuleAgain) {
  sup_node n;
  n.start("#{}", n.child("a"));
  const auto a = n.where("a");
  static constexpr actors::builtin_function f[] = {
      {"init", 1, [](cnode_env* env, const cnode_term*) {
         auto& b = actors::heap_of(env);
         return copy(b, parsed("{ok, {#{intensity => 7}, [#{id => b, start => {m, f, []}}]}}")->root).word();
       }}};
  n.node->code().add_builtin("sup", f);
  n.call("sys", "suspend", "[sup]");
  EXPECT_EQ(n.call("sys", "change_code", "[sup, sup, 1, []]"), "ok");
  n.call("sys", "resume", "[sup]");
  EXPECT_EQ(n.where("a"), a);
  // As supervisor:update_childspec1/3 has it, what is no longer named comes after what is.
  EXPECT_EQ(n.ask("which_children"), "[{a," + a + ",worker,[gen_server]},{b,undefined,worker,[m]}]");
}

TEST(Supervisor, AFailedChangeOfCodeChangesNothing) {
  sup_node n;
  n.start("#{intensity => 4}", n.child("a"));
  static constexpr actors::builtin_function f[] = {
      {"init", 1, [](cnode_env* env, const cnode_term*) {
         return copy(actors::heap_of(env), parsed("{ok, {#{intensity => 7}, [#{id => b}]}}")->root).word();
       }}};
  n.node->code().add_builtin("sup", f);
  n.call("sys", "suspend", "[sup]");
  EXPECT_EQ(n.call("sys", "change_code", "[sup, sup, 1, []]"), "{error,{error,missing_start}}");
  n.call("sys", "resume", "[sup]");
  EXPECT_TRUE(contains(n.call("sys", "get_status", "[sup]"), "undefined,4,5,[],0,never,sup,"));
  EXPECT_TRUE(n.ask("which_children").starts_with("[{a,<"));
}

// A supervisor whose code changes, and which is given back what it was, as an upgrade that fails does it.
struct changing_sup_node : sup_node {
  void in_sup(const std::function<void(actors::process&)>& f) { in(node->whereis(atom("sup")), f); }
  static actors::upgradable& upgradable(actors::process& p) { return dynamic_cast<actors::upgradable&>(*p.current_behaviour()); }
  void change(cnode_function init) {
    call("sys", "suspend", "[sup]");
    in_sup([&](actors::process& p) { before = upgradable(p).save(p); });
    const actors::builtin_function f[] = {{"init", 1, init}};
    node->code().add_builtin("sup", f);
    EXPECT_EQ(call("sys", "change_code", "[sup, sup, 1, []]"), "ok");
  }
  void take_back() {
    in_sup([&](actors::process& p) { upgradable(p).restore(p, *before); });
    call("sys", "resume", "[sup]");
  }
  bool hibernates() {
    ask("which_children");
    pass(100);
    std::string function;
    in_sup([&](actors::process& p) { function = to_text(p.current_behaviour()->current_function(p, p.scratch())); });
    return function == "{erlang,hibernate,3}";
  }
  std::shared_ptr<actors::saved_state> before;
};

TEST(Supervisor, GetsAllItsFlagsAndChildrenBackWhenAnUpgradeFails) {
  changing_sup_node n;
  n.start("#{strategy => rest_for_one, intensity => 4, period => 9, auto_shutdown => any_significant, hibernate_after => 10}",
          n.child("a", "restart => transient, significant => true, shutdown => 77") + "," + n.child("b"));
  const auto status = [&] { return n.call("sys", "get_state", "[sup]"); };
  const auto old = status();
  ASSERT_TRUE(n.hibernates());
  n.change([](cnode_env* env, const cnode_term*) {
    return copy(actors::heap_of(env), parsed("{ok, {#{}, [#{id => a, start => {m, f, []}, type => supervisor, modules => dynamic}]}}")->root).word();
  });
  EXPECT_NE(status(), old);
  n.take_back();
  EXPECT_EQ(status(), old);
  EXPECT_TRUE(n.hibernates());
}

TEST(Supervisor, KeepsTheProcessesOfNowWhenAnUpgradeFails) {
  changing_sup_node n;
  n.start("#{intensity => 9}", n.child("a") + "," + n.child("t", "restart => temporary"));
  n.change([](cnode_env* env, const cnode_term*) {
    return copy(actors::heap_of(env), parsed("{ok, {#{intensity => 9}, []}}")->root).word();
  });
  n.call("sys", "resume", "[sup]");
  n.crash("a");
  n.crash("t");
  n.ask("start_child", n.child("c"));
  n.call("sys", "suspend", "[sup]");
  n.take_back();
  EXPECT_EQ(n.ask("which_children"), "[{c," + n.where("c") + ",worker,[gen_server]},{a," + n.where("a") + ",worker,[gen_server]}]");
  EXPECT_NE(n.where("a"), "undefined");
}

TEST(Supervisor, ReportsADynamicChildWithItsPidAndArguments) {
  sup_node n;
  n.start("#{strategy => simple_one_for_one, intensity => 5}", "#{id => x, start => {gen_server, start_link, [cb]}}");
  const auto one = n.pid_in(n.ask("start_child", "[1, []]"));
  n.send(one, "{'$gen_cast', {raise, exit, crashed}}");
  EXPECT_TRUE(contains(n.log, "offender: [{pid," + one + "},{id,x},{mfargs,{gen_server,start_link,[cb,1,[]]}}")) << n.log;
}

TEST(Supervisor, ReportsDynamicChildrenThatDidNotEndAsToldByReason) {
  sup_node n;
  n.start("#{strategy => simple_one_for_one}", "#{id => x, start => {gen_server, start_link, [cb]}, shutdown => 100}");
  for (int i = 0; i < 3; ++i) {
    const auto child = n.pid_in(n.ask("start_child", "[1, []]"));
    n.in(parsed(child)->root, [](actors::process& p) { p.set_trap_exit(true); });
    n.send(child, "{'$gen_cast', {wait, {noreply, 1}}}");
  }
  n.in(n.user.pid, [&](actors::process& p) { p.exit_signal(parsed(n.where("sup"))->root, atom("shutdown")); });
  n.pass(101);
  EXPECT_EQ(n.where("sup"), "undefined");
  EXPECT_TRUE(contains(n.log, "errorContext: shutdown_error\n    reason: killed\n    offender: [{nb_children,3},{id,x}")) << n.log;
}

TEST(Supervisor, ListsDynamicChildrenInTheOrderOfTheirPids) {
  sup_node n;
  n.start("#{strategy => simple_one_for_one}", "#{id => x, start => {gen_server, start_link, [cb]}}");
  std::string wanted;
  for (int i = 0; i < 20; ++i)
    wanted += (i ? ",{undefined," : "[{undefined,") + n.pid_in(n.ask("start_child", "[1, []]")) + ",worker,[gen_server]}";
  EXPECT_EQ(n.ask("which_children"), wanted + "]");
}

TEST(Supervisor, KnowsTheFunctionsOfLaterReleases) {
  sup_node n;
  n.start("#{}", n.child("a"));
  EXPECT_EQ(n.ask("which_child", "a"), "{ok,{a," + n.where("a") + ",worker,[gen_server]}}");
  EXPECT_EQ(n.ask("which_child", "b"), "{error,not_found}");
  EXPECT_EQ(n.ask("get_callback_module"), "sup");
  EXPECT_EQ(n.ask("stop"), "ok");
  EXPECT_EQ(n.where("a"), "undefined");
  EXPECT_TRUE(n.start("#{hibernate_after => soon}", "").starts_with("{error,{supervisor_data,{invalid_hibernate_after,soon}}}"));
  n.start("#{hibernate_after => 10}", n.child("a"));
  n.pass(20);
  EXPECT_EQ(n.log.find("unexpected message"), std::string::npos) << n.log;
  EXPECT_EQ(n.ask("count_children"), "[{specs,1},{active,1},{supervisors,0},{workers,1}]");
}

TEST(Supervisor, RefusesWhatOtpRefuses) {
  sup_node n;
  EXPECT_EQ(n.call("supervisor", "check_childspecs", "[[], wild]"), "{error,{badarg,wild}}");
  EXPECT_EQ(n.call("supervisor", "check_childspecs", "[nolist]"), "{error,{badarg,nolist}}");
  n.start("#{strategy => simple_one_for_one}", "#{id => x, start => {gen_server, start_link, [cb]}}");
  EXPECT_TRUE(n.ask("start_child", "nolist").starts_with("{error,{'EXIT',{badarg,[{erlang,apply,[gen_server,start_link,"));
  EXPECT_EQ(n.ask("count_children"), "[{specs,1},{active,0},{supervisors,0},{workers,0}]");
  n.send(n.where("sup"), "{'$gen_cast', hello}");
  EXPECT_EQ(n.where("sup"), "undefined");
}

TEST(Supervisor, CppCodeMayStartOne) {
  server_node n;
  auto b = block::make(64);
  actors::child_spec c;
  c.id = atom("inc");
  c.module = atom("gen_server");
  c.function = atom("start_link");
  c.args = copy(*b, parsed("[{local, inc}, cb, 5, []]")->root);
  const term sup = actors::start_supervisor(*n.node, atom("cnode_sup"), {c});
  n.run();
  EXPECT_TRUE(n.node->whereis(atom("cnode_sup")).same(sup));
  EXPECT_EQ(n.request("inc", "get"), "5");
  n.send("inc", "{'$gen_cast', {raise, exit, crashed}}");
  n.run();
  EXPECT_EQ(n.call("supervisor", "count_children", "[cnode_sup]"), "[{specs,1},{active,1},{supervisors,0},{workers,1}]");
}

TEST(Supervisor, UnexpectedMessagesAreLogged) {
  sup_node n;
  n.start("#{}", "");
  n.send(n.where("sup"), "hello");
  EXPECT_TRUE(contains(n.log, "Supervisor received unexpected message: hello")) << n.log;
  EXPECT_NE(n.where("sup"), "undefined");
}

}  // namespace
}  // namespace cnode::test
