// erlang: processes, links, monitors, names, the process dictionary, timers, exceptions.
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "call.hpp"
#include "gen_call.hpp"
#include "modules.hpp"
#include "spawn.hpp"

namespace cnode::services {

namespace {

bool is_destination(term t) { return t.is_pid() || t.is_port() || t.is_atom() || t.is_ref() || (t.is_tuple(2) && t[0].is_atom() && t[1].is_atom()); }
bool is_local(term pid) { return pid.is_local_pid(); }

term self_(call& c) { return c.self().pid(); }

// ---- messages
term send_(call& c) {
  if (!is_destination(c[0])) return c.badarg();
  if (c[0].is_atom() && !c.node().whereis(c[0])) return c.badarg();
  c.self().send(c[0], c[1]);
  return c[1];
}
// ---- links, monitors, exits
term link_(call& c) {
  if (!c[0].is_pid()) return c.badarg();
  if (is_local(c[0]) && !c.node().alive(c[0]) && !c.self().trap_exit()) return c.error(atom("noproc"));
  c.self().link(c[0]);
  return boolean(true);
}
term unlink_(call& c) {
  if (!c[0].is_pid()) return c.badarg();
  c.self().unlink(c[0]);
  return boolean(true);
}

bool is_monitor_target(term t) { return t.is_pid() || t.is_atom() || (t.is_tuple(2) && t[0].is_atom() && t[1].is_atom()); }

term monitor_2(call& c) {
  if (!is(c[0], "process") || !is_monitor_target(c[1])) return c.badarg();
  return copy(c.heap(), c.self().monitor(c[1]));
}
term monitor_3(call& c) {
  const auto list = elements(c[2]);
  actors::monitor_options options;
  if (!list || !is(c[0], "process") || !is_monitor_target(c[1]) || !monitor_options_of(*list, options)) return c.badarg();
  return copy(c.heap(), c.self().monitor(c[1], options));
}
term demonitor_1(call& c) {
  if (!c[0].is_ref()) return c.badarg();
  c.self().demonitor(c[0], false);
  return boolean(true);
}
term demonitor_2(call& c) {
  const auto list = elements(c[1]);
  if (!c[0].is_ref() || !list) return c.badarg();
  bool flush = false, info = false;
  for (const term o : *list) {
    if (!is(o, "flush") && !is(o, "info")) return c.badarg();
    flush |= is(o, "flush");
    info |= is(o, "info");
  }
  const bool was = c.self().demonitor(c[0], flush);
  return boolean(!info || was);
}
term alias_0(call& c) { return copy(c.heap(), c.self().alias()); }
term alias_1(call& c) {
  const auto list = elements(c[0]);
  if (!list) return c.badarg();
  auto mode = actors::monitor_options::explicit_unalias;
  for (const term o : *list) {
    if (is(o, "reply")) mode = actors::monitor_options::reply_demonitor;
    else if (!is(o, "explicit_unalias")) return c.badarg();
  }
  return copy(c.heap(), c.self().alias(mode));
}
term unalias_(call& c) { return c[0].is_ref() ? boolean(c.self().unalias(c[0])) : c.badarg(); }

term exit_1(call& c) { return c.exit(c[0]); }
term exit_2(call& c) {
  if (!c[0].is_pid()) return c.badarg();
  c.self().exit_signal(c[0], c[1]);
  return boolean(true);
}
term throw_1(call& c) { return c.throw_(c[0]); }
term error_1(call& c) { return c.error(c[0]); }
term raise_3(call& c) {
  if (!(is(c[0], "error") || is(c[0], "exit") || is(c[0], "throw")) || list_length(c[2]) < 0) return atom("badarg");
  actors::raise(c.env, c[0], c[1]);
  c.env->stacktrace = c[2].word();
  return {};
}

// ---- spawning
term spawn_3(call& c) { return spawn_here(c, {c[0], c[1], c[2], {}}); }
term spawn_link_3(call& c) { return spawn_here(c, {c[0], c[1], c[2], {true, false}}); }
term spawn_monitor_3(call& c) { return spawn_here(c, {c[0], c[1], c[2], {false, true}}); }
term spawn_1(call& c) { return spawn_here(c, fun_call(c, c[0])); }
term spawn_link_1(call& c) { return spawn_here(c, fun_call(c, c[0], {true, false})); }
term spawn_monitor_1(call& c) { return spawn_here(c, fun_call(c, c[0], {false, true})); }
term spawn_2(call& c) { return spawn_on(c, c[0], fun_call(c, c[1])); }
term spawn_link_2(call& c) { return spawn_on(c, c[0], fun_call(c, c[1], {true, false})); }
term spawn_4(call& c) { return spawn_on(c, c[0], {c[1], c[2], c[3], {}}); }
term spawn_link_4(call& c) { return spawn_on(c, c[0], {c[1], c[2], c[3], {true, false}}); }
term spawn_monitor_4(call& c) { return spawn_on(c, c[0], {c[1], c[2], c[3], {false, true}}); }
term spawn_opt_2(call& c) {
  spawn_how how;
  return spawn_options_of(c[1], how) ? spawn_on(c, this_node().name, fun_call(c, c[0], how)) : c.badarg();
}
term spawn_opt_4(call& c) {
  spawn_how how;
  return spawn_options_of(c[3], how) ? spawn_on(c, this_node().name, {c[0], c[1], c[2], how}) : c.badarg();
}
term spawn_opt_3(call& c) {
  spawn_how how;
  return spawn_options_of(c[2], how) ? spawn_on(c, c[0], fun_call(c, c[1], how)) : c.badarg();
}
term spawn_monitor_2(call& c) { return spawn_on(c, c[0], fun_call(c, c[1], {false, true})); }
term spawn_opt_5(call& c) {
  spawn_how how;
  return spawn_options_of(c[4], how) ? spawn_on(c, c[0], {c[1], c[2], c[3], how}) : c.badarg();
}

term apply_3(call& c) {
  if (!c[0].is_atom() || !c[1].is_atom() || list_length(c[2]) < 0) return c.badarg();
  return tail_call(c, c[0], c[1], c[2]);
}
term apply_2(call& c) {
  const auto n = list_length(c[1]);
  if (n < 0) return c.badarg();
  if (c[0].kind() == CNODE_EXPORT) {
    const auto* box = c[0].box();
    if (!term{box[3]}.same(small(n))) return c.error(c.tuple(atom("badarity"), c.tuple(c[0], c[1])));
    return tail_call(c, term{box[1]}, term{box[2]}, c[1]);
  }
  if (!c[0].is_fun()) return c.error(c.tuple(atom("badfun"), c[0]));
  // A closure of a module that is not here: error_handler:undefined_lambda/3.
  actors::raise(c.env, atom("error"), atom("undef"));
  c.env->stacktrace = c.list(c.tuple(c[0], c[1], nil)).word();
  return {};
}

// ---- names
term register_(call& c) { return c[0].is_atom() && is_local(c[1]) && c.node().register_name(c[0], c[1]) ? boolean(true) : c.badarg(); }
term unregister_(call& c) { return c[0].is_atom() && c.node().unregister_name(c[0]) ? boolean(true) : c.badarg(); }
term whereis_(call& c) {
  if (!c[0].is_atom()) return c.badarg();
  const term pid = c.node().whereis(c[0]);
  return pid ? pid : undefined();
}
term registered_(call& c) {
  const auto names = c.node().registered();
  return make_list(c.heap(), names.data(), names.size());
}
term processes_(call& c) {
  const auto pids = c.node().processes();
  return make_list(c.heap(), pids.data(), pids.size());
}
term is_process_alive_(call& c) { return is_local(c[0]) ? boolean(c.node().alive(c[0])) : c.badarg(); }

// ---- process_info
// `items`: an item, a list of them, or undefined for process_info/1's choice (which is no item of process_info/2).
term process_info(call& c, term pid, term items) {
  if (!is_local(pid) || !(items.is_atom() || list_length(items) >= 0)) return c.badarg();
  const term bad = atom("$bad_item");
  if (pid.same(c.self().pid())) {
    const term v = c.self().info(items, c.heap());
    return v ? v : c.badarg();
  }
  const auto wanted = keep(items);
  auto& node = c.node();
  return await(
      c, undefined(),
      [&](give_answer answer) {
        node.run_in(pid, [answer, wanted, bad](actors::process& p) {
          answer([&](block& b) {
            const term v = p.info(get(wanted), b);
            return v ? v : bad;
          });
        });
      },
      [bad](call& again, term v) { return v.same(bad) ? again.badarg() : v; });
}
term process_info_1(call& c) { return process_info(c, c[0], undefined()); }
term process_info_2(call& c) { return is(c[1], "undefined") ? c.badarg() : process_info(c, c[0], c[1]); }

term process_flag_2(call& c) {
  if (!is(c[0], "trap_exit") || !(is(c[1], "true") || is(c[1], "false"))) return c.badarg();
  return boolean(c.self().set_trap_exit(is(c[1], "true")));
}
term group_leader_0(call& c) { return copy(c.heap(), c.self().group_leader()); }
term group_leader_2(call& c) {
  if (!c[0].is_pid() || !c[1].is_pid()) return c.badarg();
  if (c[1].same(c.self().pid())) {
    c.self().set_group_leader(c[0]);
  } else if (is_local(c[1])) {
    const auto leader = keep(c[0]);
    c.node().run_in(c[1], [leader](actors::process& p) { p.set_group_leader(get(leader)); });
  } else if (auto* d = c.node().dist()) {
    d->send(node_of(c[1]).node, dist::group_leader{c[0], c[1]}, {});
  }
  return boolean(true);
}

// ---- dictionary
term or_undefined(term t) { return t ? t : undefined(); }
term put_2(call& c) { return or_undefined(c.self().dictionary_put(c[0], c[1], c.heap())); }
term get_1(call& c) {
  const term v = c.self().dictionary_get(c[0]);
  return v ? copy(c.heap(), v) : undefined();
}
term get_0(call& c) { return c.self().dictionary(c.heap()); }
term erase_1(call& c) { return or_undefined(c.self().dictionary_put(c[0], {}, c.heap())); }
term erase_0(call& c) {
  const term all = c.self().dictionary(c.heap());
  for (term l = all; l.is_cons(); l = l.tail()) c.self().dictionary_put(l.head()[0], {}, c.heap());
  return all;
}
term get_keys_0(call& c) {
  std::vector<term> keys;
  for (term l = c.self().dictionary(c.heap()); l.is_cons(); l = l.tail()) keys.push_back(l.head()[0]);
  return make_list(c.heap(), keys.data(), keys.size());
}

// ---- timers. A destination on another node is badarg, as on BEAM.
bool timer_arguments(call& c) {
  return c[0].is_small() && c[0].small() >= 0 && c[0].small() <= (std::int64_t{1} << 48) && (is_local(c[1]) || c[1].is_atom());
}
term send_after_(call& c) { return timer_arguments(c) ? c.node().send_after(c[0].small(), c[1], c[2], c.heap()) : c.badarg(); }
term start_timer_(call& c) { return timer_arguments(c) ? c.node().send_after(c[0].small(), c[1], c[2], c.heap(), true) : c.badarg(); }
// [{abs, true}]: the time is erlang:monotonic_time(millisecond)'s.
term timer_4(call& c, bool start_timer_form) {
  const auto options = elements(c[3]);
  if (!options || !c[0].is_small() || !(is_local(c[1]) || c[1].is_atom())) return c.badarg();
  bool absolute = false;
  for (const term o : *options) {
    if (!o.is_tuple(2) || !is(o[0], "abs") || !(is(o[1], "true") || is(o[1], "false"))) return c.badarg();
    absolute = is(o[1], "true");
  }
  auto ms = c[0].small();
  if (absolute) ms = std::max<std::int64_t>(0, ms - std::chrono::duration_cast<std::chrono::milliseconds>(c.node().now().time_since_epoch()).count());
  if (ms < 0 || ms > (std::int64_t{1} << 48)) return c.badarg();
  return c.node().send_after(ms, c[1], c[2], c.heap(), start_timer_form);
}
term send_after_4(call& c) { return timer_4(c, false); }
term start_timer_4(call& c) { return timer_4(c, true); }
term ms_or_false(call& c, std::int64_t ms) { return ms < 0 ? boolean(false) : c.integer(ms); }
term cancel_timer_(call& c) { return c[0].is_ref() ? ms_or_false(c, c.node().cancel_timer(c[0])) : c.badarg(); }
term cancel_timer_2(call& c) {
  const auto options = elements(c[1]);
  if (!options || !c[0].is_ref()) return c.badarg();
  bool info = true, async = false;
  for (const term o : *options) {
    if (!o.is_tuple(2) || !(is(o[1], "true") || is(o[1], "false"))) return c.badarg();
    if (is(o[0], "info")) info = is(o[1], "true");
    else if (is(o[0], "async")) async = is(o[1], "true");
    else return c.badarg();
  }
  const term left = ms_or_false(c, c.node().cancel_timer(c[0]));
  if (info && async) c.self().send(c.self().pid(), c.tuple(atom("cancel_timer"), c[0], left));
  return info && !async ? left : ok();
}
term read_timer_(call& c) { return c[0].is_ref() ? ms_or_false(c, c.node().read_timer(c[0])) : c.badarg(); }

term make_ref_(call& c) { return c.node().make_ref(c.heap()); }
// Blocks go when the callback that made them returns: there is no garbage to wait for.
term garbage_collect_1(call& c) { return is_local(c[0]) ? boolean(c.node().alive(c[0])) : c.badarg(); }
term true_(call&) { return boolean(true); }

constexpr actors::builtin_function table[] = {
    {"self", 0, bif<self_>}, {"send", 2, bif<send_>}, {"!", 2, bif<send_>}, 
    {"link", 1, bif<link_>}, {"unlink", 1, bif<unlink_>},
    {"monitor", 2, bif<monitor_2>}, {"monitor", 3, bif<monitor_3>}, {"demonitor", 1, bif<demonitor_1>}, {"demonitor", 2, bif<demonitor_2>},
    {"alias", 0, bif<alias_0>}, {"alias", 1, bif<alias_1>}, {"unalias", 1, bif<unalias_>},
    {"exit", 1, bif<exit_1>}, {"exit", 2, bif<exit_2>}, {"throw", 1, bif<throw_1>}, {"error", 1, bif<error_1>}, {"error", 2, bif<error_1>},
    {"error", 3, bif<error_1>}, {"raise", 3, bif<raise_3>},
    {"spawn", 1, bif<spawn_1>}, {"spawn", 2, bif<spawn_2>}, {"spawn", 3, bif<spawn_3>}, {"spawn", 4, bif<spawn_4>},
    {"spawn_link", 1, bif<spawn_link_1>}, {"spawn_link", 2, bif<spawn_link_2>}, {"spawn_link", 3, bif<spawn_link_3>}, {"spawn_link", 4, bif<spawn_link_4>},
    {"spawn_monitor", 1, bif<spawn_monitor_1>}, {"spawn_monitor", 3, bif<spawn_monitor_3>}, {"spawn_monitor", 4, bif<spawn_monitor_4>},
    {"spawn_monitor", 2, bif<spawn_monitor_2>}, {"spawn_opt", 2, bif<spawn_opt_2>}, {"spawn_opt", 3, bif<spawn_opt_3>}, {"spawn_opt", 4, bif<spawn_opt_4>}, {"spawn_opt", 5, bif<spawn_opt_5>},
    {"apply", 2, bif<apply_2>}, {"apply", 3, bif<apply_3>},
    {"register", 2, bif<register_>}, {"unregister", 1, bif<unregister_>}, {"whereis", 1, bif<whereis_>}, {"registered", 0, bif<registered_>},
    {"processes", 0, bif<processes_>}, {"is_process_alive", 1, bif<is_process_alive_>},
    {"process_info", 1, bif<process_info_1>}, {"process_info", 2, bif<process_info_2>}, {"process_flag", 2, bif<process_flag_2>},
    {"group_leader", 0, bif<group_leader_0>}, {"group_leader", 2, bif<group_leader_2>},
    {"put", 2, bif<put_2>}, {"get", 0, bif<get_0>}, {"get", 1, bif<get_1>}, {"erase", 0, bif<erase_0>}, {"erase", 1, bif<erase_1>}, {"get_keys", 0, bif<get_keys_0>},
    {"send_after", 3, bif<send_after_>}, {"start_timer", 3, bif<start_timer_>}, {"send_after", 4, bif<send_after_4>}, {"start_timer", 4, bif<start_timer_4>}, {"cancel_timer", 1, bif<cancel_timer_>},
    {"cancel_timer", 2, bif<cancel_timer_2>}, {"read_timer", 1, bif<read_timer_>}, {"make_ref", 0, bif<make_ref_>},
    {"garbage_collect", 0, bif<true_>}, {"garbage_collect", 1, bif<garbage_collect_1>}, {"yield", 0, bif<true_>}, {"bump_reductions", 1, bif<true_>},
};

}  // namespace

void add_process_functions(actors::code_server& code) { code.add_builtin("erlang", table); }

}  // namespace cnode::services
