// The server of the wire's benchmarks: counts, echoes, says who monitors it. Its twin is bench_server.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

auto start() { return apply("gen_server"_a, "start"_a, tuple("local"_a, "bench_server"_a), "bench_server"_a, nil, nil); }

auto init(term) { return ok(0); }

// n more processes that wait: they must cost a call nothing.
task<> waiter() {
  co_await receive<is<"stop">>();
  co_return "ok"_a;
}
auto idle(std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) spawn("bench_server"_a, "waiter"_a);
  return n;
}

// How many monitor this process.
std::int64_t monitors() {
  const term info = apply_now("erlang"_a, "process_info"_a, self(), "monitored_by"_a);
  std::int64_t n = 0;
  for (term l = info[1]; l.is_cons(); l = l.tail()) ++n;
  return n;
}

auto handle_call = clauses([](is<"inc">, from, number count) { return reply(count + 1, count + 1); },
                           [](tagged<"echo", term> request, from, term state) {
                             auto [value] = request;
                             return reply(value, state);
                           },
                           [](is<"get">, from, term state) { return reply(state, state); },
                           [](is<"pid">, from, term state) { return reply(self(), state); },
                           [](is<"monitors">, from, term state) { return reply(monitors(), state); },
                           [](is<"victim">, from, term state) { return reply(spawn("bench_server"_a, "waiter"_a), state); });

auto handle_cast(is<"inc">, number count) { return noreply(count + 1); }

CNODE_GEN_SERVER("bench_server", start, init, handle_call, handle_cast, waiter, idle);
