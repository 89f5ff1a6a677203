// What the files of the application controller and its masters have in common.
#pragma once

#include "../call_context.hpp"
#include "controller_state.hpp"

namespace cnode::actors {

class code_server;

bool is_optional(const application& app, term name);
// [{Name, Description, Vsn}]
term loaded_applications(block& b, const application_table& table);

// application_master:call/2: `stop` or `get_child`. ok when the master has gone.
task<term> ask_application_master(call_context& cx, term master, term request);
// `catch M:F(Args)`
task<term> catch_call(call_context& cx, term module, term function, term args);

// ---- application_change.cpp: what an upgrade needs
// prep_config_change
term environments_before(call_context& cx, const controller_state& s);
task<term> config_change(call_context& cx, controller_state& s, term before);
task<term> change_application_data(call_context& cx, controller_state& s, term applications, term config);

void add_controller_callbacks(code_server& code);
void add_application_master(code_server& code);
void add_application_functions(code_server& code);
void add_elixir_application(code_server& code);

}  // namespace cnode::actors
