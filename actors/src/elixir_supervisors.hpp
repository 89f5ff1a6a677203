// What the functions of Elixir's Supervisor, DynamicSupervisor and Task.Supervisor share.
#pragma once

#include <initializer_list>
#include <string>

#include <cnode/actors/code_server.hpp>

#include "call_context.hpp"

namespace cnode::actors {

void add_elixir_supervisor_builtins(code_server& code);
void add_task_supervisor_builtins(code_server& code);

// %ArgumentError{message: message}
[[noreturn]] void throw_elixir_argument_error(block& b, const std::string& message);
// GenServer.call(Server, Request, :infinity)
task<term> ask_elixir_server(call_context& cx, term server, term request);
// Keyword.drop/2
term without_options(block& b, term options, std::initializer_list<const char*> keys);
// child_spec/1 of a supervisor that is started with options: its name is the id.
term elixir_child_spec(block& b, term options, term module);

}  // namespace cnode::actors
