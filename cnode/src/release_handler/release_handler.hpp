// The module and the process release_handler, as sasl's: what is installed, and how the node gets from one version to another while it
// runs. Also release_handler_1, as far as other nodes and tests ask it.
#pragma once

#include <functional>
#include <string>

#include <cnode/actors/runtime.hpp>

namespace cnode::release_handler {

// The builtin modules. After those of the services, before the runtime starts.
void add_builtins(actors::runtime& node);

struct options {
  std::string root;                                     // code:root_dir()
  std::string name, vsn, erts_vsn;                      // of the release that runs
  std::function<void(const std::string& vsn)> restart;  // the program starts again as that version; returns at once
};
// The process, under the supervisor sasl_safe_sup.
void start(actors::runtime& node, options o);
void forget(const actors::runtime& node);

}  // namespace cnode::release_handler
