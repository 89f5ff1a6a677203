#include "spawn.hpp"

#include <algorithm>

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

bool monitor_options_of(const std::vector<term>& list, actors::monitor_options& options) {
  using m = actors::monitor_options;
  for (const term o : list) {
    if (!o.is_tuple(2)) return false;
    if (is(o[0], "tag")) options.tag = o[1];
    else if (!is(o[0], "alias")) return false;
    else if (is(o[1], "explicit_unalias")) options.alias = m::explicit_unalias;
    else if (is(o[1], "demonitor")) options.alias = m::demonitor;
    else if (is(o[1], "reply_demonitor")) options.alias = m::reply_demonitor;
    else return false;
  }
  return true;
}

bool spawn_option_of(term o, spawn_how& how) {
  if (is(o, "link")) return how.link = true;
  if (is(o, "monitor")) return how.monitor = true;
  if (!o.is_tuple(2)) return false;
  if (is(o[0], "monitor")) {
    const auto list = elements(o[1]);
    how.monitor = true;
    return list && monitor_options_of(*list, how.monitoring);
  }
  // How a heap grows and who goes first is the host's business; the options are right all the same.
  for (const char* tuning : {"priority", "fullsweep_after", "min_heap_size", "min_bin_vheap_size", "max_heap_size", "message_queue_data", "scheduler", "async_dist"})
    if (is(o[0], tuning)) return true;
  return false;
}

bool spawn_options_of(term list, spawn_how& how) {
  const auto options = elements(list);
  return options && std::all_of(options->begin(), options->end(), [&](term o) { return spawn_option_of(o, how); });
}

// erlang:spawn/4: waits for the reply to the spawn request (erl_dist_protocol, SPAWN_REQUEST).
term spawn_on(call& c, term node, const spawn_what& what) {
  if (!node.is_atom() || !what.module || !what.module.is_atom() || !what.function.is_atom() || list_length(what.args) < 0) return c.badarg();
  const auto how = what.how;
  const bool plain = !how.monitoring.tag && how.monitoring.alias == actors::monitor_options::none;
  if (node.same(this_node().name) && plain) return spawn_here(c, what);
  actors::spawn_request_options options;
  options.link = how.link;
  options.monitor = how.monitor;
  options.monitoring = how.monitoring;
  const auto ref = keep(c.self().spawn_request(node, what.module, what.function, what.args, options));
  return c.wait(when([ref](term m) { return m.is_tuple(4) && is(m[0], "spawn_reply") && exactly_equal(m[1], get(ref)); },
                     [ref, link = how.link, monitor = how.monitor](call& again, term m) {
                       const term result = copy(again.heap(), m[3]);
                       if (is(m[2], "ok")) return monitor ? again.tuple(result, copy(again.heap(), get(ref))) : result;
                       // As erlang.erl: the caller gets a pid all the same, of a process that ends with noconnection.
                       if (is(result, "noconnection")) return spawn_here(again, {atom("erlang"), atom("exit"), again.list(result), {link, monitor}});
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
