// Applications as OTP's: what is loaded and running, their environment, and the process that starts and stops them.
//
// The application_controller is a gen_server with the callback module of that name; every application has an application_master as group
// leader. What readers ask often (environment, specifications, masters) lies in a table that any thread may read, as OTP's ac_tab.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <cnode/actors/runtime.hpp>

namespace cnode::actors {

// The builtin modules application, application_controller, application_master, application_starter and Elixir.Application, and the
// runtime's table. Once, before the runtime starts.
void add_application_builtins(runtime& node);
// The table goes: after the runtime has stopped.
void forget_applications(const runtime& node);

// ---- the environment. Any thread; applications and keys are mostly atoms, but need not be.
using environment_value = std::shared_ptr<const block_ptr>;
environment_value application_env(const runtime& node, term application, term key);  // null: not set
// [{Application, [{Key, Value}]}], as read_config gives it: for applications that are loaded later, and readable at once.
void configure_applications(runtime& node, term config);

// A config file as OTP reads it (application_controller:check_conf/0): one list of {Application, [{Key, Value}]}; in sys.config also
// names of further files, sought beside it and then from the working directory. False: `error` names the file, the line and the mistake.
bool read_config(const std::string& file, block_ptr& out, std::string& error);

// ---- the controller
// An application that is part of the node itself, without processes of its own and without a file.
struct own_application {
  std::string name, description, vsn;
  std::vector<std::string> applications, registered, modules;
};
struct controller_options {
  std::vector<own_application> own;        // loaded and started from the beginning, in this order
  std::vector<own_application> on_demand;  // as if there were files of theirs, behind those of the code path
  // The controller ended without being asked to: a permanent application has. The text is what erl's init says. Any thread.
  std::function<void(const std::string&)> terminated;
};
// Spawns and registers it.
void start_application_controller(runtime& node, const controller_options& options);
// Until it takes requests, or has ended. Not from a process.
void wait_for_application_controller(const runtime& node);
// Stops the applications, those started last first, and waits until that is done. Not from a process.
void stop_applications(runtime& node);

// ---- for release_handler: what runs. Any thread.
struct running_application {
  term name;    // atom
  term master;  // its application_master's pid, or `undefined`: application_master:get_child/1 gives the supervisor and its module
};
std::vector<running_application> running_applications(const runtime& node);  // the one started last first

}  // namespace cnode::actors
