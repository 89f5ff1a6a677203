// format_status/1 of OTP 25 and later; its twin is shown.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

auto init(term state) { return ok(state); }
auto handle_call = clauses([](tagged<"set", term> r, from, term) { return reply("ok"_a, std::get<0>(r)); },
                           [](is<"crash">, from, term) -> term { throw error("crashed"_a); });
auto format_status(term status) {
  const term state = maps::get(status, "state"_a);
  if (state.same("bad"_a)) throw error("no_status"_a);
  return maps::put(status, "state"_a, tuple("shown"_a, state));
}

CNODE_GEN_SERVER("shown", init, handle_call, format_status);
