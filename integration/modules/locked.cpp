// A gen_server that keeps a number, and bump/0: reads the number of the server with the global name `counter` and writes it back greater
// by one. Who does that without a lock loses some.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

auto init(term state) { return ok(state); }

auto handle_call = clauses([](is<"get">, from, number n) { return reply(n, n); },
                           [](tagged<"set", number> request, from, term) {
                             auto [n] = request;
                             return reply("ok"_a, n);
                           },
                           [](is<"node">, from, term state) { return reply(node(), state); });

task<> bump() {
  const term n = co_await apply("gen_server"_a, "call"_a, tuple("global"_a, "counter"_a), "get"_a);
  co_await apply("gen_server"_a, "call"_a, tuple("via"_a, "global"_a, "counter"_a), tuple("set"_a, n.small() + 1));
  co_return "ok"_a;
}

// A resolve function: the second one stays.
term second(term, pid, pid b) { return b; }

CNODE_GEN_SERVER("locked", init, handle_call, bump, second);
