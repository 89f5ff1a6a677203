// Shared bytes. Large buffers that nobody refers to any more are kept a while for the next message of their size: the pages of a fresh
// one cost as much as receiving into them.
#include "buffer.hpp"

#include <array>
#include <cassert>
#include <cstdlib>
#include <cstring>
#include <mutex>
#include <new>
#include <utility>

#include <cnode/protocol/unused_memory.hpp>

namespace cnode {
namespace {

constexpr std::size_t smallest_kept = 32 * 1024, most_bytes_kept = std::size_t{160} << 20;

class kept_buffers {
 public:
  // The smallest one that fits; none that is much larger than what is asked for.
  buffer* take(std::size_t at_least, std::size_t at_most) noexcept {
    std::lock_guard lock(mutex_);
    std::size_t best = count_;
    for (std::size_t i = 0; i < count_; ++i) {
      const auto size = entries_[i]->size;
      if (size >= at_least && size <= at_most && (best == count_ || size < entries_[best]->size)) best = i;
    }
    if (best == count_) return nullptr;
    auto* b = entries_[best];
    remove(best);
    return b;
  }
  void keep(buffer* b) noexcept {
    std::unique_lock lock(mutex_);
    std::array<buffer*, capacity> gone;
    std::size_t n = 0;
    // The oldest make room.
    while (count_ > 0 && (count_ == capacity || bytes_ + b->size > most_bytes_kept)) {
      gone[n++] = entries_[0];
      remove(0);
    }
    entries_[count_++] = b;
    bytes_ += b->size;
    lock.unlock();
    note_kept_memory();
    free_all(gone.data(), n);
  }
  void empty() noexcept {
    std::unique_lock lock(mutex_);
    const auto gone = entries_;
    const auto n = std::exchange(count_, 0);
    bytes_ = 0;
    lock.unlock();
    free_all(gone.data(), n);
  }

 private:
  static constexpr std::size_t capacity = 32;

  void remove(std::size_t i) noexcept {
    bytes_ -= entries_[i]->size;
    std::memmove(&entries_[i], &entries_[i + 1], (--count_ - i) * sizeof entries_[0]);
  }
  static void free_all(buffer* const* all, std::size_t n) noexcept {
    for (std::size_t i = 0; i < n; ++i) std::free(static_cast<void*>(all[i]));
  }

  std::mutex mutex_;
  std::array<buffer*, capacity> entries_{};  // oldest first
  std::size_t count_ = 0, bytes_ = 0;
};

// Never destroyed: buffers may die after the statics.
constinit kept_buffers kept;
const unused_memory emptied{unused_memory::kind::shared, []() noexcept { kept.empty(); }};

}  // namespace

void retain(buffer* b) noexcept {
  if (b) b->refs.fetch_add(1, std::memory_order_relaxed);
}

void release(buffer* b) noexcept {
  if (!b || b->refs.fetch_sub(1, std::memory_order_acq_rel) != 1) return;
  if (keeps_memory && b->size >= smallest_kept && b->size <= most_bytes_kept / 2) return kept.keep(b);
  b->~buffer();
  std::free(static_cast<void*>(b));
}

buffer_ptr buffer_ptr::make(std::size_t size) {
  if (size > SIZE_MAX - sizeof(buffer)) throw std::bad_alloc();
  buffer_ptr p;
  if (keeps_memory && size >= smallest_kept && (p.b_ = kept.take(size, size + size / 4))) {
    p.b_->refs.store(1, std::memory_order_relaxed);
    return p;
  }
  auto* memory = std::malloc(sizeof(buffer) + size);
  if (!memory) throw std::bad_alloc();
  p.b_ = new (memory) buffer;
  p.b_->size = size;
  return p;
}

void buffer_ptr::resize(std::size_t size) {
  if (!b_) {
    *this = make(size);
    return;
  }
  assert(b_->refs.load(std::memory_order_relaxed) == 1);
  if (size > SIZE_MAX - sizeof(buffer)) throw std::bad_alloc();
  // A large allocation moves by its page tables, not by copying.
  auto* moved = static_cast<buffer*>(std::realloc(static_cast<void*>(b_), sizeof(buffer) + size));
  if (!moved) throw std::bad_alloc();
  b_ = moved;
  b_->size = size;
}

bool buffer_ptr::grow_to_kept(std::size_t size, std::size_t used) {
  if (!keeps_memory || size < smallest_kept) return false;
  assert(!b_ || (b_->refs.load(std::memory_order_relaxed) == 1 && size >= b_->size && used <= b_->size));
  buffer_ptr p;
  p.b_ = kept.take(size, size + size / 4);
  if (!p) return false;
  p.b_->refs.store(1, std::memory_order_relaxed);
  if (used > 0) std::memcpy(p.data(), data(), used);
  *this = std::move(p);
  return true;
}

buffer_ptr::buffer_ptr(const buffer_ptr& o) noexcept : b_(o.b_) { retain(b_); }
buffer_ptr::~buffer_ptr() { release(b_); }
std::uint8_t* buffer_ptr::data() const { return b_ ? b_->data() : nullptr; }
std::size_t buffer_ptr::size() const { return b_ ? b_->size : 0; }

buffer_ptr buffer_ptr::share(cnode_buffer* b) {
  buffer_ptr p;
  p.b_ = reinterpret_cast<buffer*>(b);
  retain(p.b_);
  return p;
}

}  // namespace cnode
