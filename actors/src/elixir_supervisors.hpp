// What the functions of Elixir's GenServer, Supervisor, DynamicSupervisor and Task.Supervisor share.
#pragma once

#include <initializer_list>
#include <string>

#include <cnode/actors/code_server.hpp>

#include "builtin_calls.hpp"

namespace cnode::actors {

void add_elixir_supervisor_builtins(code_server& code);
void add_task_supervisor_builtins(code_server& code);

// %ArgumentError{message: message}
[[noreturn]] void throw_elixir_argument_error(block& b, const std::string& message);
// The server name, or none, of a list of options; the ArgumentError of GenServer.start_link/3.
term elixir_server_name(block& b, term options);
// GenServer.call(Server, Request, :infinity)
task<term> ask_elixir_server(call_context& cx, term server, term request);
// Keyword.drop/2
term without_options(block& b, term options, std::initializer_list<const char*> keys);
// child_spec/1 of a supervisor that is started with options: its name is the id.
term elixir_child_spec(block& b, term options, term module);
template <word Module>
term elixir_child_spec(cnode_env* env, term options) {
  return elixir_child_spec(heap_of(env), options, atom_of<Module>());
}

}  // namespace cnode::actors
