#include <charconv>
#include <cmath>
#include <optional>
#include <vector>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

#include "terms/bignum.hpp"
#include "terms/utf8.hpp"
#include "terms/write.hpp"

// Reads next to io_lib_format.erl: the functions have the names they have there. Text is a sequence of code points while it
// is measured, cut and padded. ~p does not break lines.

namespace cnode {

namespace {

using chars = std::u32string;

// More than anybody prints; a width is a number in the format and must not become memory.
constexpr std::int64_t max_field = 1 << 20;

chars decode_utf8(std::string_view s) {
  chars out;
  for (std::size_t i = 0; i < s.size();) {
    auto c = utf8::next(s, i);
    if (c < 0) c = static_cast<std::uint8_t>(s[i++]);
    out += static_cast<char32_t>(c);
  }
  return out;
}

chars latin1(std::string_view s) {
  chars out;
  for (char c : s) out += static_cast<char32_t>(static_cast<std::uint8_t>(c));
  return out;
}

struct spec {
  char control = 0;
  std::optional<std::int64_t> width, precision;
  bool left = false;
  char32_t pad = ' ';
  bool unicode = false;
  bool strings = true;
};

using text = std::optional<chars>;  // none: badarg

chars adjust(const chars& data, std::int64_t n, const spec& s) {
  const chars pad(static_cast<std::size_t>(n > 0 ? n : 0), s.pad);
  return s.left ? data + pad : pad + data;
}

// term/5: too long for the field is a row of stars.
chars field(const chars& t, const spec& s, std::optional<std::int64_t> precision) {
  auto width = s.width;
  if (!width && !precision) return t;
  if (!width) width = precision;
  const auto n = static_cast<std::int64_t>(t.size());
  const auto p = std::min(n, precision ? std::min(*precision, *width) : *width);
  if (n > p) return adjust(chars(static_cast<std::size_t>(p), U'*'), *width - p, s);
  return adjust(t, *width - n, s);
}

// string/6: too long is cut.
text string_field(const chars& t, const spec& s) {
  if (!s.width && !s.precision) return t;
  const auto n = static_cast<std::int64_t>(t.size());
  const auto cut = [&](std::int64_t w) { return t.substr(0, static_cast<std::size_t>(w)); };
  if (!s.precision) return n > *s.width ? cut(*s.width) : adjust(t, *s.width - n, s);
  spec left = s;
  left.left = true;
  const auto p = *s.precision;
  const chars exact = n > p ? cut(p) : adjust(t, p - n, left);
  if (!s.width) return exact;
  if (*s.width < p) return {};
  if (*s.width == p) return n > p ? cut(p) : adjust(t, p - n, s);
  return adjust(exact, *s.width - p, s);
}

text character(char32_t c, const spec& s) {
  const auto repeat = [&](std::int64_t n) { return chars(static_cast<std::size_t>(n), c); };
  if (!s.width && !s.precision) return repeat(1);
  if (!s.precision) return repeat(*s.width);
  if (!s.width) return repeat(*s.precision);
  if (*s.width < *s.precision) return {};
  return adjust(repeat(*s.precision), *s.width - *s.precision, s);
}

text integer(term v, const spec& s, const chars& prefix, bool lower) {
  const auto base = s.precision.value_or(10);
  if (!v.is_integer() || base < 2 || base > 36) return {};
  std::string digits = bignum::to_digits(bignum::magnitude(v), static_cast<unsigned>(base));
  if (!lower)
    for (auto& c : digits)
      if (c >= 'a') c = static_cast<char>(c - 32);
  return field((bignum::negative(v) ? U"-" : U"") + prefix + latin1(digits), s, {});
}

// ---- floats: the digits of "~.20e", cut and rounded in decimal as float_man/3 does

struct float_digits {
  std::string digits;
  int exponent;
};

float_digits float_data(double d) {
  char out[64];
  const auto r = std::to_chars(out, out + sizeof out, std::fabs(d), std::chars_format::scientific, 20);
  float_digits f;
  char* p = out;
  for (; *p != 'e'; ++p)
    if (*p != '.') f.digits += *p;
  ++p;
  if (*p == '+') ++p;
  std::from_chars(p, r.ptr, f.exponent);
  ++f.exponent;
  return f;
}

// `whole` digits before the point and `count` behind it; true when rounding carried out of the first.
bool float_man(std::string_view digits, std::size_t whole, std::size_t count, std::string& out) {
  std::string all(digits.substr(0, whole + count));
  const bool up = digits.size() > whole + count && digits[whole + count] >= '5';
  all.resize(whole + count, '0');
  bool carry = up;
  for (auto i = all.size(); carry && i-- > 0;) {
    if (all[i] == '9') {
      all[i] = '0';
    } else {
      ++all[i];
      carry = false;
    }
  }
  out = all.substr(0, whole) + '.' + all.substr(whole);
  return carry;
}

text fwrite_e(double d, const spec& s, std::int64_t precision) {
  if (precision < 2) return {};
  auto f = float_data(d);
  std::string man;
  if (float_man(f.digits, 1, static_cast<std::size_t>(precision - 1), man)) man[0] = '1';
  else --f.exponent;
  const std::string t = (std::signbit(d) ? "-" : "") + man + (f.exponent >= 0 ? "e+" : "e") + std::to_string(f.exponent);
  return field(latin1(t), s, s.width);
}

text fwrite_f(double d, const spec& s, std::int64_t precision) {
  if (precision < 1) return {};
  auto f = float_data(d);
  if (f.exponent <= 0) {
    f.digits.insert(0, static_cast<std::size_t>(1 - f.exponent), '0');
    f.exponent = 1;
  }
  std::string man;
  if (float_man(f.digits, static_cast<std::size_t>(f.exponent), static_cast<std::size_t>(precision), man)) man.insert(0, "1");
  return field(latin1((std::signbit(d) ? "-" : "") + man), s, s.width);
}

text fwrite_g(double d, const spec& s) {
  const auto p = s.precision.value_or(6);
  if (p < 1) return {};
  const double a = std::fabs(d);
  const int e = a < 0.1 ? -2 : a < 1 ? -1 : a < 10 ? 0 : a < 100 ? 1 : a < 1000 ? 2 : a < 10000 ? 3 : 1 << 30;
  if ((p <= 1 && e == -1) || (p - 1 > e && e >= -1)) return fwrite_f(d, s, p - 1 - e);
  return fwrite_e(d, s, p <= 1 ? 2 : p);
}

// ---- ~s

// Characters of an iolist; with `unicode` code points too, and binaries are UTF-8 (or, failing that, bytes).
bool char_data(term root, bool unicode, chars& out) {
  std::vector<term> todo{root};
  while (!todo.empty()) {
    const auto t = todo.back();
    todo.pop_back();
    if (t.is_nil()) continue;
    if (t.is_cons()) {
      todo.push_back(t.tail());
      const auto h = t.head();
      if (h.is_small()) {
        if (h.small() < 0 || h.small() > (unicode ? 0x10ffff : 255) || !utf8::valid(static_cast<std::uint32_t>(h.small()))) return false;
        out += static_cast<char32_t>(h.small());
      } else {
        todo.push_back(h);
      }
    } else if (t.is_binary()) {
      out += unicode && utf8::length(t.bytes()) != utf8::bad ? decode_utf8(t.bytes()) : latin1(t.bytes());
    } else {
      return false;
    }
  }
  return true;
}

text string(term t, const spec& s) {
  chars c;
  if (t.is_atom()) {
    c = decode_utf8(atom_text(t));
    if (!s.unicode)
      for (auto x : c)
        if (x > 255) return {};
  } else if (!char_data(t, s.unicode, c)) {
    return {};
  }
  return string_field(c, s);
}

chars written(term t, const spec& s, bool pretty, std::int64_t depth) {
  write_style style;
  style.pretty = pretty;
  style.strings = pretty && s.strings;
  style.unicode = s.unicode;
  style.depth = depth;
  std::string out;
  write_term(out, t, style);
  return decode_utf8(out);
}

class formatter {
 public:
  formatter(chars format, term args) : format_(std::move(format)), args_(args) {}

