// A door that shuts by itself: one function a state. Data is the number of visits.
#include <cnode/gen_statem.hpp>

using namespace cnode;

CNODE_VSN("1");

auto callback_mode() { return gen_statem::state_functions; }
auto init(term) { return ok("closed"_a, 0); }
auto start_link() { return gen_statem::start_link(nil); }

auto closed = clauses(
    [](gen_statem::call client, is<"knock">, number visits) {
      return next_state("open"_a, visits + 1, reply_action(client, "come_in"_a), state_timeout(5000, "shut"_a));
    },
    [](gen_statem::call client, is<"visits">, number visits) { return keep_state_and_data(reply_action(client, visits)); });

auto open = clauses(
    [](gen_statem::state_timeout, is<"shut">, number visits) { return next_state("closed"_a, visits); },
    [](gen_statem::cast, is<"shut">, number visits) { return next_state("closed"_a, visits); },
    // Whoever knocks while it is open is let in when it has been shut.
    [](gen_statem::call, term, number) { return keep_state_and_data(postpone); });

CNODE_GEN_STATEM("door", callback_mode, init, start_link, closed, open);
