// Processes that another node starts by proc_lib:spawn/4, spawn_link/4 or spawn_opt/5: a request to spawn proc_lib:init_p/5.
#pragma once

#include <memory>

#include <cnode/actors/behaviour.hpp>
#include <cnode/actors/runtime.hpp>

namespace cnode::actors {

// What was asked for, and its arguments: proc_lib, init_p, [Parent, Ancestors, M, F, Args]. Fills the options' dictionary, with terms in b. With
// gen:init_it/6,7 of gen_server the process is that gen_server, and Parent is the process whose exit ends it: so a supervisor there has
// a child here. Null: this is not what proc_lib sends.
bool is_from_proc_lib(term module, term function);
std::unique_ptr<behaviour> make_spawned_by_proc_lib(term module, term function, term args, spawn_options& options, block& b);

}  // namespace cnode::actors
