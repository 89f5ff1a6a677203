// The application's supervisor, of as many as are asked for, and its callback module. Their twin is crowd_sup.erl.
#include <cnode/supervisor.hpp>

using namespace cnode;

CNODE_VSN("1");

auto start(term, term) { return supervisor::start_link("crowd_sup"_a, nil); }
void stop(term) {}

term init(term) { return supervisor::start(supervisor::flags{.strategy = "simple_one_for_one"_a}, supervisor::child("crowd"_a, "crowd"_a, "start_link"_a)); }

task<> more(std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    const term started = co_await supervisor::start_child_with("crowd_sup"_a);
    if (!started[0].same("ok"_a)) throw error(started);
  }
  co_return "ok"_a;
}

CNODE_SUPERVISOR("crowd_sup", start, stop, init, more);
