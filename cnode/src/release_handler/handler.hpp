// Shared by the files that make the modules release_handler and release_handler_1.
#pragma once

#include "evaluator.hpp"
#include "release_handler.hpp"
#include "releases.hpp"

namespace cnode::release_handler {

// Null: started without a release.
const options* options_of(const actors::runtime& node);
std::string root_of(const actors::runtime& node);

// application_upgrade.cpp: what runs in the process that calls it
routine<term> upgrade_app(session& s, term app, term dir);
routine<term> downgrade_app(session& s, term app, term vsn, term dir);
routine<term> upgrade_script(session& s, term app, term dir);                // throws failure
routine<term> downgrade_script(session& s, term app, term vsn, term dir);    // throws failure
routine<term> eval_appup_script(session& s, term app, term vsn, term dir, term script);
// What release_handler_1:eval_script/5 returns.
term evaluation_term(block& b, const evaluation& e);
libraries libraries_of(term list);  // [{Name, Vsn, Dir}]

// handler_process.cpp: the callbacks of the gen_server
void add_handler_callbacks(actors::code_server& code);

}  // namespace cnode::release_handler
