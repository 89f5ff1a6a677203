// The atoms that OTP's behaviours are made of, interned once.
#pragma once

#include <cnode/protocol/atom_table.hpp>

namespace cnode::actors {

struct otp_atoms {
#define CNODE_ATOM(name) term name = atom(#name);
  // clang-format off
  CNODE_ATOM(ok) CNODE_ATOM(error) CNODE_ATOM(exit) CNODE_ATOM(undefined) CNODE_ATOM(normal) CNODE_ATOM(shutdown) CNODE_ATOM(kill)
  CNODE_ATOM(killed) CNODE_ATOM(noproc) CNODE_ATOM(noconnection) CNODE_ATOM(nodedown) CNODE_ATOM(timeout) CNODE_ATOM(infinity)
  CNODE_ATOM(calling_self) CNODE_ATOM(undef) CNODE_ATOM(badarg) CNODE_ATOM(function_clause) CNODE_ATOM(nocatch) CNODE_ATOM(badfun)
  CNODE_ATOM(reply) CNODE_ATOM(noreply) CNODE_ATOM(stop) CNODE_ATOM(ignore) CNODE_ATOM(hibernate) CNODE_ATOM(bad_return_value)
  CNODE_ATOM(system) CNODE_ATOM(alias) CNODE_ATOM(ack) CNODE_ATOM(already_started) CNODE_ATOM(local) CNODE_ATOM(global) CNODE_ATOM(via)
  CNODE_ATOM(yes) CNODE_ATOM(no) CNODE_ATOM(self) CNODE_ATOM(process) CNODE_ATOM(name) CNODE_ATOM(module) CNODE_ATOM(message)
  CNODE_ATOM(init) CNODE_ATOM(handle_call) CNODE_ATOM(handle_cast) CNODE_ATOM(handle_info) CNODE_ATOM(handle_continue)
  CNODE_ATOM(terminate) CNODE_ATOM(code_change) CNODE_ATOM(format_status) CNODE_ATOM(init_it) CNODE_ATOM(loop)
  CNODE_ATOM(gen_server) CNODE_ATOM(gen) CNODE_ATOM(sys) CNODE_ATOM(proc_lib) CNODE_ATOM(supervisor)
  CNODE_ATOM(register_name) CNODE_ATOM(unregister_name) CNODE_ATOM(whereis_name) CNODE_ATOM(send)
  CNODE_ATOM(in) CNODE_ATOM(out) CNODE_ATOM(state) CNODE_ATOM(log) CNODE_ATOM(reason) CNODE_ATOM(label) CNODE_ATOM(data) CNODE_ATOM(header)
  CNODE_ATOM(suspend) CNODE_ATOM(resume) CNODE_ATOM(get_state) CNODE_ATOM(get_status) CNODE_ATOM(replace_state) CNODE_ATOM(change_code)
  CNODE_ATOM(debug) CNODE_ATOM(no_debug) CNODE_ATOM(trace) CNODE_ATOM(statistics) CNODE_ATOM(log_to_file) CNODE_ATOM(install)
  CNODE_ATOM(remove) CNODE_ATOM(get) CNODE_ATOM(print) CNODE_ATOM(unknown_system_msg) CNODE_ATOM(unknown_debug)
  CNODE_ATOM(callback_failed) CNODE_ATOM(system_replace_state) CNODE_ATOM(open_file) CNODE_ATOM(no_statistics) CNODE_ATOM(start_time)
  CNODE_ATOM(current_time) CNODE_ATOM(reductions) CNODE_ATOM(messages_in) CNODE_ATOM(messages_out)
  CNODE_ATOM(status) CNODE_ATOM(running) CNODE_ATOM(suspended) CNODE_ATOM(spawn_opt) CNODE_ATOM(hibernate_after)
  CNODE_ATOM(node) CNODE_ATOM(remote) CNODE_ATOM(dead) CNODE_ATOM(init_p) CNODE_ATOM(init_p_do_apply) CNODE_ATOM(print_event)
  CNODE_ATOM(internal_error) CNODE_ATOM(logger_proxy)
  CNODE_ATOM(registered_name) CNODE_ATOM(report) CNODE_ATOM(pid) CNODE_ATOM(id) CNODE_ATOM(start) CNODE_ATOM(restart)
  CNODE_ATOM(type) CNODE_ATOM(modules) CNODE_ATOM(significant) CNODE_ATOM(worker) CNODE_ATOM(permanent) CNODE_ATOM(transient)
  CNODE_ATOM(temporary) CNODE_ATOM(brutal_kill) CNODE_ATOM(dynamic) CNODE_ATOM(strategy) CNODE_ATOM(intensity) CNODE_ATOM(period)
  CNODE_ATOM(auto_shutdown) CNODE_ATOM(never) CNODE_ATOM(any_significant) CNODE_ATOM(all_significant) CNODE_ATOM(one_for_one)
  CNODE_ATOM(one_for_all) CNODE_ATOM(rest_for_one) CNODE_ATOM(simple_one_for_one) CNODE_ATOM(restarting) CNODE_ATOM(child)
  CNODE_ATOM(start_child) CNODE_ATOM(terminate_child) CNODE_ATOM(restart_child) CNODE_ATOM(delete_child) CNODE_ATOM(which_children)
  CNODE_ATOM(count_children) CNODE_ATOM(get_childspec) CNODE_ATOM(try_again_restart) CNODE_ATOM(call) CNODE_ATOM(cast)
  // clang-format on
#undef CNODE_ATOM
  term true_ = atom("true"), false_ = atom("false"), nil_ = atom("nil");
  term gen_call = atom("$gen_call"), gen_cast = atom("$gen_cast"), ancestors = atom("$ancestors"), initial_call = atom("$initial_call");
  term EXIT = atom("EXIT"), DOWN = atom("DOWN"), continue_ = atom("continue");
  term status_key = atom("$status");
  term elixir_gen_server = atom("Elixir.GenServer");
};

inline const otp_atoms& names() {
  static const otp_atoms atoms;
  return atoms;
}

// An end that nobody reports.
inline bool is_shutdown(term reason) {
  const auto& n = names();
  return reason.same(n.normal) || reason.same(n.shutdown) || (reason.is_tuple(2) && reason[0].same(n.shutdown));
}

}  // namespace cnode::actors
