// Who watches a process: the blocks of their monitor signals, {From, Ref, Target}, kept as they came and found by the reference.
// A call from another node sets a monitor and takes it back, so both cost a few words: blocks of one bucket are linked through
// themselves. Owned by the process; the thread that runs it (or handles signals for it) uses it.
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
      for (const block* b = buckets_[i]; b; b = b->next) f(b->root[0], b->root[1], b->root[2]);
  }
  // f(From) says which go.
  template <class F>
  void erase_if(F f) {
    for (std::size_t i = 0; i < capacity_; ++i)
      for (block** link = &buckets_[i]; *link;) {
        if (f((*link)->root[0])) remove(link);
        else link = &(*link)->next;
      }
  }

 private:
  block** find(term ref, std::uint32_t hash);
  void remove(block** link);
  void resize(std::size_t capacity);

  std::unique_ptr<block*[]> buckets_;
  std::uint32_t capacity_ = 0, size_ = 0;  // capacity: 0 or a power of two
};

}  // namespace cnode::actors
