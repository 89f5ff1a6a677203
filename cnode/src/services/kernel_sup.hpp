// kernel_sup: what the node cannot be without. As on BEAM, whose kernel_sup is one_for_all and permits no restart, the node ends when one
// of net_kernel, rex, logger_proxy and global_name_server does; pg, which BEAM has under kernel_safe_sup, is started again, up to four
// times within an hour.
#pragma once

#include <future>

#include "services.hpp"

namespace cnode::services {

// After the services: it links to them, to those that begin a moment later as soon as they are registered. Ready when all of them are.
std::future<void> start_kernel_sup(node_host& host);

}  // namespace cnode::services
