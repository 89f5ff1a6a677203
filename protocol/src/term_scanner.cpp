#include "term_scanner.hpp"

#include <charconv>
#include <cmath>

#include "terms/write.hpp"

namespace cnode {

namespace {

bool digit(char c) { return c >= '0' && c <= '9'; }

unsigned digit_value(char c) {
  if (digit(c)) return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'Z') return static_cast<unsigned>(c - 'A' + 10);
  return 99;
}

bool starts_atom(std::int32_t c) { return (c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xff && c != 0xf7); }

bool continues_atom(std::int32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '@' ||
         (c >= 0xc0 && c <= 0xff && c != 0xd7 && c != 0xf7);
}

}  // namespace

std::string token::shown() const {
  if (what == end) return "the end of the text";
  std::string s = "'";
  std::size_t i = 0;
  while (i < text.size() && i < 40) {
    const auto before = i;
    if (utf8::next(text, i) < 0) break;
    s.append(text.substr(before, i - before));
  }
  return s + (i < text.size() ? "...'" : "'");
}

failure scanner::at(std::size_t offset, const std::string& what) const {
  std::size_t line = 1, column = 1;
  for (std::size_t i = 0; i < offset && i < text_.size(); ++i) {
    const auto c = static_cast<std::uint8_t>(text_[i]);
    if (c == '\n') {
      ++line;
      column = 1;
    } else if ((c & 0xc0) != 0x80) {
      ++column;
    }
  }
  return {errc::syntax, "line " + std::to_string(line) + ", column " + std::to_string(column) + ": " + what};
}

bool scanner::fail(std::size_t offset, const char* what) {
  failure_ = at(offset, what);
  return false;
}

void scanner::skip_space() {
  while (i_ < text_.size()) {
    const auto c = static_cast<std::uint8_t>(text_[i_]);
    if (c == '%') {
      while (i_ < text_.size() && text_[i_] != '\n') ++i_;
    } else if (c <= ' ') {
      ++i_;
    } else if (c == 0xc2 && i_ + 1 < text_.size() && static_cast<std::uint8_t>(text_[i_ + 1]) <= 0xa0) {
      i_ += 2;  // no-break space and the control characters above ASCII
    } else {
      break;
    }
  }
}

bool scanner::next() {
  skip_space();
  now_ = token{};
  now_.offset = i_;
  const auto start = i_;
  const auto finish = [&](token::kind k) {
    now_.what = k;
    now_.text = text_.substr(start, i_ - start);
    return true;
  };
  if (i_ == text_.size()) return finish(token::end);
  const char c = text_[i_];
  if (digit(c)) return number() && finish(now_.what);
  if (c == '\'') return quoted(c, token::atom) && finish(token::atom);
  if (c == '"') return quoted(c, token::string) && finish(token::string);
  if (c == '$') return character() && finish(token::integer);
  std::size_t j = i_;
  auto code = utf8::next(text_, j);
  if (code < 0) return fail(i_, "the text is not UTF-8");
  if (starts_atom(code)) {
    while (continues_atom(code)) {
      i_ = j;
      if (i_ == text_.size()) break;
      code = utf8::next(text_, j);
    }
    now_.value = text_.substr(start, i_ - start);
    if (now_.value == "fun") return finish(token::word_fun);
    if (reserved_word(now_.value)) return fail(start, "a reserved word must be quoted to be an atom");
    return finish(token::atom);
  }
  if (c == '.') {
    const char after = peek(1);
    if (i_ + 1 == text_.size() || static_cast<std::uint8_t>(after) <= ' ' || after == '%') {
      ++i_;
      return finish(token::full_stop);
    }
  }
  for (const std::string_view two : {"<<", ">>", "=>", ":="}) {
    if (text_.substr(i_, 2) == two) {
      i_ += 2;
      return finish(token::punctuation);
    }
  }
  if (std::string_view("[]{}|,#-+:/<>").find(c) != std::string_view::npos) {
    ++i_;
    return finish(token::punctuation);
  }
  if ((c >= 'A' && c <= 'Z') || c == '_') return fail(start, "a variable is no term");
  return fail(start, "a character no term contains");
}

bool scanner::quoted(char quote, token::kind kind) {
  const auto start = i_++;
  for (;;) {
    if (i_ >= text_.size()) return fail(start, kind == token::atom ? "an atom without closing quote" : "a string without closing quote");
    const char c = text_[i_];
    if (c == quote) {
      ++i_;
      return true;
    }
    if (c == '\\') {
      if (!escape(now_.value)) return false;
      continue;
    }
    const auto before = i_;
    if (utf8::next(text_, i_) < 0) return fail(i_, "the text is not UTF-8");
    now_.value.append(text_.substr(before, i_ - before));
  }
}

