#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("2");

struct old_employee {
  std::string name;
  number money;
};
CNODE_STRUCT(old_employee, name, money);

struct employee {
  std::string name;
  number salary;
};
CNODE_STRUCT(employee, name, salary);

auto start_link(term employee) { return gen_server::start_link(employee); }
auto add_money(term server, term value) { return call(server, tuple("add"_a, value)); }

auto init(term employee) { return ok(employee); }

auto handle_call(tagged<"add", number> request, from, employee state) {
  auto [value] = request;
  state.salary += value;
  return reply(state, state);
}

auto code_change(bin<"1">, old_employee old, term) { return ok(employee{old.name, old.money}); }

CNODE_GEN_SERVER("Elixir.DemoServer", start_link, add_money, init, handle_call, code_change);
