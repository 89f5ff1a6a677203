#include <charconv>
#include <cmath>
#include <cstring>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "terms/bignum.hpp"
#include "terms/layout.hpp"
#include "terms/stack.hpp"
#include "terms/utf8.hpp"
#include "terms/write.hpp"

// Reads next to io_lib.erl (write1) and io_lib_pretty.erl (print_length).

namespace cnode {

bool reserved_word(std::string_view s) {
  static constexpr std::string_view words[] = {
      "after", "and", "andalso", "band", "begin", "bnot", "bor", "bsl", "bsr", "bxor", "case", "catch", "cond", "div",
      "end", "fun", "if", "let", "maybe", "not", "of", "or", "orelse", "receive", "rem", "try", "when", "xor"};
  for (auto w : words)
    if (w == s) return w != "maybe";  // only with the feature enabled, which it is not in shells of OTP 25
  return false;
}

bool printable_latin1(std::uint32_t c) { return (c >= 32 && c <= 126) || (c >= 160 && c <= 255) || (c >= 8 && c <= 13) || c == 27; }

namespace {

bool name_char(std::uint32_t c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '@' ||
         (c >= 0xc0 && c <= 0xff && c != 0xd7 && c != 0xf7);
}

bool needs_quotes(std::string_view s) {
  std::size_t i = 0;
  auto c = static_cast<std::uint32_t>(utf8::next(s, i));
  if (s.empty() || !((c >= 'a' && c <= 'z') || (c >= 0xdf && c <= 0xff && c != 0xf7))) return true;
  while (i < s.size())
    if (!name_char(static_cast<std::uint32_t>(utf8::next(s, i)))) return true;
  return reserved_word(s);
}

void quoted_char(std::string& out, std::uint32_t c, char quote, bool unicode) {
  if (c == static_cast<std::uint8_t>(quote) || c == '\\') {
    out += '\\';
    out += static_cast<char>(c);
    return;
  }
  if ((c >= 32 && c <= 126) || (c >= 160 && (unicode || c <= 255))) {
    utf8::append(out, c);
    return;
  }
  if (c > 255) {
    char hex[16];
    const auto r = std::to_chars(hex, hex + sizeof hex, c, 16);
    out += "\\x{";
    for (auto* p = hex; p != r.ptr; ++p) out += *p >= 'a' ? static_cast<char>(*p - 32) : *p;
    out += '}';
    return;
  }
  static constexpr char letters[] = "\bb\tt\nn\vv\ff\rr\x1b" "e\x7f" "d";
  out += '\\';
  for (std::size_t i = 0; i + 1 < sizeof letters; i += 2) {
    if (static_cast<std::uint8_t>(letters[i]) == c) {
      out += letters[i + 1];
      return;
    }
  }
  out += static_cast<char>('0' + (c >> 6));
  out += static_cast<char>('0' + (c >> 3 & 7));
  out += static_cast<char>('0' + (c & 7));
}

template <class T>
void number(std::string& out, T v) {
  char text[32];
  const auto r = std::to_chars(text, text + sizeof text, v);
  out.append(text, r.ptr);
}

}  // namespace

void write_quoted(std::string& out, std::string_view s, char quote, bool unicode, bool latin1_bytes) {
  out += quote;
  for (std::size_t i = 0; i < s.size();) {
    auto c = latin1_bytes ? static_cast<std::uint8_t>(s[i++]) : utf8::next(s, i);
    if (c < 0) c = static_cast<std::uint8_t>(s[i++]);
    quoted_char(out, static_cast<std::uint32_t>(c), quote, unicode);
  }
  out += quote;
}

void write_atom(std::string& out, std::string_view text, bool unicode) {
  if (needs_quotes(text)) write_quoted(out, text, '\'', unicode);
  else out += text;
}

void write_integer(std::string& out, term t) {
  if (t.is_small()) return number(out, t.small());
  if (bignum::negative(t)) out += '-';
  out += bignum::to_digits(bignum::magnitude(t), 10);
}

// The rule of io_lib_format:fwrite_g/1: whichever of 1234.0 and 1.234e3 is shorter, and always the latter from 2^53 on,
// where an integer would no longer be exact.
void write_float(std::string& out, double d) {
  char text[40];
  const auto r = std::to_chars(text, text + sizeof text, std::fabs(d), std::chars_format::scientific);
  std::string digits;
  char* p = text;
  for (; *p != 'e'; ++p)
    if (*p != '.') digits += *p;
  ++p;
  if (*p == '+') ++p;
  int exponent = 0;
  std::from_chars(p, r.ptr, exponent);
  if (std::signbit(d)) out += '-';
  if (d == 0) {
    out += "0.0";
    return;
  }
  const int place = exponent + 1, n = static_cast<int>(digits.size());
  const auto scientific = [&] {
    out += digits[0];
    out += '.';
    if (n > 1) out.append(digits, 1);
    else out += '0';
    out += 'e';
    number(out, exponent);
  };
  const int cost = static_cast<int>(std::to_string(exponent).size()) + 1 + (n == 1 ? 2 : 1);
  if (std::fabs(d) >= 0x1p53) {
    scientific();
  } else if (place <= 0) {
    if (place == 0 || 2 - place <= cost) {
      out += "0.";
      out.append(static_cast<std::size_t>(-place), '0');
      out += digits;
    } else {
      scientific();
    }
  } else if (place >= n) {
    if (place - n + 2 <= cost) {
      out += digits;
      out.append(static_cast<std::size_t>(place - n), '0');
      out += ".0";
    } else {
      scientific();
    }
  } else {
    out.append(digits, 0, static_cast<std::size_t>(place));
    out += '.';
    out.append(digits, static_cast<std::size_t>(place));
  }
}

namespace {
// What stands first in <0.1.2>: 0 for this node, whatever its creation.
std::uint32_t channel(term t) {
  if (t.is_local_pid()) return 0;
  const auto node = node_of(t).node;
  return node.same(this_node().name) ? 0 : node.atom_index();
}
}  // namespace

void write_pid(std::string& out, term t) {
  out += '<';
  number(out, channel(t));
  out += '.';
  number(out, pid_id(t));
  out += '.';
  number(out, pid_serial(t));
  out += '>';
}

void write_ref(std::string& out, term t, std::string_view prefix) {
  out += prefix;
  out += '<';
  number(out, channel(t));
  for (auto i = t.size(); i-- > 0;) {
    out += '.';
    number(out, ref_id(t.box(), i));
  }
  out += '>';
}

void write_port(std::string& out, term t) {
  out += "#Port<";
  number(out, channel(t));
  out += '.';
  number(out, t.box()[2]);
  out += '>';
}

namespace {

class writer {
 public:
  writer(std::string& out, const write_style& style) : out_(out), style_(style), start_(out.size()) {}

