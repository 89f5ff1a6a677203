#include "bigint.hpp"

#include <algorithm>
#include <cmath>

namespace cnode::services {

namespace {

using digits = std::vector<std::uint32_t>;

void trim(digits& d) {
  while (!d.empty() && d.back() == 0) d.pop_back();
}

bigint made(bool negative, digits d) {
  trim(d);
  return {negative && !d.empty(), std::move(d)};
}

int compare(const digits& a, const digits& b) {
  if (a.size() != b.size()) return a.size() < b.size() ? -1 : 1;
  for (auto i = a.size(); i-- > 0;)
    if (a[i] != b[i]) return a[i] < b[i] ? -1 : 1;
  return 0;
}

digits add(const digits& a, const digits& b) {
  digits r;
  std::uint64_t carry = 0;
  for (std::size_t i = 0; i < std::max(a.size(), b.size()) || carry; ++i) {
    carry += (i < a.size() ? a[i] : 0ull) + (i < b.size() ? b[i] : 0ull);
    r.push_back(static_cast<std::uint32_t>(carry));
    carry >>= 32;
  }
  return r;
}

digits subtract(const digits& a, const digits& b) {  // a >= b
  digits r(a.size());
  std::int64_t borrow = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::int64_t v = static_cast<std::int64_t>(a[i]) - borrow - (i < b.size() ? b[i] : 0);
    borrow = v < 0;
    r[i] = static_cast<std::uint32_t>(v);
  }
  trim(r);
  return r;
}

std::uint32_t divide_small(digits& a, std::uint32_t by) {
  std::uint64_t rest = 0;
  for (auto i = a.size(); i-- > 0;) {
    rest = rest << 32 | a[i];
    a[i] = static_cast<std::uint32_t>(rest / by);
    rest %= by;
  }
  trim(a);
  return static_cast<std::uint32_t>(rest);
}

void multiply_add(digits& a, std::uint32_t by, std::uint32_t plus) {
  std::uint64_t carry = plus;
  for (auto& d : a) {
    carry += static_cast<std::uint64_t>(d) * by;
    d = static_cast<std::uint32_t>(carry);
    carry >>= 32;
  }
  if (carry) a.push_back(static_cast<std::uint32_t>(carry));
}

digits shifted(const digits& a, std::uint64_t bits) {
  digits r(bits / 32, 0);
  const unsigned s = bits % 32;
  std::uint64_t carry = 0;
  for (auto d : a) {
    carry |= static_cast<std::uint64_t>(d) << s;
    r.push_back(static_cast<std::uint32_t>(carry));
    carry >>= 32;
  }
  r.push_back(static_cast<std::uint32_t>(carry));
  trim(r);
  return r;
}

digits shifted_down(const digits& a, std::uint64_t bits, bool& lost) {
  digits r;
  const auto words = bits / 32;
  const unsigned s = bits % 32;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (i < words) {
      lost |= a[i] != 0;
      continue;
    }
    if (i == words && s) lost |= (a[i] & ((1u << s) - 1)) != 0;
    const std::uint64_t pair = a[i] | static_cast<std::uint64_t>(i + 1 < a.size() ? a[i + 1] : 0) << 32;
    r.push_back(static_cast<std::uint32_t>(pair >> s));
  }
  trim(r);
  return r;
}

// n digits of two's complement
digits complement(const bigint& a, std::size_t n) {
  digits r(a.digits);
  r.resize(n, 0);
  if (a.negative) {
    std::uint64_t carry = 1;
    for (auto& d : r) {
      carry += static_cast<std::uint32_t>(~d);
      d = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
  }
  return r;
}

}  // namespace

bigint bigint::of(std::int64_t v) {
  const bool negative = v < 0;
  const std::uint64_t m = negative ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  return made(negative, {static_cast<std::uint32_t>(m), static_cast<std::uint32_t>(m >> 32)});
}

