// Erlang's tokens, as far as terms need them (erl_scan).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include <cnode/protocol/result.hpp>

#include "terms/utf8.hpp"

namespace cnode {

struct token {
  enum kind { end, full_stop, punctuation, atom, string, integer, floating, word_fun } what = end;
  std::string_view text;   // as it stands there
  std::string value;       // characters of an atom or string; digits of an integer
  unsigned base = 10;
  double number = 0;
  std::size_t offset = 0;
  std::string shown() const;  // for error messages, bounded
};

class scanner {
 public:
  explicit scanner(std::string_view text) : text_(text) {}
  bool next();  // false: see error()
  const token& current() const { return now_; }
  const failure& error() const { return failure_; }
  failure failed_at(const token& t, const std::string& what) const { return at(t.offset, what); }
  // With "<" as the current token: the rest of <0.1.2>; the token becomes the whole of it.
  bool pid(std::uint32_t& channel, std::uint32_t& id, std::uint32_t& serial);

 private:
  failure at(std::size_t offset, const std::string& what) const;
  bool fail(std::size_t offset, const char* what);
  void skip_space();
  bool quoted(char quote, token::kind kind);
  bool escape(std::string& out);
  bool number();
  bool character();
  char peek(std::size_t k = 0) const { return i_ + k < text_.size() ? text_[i_ + k] : '\0'; }

  std::string_view text_;
  std::size_t i_ = 0;
  token now_;
  failure failure_;
};

}  // namespace cnode
