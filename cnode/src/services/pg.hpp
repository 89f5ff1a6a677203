// pg: process groups over the nodes of a cluster.
#pragma once

#include "application.hpp"
#include "call.hpp"

namespace cnode::services {

// The default scope, when the configuration says {kernel, [{start_pg, true}]}. Others are started with pg:start/1 or pg:start_link/1.
void start_pg(actors::runtime& node);
bool pg_wanted(actors::runtime& node);

}  // namespace cnode::services
