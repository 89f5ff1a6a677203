#include <cnode/gen_server.hpp>

using namespace cnode;

auto start_link(term value) { return gen_server::start_link(value); }
auto start_link_pi() { return start_link(encode(3.14)); }

auto init(term value) { return ok(list(value)); }

auto handle_call(is<"get">, from, std::vector<term> state) {
  if (state.size() != 1) throw error(tuple("badmatch"_a, state));
  return reply(state[0], state);
}

auto get(term server) { return call(server, "get"_a); }

auto code_change(term, term value, term) { return ok(list(value)); }

CNODE_GEN_SERVER("Elixir.CodePurge.PiGs", start_link, ("start_link", start_link_pi), init, handle_call, get, code_change);
