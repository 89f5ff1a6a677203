// Short forms for tables of builtin functions.
#pragma once

#include <cnode/actors/code_server.hpp>

#include "call_context.hpp"

namespace cnode::actors {

using builtin_args = const cnode_term*;

inline term arg(builtin_args a, int i) { return term{a[i]}; }

// The function's arguments as a list: what exit reasons name.
template <class... T>
term args_list(call_context& cx, T... t) {
  return make_list_of(cx.heap(), t...);
}

void add_gen_server_builtins(code_server& code);
void add_gen_statem_builtins(code_server& code);
void add_gen_event_builtins(code_server& code);
void add_gen_request_builtins(code_server& code);
void add_elixir_gen_server_builtins(code_server& code);
void add_sys_builtins(code_server& code);
void add_proc_lib_builtins(code_server& code);
void add_supervisor_builtins(code_server& code);

// gen_server:multi_call/4, abcast/3
task<term> multi_call(call_context& cx, term nodes, term name, term request, std::int64_t timeout_ms);
term abcast(cnode_env* env, term nodes, term name, term request);
// [node() | nodes()]
term all_nodes(cnode_env* env);
// gen_server:cast/2: never fails for a well-formed server.
task<term> cast(call_context& cx, term server, term request);

}  // namespace cnode::actors
