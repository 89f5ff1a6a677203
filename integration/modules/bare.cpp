// A callback module with nothing but init/1; its twin is bare.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

auto init(term state) { return ok(state); }

CNODE_GEN_SERVER("bare", init);
