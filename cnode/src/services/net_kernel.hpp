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
// The number of the connection with that node, as monitor_nodes tells it; 0: there is none.
std::int64_t connection_id(const actors::runtime& node, term name);
// The runtime is gone.
void forget_subscribers(const actors::runtime& node);

}  // namespace cnode::services
