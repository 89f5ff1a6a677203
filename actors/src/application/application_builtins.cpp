// The modules application and application_controller, as other code on this node (or rpc into it) calls them.
#include "../builtin_calls.hpp"
#include "../otp_atoms.hpp"
#include "application_calls.hpp"
#include "application_spec.hpp"

namespace cnode::actors {

namespace {

using namespace applications;

const application_table& table_of(cnode_env* env) {
  // The runtime outlives its processes, and so does the table.
  return *applications_of(self(env).node());
}
term own_leader(cnode_env* env) { return self(env).group_leader(); }
term own_application(cnode_env* env) { return table_of(env).application_of(own_leader(env)); }

// A function of n arguments that asks or waits: f(cx, args...).
template <auto F>
cnode_term wait0(cnode_env* env, builtin_args) {
  return run_waiting(env, [](call_context& cx) { return F(cx); });
}
template <auto F>
cnode_term wait1(cnode_env* env, builtin_args a) {
  const term x = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return F(cx, x); });
}
template <auto F>
cnode_term wait2(cnode_env* env, builtin_args a) {
  const term x = arg(a, 0), y = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return F(cx, x, y); });
}
template <auto F>
cnode_term wait3(cnode_env* env, builtin_args a) {
  const term x = arg(a, 0), y = arg(a, 1), z = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return F(cx, x, y, z); });
}
template <auto F>
cnode_term wait4(cnode_env* env, builtin_args a) {
  const term w = arg(a, 0), x = arg(a, 1), y = arg(a, 2), z = arg(a, 3);
  return run_waiting(env, [=](call_context& cx) { return F(cx, w, x, y, z); });
}

task<term> request0(call_context& cx, term request) { return ask(cx, request); }
template <std::size_t N>
struct word {
  char text[N]{};
  constexpr word(const char (&s)[N]) { std::copy_n(s, N, text); }
};
template <word What>
task<term> request_1(call_context& cx, term x) {
  const term request = make_tuple_of(cx.heap(), atom(What.text), x);
  co_return co_await ask(cx, request);
}
template <word What>
task<term> request_2(call_context& cx, term x, term y) {
  const term request = make_tuple_of(cx.heap(), atom(What.text), x, y);
  co_return co_await ask(cx, request);
}

// ---- application
task<term> load2(call_context& cx, term app, term nodes) {
  // Applications that move between nodes are dist_ac's; there is none here.
  if (!nodes.is_nil()) throw_exit(make_tuple_of(cx.heap(), names().noproc, make_tuple_of(cx.heap(), atom("dist_ac"), atom("load_application"), make_list_of(cx.heap(), app, nodes))));
  co_return co_await load(cx, app);
}
task<term> start1(call_context& cx, term app) { return start(cx, app, names().temporary); }
task<term> ensure_started1(call_context& cx, term app) { return ensure_started(cx, app, names().temporary); }
task<term> ensure_all_started1(call_context& cx, term apps) { return ensure_all_started(cx, apps, names().temporary); }
task<term> ensure_all_started3(call_context& cx, term apps, term type, term mode) {
  // serial; concurrent is not done: the order would be another than asked for.
  if (!mode.same(atom("serial"))) throw_error(names().badarg);
  co_return co_await ensure_all_started(cx, apps, type);
}
task<term> set_env3(call_context& cx, term app, term key, term value) { return set_env(cx, app, key, value, nil); }
task<term> set_env4(call_context& cx, term app, term key, term value, term options) { return set_env(cx, app, key, value, options); }
task<term> set_env1(call_context& cx, term config) { return set_env(cx, config, nil); }
task<term> set_env2(call_context& cx, term config, term options) { return set_env(cx, config, options); }
task<term> unset_env2(call_context& cx, term app, term key) { return set_env(cx, app, key, term{}, nil); }
task<term> unset_env3(call_context& cx, term app, term key, term options) { return set_env(cx, app, key, term{}, options); }
task<term> which0(call_context& cx) { return which_applications(cx, small(5000)); }
task<term> info0(call_context& cx) { return ask(cx, atom("info"), 5000); }

