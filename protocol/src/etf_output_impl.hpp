// What is behind etf::output: copied bytes in one growing buffer, and shared bytes that stand between them.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <deque>
#include <new>

#include <cnode/protocol/etf.hpp>

namespace cnode::etf {

struct output::impl {
  struct shared {
    std::size_t before;  // stands in front of the copied byte with this offset
    buffer_ptr owner;
    const std::uint8_t* data;
    std::size_t size;
  };

  std::uint8_t* data = nullptr;
  std::size_t first = 0;  // consumed copied bytes
  std::size_t last = 0;
  std::size_t capacity = 0;
  std::deque<shared> shares;
  std::size_t shared_bytes = 0;

  impl() = default;
  impl(const impl&) = delete;
  impl& operator=(const impl&) = delete;
  ~impl() { std::free(data); }

  // Room for n more bytes behind `last`.
  void ensure(std::size_t n) {
    if (capacity - last < n) make_room(n);
  }
  void make_room(std::size_t n);
};

}  // namespace cnode::etf
