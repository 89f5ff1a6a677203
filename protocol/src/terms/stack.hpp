// A stack whose first entries need no allocation: how the layer walks terms of any depth.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <new>
#include <type_traits>

namespace cnode {

template <class T, std::size_t Inline = 32>
class stack {
  static_assert(std::is_trivially_copyable_v<T>);

 public:
  stack() : data_(inline_), capacity_(Inline) {}
  stack(const stack&) = delete;
  stack& operator=(const stack&) = delete;
  ~stack() {
    if (data_ != inline_) std::free(data_);
  }

  bool empty() const { return size_ == 0; }
  std::size_t size() const { return size_; }
  void push(const T& v) {
    if (size_ == capacity_) grow();
    data_[size_++] = v;
  }
  T pop() { return data_[--size_]; }
  T& top() { return data_[size_ - 1]; }

 private:
  void grow() {
    const auto bytes = capacity_ * 2 * sizeof(T);
    void* p;
    if (data_ == inline_) {
      p = std::malloc(bytes);
      if (p) std::memcpy(p, static_cast<void*>(inline_), size_ * sizeof(T));
    } else {
      p = std::realloc(static_cast<void*>(data_), bytes);
    }
    if (!p) throw std::bad_alloc();
    data_ = static_cast<T*>(p);
    capacity_ *= 2;
  }

  T* data_;
  std::size_t size_ = 0;
  std::size_t capacity_;
  T inline_[Inline];
};

}  // namespace cnode
