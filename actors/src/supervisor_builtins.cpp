// The module supervisor, as other code on this node (or rpc into it) calls it.
#include "builtin_calls.hpp"
#include "elixir_supervisors.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"
#include "supervisor_state.hpp"

namespace cnode::actors {

void add_supervisor_callbacks(code_server& code);  // supervisor.cpp

namespace {

// supervisor:start_link/2,3
task<term> start_link(call_context& cx, term name, term module, term args) {
  const auto& n = names();
  const term argument = make_tuple_of(cx.heap(), name ? name : n.self, module, args);
  co_return co_await gen::start(cx, gen::linkage::link, name, n.supervisor, argument, nil);
}

// supervisor:call/2: gen_server:call with infinity, and its exit reasons.
task<term> ask(call_context& cx, term server, term request) {
  const auto& n = names();
  co_return co_await gen::call_as(cx, server, n.gen_call, request, -1, n.gen_server, n.call,
                                  make_list_of(cx.heap(), server, request, n.infinity));
}

cnode_term start_link2(cnode_env* env, builtin_args a) {
  const term module = arg(a, 0), args = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return start_link(cx, {}, module, args); });
}
cnode_term start_link3(cnode_env* env, builtin_args a) {
  const term name = arg(a, 0), module = arg(a, 1), args = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return start_link(cx, name, module, args); });
}

template <auto Name>
cnode_term ask_plain(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = names().*Name;
  return run_waiting(env, [=](call_context& cx) { return ask(cx, server, request); });
}
template <auto Name>
cnode_term ask_about(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = make_tuple_of(heap_of(env), names().*Name, arg(a, 1));
  return run_waiting(env, [=](call_context& cx) { return ask(cx, server, request); });
}

cnode_term check(cnode_env* env, term specs, term auto_shutdown) {
  const auto& n = names();
  auto& b = heap_of(env);
  if (list_length(specs) < 0) return make_tuple_of(b, n.error, make_tuple_of(b, n.badarg, specs)).word();
  std::vector<child> children;
  const term error = check_start_spec(b, specs, auto_shutdown, children);
  return (error ? make_tuple_of(b, n.error, error) : n.ok).word();
}
cnode_term check_childspecs1(cnode_env* env, builtin_args a) { return check(env, arg(a, 0), names().undefined); }
cnode_term check_childspecs2(cnode_env* env, builtin_args a) {
  const auto& n = names();
  const term specs = arg(a, 0), how = arg(a, 1);
  const bool known = how.same(n.undefined) || how.same(n.never) || how.same(n.any_significant) || how.same(n.all_significant);
  if (known || list_length(specs) < 0) return check(env, specs, how);
  auto& b = heap_of(env);
  return make_tuple_of(b, n.error, make_tuple_of(b, n.badarg, how)).word();
}

task<term> get_callback_module(call_context& cx, term server) {
  const auto& n = names();
  const term status = co_await cx.call(n.sys, n.get_status, make_list_of(cx.heap(), server));
  // {status, Pid, {module, _}, [PDict, SysState, Parent, Dbg, [Header, Data, Data, {supervisor, [{"Callback", Mod}]}]]}
  if (!status.is_tuple(4) || list_length(status[3]) != 5) throw_error(n.function_clause);
  term misc = status[3];
  for (int i = 0; i < 4; ++i) misc = misc.tail();
  for (term l = misc.head(); l.is_cons(); l = l.tail()) {
    const term e = l.head();
    if (e.is_tuple(2) && e[0].same(n.supervisor) && e[1].is_cons() && e[1].head().is_tuple(2)) co_return e[1].head()[1];
  }
  throw_error(n.function_clause);
}
cnode_term get_callback_module1(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return get_callback_module(cx, server); });
}
cnode_term which_child2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = make_tuple_of(heap_of(env), atom("which_child"), arg(a, 1));
  return run_waiting(env, [=](call_context& cx) { return ask(cx, server, request); });
}
// supervisor:stop/1,3, of OTP 29
cnode_term stop1(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return gen::stop(cx, server, names().normal, -1); });
}
cnode_term stop3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), reason = arg(a, 1), time = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return gen::stop(cx, server, reason, gen::timeout_value(time)); });
}

}  // namespace

void add_supervisor_builtins(code_server& code) {
  add_supervisor_callbacks(code);
  static constexpr builtin_function functions[] = {
      {"start_link", 2, start_link2},
      {"start_link", 3, start_link3},
      {"start_child", 2, ask_about<&otp_atoms::start_child>},
      {"terminate_child", 2, ask_about<&otp_atoms::terminate_child>},
      {"restart_child", 2, ask_about<&otp_atoms::restart_child>},
      {"delete_child", 2, ask_about<&otp_atoms::delete_child>},
      {"get_childspec", 2, ask_about<&otp_atoms::get_childspec>},
      {"which_children", 1, ask_plain<&otp_atoms::which_children>},
      {"count_children", 1, ask_plain<&otp_atoms::count_children>},
      {"check_childspecs", 1, check_childspecs1},
      {"check_childspecs", 2, check_childspecs2},
      {"get_callback_module", 1, get_callback_module1},
      {"which_child", 2, which_child2},
      {"stop", 1, stop1},
      {"stop", 3, stop3},
  };
  code.add_builtin("supervisor", functions);
  add_elixir_supervisor_builtins(code);
}

}  // namespace cnode::actors
