// The module `code`, as far as it loads, purges and names modules. Answers are those of OTP's code.erl.
#include <filesystem>

#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace {

// The result is a term the loader's answer holds.
cnode_term plain(cnode_env*, term t) { return t.word(); }

load_done tell(const answer_to& answer) {
  return [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); };
}

cnode_term load_file(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(env, [&](const answer_to& answer) { code_of(env).load_file(module, tell(answer), self(env).pid()); }, plain);
}

cnode_term badarg_answer(cnode_env* env) { return make_tuple_of(heap_of(env), atom("error"), atom("badarg")).word(); }

// What a name of a file may be: a list or an atom. False: the function has its answer, a list of something else than characters is {error, badarg}.
bool read_file_name(cnode_env* env, term name, std::string& out, cnode_term& answer) {
  answer = CNODE_NONE;
  if (name.is_atom()) return out = atom_text(name), true;
  if (!name.is_list()) return raise_function_clause(env), false;
  if (!char_list(name, out)) return answer = badarg_answer(env), false;
  return true;
}

cnode_term load_abs_as(cnode_env* env, term name, term module) {
  std::string file;
  cnode_term answer_now;
  if (!read_file_name(env, name, file, answer_now)) return answer_now;
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(env, [&](const answer_to& answer) { code_of(env).load_abs(file, tell(answer), module, self(env).pid()); }, plain);
}
cnode_term load_abs(cnode_env* env, const cnode_term* args) { return load_abs_as(env, term{args[0]}, {}); }
cnode_term load_abs_2(cnode_env* env, const cnode_term* args) {
  return term{args[1]}.is_atom() ? load_abs_as(env, term{args[0]}, term{args[1]}) : raise_function_clause(env);
}

cnode_term load_binary(cnode_env* env, const cnode_term* args) {
  const term module{args[0]}, name{args[1]}, bytes{args[2]};
  std::string file;
  cnode_term answer_now;
  if (!module.is_atom() || !bytes.is_binary()) return raise_function_clause(env);
  if (!read_file_name(env, name, file, answer_now)) return answer_now;
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).load_binary(module, file, std::string{bytes.bytes()}, tell(answer), name.is_atom(), self(env).pid());
      },
      plain);
}

cnode_term purge_with(cnode_env* env, term module, bool soft) {
  if (!module.is_atom()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).purge(module, soft, [answer](bool yes) { answer([yes](block&) { return truth(yes); }); });
      },
      plain);
}
cnode_term purge(cnode_env* env, const cnode_term* args) { return purge_with(env, term{args[0]}, false); }
cnode_term soft_purge(cnode_env* env, const cnode_term* args) { return purge_with(env, term{args[0]}, true); }

cnode_term delete_1(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_atom()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return truth(code_of(env).delete_module(term{args[0]}) == code_server::deletion::done).word();
}

cnode_term is_loaded(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_atom()) return raise_function_clause(env);
  auto* v = code_server_impl::of(code_of(env)).retain_current(term{args[0]});
  if (!v) return truth(false).word();
  auto& b = heap_of(env);
  const auto answer = make_tuple_of(b, atom("file"), loaded_name(b, *v));
  v->release();
  return answer.word();
}

cnode_term all_loaded(cnode_env* env, const cnode_term*) {
  auto& b = heap_of(env);
  auto list = nil;
  auto& impl = code_server_impl::of(code_of(env));
  for (const auto& [module, file] : code_of(env).all_loaded())
    if (auto* v = impl.retain_current(module)) {
      list = make_cons(b, make_tuple_of(b, module, loaded_name(b, *v)), list);
      v->release();
    }
  return list.word();
}

cnode_term ensure_loaded(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause(env);
  if (code_of(env).is_loaded(module)) return make_tuple_of(heap_of(env), atom("module"), module).word();
  return await_answer(env, [&](const answer_to& answer) { code_of(env).ensure_loaded(module, tell(answer), self(env).pid()); }, plain);
}

cnode_term get_mode(cnode_env* env, const cnode_term*) { return atom(code_of(env).embedded() ? "embedded" : "interactive").word(); }

// ---- sticky modules are not replaced

bool is_sticky(code_server& code, term module) {
  std::string file;
  if (!code.is_loaded(module, &file)) return false;
  auto& impl = code_server_impl::of(code);
  std::lock_guard guard{impl.table_lock};
  return file == "preloaded" || impl.sticky.contains(module.word());
}

void stick(code_server& code, term module, bool on) {
  auto& impl = code_server_impl::of(code);
  std::lock_guard guard{impl.table_lock};
  if (on) impl.sticky.insert(module.word());
  else impl.sticky.erase(module.word());
}

cnode_term is_sticky_1(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_atom()) return raise_function_clause(env);
  return truth(is_sticky(code_of(env), term{args[0]})).word();
}

cnode_term stick_mod_with(cnode_env* env, term module, bool on) {
  if (!module.is_atom()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  stick(code_of(env), module, on);
  return truth(true).word();
}
cnode_term stick_mod(cnode_env* env, const cnode_term* args) { return stick_mod_with(env, term{args[0]}, true); }
cnode_term unstick_mod(cnode_env* env, const cnode_term* args) { return stick_mod_with(env, term{args[0]}, false); }

// All modules that have a file in the directory just now.
cnode_term stick_dir_with(cnode_env* env, term name, bool on) {
  std::string dir;
  if (!name.is_list()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  if (!char_list(name, dir)) return atom("error").word();
  return on_loader(env, [&code = code_of(env), dir, on](block&) {
    std::error_code error;
    std::filesystem::directory_iterator i{dir, error};
    if (error) return atom("error");
    for (; !error && i != std::filesystem::directory_iterator{}; i.increment(error))
      if (i->path().extension() == ".so")
        if (const auto module = find_or_make_atom(i->path().stem().native())) stick(code, module, on);
    return atom("ok");
  });
}
cnode_term stick_dir(cnode_env* env, const cnode_term* args) { return stick_dir_with(env, term{args[0]}, true); }
cnode_term unstick_dir(cnode_env* env, const cnode_term* args) { return stick_dir_with(env, term{args[0]}, false); }

}  // namespace

void add_code_module(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"load_file", 1, load_file}, {"load_abs", 1, load_abs}, {"load_binary", 3, load_binary},
      {"purge", 1, purge}, {"soft_purge", 1, soft_purge}, {"delete", 1, delete_1},
      {"load_abs", 2, load_abs_2}, {"is_loaded", 1, is_loaded}, {"all_loaded", 0, all_loaded}, {"ensure_loaded", 1, ensure_loaded},
      {"get_mode", 0, get_mode}, {"is_sticky", 1, is_sticky_1}, {"stick_mod", 1, stick_mod}, {"unstick_mod", 1, unstick_mod},
      {"stick_dir", 1, stick_dir}, {"unstick_dir", 1, unstick_dir},
  };
  code.add_builtin("code", functions);
}

}  // namespace cnode::actors
