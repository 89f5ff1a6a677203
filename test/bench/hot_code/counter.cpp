// The server of the hot code benchmark: a count and a block of memory of the size it was started with. Its twin is counter.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

struct counted {
  std::vector<std::uint8_t> block;
  std::int64_t count;
};
CNODE_STRUCT(counted, block, count);

auto init(std::int64_t bytes) {
  auto state = make_native<counted>();
  state->block.assign(static_cast<std::size_t>(bytes), 1);
  state->count = 0;
  return ok(state);
}

auto handle_call = clauses([](is<"inc">, from, native<counted> state) {
  state->count += VERSION;
  return reply(state->count, state);
});

auto handle_cast(term, term state) { return noreply(state); }

auto code_change(term, native<counted> state, term) { return ok(state); }

auto nothing() { return "ok"_a; }

CNODE_GEN_SERVER("counter", init, handle_call, handle_cast, code_change, nothing);
