// Who we are: pids and references that carry this name and creation are ours and are written as
// such; a pid of ours is an immediate. Set once, before the first peer; 'nonode@nohost', 0 until then.
#pragma once

#include <cstdint>

#include <cnode/term.hpp>

namespace cnode {

struct local_node {
  term name;
  std::uint32_t creation = 0;
};

const local_node& this_node();             // any thread, after set_this_node
void set_this_node(term name, std::uint32_t creation);

}  // namespace cnode
