// What a scheduler thread made runnable itself, oldest first: it alone puts in, any thread takes out, nobody locks.
#pragma once

#include <atomic>
#include <cstdint>

namespace cnode::actors {

class process;

class run_ring {
 public:
  static constexpr std::uint32_t capacity = 256;

  // The owner. False: full. `length`: with p. From a length of two on the entry is ordered before whatever the caller reads next (who sleeps).
  bool push(process* p, std::uint32_t& length) {
    const auto tail = tail_.load(std::memory_order_relaxed);
    length = tail - head_.load(std::memory_order_acquire) + 1;
    if (length > capacity) return false;
    entries_[tail % capacity].store(p, std::memory_order_relaxed);
    if (length > 1) tail_.exchange(tail + 1);
    else tail_.store(tail + 1, std::memory_order_release);
    return true;
  }
  // Any thread. Null: empty.
  process* pop() {
    auto head = head_.load(std::memory_order_acquire);
    for (;;) {
      if (head == tail_.load(std::memory_order_acquire)) return nullptr;
      // The entry may be overwritten meanwhile, but then head has moved on.
      auto* p = entries_[head % capacity].load(std::memory_order_relaxed);
      if (head_.compare_exchange_weak(head, head + 1, std::memory_order_acq_rel, std::memory_order_acquire)) return p;
    }
  }
  std::uint32_t length() const {
    const auto head = head_.load();
    return tail_.load() - head;
  }

 private:
  std::atomic<std::uint32_t> head_{0}, tail_{0};
  std::atomic<process*> entries_[capacity] = {};
};

}  // namespace cnode::actors
