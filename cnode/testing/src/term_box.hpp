// What a value holds, and how the harness makes values of terms.
#pragma once

#include <cnode/protocol/block.hpp>
#include <cnode/testing.hpp>

namespace cnode::testing::detail {

// The term in a block of its own; several values share it, nobody writes.
struct term_box {
  block_ptr holder;
};

struct access {
  static value make(block_ptr holder) { return value(std::make_shared<const term_box>(term_box{std::move(holder)})); }
  static value copy_of(term t) { return make(copy_to_block(t)); }
  static term of(const value& v) { return v.box_->holder->root; }
};

}  // namespace cnode::testing::detail
