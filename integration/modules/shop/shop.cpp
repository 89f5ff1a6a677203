// An application and its supervisor in two versions: flags, children and environment change. Their twin is shop.erl.
#include <cnode/supervisor.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

task<> start(term, term) {
  const term started = co_await supervisor::start_link("shop_sup"_a, nil);
  co_await apply("gen_event"_a, "add_handler"_a, "bells"_a, "tally"_a, nil);
  co_return started;
}
void stop(term) {}
task<> config_change(term changed, term added, term removed) {
  co_await apply("application"_a, "set_env"_a, "shop"_a, "seen"_a, tuple(changed, added, removed));
  co_return "ok"_a;
}

supervisor::child_spec till(atom name) { return supervisor::child(name, "till"_a, "start_link"_a, name); }
supervisor::child_spec door() { return supervisor::child("door"_a, "door"_a, "start_link"_a); }
// An event manager is asked for its handlers' modules.
term bells() {
  return tuple("bells"_a, tuple("gen_event"_a, "start_link"_a, list(tuple("local"_a, "bells"_a))), "permanent"_a, 5000, "worker"_a, "dynamic"_a);
}

#if VERSION == 1
term init(term) { return supervisor::start_list(supervisor::flags{}, list(till("till"_a).to_term(), door().to_term(), bells())); }
#else
term init(term) {
  return supervisor::start_list(supervisor::flags{.strategy = "rest_for_one"_a, .intensity = 7, .period = 11},
                                list(till("till"_a).to_term(), door().shutdown(1234).restart("transient"_a).to_term(), bells(), till("till2"_a).to_term()));
}
#endif

CNODE_SUPERVISOR("shop", start, stop, config_change, init);
