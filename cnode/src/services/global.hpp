// global: names and locks over the nodes of a cluster, and the cluster's being whole.
#pragma once

#include "call.hpp"

namespace cnode::services {

// The process global_name_server.
void start_global(actors::runtime& node);

// The functions of module `global` that are not for users, by file.
// global_process.cpp
term global_init_1(call& c);
term global_handle_call_3(call& c);
term global_handle_cast_2(call& c);
term global_handle_info_2(call& c);
// global_resolve.cpp
term global_exchange_names_3(call& c);
term global_resolve_it_4(call& c);
term global_random_exit_name_3(call& c);
term global_random_notify_name_3(call& c);
term global_notify_all_name_3(call& c);

}  // namespace cnode::services
