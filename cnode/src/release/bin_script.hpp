// bin/NAME of a release: bin_script.sh with the name put in.
#pragma once

#include <string>

namespace cnode::release {

// name: of letters, digits and _ . - + ~
std::string bin_script(const std::string& name);

}  // namespace cnode::release
