#include <gtest/gtest.h>

#include <utility>

#include "server_node.hpp"

namespace cnode::test {
namespace {

// Events {do, Return} return it; any other is kept in the trace.
cnode_term callback_mode(cnode_env*, const cnode_term*) { return atom("handle_event_function").word(); }
cnode_term handle_event(cnode_env* env, const cnode_term* a) {
  const term type{a[0]}, content{a[1]}, state{a[2]};
  callbacks::trace().push_back(to_text(type.is_tuple(2) && type[0].same(atom("call")) ? atom("call") : type) + " " + to_text(content) + " in " +
                               to_text(state));
  return callbacks::obey(env, content, atom("keep_state_and_data"));
}
cnode_term on_event(cnode_env* env, const cnode_term* a) {
  callbacks::trace().push_back("heard " + to_text(term{a[0]}));
  return callbacks::obey(env, term{a[0]}, make_tuple_of(callbacks::heap(env), atom("ok"), term{a[1]}));
}
constexpr actors::builtin_function machine[] = {{"init", 1, callbacks::init}, {"callback_mode", 0, callback_mode}, {"handle_event", 4, handle_event}};
constexpr actors::builtin_function ear[] = {{"init", 1, callbacks::init}, {"handle_event", 2, on_event}};

struct machine_node : server_node {
  machine_node() {
    node->code().add_builtin("machine", machine);
    node->code().add_builtin("ear", ear);
  }
  std::string start_machine() { return pid_in(call("gen_statem", "start", "[machine, {do, {ok, a, 0}}, []]")); }
  void cast(const std::string& to, const std::string& event) { call("gen_statem", "cast", "[" + to + ", " + event + "]"); }
  static std::vector<std::string> heard() { return std::exchange(callbacks::trace(), {}); }
};
using lines = std::vector<std::string>;

TEST(GenStatem, RepeatsPostponedEventsInOrderWhenTheStateChanges) {
  machine_node n;
  const auto m = n.start_machine();
  n.cast(m, "{do, {keep_state, 1, postpone}}");
  n.cast(m, "{do, {keep_state_and_data, []}}");
  machine_node::heard();
  n.cast(m, "{do, {next_state, b, 2, [{next_event, internal, first}]}}");
  const auto seen = machine_node::heard();
  ASSERT_GE(seen.size(), 3u);
  EXPECT_EQ(seen[1], "internal first in b");
  EXPECT_EQ(seen[2], "cast {do,{keep_state,1,postpone}} in b");
}

TEST(GenStatem, EndsAStateTimeoutWithItsStateAndKeepsANamedOne) {
  machine_node n;
  const auto m = n.start_machine();
  n.cast(m, "{do, {keep_state_and_data, [{state_timeout, 10, gone}, {{timeout, name}, 20, kept}, {timeout, 30, event}]}}");
  n.cast(m, "{do, {next_state, b, 0, {state_timeout, 30, late}}}");
  machine_node::heard();
  n.pass(25);
  EXPECT_EQ(machine_node::heard(), lines{"{timeout,name} kept in b"});
  n.pass(25);
  EXPECT_EQ(machine_node::heard(), lines{"state_timeout late in b"});
}

// Before OTP 29 the timer's message is an event of no timer.
TEST(GenStatem, StartsATimerInThePlaceOfATimeoutThatIsDueAtOnce) {
  machine_node n;
  const auto m = n.start_machine();
  n.cast(m, "{do, {keep_state_and_data, [{{timeout, name}, 0, now}, {next_event, internal, {do, {keep_state_and_data, {{timeout, name}, 20, later}}}}]}}");
  machine_node::heard();
  n.pass(25);
  EXPECT_EQ(machine_node::heard(), lines{"{timeout,name} later in a"});
}

TEST(GenStatem, ABadActionEndsItWithAReport) {
  machine_node n;
  const auto m = n.start_machine();
  n.cast(m, "{do, {keep_state_and_data, nonsense}}");
  EXPECT_FALSE(n.alive(m));
  EXPECT_TRUE(contains(n.log, "** State machine " + m + " terminating")) << n.log;
  EXPECT_TRUE(contains(n.log, "error:{bad_action_from_state_function,nonsense}")) << n.log;
}

TEST(GenStatem, ShowsStateAndDataAndTakesThemOverACodeChangeOnly) {
  machine_node n;
  const auto m = n.start_machine();
  n.cast(m, "{do, {next_state, {x}, data}}");
  EXPECT_EQ(n.call("sys", "get_state", "[" + m + "]"), "{{x},data}");
  n.call("sys", "suspend", "[" + m + "]");
  EXPECT_TRUE(contains(n.call("sys", "change_code", "[" + m + ", machine, 1, extra]"), "{error,{'EXIT',{undef,[{machine,code_change,[1,{x},data,extra]"));
  n.call("sys", "resume", "[" + m + "]");
  EXPECT_EQ(n.call("sys", "get_state", "[" + m + "]"), "{{x},data}");
}

TEST(GenEvent, CallsTheLatestHandlerFirstAndRemovesOneThatFails) {
  machine_node n;
  const auto m = n.pid_in(n.call("gen_event", "start", "[]"));
  EXPECT_EQ(n.call("gen_event", "add_handler", "[" + m + ", {ear, 1}, one]"), "ok");
  EXPECT_EQ(n.call("gen_event", "add_handler", "[" + m + ", {ear, 2}, two]"), "ok");
  EXPECT_EQ(n.call("gen_event", "which_handlers", "[" + m + "]"), "[{ear,2},{ear,1}]");
  machine_node::heard();
  EXPECT_EQ(n.call("gen_event", "sync_notify", "[" + m + ", ding]"), "ok");
  EXPECT_EQ(machine_node::heard(), (lines{"heard ding", "heard ding"}));
  n.call("gen_event", "sync_notify", "[" + m + ", {do, nonsense}]");
  EXPECT_EQ(n.call("gen_event", "which_handlers", "[" + m + "]"), "[]");
  EXPECT_TRUE(contains(n.log, "** gen_event handler {ear,2} crashed.")) << n.log;
  EXPECT_TRUE(n.alive(m));
}

}  // namespace
}  // namespace cnode::test
