// A relup's instructions on a node without sockets: the example hotcode from its first release to its second, and the way back when
// something fails.
#include <gtest/gtest.h>

#include <cnode/actors/applications.hpp>
#include <cnode/actors/gen.hpp>
#include <cnode/actors/supervisor.hpp>
#include <cnode/actors/upgrade.hpp>
#include <cnode/protocol/term_text.hpp>

#include "release_handler/release_handler.hpp"
#include "code_node.hpp"

namespace cnode::test {
namespace {

const std::string old_state = R"(#{money => 300000,name => <<"blackode">>})";
const std::string new_state = R"(#{name => <<"blackode">>,salary => 300000})";

// Never looks at its messages.
struct deaf : actors::behaviour {
  void start(actors::process&) override {}
  void receive(actors::process&, block_ptr& message) override { message.reset(); }
  void returned(actors::process&, actors::outcome) override {}
};
// No behaviour's process, but one that knows sys's messages: it answers ok and counts them.
struct polite : actors::behaviour {
  static inline std::atomic<int> asked{0};
  void start(actors::process&) override {}
  void receive(actors::process& self, block_ptr& message) override {
    const term m = message->root;
    if (m.is_tuple(3) && m[0].same(atom("system"))) {
      ++asked;
      self.send(m[1][0], make_tuple_of(self.scratch(), m[1][1], atom("ok")));
    }
    message.reset();
  }
  void returned(actors::process&, actors::outcome) override {}
};
template <class B>
cnode_term start_one(cnode_env* env, const cnode_term*) {
  auto& self = actors::self(env);
  actors::spawn_options options;
  options.link_to = self.pid();
  const term pid = self.node().spawn(std::make_unique<B>(), options);
  return make_tuple_of(actors::heap_of(env), atom("ok"), pid).word();
}

class Upgrade : public testing::Test {
 protected:
  Upgrade() {
    auto& r = *node.runtime;
    actors::add_behaviour_builtins(r);
    actors::add_application_builtins(r);
    release_handler::add_builtins(r);
    static constexpr actors::builtin_function functions[] = {{"start_deaf", 0, start_one<deaf>}, {"start_polite", 0, start_one<polite>}};
    r.code().add_builtin("upgrade_test", functions);
    lay("0.1.0", "v1");
    lay("0.2.0", "v2");
    r.code().add_path(lib("0.1.0") + "/ebin", true);
    auto b = block::make(256);
    const term keys[] = {atom("money"), atom("name")}, values[] = {small(300000), make_binary(*b, "blackode")};
    child.id = atom("demo");
    child.module = atom("demo_server");
    child.function = atom("start_link");
    child.args = make_list_of(*b, make_map(*b, keys, values, 2));
    actors::start_supervisor(r, atom("cnode_sup"), {child});
    EXPECT_TRUE(eventually([&] { return state() == old_state; }));
    pid = whereis("demo_server");
  }
  std::string lib(const std::string& vsn) const { return node.dir + "/lib/hotcode-" + vsn; }
  void lay(const std::string& vsn, const std::string& built) {
    fs::create_directories(lib(vsn) + "/ebin");
    for (const auto& f : fs::directory_iterator(std::string{TEST_MODULES} + "/" + built)) fs::copy(f.path(), lib(vsn) + "/ebin");
  }
  std::string state(const std::string& name = "demo_server") { return node.call("sys", "get_state", "[" + name + "]"); }
  std::string whereis(const std::string& name) { return to_text(node.runtime->whereis(atom(name))); }
  std::string upgrade(const std::string& script) {
    const auto libs = R"([{hotcode,"0.2.0",")" + lib("0.2.0") + R"("}])";
    return node.call("release_handler_1", "eval_script", "[[" + script + "],[]," + libs + "," + libs + ",[]]");
  }
  std::string add() { return node.call("gen_server", "call", "[demo_server,{add,0}]"); }
  void expect_all_is_old() {
    EXPECT_EQ(state(), old_state);
    EXPECT_EQ(add(), R"(<<"0 added to blackode">>)");
    EXPECT_EQ(node.call("code", "which", "[demo_server]"), "\"" + lib("0.1.0") + "/ebin/demo_server.so\"");
    EXPECT_EQ(node.call("code", "lib_dir", "[hotcode]"), "\"" + lib("0.1.0") + "\"");
  }

