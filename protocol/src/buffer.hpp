// What is behind buffer_ptr: a counter, a size and the bytes, in one allocation.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include <cnode/protocol/block.hpp>

namespace cnode {

struct buffer {
  std::atomic<std::uint32_t> refs{1};
  std::size_t size = 0;
  std::uint8_t* data() { return reinterpret_cast<std::uint8_t*>(this + 1); }
};

void retain(buffer* b) noexcept;
void release(buffer* b) noexcept;

}  // namespace cnode