  bool run(chars& out) {
    while (i_ < format_.size()) {
      const auto c = format_[i_++];
      if (c != U'~') {
        out += c;
        continue;
      }
      const auto start = i_ - 1;
      spec s;
      if (!read(s)) return problem(start, "a control sequence that does not exist");
      const auto piece = build(s);
      if (!piece) return problem(start, bad_ ? bad_ : "an argument of the wrong kind for");
      out += *piece;
    }
    if (!args_.is_nil()) {
      error_ = args_.is_cons() ? "more arguments than the format names" : "the arguments are no list";
      return false;
    }
    return true;
  }
  const std::string& error() const { return error_; }

 private:
  bool problem(std::size_t start, const char* what) {
    std::string shown;
    for (auto k = start; k < i_ && k < start + 20; ++k) utf8::append(shown, format_[k]);
    error_ = std::string(what) + " " + shown;
    return false;
  }
  char32_t peek() const { return i_ < format_.size() ? format_[i_] : 0; }

  bool argument(term& t) {
    if (!args_.is_cons()) {
      bad_ = "no argument for";
      return false;
    }
    t = args_.head();
    args_ = args_.tail();
    return true;
  }

  // A number, or * for the next argument.
  bool value(std::optional<std::int64_t>& out) {
    if (peek() == U'*') {
      ++i_;
      term t;
      if (!argument(t) || !t.is_small() || t.small() > max_field || t.small() < -max_field) return false;
      out = t.small();
      return true;
    }
    if (peek() < U'0' || peek() > U'9') return true;
    std::int64_t v = 0;
    while (peek() >= U'0' && peek() <= U'9') {
      v = 10 * v + static_cast<std::int64_t>(format_[i_++] - U'0');
      if (v > max_field) return false;
    }
    out = v;
    return true;
  }

