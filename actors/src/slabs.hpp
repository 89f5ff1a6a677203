// Memory for the small objects that there is one of per process: the process itself, what is kept of one that waits, frames of
// functions that wait. Sizes are rounded up to 16 bytes; an object has no header of its own. Each thread keeps a few free ones of each
// size; the rest goes back to slabs of 64 KB, and a slab in which nothing lives gives its pages back to the system.
#pragma once

#include <cstddef>

namespace cnode::actors {

struct slabs {
  static constexpr std::size_t largest = 512;  // larger ones come from operator new
  // Any thread; what one thread took another may give back, with the same size. Throws std::bad_alloc.
  static void* take(std::size_t bytes);
  static void give(void* p, std::size_t bytes) noexcept;
};

}  // namespace cnode::actors
