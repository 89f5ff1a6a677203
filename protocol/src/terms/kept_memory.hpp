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

#if defined(__SANITIZE_ADDRESS__)
#define CNODE_KEEPS_MEMORY false  // reuse would hide a use after free
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define CNODE_KEEPS_MEMORY false
#endif
#endif
#ifndef CNODE_KEEPS_MEMORY
#define CNODE_KEEPS_MEMORY true
#endif
constexpr bool enabled = CNODE_KEEPS_MEMORY;
#undef CNODE_KEEPS_MEMORY

}  // namespace cnode::kept_memory
