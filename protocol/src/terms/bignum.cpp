#include "terms/bignum.hpp"

#include <algorithm>
#include <cmath>

namespace cnode::bignum {

namespace {
__extension__ typedef unsigned __int128 wide;

void trim(limbs& m) {
  while (!m.empty() && m.back() == 0) m.pop_back();
}

// The largest power of the base that fits a limb, and its exponent.
struct power {
  std::uint64_t value = 1;
  unsigned digits = 0;
  explicit power(unsigned base) {
    while (value <= UINT64_MAX / base) {
      value *= base;
      ++digits;
    }
  }
};

unsigned digit_value(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'z') return static_cast<unsigned>(c - 'a' + 10);
  return static_cast<unsigned>(c - 'A' + 10);
}

int compare_magnitude(const std::uint64_t* a, std::size_t na, const limbs& b) {
  if (na != b.size()) return na < b.size() ? -1 : 1;
  for (std::size_t i = na; i-- > 0;)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}
}  // namespace

limbs magnitude(term t) {
  if (t.is_small()) {
    const auto v = t.small();
    const auto u = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
    return u ? limbs{u} : limbs{};
  }
  return {t.box() + 1, t.box() + 1 + t.size()};
}

bool negative(term t) { return t.is_small() ? t.small() < 0 : t.kind() == CNODE_BIG_NEG; }

std::string to_digits(limbs m, unsigned base) {
  static constexpr char alphabet[] = "0123456789abcdefghijklmnopqrstuvwxyz";
  trim(m);
  if (m.empty()) return "0";
  const power p(base);
  std::string s;
  while (!m.empty()) {
    std::uint64_t rest = 0;
    for (std::size_t i = m.size(); i-- > 0;) {
      const wide w = wide{rest} << 64 | m[i];
      m[i] = static_cast<std::uint64_t>(w / p.value);
      rest = static_cast<std::uint64_t>(w % p.value);
    }
    trim(m);
    for (unsigned k = 0; k < p.digits && (rest || !m.empty()); ++k, rest /= base) s += alphabet[rest % base];
  }
  std::reverse(s.begin(), s.end());
  return s;
}

limbs from_digits(std::string_view digits, unsigned base) {
  const power p(base);
  limbs m;
  for (std::size_t i = 0; i < digits.size();) {
    std::uint64_t piece = 0, factor = 1;
    for (unsigned k = 0; k < p.digits && i < digits.size(); ++k, ++i) {
      piece = piece * base + digit_value(digits[i]);
      factor *= base;
    }
    std::uint64_t carry = piece;
    for (auto& limb : m) {
      const wide w = wide{limb} * factor + carry;
      limb = static_cast<std::uint64_t>(w);
      carry = static_cast<std::uint64_t>(w >> 64);
    }
    if (carry) m.push_back(carry);
  }
  return m;
}

int compare(term t, double d) {
  if (t.is_small()) {
    const auto v = t.small();
    if (d >= 0x1p62) return -1;
    if (d <= -0x1p62) return 1;
    const auto whole = static_cast<std::int64_t>(d);
    if (v != whole) return v < whole ? -1 : 1;
    const double rest = d - static_cast<double>(whole);
    return rest > 0 ? -1 : rest < 0 ? 1 : 0;
  }
  const bool minus = negative(t);
  if (minus != (d < 0)) return minus ? -1 : 1;
  int exponent;
  const double fraction = std::frexp(std::fabs(d), &exponent);  // 0.5 <= fraction < 1
  int c;
  if (exponent <= 53) {
    c = 1;  // a big integer is over 2^61
  } else {
    const auto mantissa = static_cast<std::uint64_t>(std::ldexp(fraction, 53));
    const auto shift = static_cast<unsigned>(exponent - 53);
    limbs m(shift / 64 + 2);
    m[shift / 64] = mantissa << shift % 64;
    if (shift % 64) m[shift / 64 + 1] = mantissa >> (64 - shift % 64);
    trim(m);
    c = compare_magnitude(t.box() + 1, t.size(), m);
  }
  return minus ? -c : c;
}

}  // namespace cnode::bignum
