// The order that a lock needs which one thread takes all the time and others hardly ever: the frequent side stores and looks without a
// locked instruction, the rare side has the kernel put a barrier into every thread of the program (membarrier(2)). Where the kernel does
// not, or a sanitizer could not follow, both sides pay as usual.
#pragma once

#include <atomic>

namespace cnode::actors {

namespace detail {
extern const bool barrier_by_kernel;
void kernel_barrier() noexcept;
}  // namespace detail

// The frequent side: what it stores is seen by the rare side, or it sees what the rare side has stored, whatever it reads next.
inline void store_then_look(std::atomic<bool>& flag, bool value) noexcept {
  if (detail::barrier_by_kernel) {
    flag.store(value, std::memory_order_release);
    std::atomic_signal_fence(std::memory_order_seq_cst);
  } else {
    flag.exchange(value);
  }
}

// The rare side, between its own store and its look.
inline void look_after_store() noexcept {
  if (detail::barrier_by_kernel) detail::kernel_barrier();
}

}  // namespace cnode::actors
