// What the files of this folder share: lists as vectors, strings, and how something is refused.
#pragma once

#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/block.hpp>

namespace cnode::release {

// Why there is no answer. `reason` is what systools or release_handler would return, {error, Module, What}, and lies in the block the
// caller gave; `text` is for a person and names file, line and key. Thrown inside this folder only: what others call returns an outcome.
struct refusal {
  term reason;
  std::string text;
};

template <class T>
class [[nodiscard]] outcome {
 public:
  outcome(T value) : v_(std::move(value)) {}
  outcome(refusal r) : v_(std::move(r)) {}
  explicit operator bool() const { return v_.index() == 0; }
  T& operator*() { return std::get<0>(v_); }
  const T& operator*() const { return std::get<0>(v_); }
  T* operator->() { return &std::get<0>(v_); }
  const T* operator->() const { return &std::get<0>(v_); }
  const refusal& error() const { return std::get<1>(v_); }

 private:
  std::variant<T, refusal> v_;
};

// Runs something that throws refusals.
template <class F>
auto attempt(F&& f) -> outcome<decltype(f())> {
  try {
    return f();
  } catch (refusal& r) {
    return std::move(r);
  }
}

using terms = std::vector<term>;

inline bool is(term t, std::string_view name) { return t.is_atom() && atom_text(t) == name; }
// {Name, ...} with that many elements.
inline bool is_tagged(term t, std::string_view name, std::uint64_t arity) { return t.is_tuple(arity) && is(t[0], name); }
// unicode:characters_to_list(S) =:= S
bool is_string(term t);
// A proper list of atoms; of {atom, _}.
bool is_atom_list(term t);
bool is_pair_list(term t);
// Of a string; of anything else as it is written.
std::string text_of(term t);
// The elements of a list; those of an improper one up to its tail.
terms elements(term list);
term list_of(block& b, const terms& t);
bool member(term t, const terms& list);
// The elements of a that are not in b (systools_rc:difference/2).
terms difference(const terms& a, const terms& b);
void append(terms& a, const terms& b);

// {error, Module, What}
refusal refused(block& b, std::string_view module, term what, std::string text);

}  // namespace cnode::release
