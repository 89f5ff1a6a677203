// A machine of one function a state, in two versions: the second counts in pairs. Its twin is door.erl.
#include <cnode/gen_statem.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

#if VERSION == 1
using counts = number;
const auto nothing = [] { return counts{0}; };
counts knocked(counts visits) { return visits + 1; }
counts shut(counts visits) { return visits; }
#else
using counts = std::tuple<number, number>;  // visits, shuts
const auto nothing = [] { return counts{0, 0}; };
counts knocked(counts c) { return {std::get<0>(c) + 1, std::get<1>(c)}; }
counts shut(counts c) { return {std::get<0>(c), std::get<1>(c) + 1}; }
#endif

auto callback_mode() { return gen_statem::state_functions; }
auto init(term) { return ok("closed"_a, nothing()); }
auto start_link() { return gen_statem::start_link(nil); }

auto closed = clauses(
    [](gen_statem::call client, is<"knock">, counts c) { return next_state("open"_a, knocked(c), reply_action(client, "come_in"_a)); },
    [](gen_statem::call client, is<"visits">, counts c) { return keep_state_and_data(reply_action(client, c)); });
auto open = clauses([](gen_statem::cast, is<"shut">, counts c) { return next_state("closed"_a, shut(c)); },
                    [](gen_statem::call, term, counts) { return keep_state_and_data(postpone); });

#if VERSION == 1
CNODE_GEN_STATEM("door", callback_mode, init, start_link, closed, open);
#else
auto code_change = clauses([](tagged<"down", term>, atom state, counts c, term) { return ok(state, std::get<0>(c)); },
                           [](term, atom state, number visits, term) { return ok(state, counts{visits, 0}); });

CNODE_GEN_STATEM("door", callback_mode, init, start_link, closed, open, code_change);
#endif