// \n, \xHH, \x{H...}, \OOO, \^A; any other character stands for itself.
bool scanner::escape(std::string& out) {
  const auto start = i_++;
  if (i_ >= text_.size()) return fail(start, "an escape without a character");
  const char c = text_[i_];
  if (c >= '0' && c <= '7') {
    std::uint32_t v = 0;
    for (int k = 0; k < 3 && peek() >= '0' && peek() <= '7'; ++k) v = v * 8 + static_cast<std::uint32_t>(text_[i_++] - '0');
    utf8::append(out, v);
    return true;
  }
  if (c == 'x') {
    ++i_;
    std::uint32_t v = 0;
    if (peek() == '{') {
      ++i_;
      if (digit_value(peek()) > 15) return fail(start, "\\x{ without hexadecimal digits");
      while (digit_value(peek()) < 16 && v <= 0x10ffff) v = v * 16 + digit_value(text_[i_++]);
      if (peek() != '}' || !utf8::valid(v)) return fail(start, "not a character in \\x{...}");
      ++i_;
    } else {
      if (digit_value(peek()) > 15 || digit_value(peek(1)) > 15) return fail(start, "\\x needs two hexadecimal digits");
      v = digit_value(text_[i_]) * 16 + digit_value(text_[i_ + 1]);
      i_ += 2;
    }
    utf8::append(out, v);
    return true;
  }
  if (c == '^') {
    if (i_ + 1 >= text_.size()) return fail(start, "\\^ without a character");
    out += static_cast<char>(text_[i_ + 1] & 31);
    i_ += 2;
    return true;
  }
  static constexpr std::string_view letters = "b\bd\x7f" "e\x1b" "f\fn\nr\rs t\tv\v";
  for (std::size_t k = 0; k < letters.size(); k += 2) {
    if (letters[k] == c) {
      out += letters[k + 1];
      ++i_;
      return true;
    }
  }
  const auto before = i_;
  if (utf8::next(text_, i_) < 0) return fail(i_, "the text is not UTF-8");
  out.append(text_.substr(before, i_ - before));
  return true;
}

bool scanner::character() {
  const auto start = i_++;
  std::string one;
  if (i_ >= text_.size()) return fail(start, "$ without a character");
  if (text_[i_] == '\\') {
    if (!escape(one)) return false;
  } else {
    const auto before = i_;
    if (utf8::next(text_, i_) < 0) return fail(i_, "the text is not UTF-8");
    one = text_.substr(before, i_ - before);
  }
  std::size_t k = 0;
  const auto c = utf8::next(one, k);
  now_.value = std::to_string(c < 0 ? 0 : c);
  now_.base = 10;
  return true;
}

// 12, 1_000, 16#ff, 1.5, 1.5e-3
bool scanner::number() {
  const auto start = i_;
  const auto digits = [&](unsigned base) {
    std::string s;
    while (digit_value(peek()) < base || (peek() == '_' && !s.empty() && digit_value(peek(1)) < base)) {
      if (peek() != '_') s += text_[i_];
      ++i_;
    }
    return s;
  };
  now_.what = token::integer;
  now_.value = digits(10);
  if (peek() == '#') {
    unsigned base = 0;
    const auto [p, e] = std::from_chars(now_.value.data(), now_.value.data() + now_.value.size(), base);
    if (e != std::errc{} || base < 2 || base > 36) return fail(start, "a base is 2 to 36");
    ++i_;
    now_.base = base;
    now_.value = digits(base);
    if (now_.value.empty()) return fail(i_, "expected digits of the base");
    return true;
  }
  if (peek() == '.' && digit(peek(1))) {
    ++i_;
    std::string s = now_.value + "." + digits(10);
    if ((peek() == 'e' || peek() == 'E') && (digit(peek(1)) || ((peek(1) == '-' || peek(1) == '+') && digit(peek(2))))) {
      ++i_;
      s += 'e';
      if (peek() == '-') s += '-';
      if (!digit(peek())) ++i_;
      s += digits(10);
    }
    now_.what = token::floating;
    const auto [p, e] = std::from_chars(s.data(), s.data() + s.size(), now_.number);
    if (e == std::errc::result_out_of_range) {
      if (std::fabs(now_.number) >= 1 || s.find("e-") == std::string::npos) return fail(start, "a float too large");
      now_.number = 0;
    }
    return true;
  }
  return true;
}

bool scanner::pid(std::uint32_t& channel, std::uint32_t& id, std::uint32_t& serial) {
  auto j = i_;
  for (auto* part : {&channel, &id, &serial}) {
    const auto* first = text_.data() + j;
    const auto [p, e] = std::from_chars(first, text_.data() + text_.size(), *part);
    if (e != std::errc{}) return false;
    j += static_cast<std::size_t>(p - first);
    if (j >= text_.size() || text_[j] != (part == &serial ? '>' : '.')) return false;
    ++j;
  }
  i_ = j;
  return true;
}

}  // namespace cnode
