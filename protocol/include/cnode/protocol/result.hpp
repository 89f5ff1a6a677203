// A value or the reason why there is none. clang 14 cannot see libstdc++'s std::expected.
#pragma once

#include <cassert>
#include <string>
#include <utility>
#include <variant>

#include <cnode/protocol/errc.hpp>

namespace cnode {

struct failure {
  errc code = errc::ok;
  std::string detail;  // what exactly: the field, the tag, the offset; may be empty; never unbounded peer bytes
};

// "bad_atom: message, detail" as one sentence.
std::string to_string(const failure& f);

template <class T>
class [[nodiscard]] result {
 public:
  result(T value) : v_(std::move(value)) {}
  result(failure f) : v_(std::move(f)) {}
  result(errc code, std::string detail = {}) : v_(failure{code, std::move(detail)}) {}

  explicit operator bool() const { return v_.index() == 0; }
  T& operator*() { assert(*this); return *std::get_if<0>(&v_); }
  const T& operator*() const { assert(*this); return *std::get_if<0>(&v_); }
  T* operator->() { return &**this; }
  const T* operator->() const { return &**this; }
  const failure& error() const { assert(!*this); return *std::get_if<1>(&v_); }

 private:
  std::variant<T, failure> v_;
};

struct unit {};

}  // namespace cnode
