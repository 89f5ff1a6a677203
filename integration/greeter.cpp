#include <cnode/gen_server.hpp>

using namespace cnode;

std::string hello(std::string who) { return "hello " + who; }

auto init(std::string greeting) { return ok(greeting); }
auto handle_call(tagged<"greet", std::string> request, from, std::string greeting) {
  auto [who] = request;
  return reply(greeting + " " + who, greeting);
}

CNODE_GEN_SERVER("Elixir.Greeter", hello, init, handle_call);