  void run(term root) {
    if (style_.depth == 0) {
      out_ += "...";
      return;
    }
    todo_.push(item::of(root, style_.depth));
    while (!todo_.empty()) {
      if (out_.size() - start_ > style_.max_bytes) {
        out_.resize(start_ + style_.max_bytes);
        while (out_.size() > start_ && (static_cast<std::uint8_t>(out_.back()) & 0xc0) == 0x80) out_.pop_back();
        if (out_.size() > start_ && static_cast<std::uint8_t>(out_.back()) >= 0xc0) out_.pop_back();
        out_ += "...";
        return;
      }
      step(todo_.pop());
    }
  }

 private:
  enum class what : std::uint32_t { term, tail, tuple, map, fields, text };
  struct item {
    const char* text;
    cnode_term word;
    std::uint64_t index;
    std::int64_t depth;    // left for this part
    std::int64_t outer;    // maps: depth of each pair
    what kind;
    static item of(term t, std::int64_t depth) { return {nullptr, t.word(), 0, depth, 0, what::term}; }
    static item literal(const char* s) { return {s, 0, 0, 0, 0, what::text}; }
  };

  void step(const item& i) {
    const term t{i.word};
    switch (i.kind) {
      case what::text: out_ += i.text; break;
      case what::term: any(t, i.depth); break;
      case what::tail:
        if (t.is_nil()) {
          out_ += ']';
        } else if (i.depth == 1) {
          out_ += "|...]";
        } else if (t.is_cons()) {
          out_ += ',';
          todo_.push({nullptr, t.tail().word(), 0, i.depth - 1, 0, what::tail});
          todo_.push(item::of(t.head(), i.depth - 1));
        } else {
          out_ += '|';
          todo_.push(item::literal("]"));
          todo_.push(item::of(t, i.depth - 1));
        }
        break;
      case what::tuple:
        if (i.index == t.arity()) {
          out_ += '}';
        } else if (i.depth == 1) {
          out_ += ",...}";
        } else {
          if (i.index) out_ += ',';
          todo_.push({nullptr, i.word, i.index + 1, i.depth - 1, 0, what::tuple});
          todo_.push(item::of(t[i.index], i.depth - 1));
        }
        break;
      case what::map:
        if (i.index == t.map_size() && (style_.pretty || i.depth != 1)) {  // ~W shows dots even behind the last pair
          out_ += '}';
        } else if (i.index && i.depth == 1) {
          out_ += ",...}";
        } else {
          if (i.index) out_ += ',';
          todo_.push({nullptr, i.word, i.index + 1, i.depth - 1, i.outer, what::map});
          todo_.push(item::of(t.map_value(i.index), i.outer));
          todo_.push(item::literal(" => "));
          todo_.push(item::of(t.map_key(i.index), i.outer));
        }
        break;
      case what::fields: {
        const auto* box = t.box();
        const auto n = record_fields(box);
        if (i.index == n) {
          out_ += '}';
          break;
        }
        if (i.index) out_ += ',';
        write_atom(out_, atom_text(term{box[record_word::names + i.index]}), style_.unicode);
        todo_.push({nullptr, i.word, i.index + 1, i.depth, 0, what::fields});
        todo_.push(item::of(term{box[record_word::names + n + i.index]}, i.depth < 0 ? -1 : i.depth - 1));
        out_ += " = ";
        break;
      }
    }
  }

