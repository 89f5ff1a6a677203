// Elixir.Application: the module application in Elixir's words.
#include <cnode/protocol/term_text.hpp>

#include "../builtin_calls.hpp"
#include "../otp_atoms.hpp"
#include "application_calls.hpp"
#include "application_spec.hpp"

namespace cnode::actors {

namespace {

using namespace applications;

const application_table& table_of(cnode_env* env) { return *applications_of(self(env).node()); }
cnode_term no_clause(cnode_env* env) { return raise(env, names().error, names().function_clause).word(); }

cnode_term argument_error(cnode_env* env, const std::string& message) {
  auto& b = heap_of(env);
  const term keys[] = {atom("__struct__"), atom("__exception__"), atom("message")};
  const term values[] = {atom("Elixir.ArgumentError"), names().true_, make_binary(b, message)};
  return raise(env, names().error, make_map(b, keys, values, 3)).word();
}

cnode_term get_env3(cnode_env* env, builtin_args a) {
  if (!arg(a, 0).is_atom()) return no_clause(env);
  const term found = get_env(heap_of(env), table_of(env), arg(a, 0), arg(a, 1));
  return found.is_tuple(2) ? found[1].word() : a[2];
}
cnode_term get_env2(cnode_env* env, builtin_args a) {
  const cnode_term args[] = {a[0], a[1], names().nil_.word()};
  return get_env3(env, args);
}
cnode_term get_all_env1(cnode_env* env, builtin_args a) {
  return arg(a, 0).is_atom() ? table_of(env).all_env(heap_of(env), arg(a, 0)).word() : no_clause(env);
}
cnode_term fetch_env2(cnode_env* env, builtin_args a) {
  if (!arg(a, 0).is_atom()) return no_clause(env);
  const term found = get_env(heap_of(env), table_of(env), arg(a, 0), arg(a, 1));
  return (found.is_tuple(2) ? found : names().error).word();
}
cnode_term fetch_env_or_raise2(cnode_env* env, builtin_args a) {
  if (!arg(a, 0).is_atom()) return no_clause(env);
  const auto& table = table_of(env);
  const term found = get_env(heap_of(env), table, arg(a, 0), arg(a, 1));
  if (found.is_tuple(2)) return found[1].word();
  const auto key = inspect(arg(a, 1));
  return argument_error(env, "could not fetch application environment " + key + " for application " + inspect(arg(a, 0)) +
                                 (table.loaded(arg(a, 0)) ? " because configuration at " + key + " was not set"
                                                          : " because the application was not loaded nor configured"));
}

cnode_term spec1(cnode_env* env, builtin_args a) {
  if (!arg(a, 0).is_atom()) return no_clause(env);
  const term all = get_all_key(heap_of(env), table_of(env), arg(a, 0));
  if (!all.is_tuple(2)) return names().nil_.word();
  std::vector<term> list;
  for (term l = all[1]; l.is_cons(); l = l.tail())
    if (!l.head()[0].same(atom("env"))) list.push_back(l.head());
  return make_list(heap_of(env), list.data(), list.size()).word();
}
cnode_term spec2(cnode_env* env, builtin_args a) {
  if (arg(a, 1).same(atom("env"))) return no_clause(env);
  const term found = get_key(heap_of(env), table_of(env), arg(a, 0), arg(a, 1));
  return (found.is_tuple(2) ? found[1] : names().nil_).word();
}
cnode_term get_application1(cnode_env* env, builtin_args a) {
  if (!arg(a, 0).is_atom()) return no_clause(env);
  const term found = application_of_module(heap_of(env), table_of(env), arg(a, 0));
  return (found.is_tuple(2) ? found[1] : names().nil_).word();
}
cnode_term loaded_applications0(cnode_env* env, builtin_args) { return loaded_applications(heap_of(env), table_of(env)).word(); }

// app_dir/1,2: below the folder that code:lib_dir/1 gives
task<term> app_dir(call_context& cx, term app, term below) {
  if (!app.is_atom()) throw_error(names().function_clause);
  const term args = make_list_of(cx.heap(), app);
  const term dir = co_await cx.call(atom("code"), atom("lib_dir"), args);
  std::string text;
  if (!dir.is_list() || !chardata_to_string(dir, text)) {
    argument_error(cx.env(), "unknown application: " + inspect(app));
    throw raised{term{cx.env()->error_class}, term{cx.env()->reason}, {}};
  }
  for (term l = below.is_list() ? below : make_list_of(cx.heap(), below); l.is_cons(); l = l.tail()) {
    if (!l.head().is_binary()) throw_error(names().function_clause);
    text += "/" + std::string(l.head().bytes());
  }
  co_return make_binary(cx.heap(), text);
}

cnode_term app_dir1(cnode_env* env, builtin_args a) {
  const term app = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return app_dir(cx, app, nil); });
}
cnode_term app_dir2(cnode_env* env, builtin_args a) {
  const term app = arg(a, 0), below = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return app_dir(cx, app, below); });
}

