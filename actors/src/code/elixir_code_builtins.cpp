// `Elixir.Code`, as far as it finds and loads modules: Elixir 1.14's answers, and what 1.15 added.
#include <filesystem>

#include <cnode/protocol/term_text.hpp>

#include "code/code_arguments.hpp"
#include "code/code_path.hpp"

namespace cnode::actors {

namespace {

using shape = term (*)(block&, const load_result&);

term argument_error(block& b, const std::string& text) {
  const term keys[] = {atom("__struct__"), atom("__exception__"), atom("message")};
  const term values[] = {atom("Elixir.ArgumentError"), atom("true"), make_binary(b, text)};
  return make_map(b, keys, values, 3);
}

cnode_term raise_argument_error(cnode_env* env, const std::string& text) { return raise(env, atom("error"), argument_error(heap_of(env), text)).word(); }

cnode_term with_loaded(cnode_env* env, term module, std::function<cnode_term(cnode_env*, term)> then) {
  if (!module.is_atom()) return raise_function_clause_in(env, "ensure_loaded", make_list_of(heap_of(env), module));
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).ensure_loaded(module, [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); }, self(env).pid());
      },
      std::move(then));
}

bool good(term answer) { return answer[0].same(atom("module")); }

cnode_term ensure_loaded(cnode_env* env, const cnode_term* args) {
  return with_loaded(env, term{args[0]}, [](cnode_env*, term answer) { return answer.word(); });
}
cnode_term is_loadable(cnode_env* env, const cnode_term* args) {
  return with_loaded(env, term{args[0]}, [](cnode_env*, term answer) { return truth(good(answer)).word(); });
}
cnode_term ensure_or_raise(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  return with_loaded(env, module, [module](cnode_env* e, term answer) {
    if (good(answer)) return module.word();
    return raise_argument_error(e, "could not load module " + inspect(module) + " due to reason " + inspect(answer[1]));
  });
}

std::string reason_text(term why) {
  if (why.same(atom("nofile"))) return ":nofile";
  return inspect(why);
}
cnode_term ensure_compiled_or_raise(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  return with_loaded(env, module, [module](cnode_env* e, term answer) {
    if (good(answer)) return module.word();
    return raise_argument_error(e, "could not load module " + inspect(module) + " due to reason " + reason_text(answer[1]));
  });
}

cnode_term ensure_all(cnode_env* env, const cnode_term* args) { return apply(env, atom("code"), atom("ensure_modules_loaded"), make_list_of(heap_of(env), term{args[0]})); }

cnode_term loaded(cnode_env* env, const cnode_term* args) { return apply(env, atom("erlang"), atom("module_loaded"), make_list_of(heap_of(env), term{args[0]})); }

// Path.expand/1
bool expanded(term name, std::string& out) {
  if (!(name.is_binary() || name.is_list()) || !chardata_to_string(name, out)) return false;
  if (out == "~" || out.starts_with("~/"))
    if (const char* home = std::getenv("HOME")) out = home + out.substr(1);
  out = std::filesystem::path{absolute_name(out)}.lexically_normal().native();
  out = joined(out);
  return true;
}

cnode_term change_path(cnode_env* env, term name, const char* function) {
  std::string dir;
  if (!expanded(name, dir)) return raise_function_clause(env);
  auto& b = heap_of(env);
  return apply(env, atom("code"), atom(function), make_list_of(b, make_charlist(b, dir)));
}
cnode_term append_path(cnode_env* env, const cnode_term* args) { return change_path(env, term{args[0]}, "add_pathz"); }
cnode_term prepend_path(cnode_env* env, const cnode_term* args) { return change_path(env, term{args[0]}, "add_patha"); }
cnode_term delete_path(cnode_env* env, const cnode_term* args) { return change_path(env, term{args[0]}, "del_path"); }

cnode_term change_paths(cnode_env* env, term names, const char* function) {
  auto& b = heap_of(env);
  std::vector<term> dirs;
  if (list_length(names) < 0) return raise_function_clause(env);
  for (; names.is_cons(); names = names.tail()) {
    std::string dir;
    if (!expanded(names.head(), dir)) return raise_function_clause(env);
    dirs.push_back(make_charlist(b, dir));
  }
  return apply(env, atom("code"), atom(function), make_list_of(b, make_list(b, dirs.data(), dirs.size())));
}
cnode_term append_paths(cnode_env* env, const cnode_term* args) { return change_paths(env, term{args[0]}, "add_pathsz"); }
cnode_term prepend_paths(cnode_env* env, const cnode_term* args) { return change_paths(env, term{args[0]}, "add_pathsa"); }
cnode_term delete_paths(cnode_env* env, const cnode_term* args) { return change_paths(env, term{args[0]}, "del_paths"); }

// There are no modules that a compiler leaves behind.
cnode_term purge_compiler_modules(cnode_env* env, const cnode_term*) { return make_tuple_of(heap_of(env), atom("ok"), small(0)).word(); }
cnode_term can_await(cnode_env*, const cnode_term*) { return truth(false).word(); }

}  // namespace

void add_elixir_code_functions(code_server& code) {
  // The two-argument forms take [cache: boolean]; nothing is cached here.
  static constexpr builtin_function functions[] = {
      {"ensure_loaded", 1, ensure_loaded}, {"ensure_loaded?", 1, is_loadable}, {"ensure_loaded!", 1, ensure_or_raise},
      {"ensure_compiled", 1, ensure_loaded}, {"ensure_compiled?", 1, is_loadable}, {"ensure_compiled!", 1, ensure_compiled_or_raise},
      {"ensure_all_loaded", 1, ensure_all}, {"loaded?", 1, loaded},
      {"append_path", 1, append_path}, {"append_path", 2, append_path}, {"prepend_path", 1, prepend_path}, {"prepend_path", 2, prepend_path},
      {"delete_path", 1, delete_path}, {"append_paths", 1, append_paths}, {"append_paths", 2, append_paths},
      {"prepend_paths", 1, prepend_paths}, {"prepend_paths", 2, prepend_paths}, {"delete_paths", 1, delete_paths},
      {"purge_compiler_modules", 0, purge_compiler_modules}, {"can_await_module_compilation?", 0, can_await}};
  code.add_builtin("Elixir.Code", functions);
}

}  // namespace cnode::actors
