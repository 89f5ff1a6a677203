// Application specifications: from a .app file or a term to what the controller keeps.
#pragma once

#include <string>

#include <cnode/actors/applications.hpp>

#include "../call_context.hpp"
#include "application_table.hpp"

namespace cnode::actors {

// application_controller:get_appl_name/1; throws {error, {bad_application, T}} as Erlang throws.
term application_name(block& b, term application);

struct new_application {
  std::shared_ptr<application> app;
  term env;  // as the specification has it; lies where the specification lies, or in the caller's heap
};
// make_appl/1 for a specification. Throws {error, Reason}.
new_application make_application(block& b, term specification);
// {application, Name, Options}
term specification_of(block& b, const own_application& own);
// make_appl/1 for a name: the file Name.app of the code path, or what the node brings along.
new_application find_application(block& b, const runtime& node, term name_or_specification);

// ---- environments, lists of {Key, Value}
term merge_app_env(block& b, term env1, term env2);
// [{App, Env}]
term merge_env(block& b, term env1, term env2);
// change_app_env/3 with lists:keystore of {Key, Value}, or lists:keydelete for value none
term change_app_env(block& b, term config, term app, term key, term value);
// proplists-like: the value of {Key, Value} in a list, or `otherwise`
term key_value(term list, term key, term otherwise);

// add_env/2 into the table. Throws function_clause at what is no {Key, Value}, as lists:foreach does.
void add_env(application_table& table, term app, term env);

// check_conf_data/1: empty when it is in order, else OTP's sentence.
std::string check_config(term config);

// The value thrown as Erlang's throw.
[[noreturn]] void throw_value(term value);
[[noreturn]] void throw_error_tuple(block& b, term reason);  // throw({error, Reason})

}  // namespace cnode::actors
