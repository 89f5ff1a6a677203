// What hc calls; hd.erl is the same in Erlang.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN(VERSION);

auto version() { return VERSION; }
task<void> wait(pid parent) {
  send(parent, "waiting"_a);
  co_await receive<is<"go">>();
  send(parent, tuple("went_on_in"_a, VERSION));
}

CNODE_MODULE("hd", version, wait);
