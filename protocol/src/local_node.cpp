#include <cnode/protocol/local_node.hpp>

#include <cnode/protocol/atom_table.hpp>

namespace cnode {

namespace {
local_node& node() {
  static local_node n{atom("nonode@nohost"), 0};
  return n;
}
}  // namespace

const local_node& this_node() { return node(); }

void set_this_node(term name, std::uint32_t creation) { node() = {name, creation}; }

}  // namespace cnode
