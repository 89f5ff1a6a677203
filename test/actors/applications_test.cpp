#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include <cnode/actors/applications.hpp>

#include "application/application_table.hpp"
#include "server_node.hpp"

namespace cnode::test {
namespace {

// ---- app:start/2 does what its argument says: {sup, ChildSpecs} starts a supervisor, the rest as callbacks::obey. stop/1 is traced.
cnode_term app_start(cnode_env* env, const cnode_term* a) {
  const term what{a[1]};
  if (!what.is_tuple(2) || !what[0].same(atom("sup"))) return callbacks::obey(env, what, atom("nonsense"));
  auto& b = actors::heap_of(env);
  const term answer = make_tuple_of(b, atom("ok"), make_tuple_of(b, make_map(b, nullptr, nullptr, 0), what[1]));
  env->outcome = CNODE_TAIL_CALL;
  env->tail_module = atom("supervisor").word();
  env->tail_function = atom("start_link").word();
  env->tail_args = make_list_of(b, make_tuple_of(b, atom("local"), atom("top")), atom("app"), answer).word();
  return CNODE_NONE;
}
cnode_term app_stop(cnode_env*, const cnode_term* a) {
  callbacks::trace().push_back("stop(" + to_text(term{a[0]}) + ")");
  return atom("ok").word();
}
cnode_term app_init(cnode_env*, const cnode_term* a) { return a[0]; }
// app:idle(): a process of the application that waits for ever
cnode_term app_idle(cnode_env* env, const cnode_term*) {
  env->outcome = CNODE_SUSPEND;
  env->continuation = {nullptr, nullptr, [](void*) {}, [](cnode_env*, void*, cnode_term) { return 0; }, -1};
  return CNODE_NONE;
}

struct app_node : server_node {
  explicit app_node(const std::string& config = "[]") {
    static constexpr actors::builtin_function f[] = {{"start", 2, app_start}, {"stop", 1, app_stop}, {"init", 1, app_init}, {"idle", 0, app_idle}};
    node->code().add_builtin("app", f);
    actors::add_application_builtins(*node);
    actors::configure_applications(*node, parse(config)->root);
    actors::controller_options options;
    options.own = {{"kernel", "k", "1", {}, {}, {}}, {"stdlib", "s", "1", {"kernel"}, {}, {}}};
    options.on_demand = {{"extra", "e", "2", {"kernel", "stdlib"}, {}, {"m"}}};
    options.terminated = [this](const std::string& text) { terminated = text; };
    actors::start_application_controller(*node, options);
    run();
  }
  ~app_node() {
    node->stop();
    actors::forget_applications(*node);
  }
  static block_ptr parse(const std::string& text) {
    auto t = parse_term(text);
    EXPECT_TRUE(t) << text;
    return t ? std::move(*t) : immediate_block(nil);
  }
  std::string ask(const std::string& f, const std::string& args) { return call("application", f, "[" + args + "]"); }
  std::string load(const std::string& name, const std::string& more = "") {
    return ask("load", "{application, " + name + ", [{vsn, \"1\"}, {applications, [kernel, stdlib]}" + (more.empty() ? "" : ", " + more) + "]}");
  }
  std::string load_with_worker(const std::string& name, const std::string& worker_start = "{gen_server, start_link, [{local, w}, cb, 0, []]}") {
    return load(name, "{mod, {app, {sup, [#{id => w, start => " + worker_start + "}]}}}");
  }
  std::string where(const std::string& name) {
    const term t = node->whereis(atom(name));
    return t ? to_text(t) : "undefined";
  }
  std::string master(const std::string& name) { return call("application_controller", "get_master", "[" + name + "]"); }
  std::string running() {
    std::string out;
    for (const auto& r : actors::running_applications(*node)) out += (out.empty() ? "" : " ") + to_text(r.name);
    return out;
  }
  void kill(const std::string& pid) {
    node->exit_signal(user.pid, parse(pid)->root, atom("kill"));
    run();
  }
  // What stop_applications does, without waiting.
  void shut_down() {
    node->send(actors::applications_of(*node)->watcher, immediate_block(atom("stop")));
    run();
  }
  std::string terminated;
};

TEST(Applications, HaveTheNodesOwnFromTheBeginning) {
  app_node n;
  EXPECT_EQ(n.ask("which_applications", ""), "[{stdlib,\"s\",\"1\"},{kernel,\"k\",\"1\"}]");
  EXPECT_EQ(n.ask("get_key", "stdlib, applications"), "{ok,[kernel]}");
  EXPECT_EQ(n.ask("start", "kernel"), "{error,{already_started,kernel}}");
}

TEST(Applications, OfTheNodeAreStartedLikeOthersWhenTheyAreAskedFor) {
  app_node node;
  EXPECT_EQ(node.running(), "stdlib kernel");
  EXPECT_EQ(node.ask("ensure_all_started", "extra"), "{ok,[extra]}");
  EXPECT_EQ(node.running(), "extra stdlib kernel");
  EXPECT_EQ(node.ask("get_key", "extra, modules"), "{ok,[m]}");
  EXPECT_EQ(node.ask("stop", "extra"), "ok");
  EXPECT_EQ(node.ask("unload", "extra"), "ok");
  EXPECT_EQ(node.ask("load", "extra"), "ok");
}

TEST(Applications, RefuseSpecificationsInOtpsWords) {
  const char* cases[][2] = {{"7", "{error,{bad_application,7}}"},
                            {"{application, 1, []}", "{error,{bad_application,{application,1,[]}}}"},
                            {"{application, a, b}", "{error,{invalid_options,b}}"},
                            {"{application, a, [{mod, b}]}", "{error,{badstartspec,b}}"},
                            {"{application, a, [{mod, {1, 2}}]}", "{error,{badstartspec,{1,2}}}"}};
  app_node n;
  for (const auto& [spec, answer] : cases) EXPECT_EQ(n.ask("load", spec), answer) << spec;
  EXPECT_EQ(n.ask("loaded_applications", "").find("{a,"), std::string::npos);
}

TEST(Applications, RefuseAnEnvironmentThatIsNone) {
  app_node n;
  EXPECT_TRUE(contains(n.load("a", "{env, [no_pair]}"), "{error,{function_clause,[{application_controller,merge_app_env,"));
  EXPECT_EQ(n.load("a", "{env, [{k, v}]}"), "ok");
  EXPECT_EQ(n.ask("get_env", "a, k"), "{ok,v}");
}

// set_env/1 checks what it is given; a peer need not ask by way of it.
TEST(Applications, EndWithTheControllerThatIsGivenNoEnvironment) {
  for (const char* config : {"[{a,[b]}]", "[{a,b}]", "[{a,[{b}|c]}]", "b"}) {
    app_node n;
    n.call("gen_server", "call", "[application_controller,{set_env," + std::string(config) + ",[]}]");
    EXPECT_TRUE(n.terminated.starts_with("Kernel pid terminated (application_controller)")) << config << ": " << n.terminated;
  }
  app_node n;
  EXPECT_EQ(n.call("gen_server", "call", "[application_controller,{set_env,[b,{},{a,[{k,v}]}],[]}]"), "ok");
  EXPECT_EQ(n.ask("get_env", "a, k"), "{ok,v}");
}

TEST(Applications, StartTheirSupervisorAndStopIt) {
  app_node n;
  ASSERT_EQ(n.load_with_worker("a"), "ok");
  EXPECT_EQ(n.ask("start", "a"), "ok");
  const auto master = n.master("a"), top = n.where("top");
  EXPECT_EQ(n.call("application_master", "get_child", "[" + master + "]"), "{" + top + ",app}");
  EXPECT_EQ(n.ask("get_supervisor", "a"), "{ok," + top + "}");
  EXPECT_EQ(n.ask("get_supervisor", "kernel"), "undefined");
  EXPECT_EQ(n.running(), "a stdlib kernel");
  EXPECT_EQ(n.ask("unload", "a"), "{error,{running,a}}");
  EXPECT_EQ(n.ask("stop", "a"), "ok");
  EXPECT_EQ(n.where("w"), "undefined");
  EXPECT_EQ(n.running(), "stdlib kernel");
  EXPECT_FALSE(n.alive(master));
  EXPECT_EQ(callbacks::trace().back(), "stop([])");
  EXPECT_TRUE(contains(n.quiet_log, "    application: a\n    exited: stopped\n    type: temporary")) << n.quiet_log;
}

TEST(Applications, AnswerAllWhoAskWhileOneStarts) {
  app_node n;
  ASSERT_EQ(n.load("a", "{mod, {app, {wait, {error, slow}}}}"), "ok");
  auto first = n.new_client(), second = n.new_client();
  EXPECT_EQ(n.apply(first, "application", "start", "[a]"), "waits");
  EXPECT_EQ(n.apply(second, "application", "start", "[a]"), "waits");
  EXPECT_EQ(n.ask("get_env", "a, k"), "undefined");  // the controller is not kept by it
  for (const term pid : n.node->processes()) n.node->send(pid, immediate_block(atom("go")));
  n.run();
  EXPECT_EQ(first.last(), "{error,{slow,{app,start,[normal,{wait,{error,slow}}]}}}");
  EXPECT_EQ(second.last(), first.last());
}

TEST(Applications, SayWhyOneDoesNotStart) {
  const char* cases[][2] = {{"{do, {error, why}}", "{error,{why,{app,start,[normal,{do,{error,why}}]}}}"},
                            {"{do, other}", "{error,{bad_return,{{app,start,[normal,{do,other}]},other}}}"},
                            {"{raise, exit, normal}", "{error,{{'EXIT',normal},{app,start,[normal,{raise,exit,normal}]}}}"},
                            {"{raise, exit, why}", "{error,{bad_return,{{app,start,[normal,{raise,exit,why}]},{'EXIT',why}}}}"},
                            {"{raise, throw, {error, t}}", "{error,{t,{app,start,[normal,{raise,throw,{error,t}}]}}}"}};
  for (const auto& [argument, answer] : cases) {
    app_node n;
    ASSERT_EQ(n.load("a", std::string("{mod, {app, ") + argument + "}}"), "ok");
    EXPECT_EQ(n.ask("start", "a"), answer);
    EXPECT_EQ(n.running(), "stdlib kernel");
  }
}

TEST(Applications, TemporaryOnesEndQuietly) {
  app_node n;
  n.load_with_worker("a");
  n.ask("start", "a, temporary");
  n.kill(n.where("top"));
  EXPECT_EQ(n.running(), "stdlib kernel");
  EXPECT_EQ(n.where("w"), "undefined");
  EXPECT_TRUE(contains(n.quiet_log, "application: a\n    exited: killed\n    type: temporary")) << n.quiet_log;
  EXPECT_EQ(n.terminated, "");
  EXPECT_EQ(n.ask("start", "a"), "ok");
}

TEST(Applications, ThePermanentOnesEndIsTheNodes) {
  app_node n;
  n.load_with_worker("a");
  n.ask("start", "a, permanent");
  n.load("b", "{mod, {app, {do, {error, never}}}}");
  n.kill(n.where("top"));
  EXPECT_EQ(n.terminated, "Kernel pid terminated (application_controller) ({application_terminated,a,killed})");
  EXPECT_EQ(n.where("application_controller"), "undefined");
}

TEST(Applications, ATransientOneMayEndNormallyOnly) {
  app_node n;
  n.load_with_worker("a");
  n.ask("start", "a, transient");
  n.call("gen_server", "stop", "[top]");
  EXPECT_EQ(n.running(), "stdlib kernel");
  EXPECT_EQ(n.terminated, "");
  n.ask("start", "a, transient");
  n.kill(n.where("top"));
  EXPECT_EQ(n.terminated, "Kernel pid terminated (application_controller) ({application_terminated,a,killed})");
}

TEST(Applications, APermanentOneThatDoesNotStartEndsTheNode) {
  app_node n;
  n.load("a", "{mod, {app, {do, {error, why}}}}");
  n.ask("start", "a, permanent");
  EXPECT_EQ(n.terminated, "Kernel pid terminated (application_controller) ({application_start_failure,a,{why,{app,start,[normal,{do,{error,why}}]}}})");
}

TEST(Applications, TakeTheirProcessesWithThem) {
  app_node n;
  n.load_with_worker("a");
  n.ask("start", "a");
  const auto master = n.master("a");
  actors::spawn_options options;
  options.group_leader = n.parse(master)->root;
  const auto lost = to_text(n.node->spawn_function(atom("app"), atom("idle"), nil, options));
  const auto other = to_text(n.node->spawn_function(atom("app"), atom("idle"), nil));
  n.run();
  n.ask("stop", "a");
  EXPECT_FALSE(n.alive(lost));
  EXPECT_TRUE(n.alive(other));
}

TEST(Applications, RelayWhatTheirProcessesPrint) {
  app_node n;
  auto user = n.new_observer();
  n.node->set_default_group_leader(user.pid);
  n.load_with_worker("a");
  // The master's own group leader is the controller's.
  n.in(n.parse(n.where("application_controller"))->root, [&](actors::process& p) { p.set_group_leader(user.pid); });
  n.ask("start", "a");
  for (int i = 0; i < 3; ++i) n.send(n.master("a"), "{io_request, me, " + std::to_string(i) + ", {put_chars, unicode, \"text\"}}");
  EXPECT_EQ(user.all(), "{io_request,me,0,{put_chars,unicode,\"text\"}}\n{io_request,me,1,{put_chars,unicode,\"text\"}}\n"
                        "{io_request,me,2,{put_chars,unicode,\"text\"}}\n");
}

TEST(Applications, StopWithTheNodeTheLastOneFirst) {
  app_node n;
  n.load_with_worker("a");
  n.ask("start", "a");
  n.load("b", "{mod, {app, {sup, []}}}");
  n.ask("start", "b");  // fails: `top` is there already
  EXPECT_EQ(n.running(), "a stdlib kernel");
  n.shut_down();
  EXPECT_EQ(n.where("w"), "undefined");
  EXPECT_EQ(n.where("application_controller"), "undefined");
  EXPECT_EQ(n.terminated, "");
  EXPECT_EQ(callbacks::trace().back(), "stop([])");
}

TEST(Applications, AreKilledWhenTheirStopTakesTooLong) {
  app_node n("[{kernel, [{shutdown_timeout, 100}]}]");
  n.load_with_worker("a", "{gen_server, start_link, [{local, w}, cb, {do, {ok, {wait, ok}}}, []]}");
  n.ask("start", "a");
  n.in(n.parse(n.where("w"))->root, [](actors::process& p) { p.set_trap_exit(true); });  // its terminate waits for `go`
  n.shut_down();
  EXPECT_NE(n.where("application_controller"), "undefined");
  n.pass(100);
  EXPECT_EQ(n.where("application_controller"), "undefined");
}

TEST(Applications, WaitForTheOnesTheyNeed) {
  app_node n;
  n.load("lib");
  n.ask("load", "{application, a, [{applications, [kernel, lib]}]}");
  EXPECT_EQ(n.ask("start", "a"), "{error,{not_started,lib}}");
  EXPECT_EQ(n.ask("ensure_all_started", "a"), "{ok,[lib,a]}");
  EXPECT_EQ(n.ask("ensure_all_started", "[lib, a]"), "{ok,[]}");
  EXPECT_EQ(n.ask("ensure_all_started", "a, temporary, concurrent"), "error:badarg");
}

TEST(Applications, ThatNeedOneAnotherAreRefused) {
  app_node n;
  n.ask("load", "{application, a, [{applications, [b]}]}");
  n.ask("load", "{application, b, [{applications, [a]}]}");
  EXPECT_EQ(n.ask("ensure_all_started", "a"), "{error,{a,{circular_dependency,[a,b]}}}");
  EXPECT_EQ(n.ask("start", "a"), "{error,{not_started,b}}");
}

TEST(Applications, MayIncludeOneAnotherAsDeepAsTheyLike) {
  app_node n;
  std::string spec = "{application, last, []}";
  for (int i = 0; i < 3000; ++i) spec = "{application, a" + std::to_string(i) + ", [{included_applications, [" + spec + "]}]}";
  EXPECT_EQ(n.ask("load", spec), "ok");
  EXPECT_EQ(n.ask("get_key", "last, vsn"), "{ok,[]}");
  EXPECT_EQ(n.ask("load", "{application, loop, [{included_applications, [loop]}]}"), "ok");
  EXPECT_EQ(n.ask("unload", "loop"), "ok");
}

TEST(Applications, KeepPersistentParametersOverALoad) {
  app_node n("[{a, [{k, config}, {l, config}]}]");
  EXPECT_EQ(n.ask("get_env", "a, k"), "{ok,config}");
  n.load("a", "{env, [{k, app}, {m, app}]}");
  EXPECT_EQ(n.ask("get_env", "a, k"), "{ok,config}");
  EXPECT_EQ(n.ask("set_env", "a, m, kept, [{persistent, true}]"), "ok");
  EXPECT_EQ(n.ask("set_env", "a, l, lost"), "ok");
  n.ask("unload", "a");
  EXPECT_EQ(n.ask("get_env", "a, k"), "undefined");
  n.load("a", "{env, [{k, app}, {m, app}]}");
  EXPECT_EQ(n.ask("get_env", "a, m"), "{ok,kept}");
  EXPECT_EQ(n.ask("get_env", "a, l"), "{ok,config}");
}

// ---- config files

struct config_files : ::testing::Test {
  config_files() { std::filesystem::create_directories(dir); }
  ~config_files() override { std::filesystem::remove_all(dir); }
  std::string write(const std::string& name, const std::string& text) {
    std::ofstream(dir + "/" + name) << text;
    return dir + "/" + name;
  }
  // The configuration, or the complaint with the folder's name left out.
  std::string read(const std::string& file) {
    block_ptr out;
    std::string error;
    if (actors::read_config(file, out, error)) return to_text(out->root);
    for (auto at = error.find(dir + "/"); at != error.npos; at = error.find(dir + "/")) error.erase(at, dir.size() + 1);
    return error;
  }
  std::string dir = ::testing::TempDir() + "/config." + std::to_string(::getpid());
};

TEST_F(config_files, AreOneListOfApplications) {
  EXPECT_EQ(read(write("a.config", "%% comment\n[{a, [{k, 1}]}].\n")), "[{a,[{k,1}]}]");
  EXPECT_EQ(read(dir + "/a"), "[{a,[{k,1}]}]");
  EXPECT_EQ(read(write("b.config", "[{a, [{k, 1}, {k, 2}]}].")), "b.config: application: a; duplicate parameter: k");
  EXPECT_EQ(read(write("b.config", "[{a, []}, {a, []}].")), "b.config: duplicate application config: a");
  EXPECT_EQ(read(write("b.config", "[{a, 1}].")), "b.config: application: a; parameters must be a list");
  EXPECT_EQ(read(write("b.config", "[{a, [k]}].")), "b.config: application: a; invalid parameter: k");
  EXPECT_EQ(read(write("b.config", "[].\n[].")), "b.config: must hold one list of {Application, [{Key, Value}]} and a full stop");
  EXPECT_TRUE(contains(read(write("b.config", "[{a,\n [}].")), "b.config: ")) << read(dir + "/b.config");
  EXPECT_EQ(read(dir + "/none.config"), "none.config: No such file or directory");
  EXPECT_EQ(read(dir), dir + ": Is a directory");
}

TEST_F(config_files, NameOthersInSysConfigOnly) {
  write("more.config", "[{a, [{k, more}, {m, more}]}, {b, []}].");
  EXPECT_EQ(read(write("sys.config", "[{a, [{k, sys}, {l, sys}]}, \"more\"].")), "[{b,[]},{a,[{m,more},{l,sys},{k,more}]}]");
  EXPECT_EQ(read(write("sys.config", "[\"more.config\", {a, [{k, sys}]}].")), "[{b,[]},{a,[{m,more},{k,sys}]}]");
  EXPECT_EQ(read(write("sys.config", "[\"absent\"].")), "absent.config: No such file or directory");
  EXPECT_EQ(read(write("sys.config", "[17].")), "sys.config: invalid application config: 17");
  EXPECT_EQ(read(write("other.config", "[\"more\"].")), "other.config: invalid application config: \"more\"");
  write("more.config", "[{a, [k]}].");
  EXPECT_EQ(read(write("sys.config", "[\"more\"].")), "more.config: application: a; invalid parameter: k");
}

}  // namespace
}  // namespace cnode::test
