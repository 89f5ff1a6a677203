#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("2");

// What version 1 keeps.
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

auto start_link(term employee) { return gen_server::start_link("demo_server"_a, employee); }
auto add_money(term value) { return call("demo_server"_a, tuple("add"_a, value)); }

auto init(term employee) { return ok(employee); }

auto handle_call(tagged<"add", number> request, from, employee state) {
  auto [value] = request;
  state.salary += value;
  return reply(state, state);
}

auto handle_cast(term, term state) { return noreply(state); }

// The way back leads through this version, too: it is the one that knows both.
auto code_change = clauses([](tagged<"down", term>, employee state, term) { return ok(old_employee{state.name, state.salary}); },
                           [](term old_vsn, old_employee state, term extra) {
                             io::puts("code_change {:?} {:?} {:?}", old_vsn, state, extra);
                             return ok(employee{state.name, state.money});
                           });

CNODE_GEN_SERVER("demo_server", start_link, add_money, init, handle_call, handle_cast, code_change);
