#include <cstdlib>
#include <vector>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "terms/bignum.hpp"
#include "terms/write.hpp"
#include "term_scanner.hpp"

// A term is parsed with an explicit stack: what is open, and the values it has so far on one stack of values.

namespace cnode {

namespace {

class parser {
 public:
  parser(std::string_view text, block& b) : scan_(text), b_(b) {}

  // One term; what follows it is the current token.
  bool one(term& out) {
    opened_.clear();
    values_.clear();
    for (;;) {
      if (!begin_value()) return false;
      while (have_value_) {
        if (opened_.empty()) {
          out = values_.back();
          return true;
        }
        if (!after_value()) return false;
        if (want_value_) break;
      }
    }
  }

  bool advance() { return take(scan_.next()); }
  const token& now() const { return now_; }
  failure error() const { return failure_; }
  bool expected(const char* what) {
    failure_ = scan_.failed_at(now_, std::string("expected ") + what + ", found " + now_.shown());
    return false;
  }

 private:
  enum class kind { list, list_tail, tuple, map_key, map_value };
  struct open {
    kind what;
    std::size_t first;  // of its values
  };

  bool take(bool ok) {
    if (!ok) {
      failure_ = scan_.error();
      return false;
    }
    now_ = scan_.current();
    return true;
  }
  bool is(const char* punctuation) const { return now_.what == token::punctuation && now_.text == punctuation; }
  bool skip(const char* punctuation) {
    if (!is(punctuation)) return expected((std::string("'") + punctuation + "'").c_str());
    return advance();
  }

  void value(term t) {
    values_.push_back(t);
    have_value_ = true;
    want_value_ = false;
  }

  // At the first token of a value: reads it, or opens the container it begins.
  bool begin_value() {
    have_value_ = false;
    want_value_ = true;
    for (;;) {
      if (now_.what == token::punctuation) {
        if (is("[")) {
          if (!advance()) return false;
          if (is("]")) return leaf(nil);
          opened_.push_back({kind::list, values_.size()});
          continue;
        }
        if (is("{")) {
          if (!advance()) return false;
          if (is("}")) return leaf(make_tuple(b_, nullptr, 0));
          opened_.push_back({kind::tuple, values_.size()});
          continue;
        }
        if (is("#")) {
          if (!advance()) return false;
          if (!skip("{")) return false;
          if (is("}")) return leaf(make_map(b_, nullptr, nullptr, 0));
          opened_.push_back({kind::map_key, values_.size()});
          continue;
        }
        if (is("<<")) return binary();
        if (is("<")) return pid();
        if (is("-") || is("+")) return signed_number();
        return expected("a term");
      }
      switch (now_.what) {
        case token::atom: {
          const auto a = find_or_make_atom(now_.value);
          if (!a) {
            failure_ = scan_.failed_at(now_, "an atom has at most 255 characters, or the atom table is full");
            return false;
          }
          return leaf(a);
        }
        case token::integer: return leaf(integer(false));
        case token::floating: return leaf(make_float(b_, now_.number));
        case token::string: return strings();
        case token::word_fun: return fun();
        default: return expected("a term");
      }
    }
  }

  bool leaf(term t) {
    if (!advance()) return false;
    value(t);
    return true;
  }

  term integer(bool negative) {
    const auto m = bignum::from_digits(now_.value, now_.base);
    return make_big(b_, negative, m.data(), m.size());
  }

  bool signed_number() {
    const bool negative = is("-");
    if (!advance()) return false;
    if (now_.what == token::integer) return leaf(integer(negative));
    if (now_.what == token::floating) return leaf(make_float(b_, negative ? -now_.number : now_.number));
    return expected("a number");
  }

  // Strings side by side are one.
  bool strings() {
    std::string all;
    while (now_.what == token::string) {
      all += now_.value;
      if (!advance()) return false;
    }
    value(make_charlist(b_, all));
    return true;
  }

  bool name(term& out, const char* what) {
    if (now_.what != token::atom) return expected(what);
    out = find_or_make_atom(now_.value);
    if (!out) return expected(what);
    return advance();
  }

  bool natural(std::uint32_t most, std::uint32_t& out, const char* what) {
    if (now_.what != token::integer) return expected(what);
    const auto m = bignum::from_digits(now_.value, now_.base);
    if (m.size() > 1 || (!m.empty() && m[0] > most)) return expected(what);
    out = m.empty() ? 0 : static_cast<std::uint32_t>(m[0]);
    return advance();
  }

  bool fun() {
    term module, function;
    std::uint32_t arity;
    if (!advance() || !name(module, "a module") || !skip(":") || !name(function, "a function") || !skip("/") ||
        !natural(255, arity, "an arity"))
      return false;
    value(make_export(b_, module, function, arity));
    return true;
  }

  bool pid() {
    std::uint32_t channel, id, serial;
    if (!scan_.pid(channel, id, serial)) return expected("a term");
    if (channel != 0) {
      failure_ = scan_.failed_at(now_, "only pids of this node, <0.1.2>, can be read");
      return false;
    }
    if (serial >= 1u << 26) return expected("a serial below 2^26");
    return leaf(term{cnode_make_local_pid(id, serial)});
  }

