// A stack whose first entries need no allocation: how the layer walks terms of any depth.
#pragma once

#include <cstddef>
#include <cstring>
#include <type_traits>

#include "terms/kept_memory.hpp"

namespace cnode {

template <class T, std::size_t Inline = 32>
class stack {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  stack() : data_(inline_), next_(inline_), end_(inline_ + Inline) {}
  stack(const stack&) = delete;
  stack& operator=(const stack&) = delete;
  ~stack() {
    if (data_ != inline_) release();
  }

  bool empty() const { return next_ == data_; }
  std::size_t size() const { return static_cast<std::size_t>(next_ - data_); }
  void push(const T& v) {
    if (next_ == end_) [[unlikely]] grow();
    *next_++ = v;
  }
  T pop() { return *--next_; }
  const T& popped() { return *--next_; }  // the same where it lies, until the next push
  T& top() { return next_[-1]; }

 private:
  [[gnu::noinline]] void grow() {
    const auto n = size();
    const auto p = kept_memory::take(2 * n * sizeof(T));
    std::memcpy(p.memory, static_cast<void*>(data_), n * sizeof(T));
    if (data_ != inline_) release();
    data_ = static_cast<T*>(p.memory);
    next_ = data_ + n;
    end_ = data_ + p.bytes / sizeof(T);
    bytes_ = p.bytes;
  }
  [[gnu::noinline]] void release() { kept_memory::give({data_, bytes_}); }

  T* data_;
  T* next_;
  T* end_;
  std::size_t bytes_ = 0;
  T inline_[Inline];
};

}  // namespace cnode
