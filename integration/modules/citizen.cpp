// A gen_server that remembers the messages it gets: {apply, M, F, A} is applied in it, `seen` gives what came, oldest first, and begins anew.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

auto init(term state) { return ok(state); }

auto handle_call = clauses(
    [](tagged<"apply", atom, atom, term> request, from, term state) -> task<term> {
      auto [m, f, a] = request;
      term value = co_await external_call{m, f, a};
      co_return reply(value, state);
    },
    [](is<"seen">, from, term state) { return reply(state, nil); });

auto handle_info(term message, std::vector<term> state) {
  state.push_back(message);
  return noreply(state);
}

CNODE_GEN_SERVER("citizen", init, handle_call, handle_info);
