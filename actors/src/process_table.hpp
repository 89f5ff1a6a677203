// Pids to processes: an array of slots, each with a lock bit of its own, so that lookups of different pids never meet.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include <cnode/actors/process.hpp>

namespace cnode::actors {

// Any thread. The table owns one reference of each process in it.
class process_table {
 public:
  explicit process_table(std::uint32_t size);

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
    auto* p = reinterpret_cast<process*>(v);
    const bool found = p->pid().same(pid);
    if (found) f(*p);
    s.store(v, std::memory_order_release);
    return found;
  }
  process_ptr find(term pid) const;
  std::vector<process_ptr> all() const;
  std::uint32_t count() const { return count_.load(std::memory_order_relaxed); }

 private:
  // 0: free. 1: reserved. Else the process; bit 0 is the lock then.
  using slot = std::atomic<std::uintptr_t>;
  static std::uintptr_t lock(slot& s);

  const std::uint32_t size_;
  struct unmap { std::size_t bytes; void operator()(slot* s) const; };
  std::unique_ptr<slot[], unmap> slots_;
  std::atomic<std::uint64_t> next_{1};
  std::atomic<std::uint32_t> count_{0};
};

}  // namespace cnode::actors
