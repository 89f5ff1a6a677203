// What proc_lib writes into the dictionary of every process it starts: '$initial_call' and '$ancestors'. Processes that the same parent
// starts in the same way share one copy.
#pragma once

#include <atomic>
#include <cstddef>
#include <utility>
#include <vector>

#include <cnode/protocol/block.hpp>

namespace cnode::actors {

// Never changes; counted. Any thread may read it.
class birth {
 public:
  static constexpr std::size_t entries = 2;
  static term key(std::size_t i);
  // With one reference, when the entries are these two in this order; else null. The one made last on this thread is used again.
  static birth* of(const std::vector<std::pair<term, term>>& dictionary);

  term value(std::size_t i) const { return terms_->root[i]; }
  term get(term key) const;  // none: not one of these
  void retain() noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
  void release() noexcept;

 private:
  explicit birth(block_ptr terms) : terms_(std::move(terms)) {}
  ~birth() = default;

  std::atomic<std::uint32_t> refs_{1};
  block_ptr terms_;  // {InitialCall, Ancestors}
};

}  // namespace cnode::actors
