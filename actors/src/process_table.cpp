#include "process_table.hpp"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <new>

namespace cnode::actors {

// calloc: pages of a large table come into being when they are used.
process_table::process_table(std::uint32_t size, runtime& node) : node_(node), size_(size < 16 ? 16 : size), shift_(std::has_single_bit(size_) ? static_cast<unsigned>(std::countr_zero(size_)) : 0), slots_(nullptr, unmap{0}) {
  static_assert(sizeof(slot) == sizeof(std::uintptr_t));
  void* memory = std::calloc(size_, sizeof(slot));
  if (!memory) throw std::bad_alloc();
  slots_ = {static_cast<slot*>(memory), unmap{size_ * sizeof(slot)}};
}

void process_table::unmap::operator()(slot* s) const { std::free(static_cast<void*>(s)); }

std::uintptr_t process_table::lock(slot& s) {
  for (unsigned spins = 0;; ++spins) {
    auto v = s.load(std::memory_order_relaxed);
    if (v < 2) {
      // Free and reserved slots are changed by compare-and-swap alone; nothing to protect.
      return v;
    }
    if (!(v & 1) && s.compare_exchange_weak(v, v | 1, std::memory_order_acquire)) return v;
    if (spins > 100) std::this_thread::yield();
  }
}

term process_table::reserve() {
  if (count_.fetch_add(1) >= size_ - 1) {
    count_.fetch_sub(1);
    return {};
  }
  for (;;) {
    const auto n = next_.fetch_add(1, std::memory_order_relaxed);
    // A division costs as much as the rest; sizes are powers of two as a rule.
    const auto round = shift_ ? n >> shift_ : n / size_;
    const auto id = static_cast<std::uint32_t>(n - round * size_);
    const auto serial = static_cast<std::uint32_t>(round) & 0x3ffffff;
    if (id == 0) continue;
    std::uintptr_t free = 0;
    if (slots_[id].compare_exchange_strong(free, 1)) return term{cnode_make_local_pid(id, serial)};
  }
}

void process_table::put(term pid, process* p) {
  slots_[cnode_local_pid_id(pid.word())].store(reinterpret_cast<std::uintptr_t>(p), std::memory_order_release);
}

void process_table::remove(term pid) {
  auto& s = slots_[cnode_local_pid_id(pid.word())];
  const auto v = lock(s);
  if (v < 2) return;
  auto* p = unpacked(s, v);
  s.store(0, std::memory_order_release);
  count_.fetch_sub(1);
  p->release();
}

process_ptr process_table::find(term pid) const {
  process_ptr found;
  with(pid, [&](process& p) { found = process_ptr(&p); });
  return found;
}

process* process_table::unpack(slot& s, std::uintptr_t v) const {
  try {
    return parked::unpack(packed(v), node_);
  } catch (...) {
    s.store(v, std::memory_order_release);
    throw;
  }
}

bool process_table::contains(term pid) const {
  const auto id = cnode_local_pid_id(pid.word());
  if (id >= size_) return false;
  auto& s = slots_[id];
  const auto v = lock(s);
  if (v < 2) return false;
  const bool found = pid_in(v).same(pid);
  s.store(v, std::memory_order_release);
  return found;
}

module_version* process_table::active_version(term pid) const {
  const auto id = cnode_local_pid_id(pid.word());
  if (id >= size_) return nullptr;
  auto& s = slots_[id];
  const auto v = lock(s);
  if (v < 2) return nullptr;
  module_version* found = nullptr;
  if (pid_in(v).same(pid)) found = packed(v) ? parked::version_of(packed(v)) : reinterpret_cast<process*>(v)->active_version();
  s.store(v, std::memory_order_release);
  return found;
}

bool process_table::pack(term pid) const {
  auto& s = slots_[cnode_local_pid_id(pid.word())];
  const auto v = lock(s);
  if (v < 2) return true;
  auto to = v;
  bool done = true;
  if (pid_in(v).same(pid) && !packed(v)) {
    auto* k = parked::pack(*reinterpret_cast<process*>(v));
    done = k != nullptr;
    if (k) to = reinterpret_cast<std::uintptr_t>(k) | packed_bit;
  }
  s.store(to, std::memory_order_release);
  return done;
}

template <class F>
void process_table::each(F f) const {
  // Ids are given in order: in the first round none beyond the last one is in use.
  const auto end = static_cast<std::uint32_t>(std::min<std::uint64_t>(next_.load(), size_));
  for (std::uint32_t id = 1; id < end; ++id) {
    auto& s = slots_[id];
    if (s.load(std::memory_order_relaxed) < 2) continue;
    if (const auto v = lock(s); v >= 2) s.store(f(s, v), std::memory_order_release);
  }
}

std::vector<process_ptr> process_table::all() const {
  std::vector<process_ptr> list;
  each([&](slot& s, std::uintptr_t v) {
    auto* p = unpacked(s, v);
    list.emplace_back(p);
    return reinterpret_cast<std::uintptr_t>(p);
  });
  return list;
}

std::vector<term> process_table::pids() const {
  std::vector<term> list;
  each([&](slot&, std::uintptr_t v) {
    list.push_back(pid_in(v));
    return v;
  });
  return list;
}

}  // namespace cnode::actors
