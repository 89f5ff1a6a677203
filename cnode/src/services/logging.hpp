// logger: log events as text for the node's own log, and the process other nodes send theirs to.
#pragma once

#include "services.hpp"

namespace cnode::services {

// The process logger_proxy: {log, Level, Format, Args, Meta} | {log, Level, Report | {string, Text}, Meta}.
void start_logger_proxy(node_host& host);

}  // namespace cnode::services
