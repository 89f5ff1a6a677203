// Which instructions of a script depend on which: update, load_module, add_module and delete_module name the modules that their module
// needs (DepMods).
#pragma once

#include <vector>

#include "release/terms.hpp"

namespace cnode::release {

class script_dependencies {
 public:
  // Throws muldef_module for two instructions about one module, undef_module for a dependency without an instruction.
  script_dependencies(block& b, const terms& script);
  static bool depends(term instruction);

  // The instructions of all modules connected with this one, in the order of dependency: who needs others first. Those that need
  // each other in a circle stand together, in the order of the script.
  terms group_of(term module) const;

 private:
  struct node {
    term instruction;
    std::vector<std::size_t> needs, needed_by;
  };
  std::vector<bool> reachable(std::size_t from, bool both_ways) const;
  std::size_t index_of(term module) const;

  std::vector<node> nodes_;  // in the order of the script
};

}  // namespace cnode::release
