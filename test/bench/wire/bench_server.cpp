// The server of the wire's benchmarks: counts, echoes. Its twin is bench_server.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

auto start() { return apply("gen_server"_a, "start"_a, tuple("local"_a, "bench_server"_a), "bench_server"_a, nil, nil); }

auto init(term) { return ok(0); }

auto handle_call = clauses([](is<"inc">, from, number count) { return reply(count + 1, count + 1); },
                           [](tagged<"echo", term> request, from, term state) {
                             auto [value] = request;
                             return reply(value, state);
                           },
                           [](is<"get">, from, term state) { return reply(state, state); },
                           [](is<"pid">, from, term state) { return reply(self(), state); });

auto handle_cast(is<"inc">, number count) { return noreply(count + 1); }

CNODE_GEN_SERVER("bench_server", start, init, handle_call, handle_cast);
