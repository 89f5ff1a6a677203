// What an upgrade script must look like. Both throw a refusal with systools_rc's reason.
#pragma once

#include "release/terms.hpp"

namespace cnode::release {

// Each instruction, high-level or low-level, for itself.
void check_syntax(block& b, const terms& script);
// Each load has its load_object_code before the point of no return; suspend and resume, stop and start come in pairs.
void check_script(block& b, const terms& before, const terms& after);

}  // namespace cnode::release