cnode_term loaded_applications0(cnode_env* env, builtin_args) { return loaded_applications(heap_of(env), table_of(env)).word(); }

cnode_term get_env1(cnode_env* env, builtin_args a) {
  const term app = own_application(env);
  return (app ? get_env(heap_of(env), table_of(env), app, arg(a, 0)) : names().undefined).word();
}
cnode_term get_env2(cnode_env* env, builtin_args a) { return get_env(heap_of(env), table_of(env), arg(a, 0), arg(a, 1)).word(); }
cnode_term get_env3(cnode_env* env, builtin_args a) {
  const term found = get_env(heap_of(env), table_of(env), arg(a, 0), arg(a, 1));
  return found.is_tuple(2) ? found[1].word() : a[2];
}
cnode_term get_all_env0(cnode_env* env, builtin_args) {
  const term app = own_application(env);
  return (app ? table_of(env).all_env(heap_of(env), app) : nil).word();
}
cnode_term get_all_env1(cnode_env* env, builtin_args a) { return table_of(env).all_env(heap_of(env), arg(a, 0)).word(); }
cnode_term get_key1(cnode_env* env, builtin_args a) {
  const term app = own_application(env);
  return (app ? get_key(heap_of(env), table_of(env), app, arg(a, 0)) : names().undefined).word();
}
cnode_term get_key2(cnode_env* env, builtin_args a) { return get_key(heap_of(env), table_of(env), arg(a, 0), arg(a, 1)).word(); }
cnode_term get_all_key0(cnode_env* env, builtin_args) {
  const term app = own_application(env);
  return (app ? get_all_key(heap_of(env), table_of(env), app) : nil).word();
}
cnode_term get_all_key1(cnode_env* env, builtin_args a) { return get_all_key(heap_of(env), table_of(env), arg(a, 0)).word(); }

term application_led_by(block& b, const application_table& t, term leader) {
  const term app = leader.is_pid() ? t.application_of(leader) : term{};
  return app ? make_tuple_of(b, names().ok, app) : names().undefined;
}
cnode_term get_application0(cnode_env* env, builtin_args) {
  return application_led_by(heap_of(env), table_of(env), own_leader(env)).word();
}
task<term> get_application1(call_context& cx, term what) {
  const auto table = applications_of(cx.self().node());
  if (what.is_atom()) co_return application_of_module(cx.heap(), *table, what);
  if (!what.is_pid()) throw_error(names().function_clause);
  const term args = make_list_of(cx.heap(), what, atom("group_leader"));
  const term info = co_await cx.call(atom("erlang"), atom("process_info"), args);
  co_return info.is_tuple(2) ? application_led_by(cx.heap(), *table, info[1]) : names().undefined;
}
// From OTP 26 on: {ok, Pid} of the top supervisor
task<term> get_supervisor1(call_context& cx, term app) {
  if (!app.is_atom()) throw_error(names().function_clause);
  const term master = applications_of(cx.self().node())->master(app);
  if (!master) co_return names().undefined;
  const term child = co_await ask_application_master(cx, master, atom("get_child"));
  co_return child.is_tuple(2) ? make_tuple_of(cx.heap(), names().ok, child[0]) : names().undefined;
}
task<term> start_type0(call_context& cx) {
  const term app = applications_of(cx.self().node())->application_of(cx.self().group_leader());
  if (!app) co_return names().undefined;
  const term request = make_tuple_of(cx.heap(), atom("start_type"), app);
  co_return co_await ask(cx, request);
}

