// format_status/2 of releases before OTP 25; its twin is shown_before.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

auto init(term state) { return ok(state); }
auto handle_call = clauses([](tagged<"set", term> r, from, term) { return reply("ok"_a, std::get<0>(r)); },
                           [](is<"crash">, from, term) -> term { throw error("crashed"_a); });
auto format_status = clauses([](term option, std::vector<term> dictionary_and_state) {
  const term state = dictionary_and_state.at(1);
  if (state.same("bad"_a)) throw error("no_status"_a);
  return tuple(option, state);
});

CNODE_GEN_SERVER("shown_before", init, handle_call, format_status);
