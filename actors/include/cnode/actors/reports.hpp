// What a process has to say to people: crash reports, termination reports, supervisor reports. They are logger events in OTP's shape:
// when the process's group leader lives on another node they go to that node's logger_proxy, so that the shell that started the
// process shows them; the node's own log always gets the readable text.
#pragma once

#include <string>

#include <cnode/actors/behaviour.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>

namespace cnode::actors::reports {

// gen_server:error_info/8. `reason` as the report has it, client_info as gen_server:client_stacktrace/1 makes it.
struct server_terminate {
  term name, last_message, state, reason, client_info;
  term log;  // list of events
};
void gen_server_terminated(process& self, const server_terminate& report);
// gen_statem:error_info/7; timeouts is {Number, List}
struct statem_terminate {
  term name, queue, postponed, modules, callback_mode, state_enter, state, timeouts, log, error_class, reason, stacktrace, client_info;
};
void gen_statem_terminated(process& self, const statem_terminate& report);
// gen_event:report_error/5
struct event_handler_terminate {
  term handler, name, last_message, state, reason;
};
void gen_event_handler_terminated(process& self, const event_handler_terminate& report);
// {gen_event, no_handle_info}, a warning
void no_event_handle_info(process& self, term module, term message);
// {gen_server, no_handle_info}, a warning
void no_handle_info(process& self, term module, term message);
// proc_lib:crash_report/4. Nothing for normal, shutdown and {shutdown, _}.
void crash(process& self, term error_class, term reason, term stacktrace);
// Supervisor: context is child_terminated, start_error, shutdown_error or shutdown; child as supervisor:extract_child/1.
void supervisor_error(process& self, term supervisor, term context, term reason, term child);
void supervisor_progress(process& self, term supervisor, term child);
// ?LOG_ERROR(Format, Args) of a behaviour
void error_text(process& self, const char* format, term args, const char* module, const char* function, int arity);
// The emulator's "Error in process ~p on node ~p with exit value:", for processes that are not proc_lib's.
void emulator_crash(runtime& node, term pid, term group_leader, term exit_value);

// client_info of a call's From: {Pid, remote}, {Pid, dead}, {Pid, {Name, []}} or undefined.
term client_info(process& self, term from, block& b);
// A stack trace as text, one "  in M:F/A" a line.
std::string stack_text(term stacktrace);

}  // namespace cnode::actors::reports