  bool read(spec& s) {
    const bool minus = peek() == U'-';
    if (minus) ++i_;
    if (!value(s.width)) return false;
    if (minus) {
      if (!s.width) return false;
      s.width = -*s.width;
    }
    if (s.width && *s.width < 0) {
      s.width = -*s.width;
      s.left = true;
    }
    if (peek() == U'.') {
      ++i_;
      if (!value(s.precision)) return false;
      if (s.precision && *s.precision < 0) return false;
    }
    if (peek() == U'.' && i_ + 1 < format_.size()) {
      ++i_;
      if (peek() == U'*') {
        term t;
        if (!argument(t) || !t.is_small() || t.small() < 0 || !utf8::valid(static_cast<std::uint32_t>(t.small()))) return false;
        s.pad = static_cast<char32_t>(t.small());
      } else {
        s.pad = format_[i_];
      }
      ++i_;
    }
    for (;; ++i_) {
      if (peek() == U't') s.unicode = true;
      else if (peek() == U'l') s.strings = false;
      else break;
    }
    if (peek() == 0 || peek() > 127) return false;
    s.control = static_cast<char>(format_[i_++]);
    return std::string_view("wpWPsefgbBxX+#c~ni").find(s.control) != std::string_view::npos;
  }

  text build(const spec& s) {
    if (s.control == '~') return character(U'~', s);
    if (s.control == 'n') {
      if (!s.width) return chars(1, U'\n');
      if (s.left) return {};
      return chars(static_cast<std::size_t>(*s.width), U'\n');
    }
    term a, b;
    if (!argument(a)) return {};
    const bool two = std::string_view("WPxX").find(s.control) != std::string_view::npos;
    if (two && !argument(b)) return {};
    switch (s.control) {
      case 'i': return chars{};
      case 'w': return field(written(a, s, false, -1), s, s.precision);
      case 'W': return b.is_small() ? text(field(written(a, s, false, b.small()), s, s.precision)) : text{};
      case 'p': return s.left ? text{} : text(written(a, s, true, -1));
      case 'P': return b.is_small() && !s.left ? text(written(a, s, true, b.small())) : text{};
      case 's': return string(a, s);
      case 'e': return a.is_float() ? fwrite_e(a.float_value(), s, s.precision.value_or(6)) : text{};
      case 'f': return a.is_float() ? fwrite_f(a.float_value(), s, s.precision.value_or(6)) : text{};
      case 'g': return a.is_float() ? fwrite_g(a.float_value(), s) : text{};
      case 'b': return integer(a, s, {}, true);
      case 'B': return integer(a, s, {}, false);
      case '+': return integer(a, s, latin1(std::to_string(s.precision.value_or(10)) + "#"), true);
      case '#': return integer(a, s, latin1(std::to_string(s.precision.value_or(10)) + "#"), false);
      case 'c': {
        if (!a.is_small()) return {};
        const auto c = s.unicode ? a.small() : a.small() & 255;
        if (c < 0 || !utf8::valid(static_cast<std::uint32_t>(c)) || c > 0x10ffff) return {};
        return character(static_cast<char32_t>(c), s);
      }
      default: {  // x, X
        chars prefix;
        if (b.is_atom()) prefix = decode_utf8(atom_text(b));
        else if (!b.is_list() || !char_data(b, true, prefix)) return {};
        return integer(a, s, prefix, s.control == 'x');
      }
    }
  }

  chars format_;
  std::size_t i_ = 0;
  term args_;
  std::string error_;
  const char* bad_ = nullptr;
};

}  // namespace

result<std::string> io_lib_format(std::string_view format, term args) {
  formatter f(decode_utf8(format), args);
  chars out;
  if (!f.run(out)) return failure{errc::syntax, f.error()};
  std::string bytes;
  bytes.reserve(out.size());
  for (auto c : out) utf8::append(bytes, c);
  return bytes;
}

}  // namespace cnode
