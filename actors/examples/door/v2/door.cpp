// The door counts in pairs {Visits, Shuts}, and one function handles all states: code_change and callback_mode say so.
#include <cnode/gen_statem.hpp>

using namespace cnode;

CNODE_VSN("2");

using counts = std::tuple<number, number>;

auto callback_mode() { return gen_statem::handle_event_function; }
auto init(term) { return ok("closed"_a, counts{0, 0}); }
auto start_link() { return gen_statem::start_link(nil); }

auto handle_event = clauses(
    [](gen_statem::call client, is<"knock">, is<"closed">, counts c) {
      auto [visits, shuts] = c;
      return next_state("open"_a, counts{visits + 1, shuts}, reply_action(client, "welcome"_a), state_timeout(5000, "shut"_a));
    },
    [](gen_statem::call client, is<"visits">, is<"closed">, counts c) { return keep_state_and_data(reply_action(client, c)); },
    [](gen_statem::call, term, is<"open">, counts) { return keep_state_and_data(postpone); },
    [](term, is<"shut">, is<"open">, counts c) {
      auto [visits, shuts] = c;
      return next_state("closed"_a, counts{visits, shuts + 1});
    });

auto code_change(term, atom state, number visits, term) { return ok(state, counts{visits, 0}); }

CNODE_GEN_STATEM("door", callback_mode, init, start_link, handle_event, code_change);
