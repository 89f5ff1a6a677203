// The module `code`, as far as it loads, purges and names modules. Answers are those of OTP's code.erl.
#include <filesystem>

#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace {

task<term> load_file(call_context& cx, term module) {
  must_be_atom(module);
  check_remote_code(cx.env());
  return answered(cx, [&cx, module](const answer_to& answer) { code_of(cx).load_file(module, tell(answer), cx.self().pid()); });
}

term badarg_answer(call_context& cx) { return make_tuple_of(cx.heap(), names().error, names().badarg); }

// What a name of a file may be: a list or an atom. False: a list of something else than characters, which is {error, badarg}.
bool read_file_name(term name, std::string& out) {
  if (name.is_atom()) return out = atom_text(name), true;
  if (!name.is_list()) throw_error(names().function_clause);
  return char_list(name, out);
}

// module none: as the file
task<term> load_abs(call_context& cx, term name, term module) {
  std::string file;
  if (module) must_be_atom(module);
  if (!read_file_name(name, file)) co_return badarg_answer(cx);
  check_remote_code(cx.env());
  const std::function<void(answer_to)> start = [&](const answer_to& answer) {
    code_of(cx).load_abs(file, tell(answer), module, cx.self().pid());
  };
  co_return co_await answered(cx, start);
}

task<term> load_binary(call_context& cx, term module, term name, term bytes) {
  std::string file;
  if (!module.is_atom() || !bytes.is_binary()) throw_error(names().function_clause);
  if (!read_file_name(name, file)) co_return badarg_answer(cx);
  check_remote_code(cx.env());
  const std::function<void(answer_to)> start = [&](const answer_to& answer) {
    code_of(cx).load_binary(module, file, std::string{bytes.bytes()}, tell(answer), name.is_atom(), cx.self().pid());
  };
  co_return co_await answered(cx, start);
}

task<term> purge(call_context& cx, term module, bool soft) {
  must_be_atom(module);
  check_remote_code(cx.env());
  return answered(cx, [&cx, module, soft](const answer_to& answer) {
    code_of(cx).purge(module, soft, [answer](bool yes) { answer([yes](block&) { return truth(yes); }); });
  });
}

term delete_module(cnode_env* env, term module) {
  must_be_atom(module);
  check_remote_code(env);
  return truth(code_of(env).delete_module(module) == code_server::deletion::done);
}

term is_loaded(cnode_env* env, term module) {
  must_be_atom(module);
  auto* v = impl_of(env).retain_current(module);
  if (!v) return truth(false);
  auto& b = heap_of(env);
  const auto answer = make_tuple_of(b, atom("file"), loaded_name(b, *v));
  v->release();
  return answer;
}

term all_loaded(cnode_env* env) {
  auto& b = heap_of(env);
  auto list = nil;
  for (const auto& [module, file] : code_of(env).all_loaded())
    if (auto* v = impl_of(env).retain_current(module)) {
      list = make_cons(b, make_tuple_of(b, module, loaded_name(b, *v)), list);
      v->release();
    }
  return list;
}

task<term> ensure_loaded(call_context& cx, term module) {
  must_be_atom(module);
  if (code_of(cx).is_loaded(module)) co_return make_tuple_of(cx.heap(), names().module, module);
  const std::function<void(answer_to)> start = [&](const answer_to& answer) {
    code_of(cx).ensure_loaded(module, tell(answer), cx.self().pid());
  };
  co_return co_await answered(cx, start);
}

term get_mode(cnode_env* env) { return atom(code_of(env).embedded() ? "embedded" : "interactive"); }

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

term is_sticky_1(cnode_env* env, term module) {
  must_be_atom(module);
  return truth(is_sticky(code_of(env), module));
}

term stick_mod(cnode_env* env, term module, bool on) {
  must_be_atom(module);
  check_remote_code(env);
  stick(code_of(env), module, on);
  return truth(true);
}

// All modules that have a file in the directory just now.
task<term> stick_dir(call_context& cx, term name, bool on) {
  std::string dir;
  if (!name.is_list()) throw_error(names().function_clause);
  check_remote_code(cx.env());
  const bool readable = char_list(name, dir);
  return on_loader(cx, [&code = code_of(cx), dir, on, readable](block&) {
    std::error_code error;
    std::filesystem::directory_iterator i{dir, error};
    if (error || !readable) return atom("error");
    for (; !error && i != std::filesystem::directory_iterator{}; i.increment(error))
      if (i->path().extension() == ".so")
        if (const auto module = find_or_make_atom(i->path().stem().native())) stick(code, module, on);
    return atom("ok");
  });
}

}  // namespace

void add_code_module(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"load_file", 1, waiting<load_file>}, {"load_abs", 1, waiting<load_abs, 0, none>}, {"load_abs", 2, waiting<load_abs>},
      {"load_binary", 3, waiting<load_binary>}, {"purge", 1, waiting<purge, 0, false>}, {"soft_purge", 1, waiting<purge, 0, true>},
      {"delete", 1, plain<delete_module>}, {"is_loaded", 1, plain<is_loaded>}, {"all_loaded", 0, plain<all_loaded>},
      {"ensure_loaded", 1, waiting<ensure_loaded>}, {"get_mode", 0, plain<get_mode>}, {"is_sticky", 1, plain<is_sticky_1>},
      {"stick_mod", 1, plain<stick_mod, 0, true>}, {"unstick_mod", 1, plain<stick_mod, 0, false>},
      {"stick_dir", 1, waiting<stick_dir, 0, true>}, {"unstick_dir", 1, waiting<stick_dir, 0, false>},
  };
  code.add_builtin("code", functions);
}

}  // namespace cnode::actors
