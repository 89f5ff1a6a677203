#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

struct employee {
  std::string name;
  number money;
};
CNODE_STRUCT(employee, name, money);

auto start_link(term employee) { return gen_server::start_link(employee); }
auto add_money(term server, term value) { return call(server, tuple("add"_a, value)); }

auto init(term employee) { return ok(employee); }

auto handle_call(tagged<"add", number> request, from, employee state) {
  auto [value] = request;
  state.money += value;
  return reply(format("{} added to {} ", value, state.name), state);
}

CNODE_GEN_SERVER("Elixir.DemoServer", start_link, add_money, init, handle_call);
