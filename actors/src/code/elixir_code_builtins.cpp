// `Elixir.Code`, as far as it finds and loads modules: Elixir 1.14's answers, and what 1.15 added.
#include <filesystem>

#include <cnode/protocol/term_text.hpp>

#include "code/code_arguments.hpp"
#include "code/code_path.hpp"
#include "elixir_supervisors.hpp"

namespace cnode::actors {

namespace {

task<term> load(call_context& cx, term module) {
  if (!module.is_atom()) throw_function_clause_in(cx.heap(), "ensure_loaded", make_list_of(cx.heap(), module));
  return answered(cx, [&cx, module](const answer_to& answer) { code_of(cx).ensure_loaded(module, tell(answer), cx.self().pid()); });
}

bool good(term answer) { return answer[0].same(names().module); }

task<term> is_loadable(call_context& cx, term module) {
  const term answer = co_await load(cx, module);
  co_return truth(good(answer));
}
task<term> load_or_raise(call_context& cx, term module) {
  const term answer = co_await load(cx, module);
  if (!good(answer))
    throw_elixir_argument_error(cx.heap(), "could not load module " + inspect(module) + " due to reason " + inspect(answer[1]));
  co_return module;
}

// Module:Function(Argument)
template <word Module, word Function>
task<term> erlang(call_context& cx, term argument) {
  return cx.call(atom_of<Module>(), atom_of<Function>(), make_list_of(cx.heap(), argument));
}

// Path.expand/1
bool expanded(term name, std::string& out) {
  if (!(name.is_binary() || name.is_list()) || !chardata_to_string(name, out)) return false;
  if (out == "~" || out.starts_with("~/"))
    if (const char* home = std::getenv("HOME")) out = home + out.substr(1);
  out = std::filesystem::path{absolute_name(out)}.lexically_normal().native();
  out = joined(out);
  return true;
}

template <word Function>
task<term> change_path(call_context& cx, term name) {
  std::string dir;
  if (!expanded(name, dir)) throw_error(names().function_clause);
  return erlang<"code", Function>(cx, make_charlist(cx.heap(), dir));
}
template <word Function>
task<term> change_paths(call_context& cx, term list) {
  auto& b = cx.heap();
  std::vector<term> dirs;
  if (list_length(list) < 0) throw_error(names().function_clause);
  for (; list.is_cons(); list = list.tail()) {
    std::string dir;
    if (!expanded(list.head(), dir)) throw_error(names().function_clause);
    dirs.push_back(make_charlist(b, dir));
  }
  return erlang<"code", Function>(cx, make_list(b, dirs.data(), dirs.size()));
}

// There are no modules that a compiler leaves behind.
term purge_compiler_modules(cnode_env* env) { return make_tuple_of(heap_of(env), names().ok, small(0)); }
term can_await(cnode_env*) { return names().false_; }

}  // namespace

void add_elixir_code_functions(code_server& code) {
  // The two-argument forms take [cache: boolean]; nothing is cached here.
  static constexpr builtin_function functions[] = {
      {"ensure_loaded", 1, waiting<load>}, {"ensure_loaded?", 1, waiting<is_loadable>}, {"ensure_loaded!", 1, waiting<load_or_raise>},
      {"ensure_compiled", 1, waiting<load>}, {"ensure_compiled?", 1, waiting<is_loadable>}, {"ensure_compiled!", 1, waiting<load_or_raise>},
      {"ensure_all_loaded", 1, waiting<erlang<"code", "ensure_modules_loaded">>}, {"loaded?", 1, waiting<erlang<"erlang", "module_loaded">>},
      {"append_path", 1, waiting<change_path<"add_pathz">>}, {"append_path", 2, waiting<change_path<"add_pathz">, 0>},
      {"prepend_path", 1, waiting<change_path<"add_patha">>}, {"prepend_path", 2, waiting<change_path<"add_patha">, 0>},
      {"append_paths", 1, waiting<change_paths<"add_pathsz">>}, {"append_paths", 2, waiting<change_paths<"add_pathsz">, 0>},
      {"prepend_paths", 1, waiting<change_paths<"add_pathsa">>}, {"prepend_paths", 2, waiting<change_paths<"add_pathsa">, 0>},
      {"delete_path", 1, waiting<change_path<"del_path">>}, {"delete_paths", 1, waiting<change_paths<"del_paths">>},
      {"purge_compiler_modules", 0, plain<purge_compiler_modules>}, {"can_await_module_compilation?", 0, plain<can_await>}};
  code.add_builtin("Elixir.Code", functions);
}

}  // namespace cnode::actors
