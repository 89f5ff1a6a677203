#include "spawn.hpp"

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

namespace cnode::services {

spawn_what fun_call(call& c, term fun, spawn_how how) {
  if (!fun.is_fun()) return {};
  if (fun.kind() == CNODE_EXPORT && term{fun.box()[3]}.same(small(0))) return {term{fun.box()[1]}, term{fun.box()[2]}, nil, how};
  return {atom("erlang"), atom("apply"), c.list(fun, nil), how};
}

term spawn_here(call& c, const spawn_what& what) {
  if (!what.module || !what.module.is_atom() || !what.function.is_atom() || list_length(what.args) < 0) return c.badarg();
  const auto flags = (what.how.link ? std::uint32_t{CNODE_SPAWN_LINK} : 0u) | (what.how.monitor ? std::uint32_t{CNODE_SPAWN_MONITOR} : 0u);
  return term{actors::host_functions().spawn(c.env, what.module.word(), what.function.word(), what.args.word(), flags)};
}

bool spawn_options_of(term list, spawn_how& how) {
  const auto options = elements(list);
  if (!options) return false;
  for (const term o : *options) {
    if (is(o, "link")) how.link = true;
    else if (is(o, "monitor")) how.monitor = true;
    // How a heap grows and who goes first is the host's business; the options are right all the same.
    else if (!o.is_tuple(2) || !(is(o[0], "priority") || is(o[0], "fullsweep_after") || is(o[0], "min_heap_size") ||
                                 is(o[0], "min_bin_vheap_size") || is(o[0], "max_heap_size") || is(o[0], "message_queue_data")))
      return false;
  }
  return true;
}

// erlang:spawn/4: waits for the reply to the spawn request (erl_dist_protocol, SPAWN_REQUEST).
term spawn_on(call& c, term node, const spawn_what& what) {
  if (!node.is_atom() || !what.module || !what.module.is_atom() || !what.function.is_atom() || list_length(what.args) < 0) return c.badarg();
  if (node.same(this_node().name)) return spawn_here(c, what);
  const auto how = what.how;
  const auto ref = keep(c.self().spawn_request(node, what.module, what.function, what.args, how.link, how.monitor));
  return c.wait(when([ref](term m) { return m.is_tuple(4) && is(m[0], "spawn_reply") && exactly_equal(m[1], get(ref)); },
                     [ref, how](call& again, term m) {
                       const term result = copy(again.heap(), m[3]);
                       if (is(m[2], "ok")) return how.monitor ? again.tuple(result, copy(again.heap(), get(ref))) : result;
                       // As erlang.erl: the caller gets a pid all the same, of a process that ends with noconnection.
                       if (is(result, "noconnection")) return spawn_here(again, {atom("erlang"), atom("exit"), again.list(result), how});
                       return again.error(result);
                     }));
}

term tail_call(call& c, term module, term function, term args) {
  c.env->outcome = CNODE_TAIL_CALL;
  c.env->tail_module = module.word();
  c.env->tail_function = function.word();
  c.env->tail_args = args.word();
  return {};
}

}  // namespace cnode::services
