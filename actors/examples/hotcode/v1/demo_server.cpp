#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

struct employee {
  std::string name;
  number money;
};
CNODE_STRUCT(employee, name, money);

// What version 2 keeps, for the way back.
struct salaried {
  std::string name;
  number salary;
};
CNODE_STRUCT(salaried, name, salary);

auto start_link(term employee) { return gen_server::start_link("demo_server"_a, employee); }
auto add_money(term value) { return call("demo_server"_a, tuple("add"_a, value)); }

auto init(term employee) { return ok(employee); }

auto handle_call(tagged<"add", number> request, from, employee state) {
  auto [value] = request;
  state.money += value;
  return reply(format("{} added to {}", value, state.name), state);
}

auto handle_cast(term, term state) { return noreply(state); }

auto code_change = clauses([](tagged<"down", term>, salaried state, term) { return ok(employee{state.name, state.salary}); },
                           [](term, term state, term) { return ok(state); });

CNODE_GEN_SERVER("demo_server", start_link, add_money, init, handle_call, handle_cast, code_change);
