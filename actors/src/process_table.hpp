// Pids to processes: an array of slots, each with a lock bit of its own, so that lookups of different pids never meet.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <cnode/actors/process.hpp>

#include "parked.hpp"

namespace cnode::actors {

// Any thread. The table owns one reference of each process in it.
class process_table {
 public:
  explicit process_table(std::uint32_t size, runtime& node);

  // Reserves a pid that is not in use, as BEAM does: ids go round, the serial counts the rounds. None when the table is full.
  term reserve();
  void put(term pid, process* p);
  void remove(term pid);  // gives the table's reference back

  // Calls f with the process while it cannot go away; f must be short and may not use the table. False: no such process.
  template <class F>
  bool with(term pid, F f) const {
    const auto id = cnode_local_pid_id(pid.word());
    if (id >= size_) return false;
    auto& s = slots_[id];
    if (s.load(std::memory_order_relaxed) < 2) return false;
    const auto v = lock(s);
    if (v < 2) return false;  // went meanwhile; nothing is locked
    if (!pid_in(v).same(pid)) {
      s.store(v, std::memory_order_release);
      return false;
    }
    auto* p = unpacked(s, v);
    f(*p);
    s.store(reinterpret_cast<std::uintptr_t>(p), std::memory_order_release);
    return true;
  }
  // The same without looking into it.
  bool contains(term pid) const;
  std::vector<term> pids() const;
  module_version* active_version(term pid) const;  // of that process, null without one
  // True: there is no process of that pid, or it is packed now. False: it has to stay as it is.
  bool pack(term pid) const;
  process_ptr find(term pid) const;
  std::vector<process_ptr> all() const;
  std::uint32_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  // 0: free. 1: reserved. Else the process, or with bit 1 what is kept of one that waits; bit 0 is the lock then.
  using slot = std::atomic<std::uintptr_t>;
  static constexpr std::uintptr_t packed_bit = 2;
  static std::uintptr_t lock(slot& s);
  static parked* packed(std::uintptr_t v) { return v & packed_bit ? reinterpret_cast<parked*>(v - packed_bit) : nullptr; }
  static term pid_in(std::uintptr_t v) {
    const auto* k = packed(v);
    // The mask says nothing new; it keeps g++ from following the values of slots that are not in use to here, and warning of them.
    return k ? k->pid : reinterpret_cast<const process*>(v & ~packed_bit)->pid();
  }
  process* unpacked(slot& s, std::uintptr_t v) const { return v & packed_bit ? unpack(s, v) : reinterpret_cast<process*>(v); }
  process* unpack(slot& s, std::uintptr_t v) const;
  // Calls f with what each slot in use holds, locked.
  template <class F>
  void each(F f) const;

  runtime& node_;

  const std::uint32_t size_;
  const unsigned shift_;  // 0: size_ is no power of two
  struct unmap { std::size_t bytes; void operator()(slot* s) const; };
  std::unique_ptr<slot[], unmap> slots_;
  std::atomic<std::uint64_t> next_{1};
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace cnode::actors
