// It remembers the last event as well.
#include <cnode/gen_event.hpp>

using namespace cnode;

CNODE_VSN("2");

auto init(term) { return ok(tuple(0, nil)); }
auto handle_event(term event, std::tuple<number, term> state) { return ok(tuple(std::get<0>(state) + 1, event)); }
auto handle_call(is<"seen">, term state) { return handled(state, state); }
auto code_change = clauses([](tagged<"down", term>, std::tuple<number, term> state, term) { return ok(std::get<0>(state)); },
                           [](term, number seen, term) { return ok(tuple(seen, nil)); });

CNODE_GEN_EVENT("tally", init, handle_event, handle_call, code_change);
