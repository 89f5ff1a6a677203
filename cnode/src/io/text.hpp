// Text of strangers, fit for a log line.
#pragma once

#include <string>
#include <string_view>

namespace cnode::node {

// At most 120 characters; control characters as '?'.
std::string printable(std::string_view text);

}  // namespace cnode::node
