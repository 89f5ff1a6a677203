// A worker that answers questions about its application and ends as told.
#include <cnode/gen_server.hpp>

using namespace cnode;

auto start_link() { return gen_server::start_link("app_worker"_a, nil); }
auto init(term) { return ok(nil); }

task<term> asked(atom module, atom function, term args, term state) {
  const term result = co_await apply("erlang"_a, "apply"_a, module, function, args);
  co_return reply(result, state);
}

auto handle_call = clauses([](tagged<"apply", atom, atom, term> a, from, term state) { return asked(std::get<0>(a), std::get<1>(a), std::get<2>(a), state); },
                           [](tagged<"stop", term> a, from, term state) { return stop(std::get<0>(a), "stopping"_a, state); });

CNODE_GEN_SERVER("app_worker", start_link, init, handle_call);
