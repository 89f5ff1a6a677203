// A gen_server that gives back what it gets: calls as replies, {mirror, Pid, Message} as messages.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

auto init(term state) { return ok(state); }

auto handle_call(term request, from, term state) { return reply(request, state); }

auto handle_info = clauses([](tagged<"mirror", pid, term> m, term state) {
  send(std::get<0>(m), std::get<1>(m));
  return noreply(state);
});

CNODE_GEN_SERVER("mirror", init, handle_call, handle_info);
