// The tables of builtin functions: which source file adds which module. Each is called once, by add_node_builtins.
#pragma once

#include "call.hpp"
#include "services.hpp"

namespace cnode::services {

void add_term_functions(actors::code_server& code);        // erlang: type tests, conversions, tuples, lists, binaries
void add_number_functions(actors::code_server& code);      // erlang: arithmetic, comparisons, numbers as text
void add_process_functions(actors::code_server& code);     // erlang: processes, links, monitors, names, timers
void add_system_functions(actors::code_server& code);      // erlang: system_info, memory, statistics, time
void add_node_functions(actors::code_server& code);        // erlang: nodes, cookies; net_kernel, net_adm, auth
void add_list_functions(actors::code_server& code);        // lists, maps
void add_io_functions(actors::code_server& code);          // io, io_lib, Elixir.IO
void add_elixir_functions(actors::code_server& code);      // Elixir.Kernel, Elixir.Node, Elixir.Process, Elixir.System
void add_os_functions(actors::code_server& code);          // init, os, timer, inet
void add_appmon_functions(actors::code_server& code);      // appmon_info
void add_observer_functions(actors::code_server& code);    // observer_backend
void add_application_functions(actors::code_server& code); // application
void add_logger_functions(actors::code_server& code);      // logger, error_logger
void add_rpc_functions(actors::code_server& code);         // rpc, erpc
void add_erpc_functions(actors::code_server& code);
void add_spawn_request_functions(actors::code_server& code);  // erlang:spawn_request, erlang:send/3
void add_pg_functions(actors::code_server& code);          // pg
void add_global_functions(actors::code_server& code);      // global

// erlang:'+'/2 for the functions that add up lists.
term number_plus(call& c);

// The host behind a runtime; null when it has none (tests of single functions).
node_host* host_of(const actors::runtime& node);

}  // namespace cnode::services
