// One of the crowd, in two versions: it counts how often it was asked and says which version answers. Its twin is crowd.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

struct first {
  std::int64_t count;
};
CNODE_STRUCT(first, count);

struct second {
  std::int64_t asked;
};
CNODE_STRUCT(second, asked);

auto start_link() { return gen_server::start_link(nil); }

#if VERSION == 1
auto init(term) { return ok(first{0}); }

auto handle_call(is<"next">, from, first state) {
  ++state.count;
  return reply(tuple(VERSION, state.count), state);
}
#else
auto init(term) { return ok(second{0}); }

auto handle_call(is<"next">, from, second state) {
  ++state.asked;
  return reply(tuple(VERSION, state.asked), state);
}

auto code_change = clauses([](tagged<"down", term>, second state, term) { return ok(first{state.asked}); },
                           [](term, first state, term) { return ok(second{state.count}); });
#endif

auto handle_cast(term, term state) { return noreply(state); }

#if VERSION == 1
CNODE_GEN_SERVER("crowd", start_link, init, handle_call, handle_cast);
#else
CNODE_GEN_SERVER("crowd", start_link, init, handle_call, handle_cast, code_change);
#endif
