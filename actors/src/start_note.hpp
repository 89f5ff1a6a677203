// How a process that ended before it could tell its starter lets it know why.
#pragma once

#include <mutex>

#include <cnode/protocol/block.hpp>

namespace cnode::actors::gen {

struct start_note {
  void set(term reason) {
    std::lock_guard guard{lock};
    if (!why) why = copy_to_block(reason);
  }
  // none: it did not end, or nobody said why
  term get(block& b) {
    std::lock_guard guard{lock};
    return why ? copy(b, why->root) : term{};
  }

 private:
  std::mutex lock;
  block_ptr why;
};

}  // namespace cnode::actors::gen
