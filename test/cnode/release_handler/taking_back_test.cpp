// Processes of each behaviour, upgraded and taken back: a machine whose callback mode changes, a handler, and a server whose state is a C++ object.
#include <gtest/gtest.h>

#include <atomic>

#include <cnode/actors/applications.hpp>
#include <cnode/actors/gen.hpp>
#include <cnode/actors/supervisor.hpp>

#include "release_handler/release_handler.hpp"
#include "code_node.hpp"

namespace cnode::test {
namespace {

// The callback module of a supervisor that wants to be another one each time it is asked.
cnode_term init_shelf(cnode_env* env, const cnode_term*) {
  static std::atomic<int> asked{0};
  const auto text = "{ok,{#{intensity => " + std::to_string(++asked) + "},[#{id => spare,start => {gen_server,start_link,[{local,spare},states,{samples,2},[]]},modules => [states]}]}}";
  const auto parsed = parse_term(text);
  return copy(actors::heap_of(env), (*parsed)->root).word();
}

class TakingBack : public testing::Test {
 protected:
  TakingBack() {
    auto& r = *node.runtime;
    actors::add_behaviour_builtins(r);
    actors::add_application_builtins(r);
    release_handler::add_builtins(r);
    static constexpr actors::builtin_function functions[] = {{"init", 1, init_shelf}};
    r.code().add_builtin("shelf", functions);
    lay("1", {EXAMPLES "/door/v1/door.so", EXAMPLES "/tally/v1/tally.so", STATES "/states_v1/states.so"});
    lay("2", {EXAMPLES "/door/v2/door.so", EXAMPLES "/tally/v2/tally.so", STATES "/states_v2/states.so"});
    r.code().add_path(ebin("1"), true);
    actors::start_supervisor(r, atom("cnode_sup"), {});
    EXPECT_TRUE(eventually([&] { return node.call("supervisor", "which_children", "[cnode_sup]") == "[]"; }));
    door = started("#{id => door, start => {door, start_link, []}}");
    started("#{id => bells, start => {gen_event, start_link, [{local, bells}]}, modules => dynamic}");
    started("#{id => box, start => {gen_server, start_link, [{local, box}, states, {samples, 3}, []]}, modules => [states]}");
    EXPECT_EQ(node.call("gen_event", "add_handler", "[bells, tally, []]"), "ok");
    EXPECT_EQ(node.call("gen_event", "sync_notify", "[bells, rung]"), "ok");
    EXPECT_EQ(ask_door("knock"), "come_in");
    EXPECT_EQ(node.call("gen_statem", "cast", "[" + door + ", shut]"), "ok");
    expect_old();
  }
  std::string ebin(const std::string& vsn) const { return node.dir + "/lib/shop-" + vsn + "/ebin"; }
  void lay(const std::string& vsn, std::initializer_list<const char*> files) {
    fs::create_directories(ebin(vsn));
    for (const auto* f : files) fs::copy(f, ebin(vsn));
  }
  // The child's pid.
  std::string started(const std::string& spec) {
    const auto answer = node.call("supervisor", "start_child", "[cnode_sup, " + spec + "]");
    EXPECT_TRUE(answer.starts_with("{ok,")) << answer;
    return answer.substr(4, answer.size() - 5);
  }
  std::string ask_door(const std::string& what) { return node.call("gen_statem", "call", "[" + door + ", " + what + "]"); }
  std::string ask_box(const std::string& what) { return node.call("gen_server", "call", "[box, " + what + "]"); }
  std::string states() { return node.call("sys", "get_state", "[" + door + "]") + " " + node.call("sys", "get_state", "[bells]") + " " + node.call("sys", "get_state", "[box]"); }
  std::string upgrade(const std::string& script) {
    const auto libs = R"([{shop,"2",")" + node.dir + R"(/lib/shop-2"}])";
    return node.call("release_handler_1", "eval_script", "[[" + script + "],[]," + libs + "," + libs + ",[]]");
  }
  void expect_old() {
    EXPECT_EQ(states(), "{closed,1} [{tally,false,1}] #{values => [1,1,1]}");
    EXPECT_EQ(ask_door("visits"), "1");
    EXPECT_EQ(node.call("gen_event", "call", "[bells, tally, seen]"), "1");
    EXPECT_EQ(ask_box("vsn"), "<<\"1\">>");
    EXPECT_EQ(ask_box("size"), "3");
  }

