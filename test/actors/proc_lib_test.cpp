#include <gtest/gtest.h>

#include "server_node.hpp"

namespace cnode::test {
namespace {

// init_then_wait(Answer): acknowledges to its parent, then waits for `go`; crash(Reason) crashes.
cnode_term ack_and_wait(cnode_env* env, const cnode_term* a) {
  auto& b = actors::heap_of(env);
  const term args = make_list_of(b, term{a[0]});
  actors::host_functions().apply(env, atom("proc_lib").word(), atom("init_ack").word(), args.word());
  return callbacks::obey(env, make_tuple_of(b, atom("wait"), atom("ok")), {});
}
cnode_term crash(cnode_env* env, const cnode_term* a) { return actors::raise(env, atom("error"), term{a[0]}).word(); }

constexpr actors::builtin_function functions[] = {{"ack_and_wait", 1, ack_and_wait}, {"crash", 1, crash}};

struct proc_node : server_node {
  proc_node() { node->code().add_builtin("proc", functions); }
};

TEST(ProcLib, StartWaitsForInitAck) {
  proc_node n;
  EXPECT_EQ(n.call("proc_lib", "start", "[proc, ack_and_wait, [{ok, fine}]]"), "{ok,fine}");
  EXPECT_EQ(n.call("proc_lib", "start_link", "[proc, ack_and_wait, [hello]]"), "hello");
}

TEST(ProcLib, StartReportsACrashBeforeTheAck) {
  proc_node n;
  const auto failed = n.call("proc_lib", "start", "[proc, crash, [bad]]");
  EXPECT_EQ(failed, "{error,{bad,[{proc,crash,1,[]},{proc_lib,init_p_do_apply,3,[]}]}}");
  EXPECT_TRUE(contains(n.log, "initial call: proc:crash/1")) << n.log;
  EXPECT_TRUE(contains(n.log, "exception error: bad")) << n.log;
}

TEST(ProcLib, StartTimesOut) {
  proc_node n;
  n.node->code().add_builtin("proc", std::vector<actors::builtin_function>{{"silent", 0, [](cnode_env* env, const cnode_term*) {
                                                                              auto& b = actors::heap_of(env);
                                                                              return callbacks::obey(env, make_tuple_of(b, atom("wait"), atom("ok")), {});
                                                                            }}});
  EXPECT_EQ(n.call("proc_lib", "start", "[proc, silent, [], 20]"), "waits");
  n.pass(21);
  EXPECT_EQ(n.user.last(), "{error,timeout}");
}

TEST(ProcLib, SpawnedProcessesKnowTheirAncestors) {
  proc_node n;
  const auto pid = n.call("proc_lib", "spawn", "[proc, ack_and_wait, [x]]");
  n.in(parsed(pid)->root, [&](actors::process& p) {
    EXPECT_EQ(to_text(p.dictionary_get(atom("$ancestors"))), "[" + to_text(n.user.pid) + "]");
    EXPECT_EQ(to_text(p.dictionary_get(atom("$initial_call"))), "{proc,ack_and_wait,1}");
  });
  EXPECT_EQ(n.call("proc_lib", "translate_initial_call", "[[{dictionary, [{'$initial_call', {a, b, 2}}]}]]"), "{a,b,2}");
  EXPECT_EQ(n.call("proc_lib", "translate_initial_call", "[[]]"), "{proc_lib,init_p,5}");
}

TEST(ProcLib, ArgumentsAreChecked) {
  proc_node n;
  EXPECT_EQ(n.call("proc_lib", "spawn", "[proc, crash, improper]"), "error:function_clause");
}

}  // namespace
}  // namespace cnode::test
