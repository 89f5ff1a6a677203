// The modules `code` and `c`, as far as they load, purge and name modules. Answers are those of OTP's code.erl and c.erl.
#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace {

// The result is a term the loader's answer holds.
cnode_term plain(cnode_env*, term t) { return t.word(); }

cnode_term load_file(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).load_file(module, [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); });
      },
      plain);
}

cnode_term load_abs(cnode_env* env, const cnode_term* args) {
  std::string file;
  if (!file_name(term{args[0]}, file)) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).load_abs(file, [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); });
      },
      plain);
}

cnode_term load_binary(cnode_env* env, const cnode_term* args) {
  const term module{args[0]}, bytes{args[2]};
  std::string file;
  if (!module.is_atom() || !bytes.is_binary() || !file_name(term{args[1]}, file)) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).load_binary(module, file, std::string{bytes.bytes()},
                                 [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); });
      },
      plain);
}

cnode_term purge_with(cnode_env* env, term module, bool soft) {
  if (!module.is_atom()) return raise_function_clause(env);
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
  return truth(code_of(env).delete_module(term{args[0]})).word();
}

// A loaded module's file as code:which/1 and is_loaded/1 give it.
term loaded_name(block& b, const std::string& file) { return file == "preloaded" ? atom("preloaded") : make_charlist(b, file); }

cnode_term is_loaded(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_atom()) return raise_function_clause(env);
  std::string file;
  if (!code_of(env).is_loaded(term{args[0]}, &file)) return truth(false).word();
  auto& b = heap_of(env);
  return make_tuple_of(b, atom("file"), loaded_name(b, file)).word();
}

cnode_term all_loaded(cnode_env* env, const cnode_term*) {
  auto& b = heap_of(env);
  auto list = nil;
  for (const auto& [module, file] : code_of(env).all_loaded()) list = make_cons(b, make_tuple_of(b, module, loaded_name(b, file)), list);
  return list.word();
}

cnode_term ensure_loaded(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause(env);
  if (code_of(env).is_loaded(module)) return make_tuple_of(heap_of(env), atom("module"), module).word();
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).ensure_loaded(module, [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); });
      },
      plain);
}

// One module after the other; what failed is collected as [{Module, What}].
cnode_term ensure_next(cnode_env* env, term rest, term failed) {
  auto& b = heap_of(env);
  if (rest.is_nil()) return (failed.is_nil() ? atom("ok") : make_tuple_of(b, atom("error"), failed)).word();
  const auto module = rest.head();
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).ensure_loaded(module, [answer](const load_result& r) { answer([r](block& h) { return loaded_or_error(h, r); }); });
      },
      [rest, failed, module](cnode_env* e, term result) {
        auto& h = heap_of(e);
        const bool ok = result[0].same(atom("module"));
        return ensure_next(e, rest.tail(), ok ? failed : make_cons(h, make_tuple_of(h, module, result[1]), failed));
      });
}

cnode_term ensure_modules_loaded(cnode_env* env, const cnode_term* args) {
  if (list_length(term{args[0]}) < 0) return raise_function_clause(env);
  for (term l{args[0]}; l.is_cons(); l = l.tail())
    if (!l.head().is_atom()) return raise_function_clause(env);
  return ensure_next(env, term{args[0]}, nil);
}

cnode_term get_mode(cnode_env*, const cnode_term*) { return atom("interactive").word(); }

cnode_term is_sticky(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_atom()) return raise_function_clause(env);
  std::string file;
  return truth(code_of(env).is_loaded(term{args[0]}, &file) && file == "preloaded").word();
}

// ---- c

// l(Mod) -> code:purge(Mod), code:load_file(Mod).
cnode_term c_l(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(
      env,
      [&](const answer_to& answer) {
        auto& code = code_of(env);
        code.purge(module, false, [](bool) {});
        code.load_file(module, [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); });
      },
      plain);
}

cnode_term reload_next(cnode_env* env, term rest, term results) {
  if (rest.is_nil()) {
    auto ordered = nil;
    for (; results.is_cons(); results = results.tail()) ordered = make_cons(heap_of(env), results.head(), ordered);
    return ordered.word();
  }
  return await_answer(
      env,
      [&](const answer_to& answer) {
        auto& code = code_of(env);
        code.purge(rest.head(), false, [](bool) {});
        code.load_file(rest.head(), [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); });
      },
      [rest, results](cnode_env* e, term result) { return reload_next(e, rest.tail(), make_cons(heap_of(e), result, results)); });
}

// lm() -> [l(M) || M <- mm()].
cnode_term c_lm(cnode_env* env, const cnode_term*) {
  if (refused_by_remote_code(env)) return CNODE_NONE;
  auto& impl = code_server_impl::of(code_of(env));
  return await_answer(
      env, [&](answer_to answer) { impl.post([&impl, answer = std::move(answer)] { answer([&impl](block& b) { return modified_modules(impl, b); }); }); },
      [](cnode_env* e, term modules) { return reload_next(e, modules, nil); });
}

}  // namespace

void add_code_module(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"load_file", 1, load_file}, {"load_abs", 1, load_abs}, {"load_binary", 3, load_binary},
      {"purge", 1, purge}, {"soft_purge", 1, soft_purge}, {"delete", 1, delete_1},
      {"is_loaded", 1, is_loaded}, {"all_loaded", 0, all_loaded}, {"ensure_loaded", 1, ensure_loaded},
      {"ensure_modules_loaded", 1, ensure_modules_loaded}, {"get_mode", 0, get_mode}, {"is_sticky", 1, is_sticky},
  };
  static constexpr builtin_function shell[] = {{"l", 1, c_l}, {"lm", 0, c_lm}};
  code.add_builtin("code", functions);
  code.add_builtin("c", shell);
}

}  // namespace cnode::actors
