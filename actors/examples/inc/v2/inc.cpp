#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("2");

auto start_link() { return gen_server::start_link(nil); }

auto init(term) {
  io::puts("started");
  return ok(0);
}

auto handle_call = clauses(
    [](is<"inc">, from, number total) {
      auto new_total = total + 2;
      io::puts("[{}] new total: {} => {}", vsn, total, new_total);
      return reply(new_total, new_total);
    },
    [](is<"total">, from, term total) {
      io::puts("total: {:?}", total);
      return reply(total, total);
    });

auto code_change(term old_vsn, term state, term extra) {
  io::puts("New version. Moving out of {} {:?}", old_vsn, extra);
  return ok(state);
}

auto inc(term server) { return call(server, "inc"_a); }
auto get(term server) { return call(server, "total"_a); }

CNODE_GEN_SERVER("Elixir.Inc", init, handle_call, code_change, start_link, inc, get);