bigint bigint::of(term t) {
  if (t.is_small()) return of(t.small());
  std::vector<std::uint32_t> d;
  for (std::uint64_t i = 0; i < t.size(); ++i) {
    const auto limb = t.box()[1 + i];
    d.push_back(static_cast<std::uint32_t>(limb));
    d.push_back(static_cast<std::uint32_t>(limb >> 32));
  }
  return made(t.kind() == CNODE_BIG_NEG, std::move(d));
}

std::optional<bigint> bigint::parse(std::string_view text, unsigned base) {
  bigint r;
  bool negative = false;
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) {
    negative = text[0] == '-';
    text.remove_prefix(1);
  }
  if (text.empty()) return std::nullopt;
  for (char ch : text) {
    unsigned v = 99;
    if (ch >= '0' && ch <= '9') v = static_cast<unsigned>(ch - '0');
    if (ch >= 'a' && ch <= 'z') v = static_cast<unsigned>(ch - 'a') + 10;
    if (ch >= 'A' && ch <= 'Z') v = static_cast<unsigned>(ch - 'A') + 10;
    if (v >= base) return std::nullopt;
    multiply_add(r.digits, base, v);
  }
  return made(negative, std::move(r.digits));
}

bigint bigint::truncate(double d) {
  int exponent = 0;
  const double m = std::frexp(std::fabs(d), &exponent);  // 0.5 <= m < 1
  if (exponent <= 0) return {};
  const auto mantissa = static_cast<std::int64_t>(std::ldexp(m, 53));
  bigint r = of(mantissa);
  r = exponent >= 53 ? shift_left(r, static_cast<std::uint64_t>(exponent - 53)) : shift_right(r, static_cast<std::uint64_t>(53 - exponent));
  r.negative = d < 0 && !r.zero();
  return r;
}

term bigint::to_term(block& b) const {
  std::vector<std::uint64_t> limbs((digits.size() + 1) / 2, 0);
  for (std::size_t i = 0; i < digits.size(); ++i) limbs[i / 2] |= static_cast<std::uint64_t>(digits[i]) << (i % 2 * 32);
  return make_big(b, negative, limbs.data(), limbs.size());
}

double bigint::to_double() const {
  // The top 64 bits with a sticky bit, so that the one rounding is correct.
  std::uint64_t bits = static_cast<std::uint64_t>(digits.size()) * 32;
  if (zero()) return 0;
  for (auto top = digits.back(); !(top & 0x80000000u); top <<= 1) --bits;
  const std::uint64_t drop = bits > 64 ? bits - 64 : 0;
  bool lost = false;
  const auto top = shifted_down(digits, drop, lost);
  std::uint64_t m = 0;
  for (auto i = top.size(); i-- > 0;) m = m << 32 | top[i];
  const double v = std::ldexp(static_cast<double>(m | (lost ? 1u : 0u)), static_cast<int>(std::min<std::uint64_t>(drop, 100000)));
  return negative ? -v : v;
}

std::string bigint::text(unsigned base) const {
  if (zero()) return "0";
  std::string r;
  for (auto rest = digits; !rest.empty();) r += "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[divide_small(rest, base)];
  if (negative) r += '-';
  std::reverse(r.begin(), r.end());
  return r;
}

bigint operator+(const bigint& a, const bigint& b) {
  if (a.negative == b.negative) return made(a.negative, add(a.digits, b.digits));
  return compare(a.digits, b.digits) >= 0 ? made(a.negative, subtract(a.digits, b.digits)) : made(b.negative, subtract(b.digits, a.digits));
}

bigint operator-(const bigint& a, const bigint& b) { return a + bigint{!b.negative && !b.zero(), b.digits}; }

bigint operator*(const bigint& a, const bigint& b) {
  digits r(a.digits.size() + b.digits.size(), 0);
  for (std::size_t i = 0; i < a.digits.size(); ++i) {
    std::uint64_t carry = 0;
    for (std::size_t j = 0; j < b.digits.size(); ++j) {
      carry += static_cast<std::uint64_t>(a.digits[i]) * b.digits[j] + r[i + j];
      r[i + j] = static_cast<std::uint32_t>(carry);
      carry >>= 32;
    }
    r[i + b.digits.size()] = static_cast<std::uint32_t>(carry);
  }
  return made(a.negative != b.negative, std::move(r));
}

