// Elixir's Task.Supervisor and the processes it starts, Task.Supervised. Their functions are those of modules on this node: a closure of
// another node cannot run here, and its task ends with {badfun, Closure}.
#include <cnode/actors/reports.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "builtin_calls.hpp"
#include "elixir_supervisors.hpp"
#include "gen_call.hpp"

namespace cnode::actors {

namespace {

bool is_quiet_exit(term error_class, term reason) {
  const auto& n = names();
  return error_class.same(n.exit) &&
         (reason.same(n.normal) || reason.same(n.shutdown) || (reason.is_tuple(2) && reason[0].same(n.shutdown)));
}

// {Node, Name | Pid, Pid}, as reports name who started the task
term starter(block& b, term owner) {
  if (!owner.is_tuple(3)) return owner;
  if (owner[0].same(this_node().name)) return owner[1];
  return owner[1].is_atom() ? make_tuple_of(b, owner[0], owner[1]) : owner[2];
}

// Task.Supervised.invoke_mfa/2
task<term> invoke(call_context& cx, term owner, term callers, term mfa) {
  const auto& n = names();
  auto& b = cx.heap();
  auto& self = cx.self();
  if (!mfa.is_tuple(3) || !mfa[0].is_atom() || !mfa[1].is_atom() || list_length(mfa[2]) < 0) throw_error(n.function_clause);
  const bool fun = mfa[0].same(atom("erlang")) && mfa[1].same(atom("apply")) && list_length(mfa[2]) == 2 && mfa[2].head().is_fun();
  const term called = fun ? mfa[2].head() : make_export(b, mfa[0], mfa[1], static_cast<std::uint32_t>(list_length(mfa[2])));
  const term args = fun ? mfa[2].tail().head() : mfa[2];
  self.dictionary_put(n.initial_call, make_tuple_of(b, mfa[0], mfa[1], small(list_length(mfa[2]))), b);
  self.dictionary_put(atom("$callers"), callers, b);
  outcome out;
  const bool closure = fun && called.kind() == CNODE_FUN;
  if (closure) {
    out.kind = outcome::raised;
    out.error_class = n.error;
    out.reason = make_tuple_of(b, n.badfun, called);
    out.stacktrace = nil;
  } else {
    out = co_await cx.apply(mfa[0], mfa[1], mfa[2]);
  }
  if (out.kind == outcome::value) co_return out.result;
  if (!is_quiet_exit(out.error_class, out.reason)) {
    const term value = out.error_class.same(atom("throw")) ? make_tuple_of(b, n.nocatch, out.reason) : out.reason;
    const term reason = make_tuple_of(b, value, out.stacktrace ? out.stacktrace : nil);
    reports::error_text(self,
                        closure ? "** Task ~p terminating~n** Started from ~p~n** When function  == ~p~n**      arguments == ~p~n** A closure "
                                  "cannot run on a node written in C++: give a module of that node, a function and arguments~n** ~p~n"
                                : "** Task ~p terminating~n** Started from ~p~n** When function  == ~p~n**      arguments == ~p~n** Reason "
                                  "for termination == ~n** ~p~n",
                        make_list_of(b, self.pid(), starter(b, owner), called, args, reason), "Elixir.Task.Supervised", "invoke_mfa", 2);
  }
  throw raised{out.error_class, out.reason, out.stacktrace};
}

// Waits for {OwnerPid, Ref, ReplyTo, Callers, {M, F, Args}} and answers {Ref, Result}; five seconds, when the owner is monitored.
task<term> reply(call_context& cx, term owner, term monitor) {
  const auto& n = names();
  auto& self = cx.self();
  if (!owner.is_tuple(3) || !owner[2].is_pid()) throw_error(n.function_clause);
  const bool watched = monitor.same(atom("monitor"));
  const term pid = owner[2], ref = watched ? copy(cx.heap(), self.monitor(pid)) : term{};
  const auto is_ours = [pid, ref](term m) {
    if (!m.is_tuple(5)) return false;
    return exactly_equal(m[0], pid) || (ref && m[0].same(names().DOWN) && exactly_equal(m[1], ref));
  };
  const term m = co_await cx.receive(is_ours, watched ? 5000 : -1);
  if (!m) throw_exit(n.timeout);
  if (m[0].same(n.DOWN)) throw_exit(make_tuple_of(cx.heap(), n.shutdown, m[4]));
  if (watched) self.demonitor(ref, true);
  const term result = co_await invoke(cx, owner, m[3], m[4]);
  self.send(m[2], make_tuple_of(cx.heap(), m[1], result));
  co_return n.ok;
}

template <word Function, std::size_t N>
task<term> spawn_task(call_context& cx, std::array<term, N> all) {
  const term args = make_list(cx.heap(), all.data(), N);
  const term pid = co_await cx.call(names().proc_lib, atom("spawn_link"),
                                    make_list_of(cx.heap(), atom("Elixir.Task.Supervised"), atom_of<Function>(), args));
  co_return make_tuple_of(cx.heap(), names().ok, pid);
}

// ---- Task.Supervisor

task<term> start_link(call_context& cx, term options) {
  const auto& n = names();
  auto& b = cx.heap();
  const term restart = gen::option(options, n.restart), shutdown = gen::option(options, n.shutdown);
  const term defaults = make_tuple_of(b, restart ? restart : n.temporary, shutdown ? shutdown : small(5000));
  const term rest = without_options(b, options, {"restart", "shutdown", "max_children", "max_seconds", "max_restarts"});
  const term own = without_options(b, options, {"restart", "shutdown", "name", "spawn_opt", "debug", "hibernate_after", "timeout"});
  co_return co_await cx.call(atom("Elixir.DynamicSupervisor"), atom("start_link"),
                             make_list_of(b, atom("Elixir.Task.Supervisor"), make_tuple_of(b, defaults, own), rest));
}

task<term> init(call_context& cx, term arg) {
  auto& b = cx.heap();
  if (!arg.is_tuple(2)) throw_error(names().function_clause);
  cx.self().dictionary_put(atom("Elixir.Task.Supervisor"), arg[0], b);
  co_return co_await cx.call(atom("Elixir.DynamicSupervisor"), names().init, make_list_of(b, arg[1]));
}

// start_child(Supervisor, M, F, Args, Options)
task<term> start_child(call_context& cx, term server, term module, term function, term args, term options) {
  const auto& n = names();
  auto& b = cx.heap();
  auto& self = cx.self();
  const term name = self.registered_name(), before = self.dictionary_get(atom("$callers"));
  const term mfa = make_tuple_of(b, module, function, args);
  const term owner = make_tuple_of(b, this_node().name, name ? name : self.pid(), self.pid());
  const term callers = make_cons(b, self.pid(), before && before.is_cons() ? before : nil);
  const term restart = gen::option(options, n.restart), shutdown = gen::option(options, n.shutdown);
  co_return co_await ask_elixir_server(cx, server, make_tuple_of(b, atom("start_task"), make_list_of(b, owner, callers, mfa),
                                                                 restart ? restart : n.temporary, shutdown ? shutdown : n.nil_));
}

task<term> children(call_context& cx, term server) {
  const term list = co_await ask_elixir_server(cx, server, names().which_children);
  std::vector<term> pids;
  for (term l = list; l.is_cons(); l = l.tail())
    if (l.head().is_tuple(4) && l.head()[1].is_pid()) pids.push_back(l.head()[1]);
  co_return make_list(cx.heap(), pids.data(), pids.size());
}

task<term> terminate_child(call_context& cx, term server, term pid) {
  return ask_elixir_server(cx, server, make_tuple_of(cx.heap(), names().terminate_child, pid));
}

}  // namespace

void add_task_supervisor_builtins(code_server& code) {
  static constexpr builtin_function supervised[] = {
      {"start_link", 2, waiting<spawn_task<"reply", 2>>},
      {"start_link", 3, waiting<spawn_task<"noreply", 3>>},
      {"noreply", 3, waiting<invoke>},
      {"reply", 2, waiting<reply>},
  };
  code.add_builtin("Elixir.Task.Supervised", supervised);
  static constexpr builtin_function supervisor[] = {
      {"start_link", 0, waiting<start_link, empty_list>},
      {"start_link", 1, waiting<start_link>},
      {"init", 1, waiting<init>},
      {"child_spec", 1, plain<elixir_child_spec<"Elixir.Task.Supervisor">>},
      {"start_child", 4, waiting<start_child, 0, 1, 2, 3, empty_list>},
      {"start_child", 5, waiting<start_child>},
      {"children", 1, waiting<children>},
      {"terminate_child", 2, waiting<terminate_child>},
  };
  code.add_builtin("Elixir.Task.Supervisor", supervisor);
}

}  // namespace cnode::actors