// Elixir's functions that are Erlang's of another name: tail calls, so that errors and waiting are Erlang's own.
template <class... T>
cnode_term erlang(cnode_env* env, const char* function, T... args) {
  env->outcome = CNODE_TAIL_CALL;
  env->tail_module = atom("application").word();
  env->tail_function = atom(function).word();
  env->tail_args = make_list_of(heap_of(env), args...).word();
  return CNODE_NONE;
}

cnode_term start1(cnode_env* env, builtin_args a) { return erlang(env, "start", arg(a, 0)); }
cnode_term start2(cnode_env* env, builtin_args a) { return erlang(env, "start", arg(a, 0), arg(a, 1)); }
cnode_term stop1(cnode_env* env, builtin_args a) { return erlang(env, "stop", arg(a, 0)); }
cnode_term load1(cnode_env* env, builtin_args a) { return erlang(env, "load", arg(a, 0)); }
cnode_term unload1(cnode_env* env, builtin_args a) { return erlang(env, "unload", arg(a, 0)); }
cnode_term ensure_started1(cnode_env* env, builtin_args a) { return erlang(env, "ensure_started", arg(a, 0)); }
cnode_term ensure_started2(cnode_env* env, builtin_args a) { return erlang(env, "ensure_started", arg(a, 0), arg(a, 1)); }
cnode_term ensure_all_started1(cnode_env* env, builtin_args a) { return erlang(env, "ensure_all_started", arg(a, 0)); }
// A type, or from 1.15 on [type: T, mode: M]
cnode_term ensure_all_started2(cnode_env* env, builtin_args a) {
  const term options = arg(a, 1);
  if (!options.is_list()) return erlang(env, "ensure_all_started", arg(a, 0), options);
  return erlang(env, "ensure_all_started", arg(a, 0), key_value(options, names().type, names().temporary),
                key_value(options, atom("mode"), atom("serial")));
}
cnode_term started_applications0(cnode_env* env, builtin_args) { return erlang(env, "which_applications"); }
cnode_term started_applications1(cnode_env* env, builtin_args a) { return erlang(env, "which_applications", arg(a, 0)); }
cnode_term put_env3(cnode_env* env, builtin_args a) { return erlang(env, "set_env", arg(a, 0), arg(a, 1), arg(a, 2)); }
cnode_term put_env4(cnode_env* env, builtin_args a) { return erlang(env, "set_env", arg(a, 0), arg(a, 1), arg(a, 2), arg(a, 3)); }
cnode_term put_all_env1(cnode_env* env, builtin_args a) { return erlang(env, "set_env", arg(a, 0)); }
cnode_term put_all_env2(cnode_env* env, builtin_args a) { return erlang(env, "set_env", arg(a, 0), arg(a, 1)); }
cnode_term delete_env2(cnode_env* env, builtin_args a) { return erlang(env, "unset_env", arg(a, 0), arg(a, 1)); }
cnode_term delete_env3(cnode_env* env, builtin_args a) { return erlang(env, "unset_env", arg(a, 0), arg(a, 1), arg(a, 2)); }

task<term> ensure_loaded(call_context& cx, term app) {
  const term r = co_await load(cx, app);
  const bool there = r.is_tuple(2) && r[1].is_tuple(2) && r[1][0].same(atom("already_loaded"));
  co_return there ? names().ok : r;
}
cnode_term ensure_loaded1(cnode_env* env, builtin_args a) {
  const term app = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return ensure_loaded(cx, app); });
}

constexpr builtin_function functions[] = {
    {"get_env", 2, get_env2}, {"get_env", 3, get_env3}, {"get_all_env", 1, get_all_env1}, {"fetch_env", 2, fetch_env2},
    {"fetch_env!", 2, fetch_env_or_raise2}, {"put_env", 3, put_env3}, {"put_env", 4, put_env4}, {"put_all_env", 1, put_all_env1},
    {"put_all_env", 2, put_all_env2}, {"delete_env", 2, delete_env2}, {"delete_env", 3, delete_env3}, {"spec", 1, spec1}, {"spec", 2, spec2},
    {"get_application", 1, get_application1}, {"loaded_applications", 0, loaded_applications0}, {"app_dir", 1, app_dir1}, {"app_dir", 2, app_dir2},
    {"start", 1, start1}, {"start", 2, start2}, {"stop", 1, stop1}, {"load", 1, load1}, {"unload", 1, unload1},
    {"ensure_loaded", 1, ensure_loaded1}, {"ensure_started", 1, ensure_started1}, {"ensure_started", 2, ensure_started2},
    {"ensure_all_started", 1, ensure_all_started1}, {"ensure_all_started", 2, ensure_all_started2},
    {"started_applications", 0, started_applications0}, {"started_applications", 1, started_applications1},
};

}  // namespace

void add_elixir_application(code_server& code) { code.add_builtin("Elixir.Application", functions); }

}  // namespace cnode::actors
