// The module supervisor, as other code on this node (or rpc into it) calls it.
#include "builtin_calls.hpp"
#include "elixir_supervisors.hpp"
#include "gen_call.hpp"
#include "supervisor_state.hpp"

namespace cnode::actors {

void add_supervisor_callbacks(code_server& code);  // supervisor.cpp

namespace {

// supervisor:start_link/2,3
task<term> start_link(call_context& cx, term name, term module, term args) {
  const auto& n = names();
  const term argument = make_tuple_of(cx.heap(), name ? name : n.self, module, args);
  co_return co_await gen::start(cx, gen::linkage::link, name, n.supervisor, argument, nil, gen::server_start::gen_server);
}

// supervisor:call/2: gen_server:call with infinity, and its exit reasons.
task<term> ask(call_context& cx, term server, term request) {
  return gen::server_call(cx, names().gen_server, server, request, names().infinity);
}
template <word What>
task<term> about(call_context& cx, term server, term what) {
  return ask(cx, server, make_tuple_of(cx.heap(), atom_of<What>(), what));
}

term check_childspecs(cnode_env* env, term specs, term how) {
  const auto& n = names();
  auto& b = heap_of(env);
  const auto bad = [&](term what) { return make_tuple_of(b, n.error, make_tuple_of(b, n.badarg, what)); };
  if (list_length(specs) < 0) return bad(specs);
  if (!how.same(n.undefined) && !how.same(n.never) && !how.same(n.any_significant) && !how.same(n.all_significant)) return bad(how);
  std::vector<child> children;
  const term error = check_start_spec(b, specs, how, children);
  return error ? make_tuple_of(b, n.error, error) : n.ok;
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

}  // namespace

void add_supervisor_builtins(code_server& code) {
  add_supervisor_callbacks(code);
  static constexpr builtin_function functions[] = {
      {"start_link", 2, waiting<start_link, none, 0, 1>},
      {"start_link", 3, waiting<start_link>},
      {"start_child", 2, waiting<about<"start_child">>},
      {"terminate_child", 2, waiting<about<"terminate_child">>},
      {"restart_child", 2, waiting<about<"restart_child">>},
      {"delete_child", 2, waiting<about<"delete_child">>},
      {"get_childspec", 2, waiting<about<"get_childspec">>},
      {"which_child", 2, waiting<about<"which_child">>},
      {"which_children", 1, waiting<ask, 0, &otp_atoms::which_children>},
      {"count_children", 1, waiting<ask, 0, &otp_atoms::count_children>},
      {"check_childspecs", 1, plain<check_childspecs, 0, &otp_atoms::undefined>},
      {"check_childspecs", 2, plain<check_childspecs>},
      {"get_callback_module", 1, waiting<get_callback_module>},
  };
  code.add_builtin("supervisor", functions);
  add_elixir_supervisor_builtins(code);
}

}  // namespace cnode::actors
