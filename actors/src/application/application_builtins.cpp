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

// The controller is asked for an atom, or a tuple of it and the arguments.
template <word What, std::size_t N>
task<term> request(call_context& cx, std::array<term, N> args) {
  std::array<term, N + 1> all{atom_of<What>()};
  std::copy(args.begin(), args.end(), all.begin() + 1);
  return ask(cx, N == 0 ? all[0] : make_tuple(cx.heap(), all.data(), all.size()));
}
task<term> info(call_context& cx) { return ask(cx, atom("info"), 5000); }

// ---- application
task<term> load2(call_context& cx, term app, term nodes) {
  // Applications that move between nodes are dist_ac's; there is none here.
  if (!nodes.is_nil()) throw_exit(make_tuple_of(cx.heap(), names().noproc, make_tuple_of(cx.heap(), atom("dist_ac"), atom("load_application"), make_list_of(cx.heap(), app, nodes))));
  co_return co_await load(cx, app);
}
task<term> ensure_all_started3(call_context& cx, term apps, term type, term mode) {
  // serial; concurrent is not done: the order would be another than asked for.
  if (!mode.same(atom("serial"))) throw_error(names().badarg);
  co_return co_await ensure_all_started(cx, apps, type);
}
term loaded(cnode_env* env) { return loaded_applications(heap_of(env), table_of(env)); }

term get_env1(cnode_env* env, term key) {
  const term app = own_application(env);
  return app ? get_env(heap_of(env), table_of(env), app, key) : names().undefined;
}
term get_env2(cnode_env* env, term app, term key) { return get_env(heap_of(env), table_of(env), app, key); }
term get_env3(cnode_env* env, term app, term key, term otherwise) {
  const term found = get_env2(env, app, key);
  return found.is_tuple(2) ? found[1] : otherwise;
}
term get_all_env1(cnode_env* env, term app) { return table_of(env).all_env(heap_of(env), app); }
term get_all_env0(cnode_env* env) {
  const term app = own_application(env);
  return app ? get_all_env1(env, app) : nil;
}
term get_key1(cnode_env* env, term key) {
  const term app = own_application(env);
  return app ? get_key(heap_of(env), table_of(env), app, key) : names().undefined;
}
term get_key2(cnode_env* env, term app, term key) { return get_key(heap_of(env), table_of(env), app, key); }
term get_all_key1(cnode_env* env, term app) { return get_all_key(heap_of(env), table_of(env), app); }
term get_all_key0(cnode_env* env) {
  const term app = own_application(env);
  return app ? get_all_key1(env, app) : nil;
}

term application_led_by(block& b, const application_table& t, term leader) {
  const term app = leader.is_pid() ? t.application_of(leader) : term{};
  return app ? make_tuple_of(b, names().ok, app) : names().undefined;
}
term application_of_leader(cnode_env* env, term leader) { return application_led_by(heap_of(env), table_of(env), leader); }
term get_application0(cnode_env* env) { return application_of_leader(env, own_leader(env)); }
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

constexpr auto temporary = &otp_atoms::temporary;

constexpr builtin_function application_functions[] = {
    {"load", 1, waiting<load>}, {"load", 2, waiting<load2>}, {"unload", 1, waiting<request<"unload_application", 1>>},
    {"start", 1, waiting<start, 0, temporary>}, {"start", 2, waiting<start>},
    {"start_boot", 1, waiting<start, 0, temporary>}, {"start_boot", 2, waiting<start>},
    {"ensure_started", 1, waiting<ensure_started, 0, temporary>}, {"ensure_started", 2, waiting<ensure_started>},
    {"ensure_all_started", 1, waiting<ensure_all_started, 0, temporary>}, {"ensure_all_started", 2, waiting<ensure_all_started>},
    {"ensure_all_started", 3, waiting<ensure_all_started3>}, {"stop", 1, waiting<stop>},
    {"which_applications", 0, waiting<which_applications, integer{5000}>}, {"which_applications", 1, waiting<which_applications>},
    {"loaded_applications", 0, plain<loaded>}, {"info", 0, waiting<info>},
    {"get_env", 1, plain<get_env1>}, {"get_env", 2, plain<get_env2>}, {"get_env", 3, plain<get_env3>},
    {"get_all_env", 0, plain<get_all_env0>}, {"get_all_env", 1, plain<get_all_env1>},
    {"set_env", 1, waiting<set_all_env, 0, empty_list>}, {"set_env", 2, waiting<set_all_env>},
    {"set_env", 3, waiting<set_env, 0, 1, 2, empty_list>}, {"set_env", 4, waiting<set_env>},
    {"unset_env", 2, waiting<set_env, 0, 1, none, empty_list>}, {"unset_env", 3, waiting<set_env, 0, 1, none, 2>},
    {"get_key", 1, plain<get_key1>}, {"get_key", 2, plain<get_key2>},
    {"get_all_key", 0, plain<get_all_key0>}, {"get_all_key", 1, plain<get_all_key1>},
    {"get_application", 0, plain<get_application0>}, {"get_application", 1, waiting<get_application1>},
    {"start_type", 0, waiting<start_type0>}, {"get_supervisor", 1, waiting<get_supervisor1>},
};

// ---- application_controller
term get_master(cnode_env* env, term app) {
  const term pid = table_of(env).master(app);
  return pid ? pid : names().undefined;
}
term get_application_module(cnode_env* env, term module) { return application_of_module(heap_of(env), table_of(env), module); }

constexpr builtin_function controller_functions[] = {
    {"get_master", 1, plain<get_master>}, {"get_application", 1, plain<application_of_leader>},
    {"get_application_module", 1, plain<get_application_module>}, {"get_env", 2, plain<get_env2>}, {"get_all_env", 1, plain<get_all_env1>},
    {"get_key", 2, plain<get_key2>}, {"get_all_key", 1, plain<get_all_key1>}, {"loaded_applications", 0, plain<loaded>},
    {"which_applications", 0, waiting<which_applications, integer{5000}>}, {"which_applications", 1, waiting<which_applications>},
    {"info", 0, waiting<info>}, {"is_running", 1, waiting<request<"is_running", 1>>}, {"load_application", 1, waiting<load>},
    {"unload_application", 1, waiting<request<"unload_application", 1>>},
    {"start_application", 2, waiting<request<"start_application", 2>>}, {"start_boot_application", 2, waiting<start>},
    {"stop_application", 1, waiting<stop>}, {"set_env", 2, waiting<set_all_env>},
    {"set_env", 3, waiting<set_env, 0, 1, 2, empty_list>}, {"set_env", 4, waiting<set_env>},
    {"unset_env", 2, waiting<set_env, 0, 1, none, empty_list>}, {"unset_env", 3, waiting<set_env, 0, 1, none, 2>},
    {"prep_config_change", 0, waiting<request<"prep_config_change", 0>>}, {"config_change", 1, waiting<request<"config_change", 1>>},
    {"change_application_data", 2, waiting<request<"change_application_data", 2>>},
};

}  // namespace

void add_application_functions(code_server& code) {
  code.add_builtin("application", application_functions);
  code.add_builtin("application_controller", controller_functions);
}

}  // namespace cnode::actors
