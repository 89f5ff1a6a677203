// rex: the rpc server of releases before 23 and of everything that is no BEAM (erl_call, libei, jinterface).
#pragma once

#include "services.hpp"

namespace cnode::services {

void start_rex(node_host& host);

}  // namespace cnode::services
