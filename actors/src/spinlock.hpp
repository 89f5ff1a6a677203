// A lock for a few instructions. Yields when its holder seems to have lost the processor.
#pragma once

#include <atomic>
#include <thread>

namespace cnode::actors {

class spinlock {
 public:
  void lock() noexcept {
    for (unsigned spins = 0; taken_.exchange(true, std::memory_order_acquire); ++spins) {
      while (taken_.load(std::memory_order_relaxed)) {
        if (++spins > 100) std::this_thread::yield();
      }
    }
  }
  void unlock() noexcept { taken_.store(false, std::memory_order_release); }

 private:
  std::atomic<bool> taken_{false};
};

}  // namespace cnode::actors
