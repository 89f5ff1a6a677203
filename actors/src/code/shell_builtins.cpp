// `c`, the shell's commands: l, lm, mm, nl, m. What they print goes to the group leader, so to the shell that asked.
#include <algorithm>
#include <cstdio>

#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace {

// code:purge(Mod), code:load_file(Mod).
task<term> reload(call_context& cx, term module) {
  return answered(cx, [&cx, module](const answer_to& answer) {
    code_of(cx).purge(module, false, [](bool) {});
    code_of(cx).load_file(module, tell(answer), cx.self().pid());
  });
}

task<term> l(call_context& cx, term module) {
  if (!module.is_atom()) throw_function_clause_in(cx.heap(), "purge", make_list_of(cx.heap(), module));
  check_remote_code(cx.env());
  return reload(cx, module);
}

// lm() -> [l(M) || M <- mm()].
task<term> lm(call_context& cx) {
  check_remote_code(cx.env());
  const std::function<term(block&)> look = [&impl = impl_of(cx)](block& b) { return modified_modules(impl, b); };
  std::vector<term> results;
  for (term modules = co_await on_loader(cx, look); modules.is_cons(); modules = modules.tail())
    results.push_back(co_await reload(cx, modules.head()));
  co_return make_list(cx.heap(), results.data(), results.size());
}

// nl(Mod): the file on the path here, loaded on all nodes: rpc:eval_everywhere(code, load_binary, [Mod, File, Bin]).
task<term> nl(call_context& cx, term module) {
  if (!module.is_atom()) throw_function_clause_in(cx.heap(), "get_object_code", make_list_of(cx.heap(), module));
  check_remote_code(cx.env());
  const std::function<term(block&)> read = [&impl = impl_of(cx), module](block& b) {
    std::string bytes, why;
    const auto path = impl.find_on_path(module);
    if (path.empty() || read_module_file(path, bytes, why) != file_error::none) return atom("error");
    return make_list_of(b, module, make_charlist(b, path), make_binary(b, bytes));
  };
  const term arguments = co_await on_loader(cx, read);
  if (arguments.is_atom()) co_return arguments;
  const term call = make_list_of(cx.heap(), atom("code"), atom("load_binary"), arguments);
  co_return co_await cx.call(atom("rpc"), atom("eval_everywhere"), call);
}

term print(cnode_env* env, const std::string& text) {
  host_functions().put_chars(env, text.data(), text.size());
  return names().ok;
}

std::string padded(std::string text, std::size_t width) {
  if (text.size() < width) text.resize(width, ' ');
  return text;
}

std::string name_of_file(term t) {
  std::string text;
  return t.is_atom() ? std::string{atom_text(t)} : chardata_to_string(t, text) ? text : to_text(t);
}

term m_0(cnode_env* env) {
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
term describe(cnode_env* env, term module, term info) {
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
  std::vector<std::string> texts;
  for (const auto& [name, arity] : exports) texts.push_back(to_text(name) + "/" + to_text(arity));
  return print(env, text + exports_text(std::move(texts)));
}

// Only a module that is loaded, or loads now, has something to tell.
task<term> m_1(call_context& cx, term module) {
  const term function = atom("module_info");
  if (!module.is_atom()) {  // M:module_info() of it
    auto& b = cx.heap();
    const term frame = make_tuple_of(b, atom("erlang"), atom("apply"), make_list_of(b, module, function, nil), nil);
    throw raised{names().error, names().badarg, make_list_of(b, frame)};
  }
  const std::function<void(answer_to)> load = [&](const answer_to& answer) { code_of(cx).ensure_loaded(module, tell(answer), cx.self().pid()); };
  co_await answered(cx, load);
  auto* v = impl_of(cx).retain_current(module);
  if (!v) {
    raise_undef(cx.env(), module, function, nil);
    throw raised{names().error, names().undef, term{cx.env()->stacktrace}};
  }
  const auto info = module_info_list(cx.heap(), *v);
  v->release();
  co_return describe(cx.env(), module, info);
}

}  // namespace

void add_shell_functions(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"l", 1, waiting<l>}, {"lm", 0, waiting<lm>}, {"nl", 1, waiting<nl>}, {"m", 0, plain<m_0>}, {"m", 1, waiting<m_1>}};
  code.add_builtin("c", functions);
}

}  // namespace cnode::actors
