#include <cnode/gen_server.hpp>

using namespace cnode;

auto start_link(term value) { return gen_server::start_link(value); }
auto start_link_pi() { return start_link(encode(3.14)); }

auto init(term value) { return ok(value); }

auto handle_call(is<"get">, from, term value) { return reply(value, value); }

auto get(term server) { return call(server, "get"_a); }

CNODE_GEN_SERVER("Elixir.CodePurge.PiGs", start_link, ("start_link", start_link_pi), init, handle_call, get);
