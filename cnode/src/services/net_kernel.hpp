// net_kernel: the process other nodes ping, and who wants to hear of nodes coming and going.
#pragma once

#include "call.hpp"
#include "services.hpp"

namespace cnode::services {

// Registers the process and listens to the runtime's node changes.
void start_net_kernel(node_host& host);
// net_kernel:get_state/0
term net_kernel_state(actors::runtime& node, block& b);
// net_kernel:monitor_nodes/2
term monitor_nodes(call& c, term flag, term options);
// The runtime is gone.
void forget_subscribers(const actors::runtime& node);

}  // namespace cnode::services
