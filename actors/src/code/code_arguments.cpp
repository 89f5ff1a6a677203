#include "code/code_arguments.hpp"

namespace cnode::actors {

bool file_name(term t, std::string& out) {
  if (t.is_atom()) {
    out = atom_text(t);
    return true;
  }
  return (t.is_binary() || t.is_list()) && chardata_to_string(t, out);
}

bool char_list(term t, std::string& out) {
  if (list_length(t) < 0) return false;
  for (term l = t; l.is_cons(); l = l.tail())
    if (!l.head().is_small()) return false;
  return chardata_to_string(t, out);
}

term loaded_name(block& b, module_version& v) {
  if (v.builtin()) return atom("preloaded");
  const auto& f = code_server_impl::file(v);
  return f.path_is_atom ? find_or_make_atom(f.path) : make_charlist(b, f.path);
}

load_done tell(const answer_to& answer) {
  return [answer](const load_result& r) {
    answer([r](block& b) { return r.ok ? make_tuple_of(b, atom("module"), r.module) : make_tuple_of(b, atom("error"), r.error); });
  };
}

task<term> on_loader(call_context& cx, std::function<term(block&)> work) {
  const std::function<void(answer_to)> start = [&](answer_to answer) {
    impl_of(cx).post([answer = std::move(answer), work = std::move(work)] { answer(work); });
  };
  co_return co_await answered(cx, start);
}

void check_remote_code(cnode_env* env) {
  if (code_of(env).remote_code()) return;
  auto& b = heap_of(env);
  throw_error(make_tuple_of(b, atom("remote_code_off"),
                            make_binary(b, "loading code is refused: this node was started with --remote-code off")));
}

void throw_function_clause_in(block& b, const char* function, term args) {
  throw raised{names().error, names().function_clause, make_list_of(b, make_tuple_of(b, atom("code"), atom(function), args, nil))};
}

void add_code_builtins(runtime& node) {
  add_code_module(node.code());
  add_unload_module(node.code());
  add_code_path_functions(node.code());
  add_code_file_functions(node.code());
  add_code_together_functions(node.code());
  add_on_load_function(node.code());
  add_shell_functions(node.code());
  add_elixir_code_functions(node.code());
  add_erlang_code_functions(node.code());
  add_compile_functions(node.code());
}

}  // namespace cnode::actors
