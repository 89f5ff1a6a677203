#include <cnode/gen_server.hpp>

using namespace cnode;

auto init(std::string name) { return ok(name); }

auto handle_call(is<"name">, from, std::string name) { return reply(name, name); }

CNODE_GEN_SERVER("Elixir.Outside", init, handle_call);
