// A handler that counts events.
#include <cnode/gen_event.hpp>

using namespace cnode;

CNODE_VSN("1");

auto init(term) { return ok(0); }
auto handle_event(term, number seen) { return ok(seen + 1); }
auto handle_call(is<"seen">, number seen) { return handled(seen, seen); }

CNODE_GEN_EVENT("tally", init, handle_event, handle_call);
