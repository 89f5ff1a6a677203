// The applications that a node starts with.
#pragma once

#include <string>

#include <cnode/actors/runtime.hpp>

#include "start_options.hpp"

namespace cnode::program {

// Empty when the text is NAME or NAME:TYPE; else a sentence.
std::string check_application(const std::string& text);

// Those of the release, in its order, then those of --app with all they need. Empty, or a sentence that names the application and why.
std::string start_applications(actors::runtime& node, const start_options& options);

}  // namespace cnode::program
