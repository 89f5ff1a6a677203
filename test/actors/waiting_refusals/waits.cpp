// What cannot wait must not compile, and say what to do: one case per CASE_... macro; refusals.cmake expects the text.
#include <cnode/gen_server.hpp>
#include <cnode/rpc.hpp>
#include <cnode/thread.hpp>

using namespace cnode;

auto init(term) { return ok(0); }
#ifdef CASE_TASK_AS_A_VALUE
auto handle_call(term server, from, term state) { return reply(call(server, "get"_a), state); }
#elif defined(CASE_EXTERNAL_CALL_AS_A_VALUE)
auto handle_call(term, from, term state) { return reply(rpc::call(node(), "erlang"_a, "node"_a, nil), state); }
#elif defined(CASE_TASK_IN_A_THREAD)
auto handle_call(term server, from, term state) {
  start_thread("asker", [](thread_context&) -> task<> { co_return nil; });
  return reply(server, state);
}
#elif defined(CASE_EXTERNAL_CALL_IN_A_THREAD)
auto handle_call(term server, from, term state) {
  start_thread("asker", [n = node()] { return rpc::call(n, "erlang"_a, "node"_a, nil); });
  return reply(server, state);
}
#elif defined(CASE_TASK_FORGOTTEN)
auto handle_call(term server, from, term state) {
  call(server, "get"_a);
  return reply(server, state);
}
#elif defined(CASE_EXTERNAL_CALL_FORGOTTEN)
auto handle_call(term server, from, term state) {
  rpc::call(node(), "erlang"_a, "node"_a, nil);
  return reply(server, state);
}
#else
task<> handle_call(term server, from, term state) {
  term there = co_await rpc::call(node(), "erlang"_a, "node"_a, nil);
  co_return reply(tuple(there, co_await call(server, "get"_a)), state);
}
#endif

CNODE_GEN_SERVER("waits", init, handle_call);
