// For supervisors: start_link(Node, Module, Argument) is gen_server:start_link(Module, Argument, []) on another node. And the callback
// module of a supervisor that gets its children as its argument. The twin is remote_child.erl.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

task<> start_link(atom node, atom module, term argument) {
  term server = co_await apply("proc_lib"_a, "spawn_link"_a, node, "gen"_a, "init_it"_a,
                               list("gen_server"_a, self(), self(), module, argument, nil));
  term m = co_await receive_if([server](term m) {
    return m.is_tuple(3) && exactly_equal(m[1], server) && (m[0].same("ack"_a) || m[0].same("nack"_a) || m[0].same("EXIT"_a));
  });
  co_return m[0].same("EXIT"_a) ? tuple("error"_a, m[2]) : m[2];
}

auto init(term flags_and_children) { return ok(flags_and_children); }

CNODE_MODULE("remote_child", start_link, init);
