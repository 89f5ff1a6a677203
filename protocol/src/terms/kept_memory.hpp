// Memory of dead chunks and stacks, kept for the next term: pages fresh from the kernel cost more than what is put into them.
// Bounded: some for the thread, the large pieces for all threads together. Any thread may call any of these.
#pragma once

#include <cstddef>

namespace cnode::kept_memory {

struct piece {
  void* memory;
  std::size_t bytes;
};

// At least `bytes`, uninitialised; what there is of it may be used. Never fails but by std::bad_alloc.
piece take(std::size_t bytes);
// The piece as take() gave it.
void give(piece p) noexcept;

}  // namespace cnode::kept_memory