  void any(term t, std::int64_t d) {
    if (d == 0) {
      out_ += "...";
      return;
    }
    if (t.is_integer()) return write_integer(out_, t);
    if (t.is_atom()) return write_atom(out_, atom_text(t), style_.unicode);
    if (t.is_nil()) {
      out_ += "[]";
      return;
    }
    if (t.is_cons()) return list(t, d);
    if (t.is_pid()) return write_pid(out_, t);
    switch (t.kind()) {
      case CNODE_TUPLE:
        if (t.arity() == 0) {
          out_ += "{}";
        } else if (d == 1) {
          out_ += "{...}";
        } else {
          out_ += '{';
          todo_.push({nullptr, t.word(), 0, d, 0, what::tuple});
        }
        break;
      case CNODE_MAP:
        if (t.map_size() == 0) {
          out_ += "#{}";
        } else if (d == 1) {
          out_ += style_.pretty ? "#{...}" : "#{}";
        } else {
          out_ += "#{";
          todo_.push({nullptr, t.word(), 0, d, d - 1, what::map});
        }
        break;
      case CNODE_FLOAT: write_float(out_, t.float_value()); break;
      case CNODE_BITS:
      case CNODE_BITS_SHARED: bits(t, d); break;
      case CNODE_PORT: write_port(out_, t); break;
      case CNODE_REF: write_ref(out_, t); break;
      case CNODE_EXPORT:
        out_ += "fun ";
        write_atom(out_, atom_text(t[0]));
        out_ += ':';
        write_atom(out_, atom_text(t[1]));
        out_ += '/';
        write_integer(out_, t[2]);
        break;
      case CNODE_FUN:
        out_ += "#Fun<";
        write_atom(out_, atom_text(term{t.box()[fun_word::module]}));
        out_ += '.';
        write_integer(out_, term{t.box()[fun_word::old_index]});
        out_ += '.';
        write_integer(out_, term{t.box()[fun_word::old_uniq]});
        out_ += '>';
        break;
      case CNODE_RECORD:
        out_ += '#';
        write_atom(out_, atom_text(term{t.box()[record_word::module]}), style_.unicode);
        out_ += ':';
        write_atom(out_, atom_text(term{t.box()[record_word::name]}), style_.unicode);
        out_ += '{';
        todo_.push({nullptr, t.word(), 0, d, 0, what::fields});
        break;
      default: out_ += "#Native<>";
    }
  }

