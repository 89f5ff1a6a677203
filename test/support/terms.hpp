// Builders for tests about terms.
#pragma once

#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <span>
#include <string>
#include <vector>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/block.hpp>
#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

namespace cnode::test {

inline std::span<const std::uint8_t> bytes_of(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

// Bytes written as numbers.
template <class... N>
std::string raw(N... n) {
  return {static_cast<char>(n)...};
}

// A term in Erlang syntax; aborts when the test itself misspells it.
inline block_ptr parsed(std::string_view text) {
  auto b = parse_term(text);
  if (!b) {
    std::fprintf(stderr, "%s: %s\n", std::string(text).c_str(), to_string(b.error()).c_str());
    std::abort();
  }
  return std::move(*b);
}

// Random terms of every kind that BEAM has, shallow enough for everybody's patience.
class random_terms {
 public:
  enum identifiers { with_identifiers, no_identifiers };  // pids, ports and references
  random_terms(block& b, unsigned seed, identifiers i = with_identifiers) : b_(b), random_(seed), identifiers_(i) {}

  // Native records of OTP 29 among them, from now on.
  void add_records() { records_ = true; }

  term any(int depth = 4) {
    if (records_ && depth > 0 && below(4) == 0) return record(depth);
    const auto kind = below(depth > 0 ? 20 : 13);
    if (identifiers_ == no_identifiers && (kind == 9 || kind == 10 || kind == 12)) return any(depth);
    switch (kind) {
      case 0: return small(static_cast<std::int64_t>(below(300)) - 20);
      case 1: return make_integer(b_, static_cast<std::int64_t>(random_()));
      case 2: return big();
      case 3: return make_float(b_, floating());
      case 4:
      case 5: return an_atom();
      case 6: return nil;
      case 7: return make_binary(b_, text(below(100)));
      case 8: {
        const auto s = text(1 + below(9));
        return make_bits(b_, reinterpret_cast<const std::uint8_t*>(s.data()), s.size() * 8 - below(8));
      }
      case 9: return make_pid(b_, node(), creation(), static_cast<std::uint32_t>(below(1000)), static_cast<std::uint32_t>(below(3)));
      case 10: {
        std::uint32_t ids[5];
        for (auto& i : ids) i = static_cast<std::uint32_t>(below(3));
        ids[0] &= 0x3ffff;
        return make_ref(b_, node(), creation(), ids, 3);
      }
      case 11: return make_export(b_, atom(below(2) ? "lists" : "Elixir.Enum"), atom(below(2) ? "map" : "m p"), static_cast<std::uint32_t>(below(256)));
      case 12: return make_port(b_, node(), creation(), below(100000));
      case 13:
      case 14: {
        const auto e = several(depth);
        return make_tuple(b_, e.data(), e.size());
      }
      case 15:
      case 16: {
        const auto e = several(depth);
        return make_list(b_, e.data(), e.size(), e.empty() || below(5) ? nil : any(depth - 1));
      }
      case 17: return make_charlist(b_, "text " + std::to_string(below(1000)));
      default: {
        const auto k = several(depth), v = several(depth);
        return make_map(b_, k.data(), v.data(), std::min(k.size(), v.size()));
      }
    }
  }
  std::uint64_t below(std::uint64_t n) { return random_() % n; }

 private:
  // Nothing but the external format makes one.
  term record(int depth) {
    static constexpr std::string_view names[] = {"x", "y", "b c", "z", "a", "end", "\xc3\xa9"};
    const auto values = several(depth);
    std::string bytes = raw(67, 0, 0, 0, values.size(), below(2));
    const auto add = [&](term t) { bytes += etf::term_to_binary(t).substr(1); };
    add(an_atom()), add(an_atom());
    const auto first = below(std::size(names));
    for (std::size_t i = 0; i < values.size(); ++i) add(atom(names[(first + i * 3) % std::size(names)]));
    for (const auto v : values) add(v);
    return etf::decode(b_, bytes_of(bytes))->value;
  }
  std::vector<term> several(int depth) {
    std::vector<term> e(below(6));
    for (auto& t : e) t = any(depth - 1);
    return e;
  }
  term an_atom() {
    static constexpr std::string_view names[] = {"a", "ab", "abcdefgh", "abcdefghi", "abcdefgi", "", "B", "\xc3\xa9t\xc3\xa9", "true", "hello world"};
    return atom(names[below(std::size(names))]);
  }
  term node() { return atom(below(2) ? "a@host" : "b@host"); }
  std::uint32_t creation() { return static_cast<std::uint32_t>(4 + below(2)); }
  term big() {
    std::uint64_t limbs[5];
    for (auto& l : limbs) l = random_();
    return make_big(b_, below(2), limbs, 1 + below(5));
  }
  double floating() {
    switch (below(4)) {
      case 0: return static_cast<double>(below(50)) - 5;
      case 1: return static_cast<double>(static_cast<std::int64_t>(random_()));
      case 2: return std::ldexp(static_cast<double>(random_()), static_cast<int>(below(400)) - 200);
      default: return 0.5 + static_cast<double>(below(20));
    }
  }
  std::string text(std::size_t n) {
    std::string s(n, 'x');
    for (auto& c : s) c = static_cast<char>(below(4) ? 'a' + below(26) : below(256));
    return s;
  }
  block& b_;
  std::mt19937_64 random_;
  identifiers identifiers_;
  bool records_ = false;
};

}  // namespace cnode::test