// Knuth's algorithm D.
void divide(const bigint& a, const bigint& b, bigint& quotient, bigint& remainder) {
  if (compare(a.digits, b.digits) < 0) {
    remainder = a;
    quotient = {};
    return;
  }
  const bool q_negative = a.negative != b.negative, r_negative = a.negative;
  if (b.digits.size() == 1) {
    auto q = a.digits;
    const auto rest = divide_small(q, b.digits[0]);
    quotient = made(q_negative, std::move(q));
    remainder = made(r_negative, {rest});
    return;
  }
  unsigned s = 0;
  for (auto top = b.digits.back(); !(top & 0x80000000u); top <<= 1) ++s;
  const auto v = shifted(b.digits, s);
  auto u = shifted(a.digits, s);
  u.resize(a.digits.size() + 1, 0);
  const auto n = v.size(), m = u.size() - n;
  digits q(m, 0);
  for (auto j = m; j-- > 0;) {
    const std::uint64_t top = static_cast<std::uint64_t>(u[j + n]) << 32 | u[j + n - 1];
    std::uint64_t guess = top / v[n - 1], rest = top % v[n - 1];
    while (guess >> 32 || guess * v[n - 2] > (rest << 32 | u[j + n - 2])) {
      --guess;
      rest += v[n - 1];
      if (rest >> 32) break;
    }
    std::int64_t borrow = 0;
    std::uint64_t carry = 0;
    for (std::size_t i = 0; i < n; ++i) {
      carry += guess * v[i];
      const std::int64_t d = static_cast<std::int64_t>(u[i + j]) - borrow - static_cast<std::int64_t>(carry & 0xffffffffu);
      u[i + j] = static_cast<std::uint32_t>(d);
      borrow = d < 0;
      carry >>= 32;
    }
    const std::int64_t d = static_cast<std::int64_t>(u[j + n]) - borrow - static_cast<std::int64_t>(carry);
    u[j + n] = static_cast<std::uint32_t>(d);
    if (d < 0) {
      --guess;
      std::uint64_t c = 0;
      for (std::size_t i = 0; i < n; ++i) {
        c += static_cast<std::uint64_t>(u[i + j]) + v[i];
        u[i + j] = static_cast<std::uint32_t>(c);
        c >>= 32;
      }
      u[j + n] += static_cast<std::uint32_t>(c);
    }
    q[j] = static_cast<std::uint32_t>(guess);
  }
  u.resize(n);
  trim(u);
  bool lost = false;
  remainder = made(r_negative, shifted_down(u, s, lost));
  quotient = made(q_negative, std::move(q));
}

bigint bitwise(bit_operation op, const bigint& a, const bigint& b) {
  const auto n = std::max(a.digits.size(), b.digits.size()) + 1;  // one digit more holds the sign
  const auto x = complement(a, n), y = complement(b, n);
  digits r(n);
  for (std::size_t i = 0; i < n; ++i)
    r[i] = op == bit_operation::band ? x[i] & y[i] : op == bit_operation::bor ? x[i] | y[i] : x[i] ^ y[i];
  if (!(r.back() & 0x80000000u)) return made(false, std::move(r));
  return made(true, complement(bigint{true, std::move(r)}, n));
}

bigint shift_left(const bigint& a, std::uint64_t bits) { return made(a.negative, shifted(a.digits, bits)); }

bigint shift_right(const bigint& a, std::uint64_t bits) {
  bool lost = false;
  auto r = made(a.negative, shifted_down(a.digits, bits, lost));
  return a.negative && lost ? r - bigint::of(std::int64_t{1}) : r;
}

}  // namespace cnode::services
