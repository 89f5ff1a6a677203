// Elixir's Supervisor, DynamicSupervisor and Task.Supervisor, as callers on any node meet them.
#include <gtest/gtest.h>

#include "server_node.hpp"

namespace cnode::test {
namespace {

struct elixir_node : server_node {
  elixir_node() {
    in(user.pid, [](actors::process& p) { p.set_trap_exit(true); });
  }
  std::string dynamic(const std::string& options) { return call("'Elixir.DynamicSupervisor'", "start_link", "[[{name, dyn}" + options + "]]"); }
  std::string ask(const std::string& f, const std::string& more = "") {
    return call("'Elixir.DynamicSupervisor'", f, more.empty() ? "[dyn]" : "[dyn, " + more + "]");
  }
  std::string start(const std::string& more = "", const std::string& init = "0") {
    return ask("start_child", "#{id => x, start => {gen_server, start_link, [cb, " + init + ", []]}" + more + "}");
  }
  std::string call(const std::string& m, const std::string& f, const std::string& args) {
    return server_node::call(m.starts_with("'") ? m.substr(1, m.size() - 2) : m, f, args);
  }
  void crash(const std::string& pid) { send(pid, "{'$gen_cast', {raise, exit, crashed}}"); }
  std::string sup_state() { return call("sys", "get_status", "[dyn]"); }
  bool there() { return !!node->whereis(atom("dyn")); }
};

TEST(DynamicSupervisor, StartsCountsListsAndEndsChildren) {
  elixir_node n;
  EXPECT_TRUE(n.dynamic("").starts_with("{ok,<"));
  const auto a = n.pid_in(n.start()), b = n.pid_in(n.start(", type => supervisor"));
  EXPECT_EQ(n.ask("which_children"), "[{undefined," + a + ",worker,[gen_server]},{undefined," + b + ",supervisor,[gen_server]}]");
  EXPECT_EQ(n.ask("count_children"), "#{active => 2,specs => 2,supervisors => 1,workers => 1}");
  EXPECT_EQ(n.ask("terminate_child", a), "ok");
  EXPECT_FALSE(n.alive(a));
  EXPECT_EQ(n.ask("terminate_child", a), "{error,not_found}");
  EXPECT_EQ(n.ask("stop"), "ok");
  EXPECT_FALSE(n.alive(b));
}

TEST(DynamicSupervisor, RestartsByTheRestartTypeAndEndsAfterTooMany) {
  elixir_node n;
  n.dynamic(", {max_restarts, 1}");
  const auto p = n.pid_in(n.start()), t = n.pid_in(n.start(", restart => temporary"));
  n.crash(t);
  EXPECT_EQ(n.ask("count_children"), "#{active => 1,specs => 1,supervisors => 0,workers => 1}");
  n.crash(p);
  const auto again = n.ask("which_children");
  EXPECT_TRUE(again.starts_with("[{undefined,<")) << again;
  EXPECT_EQ(again.find(p), std::string::npos);
  EXPECT_TRUE(contains(n.log, "errorContext: child_terminated\n    reason: crashed\n    offender: [{pid," + p +
                                  "},{id,undefined},{mfargs,{gen_server,start_link,[cb,0,[]]}},{restart_type,permanent},{shutdown,5000},"
                                  "{child_type,worker}]"))
      << n.log;
  n.crash(again.substr(12, again.find(',', 12) - 12));
  EXPECT_FALSE(n.there());
  EXPECT_TRUE(contains(n.log, "reached_max_restart_intensity")) << n.log;
}

TEST(DynamicSupervisor, RefusesMoreThanMaxChildrenAndWhatElixirRefuses) {
  elixir_node n;
  n.dynamic(", {max_children, 1}");
  EXPECT_EQ(n.start(", restart => often"), "{error,{invalid_restart_type,often}}");
  EXPECT_EQ(n.start(", shutdown => 0"), "{error,{invalid_shutdown,0}}");
  EXPECT_EQ(n.start("", "{do, {stop, broken}}"), "{error,broken}");
  n.start();
  EXPECT_EQ(n.start(), "{error,max_children}");
  EXPECT_TRUE(n.call("'Elixir.DynamicSupervisor'", "start_link", "[[{strategy, one_for_all}]]")
                  .starts_with("{error,{supervisor_data,{invalid_strategy,one_for_all}}"));
}

TEST(DynamicSupervisor, KillsThoseThatTakeLongerThanTheirTime) {
  elixir_node n;
  n.dynamic("");
  const auto quick = n.pid_in(n.start()), slow = n.pid_in(n.start(", shutdown => 100")), late = n.pid_in(n.start(", shutdown => 300"));
  for (const auto& pid : {slow, late}) {
    n.in(parsed(pid)->root, [](actors::process& p) { p.set_trap_exit(true); });
    n.send(pid, "{'$gen_cast', {wait, {noreply, 1}}}");
  }
  n.in(n.user.pid, [&](actors::process& p) { p.exit_signal(n.node->whereis(atom("dyn")), atom("shutdown")); });
  EXPECT_FALSE(n.alive(quick));
  n.pass(101);
  EXPECT_FALSE(n.alive(slow));
  EXPECT_TRUE(n.alive(late));
  n.pass(200);
  EXPECT_FALSE(n.alive(late));
  EXPECT_FALSE(n.there());
  EXPECT_TRUE(contains(n.log, "errorContext: shutdown_error\n    reason: killed\n    offender: [{pid," + slow)) << n.log;
}

TEST(DynamicSupervisor, ShowsItsStructAndItsCallbackModule) {
  elixir_node n;
  n.dynamic(", {extra_arguments, [cb]}");
  const auto a = n.pid_in(n.ask("start_child", "#{id => x, start => {gen_server, start_link, [1, []]}}"));
  const auto status = n.sup_state();
  EXPECT_TRUE(contains(status, "{supervisor,[{\"Callback\",'Elixir.Supervisor.Default'}]}")) << status;
  EXPECT_TRUE(contains(status, "'__struct__' => 'Elixir.DynamicSupervisor'")) << status;
  EXPECT_TRUE(contains(status, a + " => {{gen_server,start_link,[1,[]]},permanent,5000,worker,[gen_server]}")) << status;
}

TEST(ElixirSupervisor, StartsAListOfChildren) {
  elixir_node n;
  const auto started = n.call("'Elixir.Supervisor'", "start_link",
                              "[[#{id => a, start => {gen_server, start_link, [cb, 0, []]}}], [{strategy, one_for_one}, {name, sup}]]");
  EXPECT_TRUE(started.starts_with("{ok,<")) << started;
  EXPECT_EQ(n.call("'Elixir.Supervisor'", "count_children", "[sup]"), "#{active => 1,specs => 1,supervisors => 0,workers => 1}");
  EXPECT_EQ(n.call("'Elixir.Supervisor'", "terminate_child", "[sup, a]"), "ok");
  EXPECT_TRUE(n.call("'Elixir.Supervisor'", "restart_child", "[sup, a]").starts_with("{ok,<"));
  EXPECT_EQ(n.call("'Elixir.Supervisor'", "delete_child", "[sup, a]"), "{error,running}");
  EXPECT_EQ(n.call("'Elixir.Supervisor'", "stop", "[sup]"), "ok");
}

TEST(ElixirSupervisor, TakesFurtherChildrenAndRefusesWhatIsNone) {
  elixir_node n;
  EXPECT_TRUE(n.call("'Elixir.DynamicSupervisor'", "child_spec", "[[{name, pool}]]").starts_with("#{id => pool,start => {'Elixir.DynamicSupervisor',"));
  n.call("'Elixir.Supervisor'", "start_link", "[[], [{strategy, one_for_one}, {name, sup}, {max_restarts, 9}]]");
  EXPECT_TRUE(n.call("'Elixir.Supervisor'", "start_child", "[sup, #{id => a, start => {gen_server, start_link, [cb, 0, []]}}]").starts_with("{ok,<"));
  EXPECT_TRUE(contains(n.call("sys", "get_status", "[sup]"), "undefined,9,5,[],0,never,'Elixir.Supervisor.Default',"));
  EXPECT_TRUE(contains(n.call("'Elixir.Supervisor'", "start_child", "[sup, 7]"), "supervisors expect each child to be one of the following"));
  EXPECT_TRUE(contains(n.call("'Elixir.Supervisor'", "start_link", "[[], []]"), "expected :strategy option to be given"));
  EXPECT_TRUE(contains(n.call("'Elixir.Supervisor'", "child_spec", "[#{id => a}, [{wild, 1}]]"), "unknown key :wild in child specification override"));
  EXPECT_EQ(n.call("'Elixir.Supervisor'", "child_spec", "[#{id => a, start => m}, [{restart, temporary}]]"),
            "#{id => a,restart => temporary,start => m}");
}

// What Task.Supervisor of Elixir 1.14 and of 1.18 send.
TEST(TaskSupervisor, RunsFunctionsOfModulesHere) {
  elixir_node n;
  EXPECT_TRUE(n.call("'Elixir.Task.Supervisor'", "start_link", "[[{name, dyn}]]").starts_with("{ok,<"));
  const auto owner = "{'other@host', " + to_text(n.user.pid) + ", " + to_text(n.user.pid) + "}";
  const auto task = n.pid_in(n.call("gen_server", "call", "[dyn, {start_task, [" + owner + ", monitor], temporary, nil}]"));
  EXPECT_TRUE(n.alive(task));
  n.send(task, "{" + to_text(n.user.pid) + ", tag, " + to_text(n.user.pid) + ", [], {gen_server, start, [cb, 7, []]}}");
  EXPECT_FALSE(n.alive(task));
  const auto stays = n.pid_in(n.call("gen_server", "call", "[dyn, {start_task, [" + owner + ", monitor], temporary, nil}]"));
  n.pass(5001);
  EXPECT_FALSE(n.alive(stays));
  EXPECT_TRUE(contains(n.log, "reason: timeout")) << n.log;
  EXPECT_EQ(n.ask("count_children"), "#{active => 0,specs => 0,supervisors => 0,workers => 0}");
  EXPECT_TRUE(n.call("'Elixir.Task.Supervisor'", "start_child", "[dyn, gen_server, start, [cb, 8, []]]").starts_with("{ok,<"));
}

}  // namespace
}  // namespace cnode::test
