// `c`, the shell's commands: l, lm, mm, nl, m. What they print goes to the group leader, so to the shell that asked.
#include <algorithm>
#include <cstdio>

#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_arguments.hpp"

namespace cnode::actors {

void reload(cnode_env* env, term module, const answer_to& answer) {
  auto& code = code_of(env);
  code.purge(module, false, [](bool) {});
  code.load_file(module, [answer](const load_result& r) { answer([r](block& b) { return loaded_or_error(b, r); }); }, self(env).pid());
}

namespace {

code_server_impl& impl_of(cnode_env* env) { return code_server_impl::of(code_of(env)); }

cnode_term plain(cnode_env*, term t) { return t.word(); }

// l(Mod) -> code:purge(Mod), code:load_file(Mod).
cnode_term l(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause_in(env, "purge", make_list_of(heap_of(env), module));
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(env, [&](const answer_to& answer) { reload(env, module, answer); }, plain);
}

cnode_term reload_next(cnode_env* env, term rest, term results) {
  if (rest.is_nil()) {
    auto ordered = nil;
    for (; results.is_cons(); results = results.tail()) ordered = make_cons(heap_of(env), results.head(), ordered);
    return ordered.word();
  }
  return await_answer(
      env, [&](const answer_to& answer) { reload(env, rest.head(), answer); },
      [rest, results](cnode_env* e, term result) { return reload_next(e, rest.tail(), make_cons(heap_of(e), result, results)); });
}

// lm() -> [l(M) || M <- mm()].
cnode_term lm(cnode_env* env, const cnode_term*) {
  if (refused_by_remote_code(env)) return CNODE_NONE;
  auto& impl = impl_of(env);
  return await_answer(
      env, [&](answer_to answer) { impl.post([&impl, answer = std::move(answer)] { answer([&impl](block& b) { return modified_modules(impl, b); }); }); },
      [](cnode_env* e, term modules) { return reload_next(e, modules, nil); });
}

// nl(Mod): the file on the path here, loaded on all nodes: rpc:eval_everywhere(code, load_binary, [Mod, File, Bin]).
cnode_term nl(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_function_clause_in(env, "get_object_code", make_list_of(heap_of(env), module));
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(
      env,
      [&](answer_to answer) {
        impl_of(env).post([&impl = impl_of(env), module, answer = std::move(answer)] {
          answer([&impl, module](block& b) {
            std::string bytes, why;
            const auto path = impl.find_on_path(module);
            if (path.empty() || read_module_file(path, bytes, why) != file_error::none) return atom("error");
            return make_list_of(b, module, make_charlist(b, path), make_binary(b, bytes));
          });
        });
      },
      [](cnode_env* e, term arguments) {
        if (arguments.is_atom()) return arguments.word();
        return apply(e, atom("rpc"), atom("eval_everywhere"), make_list_of(heap_of(e), atom("code"), atom("load_binary"), arguments));
      });
}

cnode_term print(cnode_env* env, const std::string& text) {
  host_functions().put_chars(env, text.data(), text.size());
  return atom("ok").word();
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string name_of_file(term t) {
  std::string text;
  return t.is_atom() ? std::string{atom_text(t)} : chardata_to_string(t, text) ? text : to_text(t);
}

cnode_term m_0(cnode_env* env, const cnode_term*) {
  auto loaded = code_of(env).all_loaded();
  std::sort(loaded.begin(), loaded.end(), [](const auto& a, const auto& b) { return compare(a.first, b.first) < 0; });
  auto text = padded("Module", 20) + "  File\n";
  for (const auto& [module, file] : loaded) text += padded(std::string{atom_text(module)}, 20) + "  " + file + "\n";
  return print(env, text);
}

// One column, or two when there are many.
std::string exports_text(std::vector<std::string> names) {
  std::string text;
  if (names.size() <= 16) {
    for (const auto& n : names) text += "         " + n + "\n";
    return text;
  }
  const auto middle = names.size() / 2;
  for (std::size_t i = 0; middle + i < names.size(); ++i) text += padded(i < middle ? names[i] : " ", 30) + names[middle + i] + "\n";
  return text;
}

term value_of(term list, const char* key) {
  for (; list.is_cons(); list = list.tail())
    if (list.head().is_tuple(2) && list.head()[0].same(atom(key))) return list.head()[1];
  return {};
}

// What c:m/1 prints of M:module_info().
cnode_term describe(cnode_env* env, term module, term info) {
  auto text = "Module: " + to_text(module) + "\n";
  if (const auto md5 = value_of(info, "md5"); md5 && md5.is_binary()) {
    text += "MD5: ";
    char digits[3];
    for (const unsigned char c : md5.bytes()) std::snprintf(digits, sizeof digits, "%02x", c), text += digits;
    text += "\n";
  }
  if (auto* v = impl_of(env).retain_current(module)) {
    text += "Object file: " + name_of_file(loaded_name(heap_of(env), *v)) + "\n";
    v->release();
  }
  const auto compile = value_of(info, "compile");
  const auto options = compile ? value_of(compile, "options") : term{};
  text += "Compiler options:  " + to_text(options ? options : nil) + "\nExports: \n";
  std::vector<std::pair<term, term>> exports;
  for (auto e = value_of(info, "exports"); e && e.is_cons(); e = e.tail())
    if (e.head().is_tuple(2)) exports.emplace_back(e.head()[0], e.head()[1]);
  std::stable_sort(exports.begin(), exports.end(), [](const auto& a, const auto& b) { return compare(a.first, b.first) < 0; });
  std::vector<std::string> names;
  for (const auto& [name, arity] : exports) names.push_back(to_text(name) + "/" + to_text(arity));
  return print(env, text + exports_text(std::move(names)));
}

// Only a module that is loaded, or loads now, has something to tell.
cnode_term m_1(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) {  // M:module_info() of it
    auto& b = heap_of(env);
    raise_badarg(env);
    env->stacktrace = make_list_of(b, make_tuple_of(b, atom("erlang"), atom("apply"), make_list_of(b, module, atom("module_info"), nil), nil)).word();
    return CNODE_NONE;
  }
  return await_answer(
      env, [&](const answer_to& answer) { code_of(env).ensure_loaded(module, [answer](const load_result&) { answer([](block&) { return nil; }); }, self(env).pid()); },
      [module](cnode_env* e, term) {
        auto* v = impl_of(e).retain_current(module);
        if (!v) return raise_undef(e, module, atom("module_info"), nil).word();
        const auto info = module_info_list(heap_of(e), *v);
        v->release();
        return describe(e, module, info);
      });
}

}  // namespace

void add_shell_functions(code_server& code) {
  static constexpr builtin_function functions[] = {{"l", 1, l}, {"lm", 0, lm}, {"nl", 1, nl}, {"m", 0, m_0}, {"m", 1, m_1}};
  code.add_builtin("c", functions);
}

}  // namespace cnode::actors
