#include <cnode/gen_server.hpp>

using namespace cnode;

auto init(std::string name) { return ok(name); }

auto handle_call(is<"name">, from, std::string name) { return reply("dear " + name, name); }

auto code_change(term, std::string name, term) { return ok(name + "!"); }

CNODE_GEN_SERVER("Elixir.Outside", init, handle_call, code_change);
