// What the callback module `Elixir.DynamicSupervisor` shares with the functions that callers use.
#pragma once

#include <cnode/actors/code_server.hpp>

#include "call_context.hpp"
#include "terms.hpp"

namespace cnode::actors {

void add_dynamic_supervisor_callbacks(code_server& code);

// DynamicSupervisor.init/1 of a keyword list: {ok, Flags}.
term dynamic_supervisor_flags(block& b, term options);
// What is wrong in {{M, F, Args}, Restart, Shutdown, Type, Modules}, as DynamicSupervisor.start_child/2 says it; none when nothing is.
term wrong_in_dynamic_child(block& b, term child);

}  // namespace cnode::actors