  void list(term t, std::int64_t d) {
    if (style_.strings && d != 1 && printable(t)) {
      std::string text;
      for (auto at = t; at.is_cons(); at = at.tail()) utf8::append(text, static_cast<std::uint32_t>(at.head().small()));
      return write_quoted(out_, text, '"', style_.unicode);
    }
    if (d == 1) {
      out_ += "[...]";
      return;
    }
    out_ += '[';
    todo_.push({nullptr, t.tail().word(), 0, d - 1, 0, what::tail});
    todo_.push(item::of(t.head(), d - 1));
  }

  static bool printable(term t) {
    for (; t.is_cons(); t = t.tail()) {
      const auto h = t.head();
      if (!h.is_small() || h.small() < 0 || h.small() > 255 || !printable_latin1(static_cast<std::uint32_t>(h.small()))) return false;
    }
    return t.is_nil();
  }

  void bits(term t, std::int64_t d) {
    const auto bytes = t.bytes();
    if (bytes.empty()) {
      out_ += "<<>>";
      return;
    }
    if (style_.pretty && style_.strings && t.is_binary() && d != 1 && text_binary(bytes, d - 1)) return;
    out_ += "<<";
    const auto whole = t.size() / 8;
    auto left = d;
    for (std::uint64_t i = 0; i < whole; ++i) {
      if (left == 1) {
        out_ += "...>>";
        return;
      }
      number(out_, static_cast<unsigned>(static_cast<std::uint8_t>(bytes[i])));
      --left;
      if (i + 1 < bytes.size()) out_ += ',';
      if (out_.size() - start_ > style_.max_bytes) return;
    }
    if (const auto rest = t.size() % 8) {
      if (left == 1) {
        out_ += "...>>";
        return;
      }
      number(out_, static_cast<std::uint8_t>(bytes[whole]) >> (8 - rest));
      out_ += ':';
      number(out_, rest);
    }
    out_ += ">>";
  }

  // printable_bin/4: with a bound on depth only a prefix is looked at, four characters for each level.
  bool text_binary(std::string_view b, std::int64_t d) {
    const std::size_t bound = d >= 0 ? std::min<std::size_t>(static_cast<std::size_t>(4 * d), b.size()) : b.size();
    if (bound == 0) return false;
    if (style_.unicode) {
      std::size_t at = 0, chars = 0;
      bool valid = true;
      for (; at < b.size() && chars < bound && valid; ++chars) valid = utf8::next(b, at) >= 0;
      if (valid) return text_prefix(b, bound, d, true);
    }
    return text_prefix(b, bound, d, false);
  }

  bool text_prefix(std::string_view b, std::size_t bound, std::int64_t d, bool unicode) {
    std::size_t at = 0, chars = 0;
    while (at < b.size() && chars < bound) {
      auto next = at;
      const auto c = unicode ? utf8::next(b, next) : static_cast<std::uint8_t>(b[next++]);
      if (c < 0 || c > 255 || !printable_latin1(static_cast<std::uint32_t>(c))) break;
      at = next;
      ++chars;
    }
    const bool all = at == b.size();
    const bool cut = d > 0 && static_cast<std::int64_t>(chars) >= d;
    const bool exhausted = !unicode && chars == bound && bound <= 20;
    if (!all && !cut && !exhausted) return false;
    out_ += "<<";
    write_quoted(out_, b.substr(0, at), '"', true, !unicode);
    if (unicode && chars != at) out_ += "/utf8";
    out_ += all ? ">>" : "...>>";
    return true;
  }

  std::string& out_;
  const write_style& style_;
  std::size_t start_;
  stack<item> todo_;
};

}  // namespace

void write_term(std::string& out, term t, const write_style& style) { writer(out, style).run(t); }

std::string to_text(term t, const print_options& options) {
  write_style style;
  style.strings = style.pretty = options.pretty_strings;
  style.max_bytes = options.max_bytes;
  std::string out;
  write_term(out, t, style);
  return out;
}

}  // namespace cnode