  code_node node;
  actors::child_spec child;
  std::string pid;
  const std::string object = R"({load_object_code,{hotcode,"0.2.0",[demo_server]}})", suspend = "{suspend,[demo_server]}",
                    load = "{load,{demo_server,brutal_purge,brutal_purge}}", change = "{code_change,up,[{demo_server,[]}]}",
                    resume = "{resume,[demo_server]}",
                    // a relup's `apply` may start processes in the midst of an upgrade
                    start = R"({apply,{gen_server,start,[{local,late},demo_server,#{money => 7,name => <<"late">>},[]]}})", fails = "{apply,{nosuch,boom,[]}}";
};

TEST_F(Upgrade, ExchangesTheCodeUnderAProcessAndChangesItsState) {
  EXPECT_EQ(upgrade(object + ",point_of_no_return," + suspend + "," + load + "," + change + "," + resume), "{ok,[]}");
  EXPECT_EQ(state(), new_state);
  EXPECT_EQ(add(), new_state);
  EXPECT_EQ(whereis("demo_server"), pid);
  EXPECT_EQ(node.call("code", "which", "[demo_server]"), "\"" + lib("0.2.0") + "/ebin/demo_server.so\"");
}

TEST_F(Upgrade, IsTakenBackWhereverAnInstructionFails) {
  const std::vector<std::string> steps{"point_of_no_return", suspend, load, change, resume};
  for (std::size_t last = 0; last < steps.size(); ++last) {
    std::string script = object;
    for (std::size_t i = 0; i <= last; ++i) script += "," + steps[i];
    SCOPED_TRACE(script);
    EXPECT_EQ(upgrade(script + "," + fails).substr(0, 23), "{'EXIT',{'EXIT',{undef,");
    expect_all_is_old();
    EXPECT_EQ(whereis("demo_server"), pid);
  }
  EXPECT_EQ(upgrade(object + ",point_of_no_return," + suspend + "," + load + "," + change + "," + resume), "{ok,[]}");
  EXPECT_EQ(state(), new_state);
}

TEST_F(Upgrade, NamesProcessModuleVersionAndReasonOfACodeChangeThatRaises) {
  const auto answer = upgrade(object + ",point_of_no_return," + suspend + "," + load + "," + change + "," + change + "," + resume);
  EXPECT_TRUE(answer.starts_with("{'EXIT',{code_change_failed," + pid + ",demo_server,<<\"1\">>,")) << answer;
  expect_all_is_old();
}

TEST_F(Upgrade, RefusesAFileThatCannotBeLoadedBeforeItTouchesAnything) {
  const auto file = lib("0.2.0") + "/ebin/demo_server.so";
  write(file, contents(file).substr(0, 3000));
  const auto answer = upgrade(object + ",point_of_no_return," + suspend + "," + load + "," + change + "," + resume);
  EXPECT_TRUE(answer.starts_with("{error,{bad_object_code,demo_server,\"" + file + "\",badfile,")) << answer;
  expect_all_is_old();
  fs::remove(file);
  EXPECT_EQ(upgrade(object + ",point_of_no_return"), "{error,{no_such_file,\"" + file + "\"}}");
  EXPECT_EQ(upgrade(R"({load_object_code,{hotcode,"0.9",[demo_server]}},point_of_no_return)"), R"({error,{bad_lib_vsn,hotcode,"0.2.0"}})");
}

TEST_F(Upgrade, ChangesProcessesThatStartBetweenTheSuspendAndTheLoad) {
  EXPECT_EQ(upgrade(object + ",point_of_no_return," + suspend + "," + start + "," + load + "," + change + "," + resume), "{ok,[]}");
  EXPECT_EQ(state("late"), R"(#{name => <<"late">>,salary => 7})");
}

TEST_F(Upgrade, LeavesAloneTheStateOfProcessesThatStartWithTheNewCode) {
  EXPECT_EQ(upgrade(object + ",point_of_no_return," + suspend + "," + load + "," + start + "," + change + "," + resume), "{ok,[]}");
  EXPECT_EQ(state("late"), R"(#{money => 7,name => <<"late">>})");
  EXPECT_EQ(state(), new_state);
}

TEST_F(Upgrade, FailsWhenAProcessCannotBeSuspended) {
  node.call("supervisor", "start_child", "[cnode_sup,{deaf,{upgrade_test,start_deaf,[]},permanent,1000,worker,[demo_server]}]");
  const auto answer = upgrade(object + ",point_of_no_return,{suspend,[{demo_server,100}]}," + load + "," + change + "," + resume);
  EXPECT_TRUE(answer.starts_with("{'EXIT',{suspend_failed,<")) << answer;
  EXPECT_TRUE(answer.ends_with(",demo_server,timeout}}")) << answer;
  expect_all_is_old();
}

TEST_F(Upgrade, AsksProcessesOfOtherKindsBySysMessages) {
  node.call("supervisor", "start_child", "[cnode_sup,{polite,{upgrade_test,start_polite,[]},permanent,1000,worker,[demo_server]}]");
  polite::asked = 0;
  EXPECT_EQ(upgrade(object + ",point_of_no_return," + suspend + "," + load + "," + change + "," + resume), "{ok,[]}");
  EXPECT_EQ(polite::asked, 3);
  EXPECT_EQ(state(), new_state);
}

TEST_F(Upgrade, SuspendsAProcessOfTwoModulesForBothAndResumesItWithTheFirst) {
  node.call("supervisor", "start_child",
            R"([cnode_sup,{two,{gen_server,start_link,[{local,two},demo_server,#{money => 5,name => <<"two">>},[]]},permanent,1000,worker,[demo_server,hotcode_sup]}])");
  const auto running = [&] { return node.call("sys", "get_status", "[two]").find(",running,") != std::string::npos; };
  EXPECT_TRUE(running());
  EXPECT_EQ(upgrade(object + ",point_of_no_return,{suspend,[demo_server,hotcode_sup]}," + load + "," + change + ",{resume,[demo_server]},{resume,[hotcode_sup]}"), "{ok,[]}");
  EXPECT_TRUE(running());
  EXPECT_EQ(state("two"), R"(#{name => <<"two">>,salary => 5})");
  EXPECT_EQ(state(), new_state);
}

// What 10,000 processes are asked by is the same as sys's messages, but for the messages.
TEST_F(Upgrade, SuspendsChangesAndResumesWithoutMessages) {
  struct answers {
    std::atomic<int> n{0};
    std::string last;
  };
  const auto got = std::make_shared<answers>();
  const auto ask = [&](const char* request, bool taken) {
    std::atomic<int> was{-1};
    const int before = got->n;
    node.runtime->run_in(node.runtime->whereis(atom("demo_server")), [&, request](actors::process& p) {
      std::function<void(term)> answered = [got](term t) { got->last = to_text(t), ++got->n; };
      const auto r = std::move(*parse_term(request));
      was = dynamic_cast<actors::upgradable&>(*p.current_behaviour()).system_request(p, r->root, answered);
    });
    EXPECT_TRUE(eventually([&] { return was >= 0 && (!taken || got->n > before); }));
    EXPECT_EQ(was, taken) << request;
    return taken ? got->last : "";
  };
  ask("{change_code,demo_server,undefined,[]}", false);  // not suspended: sys's message would be answered with an error
  EXPECT_EQ(ask("suspend", true), "ok");
  EXPECT_NE(node.call("sys", "get_status", "[demo_server]").find("suspended"), std::string::npos);
  // The first release has no code_change: the raise is the answer, as by sys.
  EXPECT_TRUE(ask("{change_code,demo_server,undefined,[]}", true).starts_with("{error,"));
  EXPECT_EQ(state(), old_state);
  EXPECT_EQ(ask("resume", true), "ok");
  EXPECT_EQ(add(), R"(<<"0 added to blackode">>)");
}

TEST_F(Upgrade, StartsStoppedProcessesAgainWhenItIsTakenBack) {
  EXPECT_EQ(upgrade(object + ",point_of_no_return,{stop,[demo_server]}," + load + "," + fails).substr(0, 23), "{'EXIT',{'EXIT',{undef,");
  expect_all_is_old();
  EXPECT_EQ(upgrade(object + ",point_of_no_return,{stop,[demo_server]}," + load + ",{start,[demo_server]}"), "{ok,[]}");
  EXPECT_NE(whereis("demo_server"), pid);
}

TEST_F(Upgrade, PutsBackAModuleThatWasRemoved) {
  EXPECT_EQ(upgrade("point_of_no_return,{remove,{demo_server,brutal_purge,brutal_purge}},{purge,[demo_server]}," + fails).substr(0, 23), "{'EXIT',{'EXIT',{undef,");
  EXPECT_EQ(add(), R"(<<"0 added to blackode">>)");
}

TEST_F(Upgrade, RefusesWhatIsNoInstruction) {
  EXPECT_EQ(upgrade("{dance,[demo_server]}").substr(0, 7), "{error,");
  EXPECT_EQ(upgrade("{load,demo_server}").substr(0, 7), "{error,");
  expect_all_is_old();
}

TEST_F(Upgrade, FindsTheProcessesOfTheTree) {
  EXPECT_EQ(node.call("release_handler_1", "get_supervised_procs"), "[{" + whereis("cnode_sup") + ",demo," + pid + ",[demo_server]}]");
}

}  // namespace
}  // namespace cnode::test