  code_node node;
  std::string door;
  const std::string steps[6] = {R"({load_object_code,{shop,"2",[door,tally,states]}},point_of_no_return)",
                                "{suspend,[door,tally,states]}",
                                "{load,{door,brutal_purge,brutal_purge}},{load,{tally,brutal_purge,brutal_purge}},{load,{states,brutal_purge,brutal_purge}}",
                                "{code_change,up,[{door,[]},{tally,[]}]}",
                                "{code_change,up,[{states,as_old}]}",
                                "{resume,[states,tally,door]}"};
  std::string until(std::size_t last, const std::string& more) const {
    std::string script;
    for (std::size_t i = 0; i <= last; ++i) script += steps[i] + ",";
    return script + more;
  }
  const std::string fails = "{apply,{nosuch,boom,[]}}";
};

TEST_F(TakingBack, GivesMachinesHandlersAndObjectsWhatTheyWereWhereverItFails) {
  for (std::size_t last = 0; last < std::size(steps); ++last) {
    SCOPED_TRACE(steps[last]);
    const auto answer = upgrade(until(last, fails));
    EXPECT_TRUE(answer.starts_with("{'EXIT',{'EXIT',{undef,")) << answer;
    expect_old();
  }
  EXPECT_EQ(ask_door("knock"), "come_in");
}

TEST_F(TakingBack, UndoesWhatTheyDidInTheNewVersion) {
  EXPECT_TRUE(upgrade(until(5, "{apply,{gen_event,sync_notify,[bells,again]}},{apply,{gen_statem,call,[" + door + ",knock]}}," + fails)).starts_with("{'EXIT',"));
  expect_old();
  // The timeout of a state that is no more would find one that does not know it.
  const auto status = node.call("sys", "get_status", "[" + door + "]");
  EXPECT_NE(status.find(R"({"Time-outs",{0,[]}})"), std::string::npos) << status;
}

TEST_F(TakingBack, FollowsACodeChangeThatRefuses) {
  const auto answer = upgrade(until(3, "{code_change,up,[{states,refuse}]}," + steps[5]));
  EXPECT_TRUE(answer.starts_with("{'EXIT',{code_change_failed,<")) << answer;
  EXPECT_TRUE(answer.ends_with(",states,<<\"1\">>,{error,no}}}")) << answer;
  expect_old();
}

TEST_F(TakingBack, EndsWhatBeganInTheNewVersionWhileHandlersAreSuspended) {
  const std::string late = "{apply,{supervisor,start_child,[cnode_sup,#{id => late,start => {gen_server,start_link,[{local,late},states,{samples,1},[]]},modules => [states]}]}}";
  EXPECT_TRUE(upgrade(until(2, late + "," + steps[4] + "," + fails)).starts_with("{'EXIT',"));
  EXPECT_EQ(node.call("gen_server", "call", "[late, vsn]"), "<<\"1\">>");
  EXPECT_EQ(node.call("sys", "get_state", "[late]"), "#{values => [1]}");
  expect_old();
}

TEST_F(TakingBack, StartsStoppedChildrenOfASupervisorThatIsTakenBackItself) {
  const auto shelf = started("#{id => shelf, start => {supervisor, start_link, [shelf, []]}, type => supervisor, modules => [shelf]}");
  const auto before = node.call("supervisor", "get_childspec", "[" + shelf + ", spare]") + node.call("sys", "get_state", "[" + shelf + "]").substr(0, 40);
  EXPECT_TRUE(upgrade("{suspend,[shelf]},{code_change,up,[{shelf,[]}]},{resume,[shelf]},{stop,[states]},{suspend,[shelf]}," + fails).starts_with("{'EXIT',"));
  EXPECT_EQ(node.call("supervisor", "get_childspec", "[" + shelf + ", spare]") + node.call("sys", "get_state", "[" + shelf + "]").substr(0, 40), before);
  EXPECT_EQ(node.call("gen_server", "call", "[spare, size]"), "2");
}

TEST_F(TakingBack, LeavesTheWayUpOpen) {
  EXPECT_TRUE(upgrade(until(4, fails)).starts_with("{'EXIT',"));
  EXPECT_EQ(upgrade(until(5, "{purge,[door,tally,states]}")), "{ok,[]}");
  EXPECT_EQ(states(), "{closed,{1,0}} [{tally,false,{1,[]}}] #{total => 300,values => [1,1,1]}");
  EXPECT_EQ(ask_door("visits"), "{1,0}");
  EXPECT_EQ(ask_box("vsn"), "<<\"2\">>");
}

}  // namespace
}  // namespace cnode::test
