// The functions of the module application, for those who call them under other names.
#pragma once

#include "application_process.hpp"

namespace cnode::actors::applications {

// gen_server:call(application_controller, Request, Timeout)
task<term> ask(call_context& cx, term request, std::int64_t timeout_ms = -1);

// {ok, Value} | undefined
term get_env(block& b, const application_table& t, term app, term key);
term get_key(block& b, const application_table& t, term app, term key);
term get_all_key(block& b, const application_table& t, term app);
// {ok, App} | undefined
term application_of_module(block& b, const application_table& t, term module);

task<term> load(call_context& cx, term application);
task<term> start(call_context& cx, term application, term restart_type);
task<term> ensure_started(call_context& cx, term application, term restart_type);
// An atom, or a list of them as from OTP 26 on.
task<term> ensure_all_started(call_context& cx, term applications, term restart_type);
task<term> stop(call_context& cx, term application);
task<term> set_env(call_context& cx, term app, term key, term value, term options);  // value none: unset
task<term> set_all_env(call_context& cx, term config, term options);
task<term> which_applications(call_context& cx, term timeout);

}  // namespace cnode::actors::applications
