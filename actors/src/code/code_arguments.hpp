// What the builtin functions about code share: reading arguments, answering from the loader's thread.
#pragma once

#include <functional>
#include <string>

#include <cnode/actors/process.hpp>

#include "builtin_calls.hpp"
#include "code/code_impl.hpp"
#include "code/waiting.hpp"

namespace cnode::actors {

inline term truth(bool b) { return atom(b ? "true" : "false"); }
inline code_server& code_of(cnode_env* env) { return self(env).node().code(); }
inline code_server_impl& impl_of(cnode_env* env) { return code_server_impl::of(code_of(env)); }
inline code_server& code_of(call_context& cx) { return code_of(cx.env()); }
inline code_server_impl& impl_of(call_context& cx) { return impl_of(cx.env()); }

// A file or directory name: string, binary or atom. False for anything else.
bool file_name(term t, std::string& out);
// A list of characters, as filename.erl takes: no binary, no nested list.
bool char_list(term t, std::string& out);
// {module, M} or {error, What}.
load_done tell(const answer_to& answer);
// Builds the function's result on the loader's thread: for all that touches the disk.
task<term> on_loader(call_context& cx, std::function<term(block&)> work);
// --remote-code off: throws {remote_code_off, Text}.
void check_remote_code(cnode_env* env);
// In code:Function, which the function called has called.
[[noreturn]] void throw_function_clause_in(block& b, const char* function, term args);
// A loaded module's file as code:which/1 and is_loaded/1 give it: a string, or an atom for what is part of the node.
term loaded_name(block& b, module_version& v);

// Loaded modules whose file is another one by now; loader thread.
term modified_modules(code_server_impl& impl, block& b);

void add_code_module(code_server& code);         // code: loading, purging (code_builtins.cpp)
void add_code_path_functions(code_server& code); // code: the path (code_path_builtins.cpp)
void add_code_file_functions(code_server& code); // code: files on it (code_file_builtins.cpp)
void add_code_together_functions(code_server& code);  // code: lists of modules (code_together_builtins.cpp)
void add_on_load_function(code_server& code);    // erlang:call_on_load_function/1 (on_load.cpp)
void add_shell_functions(code_server& code);     // c: l, lm, mm, nl, m (shell_builtins.cpp)
void add_elixir_code_functions(code_server& code);  // Elixir.Code (elixir_code_builtins.cpp)
void add_erlang_code_functions(code_server& code);  // erlang (code_erlang_builtins.cpp)
void add_compile_functions(code_server& code);   // c, compile, Elixir.Code: building modules (compile_builtins.cpp)
void add_unload_module(code_server& code);       // cnode: unloads (unload_builtins.cpp)

}  // namespace cnode::actors