  // Segments: integers with a size, strings with /utf8.
  bool binary() {
    std::vector<std::uint8_t> bytes;
    std::uint64_t bits = 0;
    if (!advance()) return false;
    while (!is(">>")) {
      if (now_.what == token::string) {
        const auto text = now_.value;
        const auto at = now_;
        if (!advance()) return false;
        bool as_utf8 = false;
        if (is("/")) {
          if (!advance()) return false;
          if (now_.what != token::atom || now_.value != "utf8") return expected("utf8");
          as_utf8 = true;
          if (!advance()) return false;
        }
        if (!string_bits(text, as_utf8, bytes, bits)) {
          failure_ = scan_.failed_at(at, "a character over 255 in a binary needs /utf8");
          return false;
        }
      } else if (!integer_segment(bytes, bits)) {
        return false;
      }
      if (is(",")) {
        if (!advance()) return false;
        if (is(">>")) return expected("a segment");
      } else if (!is(">>")) {
        return expected("',' or '>>'");
      }
    }
    return leaf(make_bits(b_, bytes.data(), bits));
  }

  static void put_bits(std::vector<std::uint8_t>& bytes, std::uint64_t& bits, bool one) {
    if (bits % 8 == 0) bytes.push_back(0);
    if (one) bytes.back() |= static_cast<std::uint8_t>(0x80 >> bits % 8);
    ++bits;
  }

  static void put_byte(std::vector<std::uint8_t>& bytes, std::uint64_t& bits, std::uint8_t v) {
    if (bits % 8 == 0) {
      bytes.push_back(v);
      bits += 8;
    } else {
      for (int i = 7; i >= 0; --i) put_bits(bytes, bits, v >> i & 1);
    }
  }

  static bool string_bits(const std::string& text, bool as_utf8, std::vector<std::uint8_t>& bytes, std::uint64_t& bits) {
    for (std::size_t i = 0; i < text.size();) {
      if (as_utf8) {
        put_byte(bytes, bits, static_cast<std::uint8_t>(text[i++]));
        continue;
      }
      const auto c = utf8::next(text, i);
      if (c < 0 || c > 255) return false;
      put_byte(bytes, bits, static_cast<std::uint8_t>(c));
    }
    return true;
  }

  bool integer_segment(std::vector<std::uint8_t>& bytes, std::uint64_t& bits) {
    const bool negative = is("-");
    if (negative && !advance()) return false;
    if (now_.what != token::integer) return expected("an integer or a string");
    auto m = bignum::from_digits(now_.value, now_.base);
    if (!advance()) return false;
    std::uint32_t size = 8;
    if (is(":") && !(advance() && natural(1u << 20, size, "a size of at most 1048576 bits"))) return false;
    if (negative) {  // two's complement of as many limbs as the size needs
      m.resize(std::max<std::size_t>(m.size(), size / 64 + 1));
      bool carry = true;
      for (auto& limb : m) {
        limb = ~limb + carry;
        carry = carry && limb == 0;
      }
    }
    for (std::uint32_t i = size; i-- > 0;) put_bits(bytes, bits, i / 64 < m.size() && (m[i / 64] >> i % 64 & 1));
    return true;
  }

  // A value of the innermost container is there: what may follow it.
  bool after_value() {
    auto& o = opened_.back();
    have_value_ = want_value_ = false;
    switch (o.what) {
      case kind::list:
        if (is(",")) return more();
        if (is("|")) {
          o.what = kind::list_tail;
          return more();
        }
        if (!is("]")) return expected("',', '|' or ']'");
        return close([&](const term* v, std::size_t n) { return make_list(b_, v, n); });
      case kind::list_tail:
        if (!is("]")) return expected("']'");
        return close([&](const term* v, std::size_t n) { return make_list(b_, v, n - 1, v[n - 1]); });
      case kind::tuple:
        if (is(",")) return more();
        if (!is("}")) return expected("',' or '}'");
        return close([&](const term* v, std::size_t n) { return make_tuple(b_, v, n); });
      case kind::map_key:
        if (!is("=>")) return expected("'=>'");
        o.what = kind::map_value;
        return more();
      case kind::map_value:
        if (is(",")) {
          o.what = kind::map_key;
          return more();
        }
        if (!is("}")) return expected("',' or '}'");
        return close([&](const term* v, std::size_t n) {
          std::vector<term> keys, values;
          for (std::size_t i = 0; i < n; i += 2) {
            keys.push_back(v[i]);
            values.push_back(v[i + 1]);
          }
          return make_map(b_, keys.data(), values.data(), keys.size());
        });
    }
    return false;
  }

  bool more() {
    want_value_ = true;
    have_value_ = true;
    return advance();
  }

  template <class Make>
  bool close(Make make) {
    const auto first = opened_.back().first;
    const auto t = make(values_.data() + first, values_.size() - first);
    values_.resize(first);
    opened_.pop_back();
    return leaf(t);
  }

  scanner scan_;
  block& b_;
  token now_;
  failure failure_;
  std::vector<open> opened_;
  std::vector<term> values_;
  bool have_value_ = false;
  bool want_value_ = false;
};

}  // namespace

result<block_ptr> parse_term(std::string_view text) {
  auto b = block::make(64);
  parser p(text, *b);
  if (!p.advance() || !p.one(b->root)) return p.error();
  if (p.now().what == token::full_stop && !p.advance()) return p.error();
  if (p.now().what != token::end) {
    p.expected("the end of the text");
    return p.error();
  }
  return result<block_ptr>(std::move(b));
}

result<block_ptr> parse_terms(std::string_view text) {
  auto b = block::make(64);
  parser p(text, *b);
  std::vector<term> all;
  if (!p.advance()) return p.error();
  while (p.now().what != token::end) {
    term t;
    if (!p.one(t)) return p.error();
    if (p.now().what != token::full_stop) {
      p.expected("'.'");
      return p.error();
    }
    all.push_back(t);
    if (!p.advance()) return p.error();
  }
  b->root = make_list(*b, all.data(), all.size());
  return result<block_ptr>(std::move(b));
}

}  // namespace cnode
