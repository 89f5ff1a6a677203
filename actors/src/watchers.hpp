// Who watches a process: the blocks of their monitor signals, {From, Ref, Target}, kept as they came and found by the reference.
// A call from another node sets a monitor and takes it back, so both cost a few words, and among many others as well: looking for
// one touches no other's block. Owned by the process; the thread that runs it (or handles signals for it) uses it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <cnode/protocol/block.hpp>

#include "terms.hpp"

namespace cnode::actors {

class watcher_table {
 public:
  watcher_table() = default;
  watcher_table(const watcher_table&) = delete;
  watcher_table& operator=(const watcher_table&) = delete;
  ~watcher_table();

  // In the place of one with the same reference. References made here are the same when their numbers are, alias or not.
  void put(block_ptr monitor);
  void erase(term ref);
  std::size_t size() const { return size_; }
  // Bytes it keeps, for process_info.
  std::size_t bytes() const;

  // f(From, Ref, Target); may not change the table.
  template <class F>
  void for_each(F f) const {
    for (std::size_t i = 0; i < capacity_; ++i)
      if (const auto* b = slots_[i].monitor) f(b->root[0], b->root[1], b->root[2]);
  }
  // f(From) says which go.
  template <class F>
  void erase_if(F f) {
    bool some = false;
    for (std::size_t i = 0; i < capacity_; ++i) {
      if (slots_[i].monitor && f(slots_[i].monitor->root[0])) some = true, drop(slots_[i]);
    }
    if (some) resize();
  }

 private:
  // Searched from the place the hash names on.
  struct slot {
    block* monitor;
    std::uint32_t hash;
  };
  slot* find(term ref, std::uint32_t hash);
  void drop(slot& s);
  void close_gap(std::size_t at);
  void resize();  // to what fits the number there is
  void insert(slot s);

  std::unique_ptr<slot[]> slots_;
  std::uint32_t capacity_ = 0, size_ = 0;  // capacity: 0 or a power of two, at most half of it taken
};

}  // namespace cnode::actors
