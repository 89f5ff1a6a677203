#include <cnode/gen_server.hpp>

using namespace cnode;

auto start_link() { return spawn_link(this_module(), "server"_a); }
auto start() { return spawn(this_module(), "server"_a); }

task<> server() {
  co_await receive([](tagged<"get", pid> message) {
    auto [from] = message;
    send(from, tuple("ok"_a, 3.1415));
  });
  co_return become("server");
}

CNODE_MODULE("Elixir.CodePurge.Pi", start_link, start, server);
