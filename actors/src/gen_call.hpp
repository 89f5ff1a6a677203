// The client side of gen and proc_lib, as coroutines for builtin functions that wait.
#pragma once

#include <cnode/actors/gen.hpp>

#include "call_context.hpp"

namespace cnode::actors::gen {

// A timeout argument in ms, -1 for infinity; raises badarg for anything else.
std::int64_t timeout_value(term t);

// gen:call/4 without the {ok, _}: the reply. Exits with the bare reason: noproc, timeout, {nodedown, N}, calling_self, the server's own.
task<term> call(call_context& cx, term process, term label, term request, std::int64_t timeout_ms);
// The same; an exit becomes {Reason, {Module, Function, Args}} as gen_server:call, sys and GenServer have it.
task<term> call_as(call_context& cx, term process, term label, term request, std::int64_t timeout_ms, term module, term function,
                   term args);
// Module:call(Server, Request, Time) of the module `module`, as gen_server has it; time none: Module:call(Server, Request), 5 seconds.
task<term> server_call(call_context& cx, term module, term server, term request, term time);
// Where a server reference leads to: a pid, or {Name, Node} of another node; none when there is nobody here.
task<term> locate(call_context& cx, term process);
// {'DOWN', Ref, process, Who, Reason}; ref none: never.
bool is_down(term message, term ref);
// {global, Name}, {via, Module, Name}
bool is_registry_name(term process);
// `catch Module:send(Name, Message)` of such a name: nobody is told of a failure. False: it is none, nothing is sent.
task<bool> send_to_name(call_context& cx, term process, term message);
// proc_lib:stop/3
task<term> stop(call_context& cx, term process, term reason, term time);

enum class linkage { nolink, link, monitor };
// gen:start/5,6. name: a server name, or none.
task<term> start(call_context& cx, linkage l, term name, term module, term args, term options, server_start::kind behaviour);
std::unique_ptr<actors::behaviour> make_behaviour(const server_start& start);
// What proc_lib:trans_init/3 makes of a start.
term initial_call_of(block& b, const server_start& start);
// proc_lib's wait for {ack, Pid, Result}, 'EXIT' or 'DOWN'. The answer is that of proc_lib:start, start_link or start_monitor.
task<term> sync_start(call_context& cx, linkage l, term pid, std::shared_ptr<start_note> note, std::int64_t timeout_ms);

// [Parent | Ancestors] for a process that `self` starts
term ancestors_for_child(process& self, block& b);

// The value of a key in an option list; none when it is not there. Raises badarg for an improper list.
term option(term options, term key);

}  // namespace cnode::actors::gen
