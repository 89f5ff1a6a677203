// Elixir.Application: the module application in Elixir's words.
#include <cnode/protocol/term_text.hpp>

#include "../builtin_calls.hpp"
#include "../elixir_supervisors.hpp"
#include "application_calls.hpp"
#include "application_spec.hpp"

namespace cnode::actors {

namespace {

using namespace applications;

const application_table& table_of(cnode_env* env) { return *applications_of(self(env).node()); }
term fetch_env(cnode_env* env, term app, term key) {
  must_be_atom(app);
  const term found = get_env(heap_of(env), table_of(env), app, key);
  return found.is_tuple(2) ? found : names().error;
}
term get_env_or(cnode_env* env, term app, term key, term otherwise) {
  const term found = fetch_env(env, app, key);
  return found.is_tuple(2) ? found[1] : otherwise;
}
term fetch_env_or_raise(cnode_env* env, term app, term key) {
  const term found = fetch_env(env, app, key);
  if (found.is_tuple(2)) return found[1];
  const auto text = inspect(key);
  throw_elixir_argument_error(heap_of(env), "could not fetch application environment " + text + " for application " + inspect(app) +
                                                (table_of(env).loaded(app) ? " because configuration at " + text + " was not set"
                                                                           : " because the application was not loaded nor configured"));
}
term get_all_env(cnode_env* env, term app) {
  must_be_atom(app);
  return table_of(env).all_env(heap_of(env), app);
}

term spec(cnode_env* env, term app) {
  must_be_atom(app);
  const term all = get_all_key(heap_of(env), table_of(env), app);
  if (!all.is_tuple(2)) return names().nil_;
  std::vector<term> list;
  for (term l = all[1]; l.is_cons(); l = l.tail())
    if (!l.head()[0].same(atom("env"))) list.push_back(l.head());
  return make_list(heap_of(env), list.data(), list.size());
}
term spec_key(cnode_env* env, term app, term key) {
  if (key.same(atom("env"))) throw_error(names().function_clause);
  const term found = get_key(heap_of(env), table_of(env), app, key);
  return found.is_tuple(2) ? found[1] : names().nil_;
}
term get_application(cnode_env* env, term module) {
  must_be_atom(module);
  const term found = application_of_module(heap_of(env), table_of(env), module);
  return found.is_tuple(2) ? found[1] : names().nil_;
}
term loaded(cnode_env* env) { return loaded_applications(heap_of(env), table_of(env)); }

// app_dir/1,2: below the folder that code:lib_dir/1 gives
task<term> app_dir(call_context& cx, term app, term below) {
  must_be_atom(app);
  const term args = make_list_of(cx.heap(), app);
  const term dir = co_await cx.call(atom("code"), atom("lib_dir"), args);
  std::string text;
  if (!dir.is_list() || !chardata_to_string(dir, text)) throw_elixir_argument_error(cx.heap(), "unknown application: " + inspect(app));
  for (term l = below.is_list() ? below : make_list_of(cx.heap(), below); l.is_cons(); l = l.tail()) {
    if (!l.head().is_binary()) throw_error(names().function_clause);
    text += "/" + std::string(l.head().bytes());
  }
  co_return make_binary(cx.heap(), text);
}

// Elixir's functions that are Erlang's of another name: tail calls, so that errors and waiting are Erlang's own.
template <word Function, std::size_t N>
task<term> erlang(call_context& cx, std::array<term, N> args) {
  co_return cx.tail_call(atom("application"), atom_of<Function>(), make_list(cx.heap(), args.data(), N));
}
// A type, or from 1.15 on [type: T, mode: M]
task<term> ensure_all_started_as(call_context& cx, term apps, term how) {
  if (!how.is_list()) return erlang<"ensure_all_started", 2>(cx, {apps, how});
  const term type = key_value(how, names().type, names().temporary), mode = key_value(how, atom("mode"), atom("serial"));
  return erlang<"ensure_all_started", 3>(cx, {apps, type, mode});
}

task<term> ensure_loaded(call_context& cx, term app) {
  const term r = co_await load(cx, app);
  const bool there = r.is_tuple(2) && r[1].is_tuple(2) && r[1][0].same(atom("already_loaded"));
  co_return there ? names().ok : r;
}

constexpr builtin_function functions[] = {
    {"get_env", 2, plain<get_env_or, 0, 1, &otp_atoms::nil_>}, {"get_env", 3, plain<get_env_or>}, {"get_all_env", 1, plain<get_all_env>},
    {"fetch_env", 2, plain<fetch_env>}, {"fetch_env!", 2, plain<fetch_env_or_raise>},
    {"put_env", 3, waiting<erlang<"set_env", 3>>}, {"put_env", 4, waiting<erlang<"set_env", 4>>},
    {"put_all_env", 1, waiting<erlang<"set_env", 1>>}, {"put_all_env", 2, waiting<erlang<"set_env", 2>>},
    {"delete_env", 2, waiting<erlang<"unset_env", 2>>}, {"delete_env", 3, waiting<erlang<"unset_env", 3>>},
    {"spec", 1, plain<spec>}, {"spec", 2, plain<spec_key>}, {"get_application", 1, plain<get_application>},
    {"loaded_applications", 0, plain<loaded>}, {"app_dir", 1, waiting<app_dir, 0, empty_list>}, {"app_dir", 2, waiting<app_dir>},
    {"start", 1, waiting<erlang<"start", 1>>}, {"start", 2, waiting<erlang<"start", 2>>}, {"stop", 1, waiting<erlang<"stop", 1>>},
    {"load", 1, waiting<erlang<"load", 1>>}, {"unload", 1, waiting<erlang<"unload", 1>>}, {"ensure_loaded", 1, waiting<ensure_loaded>},
    {"ensure_started", 1, waiting<erlang<"ensure_started", 1>>}, {"ensure_started", 2, waiting<erlang<"ensure_started", 2>>},
    {"ensure_all_started", 1, waiting<erlang<"ensure_all_started", 1>>}, {"ensure_all_started", 2, waiting<ensure_all_started_as>},
    {"started_applications", 0, waiting<erlang<"which_applications", 0>>}, {"started_applications", 1, waiting<erlang<"which_applications", 1>>},
};

}  // namespace

void add_elixir_application(code_server& code) { code.add_builtin("Elixir.Application", functions); }

}  // namespace cnode::actors
