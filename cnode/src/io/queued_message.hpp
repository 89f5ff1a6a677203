// A message that waits for its connection: deep copies of everything it says.
#pragma once

#include <cnode/protocol/block.hpp>
#include <cnode/protocol/control_message.hpp>

namespace cnode::node {

struct queued_message {
  block_ptr block;
  dist::control_message control;  // its terms lie in block, as does the message
  term message;
  std::size_t bytes() const { return block->used_words() * sizeof(cnode_term); }
};

queued_message queue_copy(const dist::control_message& m, term message);

}  // namespace cnode::node