constexpr builtin_function application_table_of_functions[] = {
    {"load", 1, wait1<load>}, {"load", 2, wait2<load2>}, {"unload", 1, wait1<request_1<"unload_application">>},
    {"start", 1, wait1<start1>}, {"start", 2, wait2<start>}, {"start_boot", 1, wait1<start1>}, {"start_boot", 2, wait2<start>},
    {"ensure_started", 1, wait1<ensure_started1>}, {"ensure_started", 2, wait2<ensure_started>},
    {"ensure_all_started", 1, wait1<ensure_all_started1>}, {"ensure_all_started", 2, wait2<ensure_all_started>},
    {"ensure_all_started", 3, wait3<ensure_all_started3>}, {"stop", 1, wait1<stop>},
    {"which_applications", 0, wait0<which0>}, {"which_applications", 1, wait1<which_applications>},
    {"loaded_applications", 0, loaded_applications0}, {"info", 0, wait0<info0>},
    {"get_env", 1, get_env1}, {"get_env", 2, get_env2}, {"get_env", 3, get_env3}, {"get_all_env", 0, get_all_env0}, {"get_all_env", 1, get_all_env1},
    {"set_env", 1, wait1<set_env1>}, {"set_env", 2, wait2<set_env2>}, {"set_env", 3, wait3<set_env3>}, {"set_env", 4, wait4<set_env4>},
    {"unset_env", 2, wait2<unset_env2>}, {"unset_env", 3, wait3<unset_env3>},
    {"get_key", 1, get_key1}, {"get_key", 2, get_key2}, {"get_all_key", 0, get_all_key0}, {"get_all_key", 1, get_all_key1},
    {"get_application", 0, get_application0}, {"get_application", 1, wait1<get_application1>}, {"start_type", 0, wait0<start_type0>},
    {"get_supervisor", 1, wait1<get_supervisor1>},
};

// ---- application_controller
cnode_term get_master1(cnode_env* env, builtin_args a) {
  const term pid = table_of(env).master(arg(a, 0));
  return (pid ? pid : names().undefined).word();
}
cnode_term application_of_leader1(cnode_env* env, builtin_args a) {
  return application_led_by(heap_of(env), table_of(env), arg(a, 0)).word();
}
cnode_term get_application_module1(cnode_env* env, builtin_args a) {
  return application_of_module(heap_of(env), table_of(env), arg(a, 0)).word();
}
task<term> prep_config_change0(call_context& cx) { return request0(cx, atom("prep_config_change")); }

constexpr builtin_function controller_functions[] = {
    {"get_master", 1, get_master1}, {"get_application", 1, application_of_leader1}, {"get_application_module", 1, get_application_module1},
    {"get_env", 2, get_env2}, {"get_all_env", 1, get_all_env1}, {"get_key", 2, get_key2}, {"get_all_key", 1, get_all_key1},
    {"loaded_applications", 0, loaded_applications0}, {"which_applications", 0, wait0<which0>}, {"which_applications", 1, wait1<which_applications>},
    {"info", 0, wait0<info0>}, {"is_running", 1, wait1<request_1<"is_running">>}, {"load_application", 1, wait1<load>},
    {"unload_application", 1, wait1<request_1<"unload_application">>}, {"start_application", 2, wait2<request_2<"start_application">>},
    {"start_boot_application", 2, wait2<start>}, {"stop_application", 1, wait1<stop>}, {"set_env", 2, wait2<set_env2>},
    {"set_env", 3, wait3<set_env3>}, {"set_env", 4, wait4<set_env4>}, {"unset_env", 2, wait2<unset_env2>}, {"unset_env", 3, wait3<unset_env3>},
    {"prep_config_change", 0, wait0<prep_config_change0>}, {"config_change", 1, wait1<request_1<"config_change">>},
    {"change_application_data", 2, wait2<request_2<"change_application_data">>},
};

}  // namespace

void add_application_functions(code_server& code) {
  code.add_builtin("application", application_table_of_functions);
  code.add_builtin("application_controller", controller_functions);
}

}  // namespace cnode::actors
