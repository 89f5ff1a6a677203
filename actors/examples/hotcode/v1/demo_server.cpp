#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

struct employee {
  std::string name;
  number money;
};
CNODE_STRUCT(employee, name, money);

auto start_link(term employee) { return gen_server::start_link("demo_server"_a, employee); }
auto add_money(term value) { return call("demo_server"_a, tuple("add"_a, value)); }

auto init(term employee) { return ok(employee); }

auto handle_call(tagged<"add", number> request, from, employee state) {
  auto [value] = request;
  state.money += value;
  return reply(format("{} added to {}", value, state.name), state);
}

auto handle_cast(term, term state) { return noreply(state); }

CNODE_GEN_SERVER("demo_server", start_link, add_money, init, handle_call, handle_cast);
