// A server and a few functions of which there are versions (VERSION); hc.erl is the same in Erlang.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

auto version() { return VERSION; }

// Waits in this version's code until told to go on, and tells which version that was.
task<void> wait(pid parent) {
  send(parent, "waiting"_a);
  co_await receive<is<"go">>();
  send(parent, tuple("went_on_in"_a, VERSION));
}

// A loop that calls itself by an external call: the version that is current then goes on.
task<term> serve(pid parent) {
  auto message = co_await receive<is<"version">, is<"stop">>();
  if (std::holds_alternative<is<"stop">>(message)) co_return term{"ok"_a};
  send(parent, tuple("serving"_a, VERSION));
  co_return become("serve", parent);
}

// Waits in a function of the other module that this one calls.
task<void> calls(pid parent) {
  co_await apply("hd"_a, "wait"_a, parent);
  send(parent, tuple("came_back_to"_a, VERSION));
}

term boom() { throw error(VERSION); }

auto init(term state) { return ok(state); }
auto handle_call = clauses(
    [](is<"version">, from, term state) { return reply(VERSION, state); },
    [](is<"state">, from, term state) { return reply(state, state); },
    [](tagged<"wait", pid> r, from, term state) -> task<term> {
      co_await wait(std::get<0>(r));
      co_return reply(VERSION, state);
    },
    [](is<"next">, from, number state) { return reply(state + VERSION, state + VERSION); });
task<term> handle_cast(tagged<"wait", pid> r, term state) {
  co_await wait(std::get<0>(r));
  co_return noreply(state);
}
auto code_change(term old, term state, term extra) { return ok(tuple("changed"_a, old, state, extra)); }

CNODE_GEN_SERVER("hc", version, wait, serve, calls, boom, init, handle_call, handle_cast, code_change);
