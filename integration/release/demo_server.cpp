// hotcode's server. Version 1 keeps `money`; version 2 calls it `salary` and answers with the whole state.
#include <cnode/gen_server.hpp>

using namespace cnode;

#if VERSION == 1
CNODE_VSN("1");
struct employee {
  std::string name;
  number money;
};
CNODE_STRUCT(employee, name, money);

auto handle_call(tagged<"add", number> request, from, employee state) {
  auto [value] = request;
  state.money += value;
  return reply(format("{} added to {}", value, state.name), state);
}
#else
CNODE_VSN("2");
struct employee {
  std::string name;
  number salary;
};
struct employee_before {
  std::string name;
  number money;
};
CNODE_STRUCT(employee, name, salary);
CNODE_STRUCT(employee_before, name, money);

auto handle_call(tagged<"add", number> request, from, employee state) {
  auto [value] = request;
  state.salary += value;
  return reply(state, state);
}
auto code_change = clauses(
    [](tagged<"down", term>, employee state, term) { return ok(employee_before{state.name, state.salary}); },
    [](term, employee_before state, term) { return ok(employee{state.name, state.money}); });
#endif

auto start_link(term employee) { return gen_server::start_link("demo_server"_a, employee); }
auto init(term employee) { return ok(employee); }
std::int64_t version() { return VERSION; }

#if VERSION == 1
CNODE_GEN_SERVER("demo_server", start_link, init, handle_call, version);
#else
CNODE_GEN_SERVER("demo_server", start_link, init, handle_call, code_change, version);
#endif
