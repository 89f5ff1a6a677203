// Atoms: "ok"_a in expressions, is<"ok"> as the type of a parameter that matches only this atom.
#pragma once

#include <string_view>

#include <cnode/host.hpp>

namespace cnode {
inline namespace module_api {

class atom;
[[noreturn]] void raise_system_limit();

// A text as a template argument.
template <std::size_t N>
struct fixed_string {
  char text[N]{};
  constexpr fixed_string(const char (&s)[N]) {  // NOLINT: implicit, so that is<"ok"> can be written
    for (std::size_t i = 0; i < N; ++i) text[i] = s[i];
  }
  static constexpr std::size_t size = N - 1;
};

namespace detail {
[[gnu::noinline]] inline term intern(std::string_view text) {
  term t{host().atom(text.data(), text.size())};
  if (!t) raise_system_limit();
  return t;
}
}  // namespace detail

// Exactly the atom S. Looked up once per module, then one load.
template <fixed_string S>
struct is {
  static term value() {
    cnode_term word = __atomic_load_n(&word_, __ATOMIC_RELAXED);
    if (word == CNODE_NONE) {
      word = detail::intern({S.text, S.size}).word();
      __atomic_store_n(&word_, word, __ATOMIC_RELAXED);
    }
    return term{word};
  }
  operator term() const { return value(); }
  operator atom() const;

 private:
  static inline constinit cnode_term word_ = CNODE_NONE;
};

inline namespace literals {
template <fixed_string S>
constexpr is<S> operator""_a() {
  return {};
}
}  // namespace literals

// Any atom.
class atom {
 public:
  explicit atom(term t) : term_(t) {}
  explicit atom(std::string_view utf8) : term_(detail::intern(utf8)) {}

  // Valid for ever.
  std::string_view text() const {
    std::size_t length = 0;
    const char* text = detail::host().atom_text(term_.word(), &length);
    return {text, length};
  }
  operator term() const { return term_; }
  friend bool operator==(atom a, atom b) { return a.term_.same(b.term_); }

 private:
  term term_;
};

template <fixed_string S>
is<S>::operator atom() const {
  return atom{value()};
}

// The atom naming this module.
inline atom this_module() { return atom{std::string_view{detail::module_name}}; }

}  // namespace module_api
}  // namespace cnode
