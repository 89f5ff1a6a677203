// An Erlang number: integer of any size or float. +, -, * and comparisons are Erlang's: integers never overflow, an integer
// and a float give a float, a float that would become infinite is badarith.
#pragma once

#include <cnode/error.hpp>

namespace cnode {
inline namespace module_api {

class number {
 public:
  number(std::int64_t v) : term_(encode(v)) {}                                      // NOLINT: literals are numbers
  number(int v) : number(static_cast<std::int64_t>(v)) {}                           // NOLINT
  number(double v) : term_(encode(v)) {}                                            // NOLINT
  explicit number(term t) : term_(t) {}

  bool is_integer() const { return term_.is_integer(); }
  bool is_float() const { return term_.is_float(); }
  double to_double() const;  // badarith when an integer is too big for one
  operator term() const { return term_; }

  friend number operator+(number a, number b) { return add(a, b, false); }
  friend number operator-(number a, number b) { return add(a, b, true); }
  friend number operator*(number a, number b);
  friend number operator-(number a) { return number{0} - a; }
  friend number operator/(number a, number b) {  // `/`: always a float
    const double divisor = b.to_double();
    if (divisor == 0) throw badarith();
    return a.to_double() / divisor;
  }
  number& operator+=(number b) { return *this = *this + b; }
  number& operator-=(number b) { return *this = *this - b; }
  number& operator*=(number b) { return *this = *this * b; }

  friend bool operator==(number a, number b) { return order(a, b) == 0; }
  friend bool operator!=(number a, number b) { return order(a, b) != 0; }
  friend bool operator<(number a, number b) { return order(a, b) < 0; }
  friend bool operator>(number a, number b) { return order(a, b) > 0; }
  friend bool operator<=(number a, number b) { return order(a, b) <= 0; }
  friend bool operator>=(number a, number b) { return order(a, b) >= 0; }

 private:
  using limbs = std::vector<std::uint64_t>;  // least significant first, no zero on top
  static int order(number a, number b) { return detail::host().compare(a.term_.word(), b.term_.word()); }
  static number add(number a, number b, bool subtract) {
    if (a.term_.is_small() && b.term_.is_small())  // 62 bits each: no overflow in 64
      return subtract ? a.term_.small() - b.term_.small() : a.term_.small() + b.term_.small();
    return add_any(a, b, subtract);
  }
  static number add_any(number a, number b, bool subtract);

  limbs magnitude() const {
    if (term_.is_small()) {
      const std::int64_t v = term_.small();
      return v == 0 ? limbs{} : limbs{v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v)};
    }
    return {term_.box() + 1, term_.box() + 1 + term_.size()};
  }
  bool negative() const { return term_.is_small() ? term_.small() < 0 : term_.kind() == CNODE_BIG_NEG; }

  static number make(bool negative, limbs m) {
    while (!m.empty() && m.back() == 0) m.pop_back();
    if (m.empty()) return 0;
    if (m.size() == 1 && m[0] <= std::uint64_t{1} << 61) {
      const auto v = negative ? -static_cast<std::int64_t>(m[0]) : static_cast<std::int64_t>(m[0]);
      if (cnode_fits_small(v)) return v;
    }
    return number{term{detail::host().make_big(detail::env()->heap, negative, m.data(), m.size())}};
  }
  static bool less(const limbs& a, const limbs& b) {
    if (a.size() != b.size()) return a.size() < b.size();
    for (auto i = a.size(); i > 0; --i)
      if (a[i - 1] != b[i - 1]) return a[i - 1] < b[i - 1];
    return false;
  }

  term term_;
};

[[gnu::noinline]] inline double number::to_double() const {
  if (is_float()) return term_.float_value();
  if (term_.is_small()) return static_cast<double>(term_.small());
  const limbs m = magnitude();
  // The two highest limbs hold all bits of a double's mantissa; lower ones only matter as "there is more", for rounding.
  double value = 0;
  for (auto i = m.size(); i > 0; --i) {
    if (m.size() - i < 2) {
      std::uint64_t limb = m[i - 1];
      if (m.size() - i == 1)
        for (auto j = i - 1; j > 0; --j) limb |= m[j - 1] != 0;
      value = value * 0x1p64 + static_cast<double>(limb);
    } else {
      value *= 0x1p64;
    }
  }
  if (!__builtin_isfinite(value)) throw badarith();
  return negative() ? -value : value;
}

[[gnu::cold, gnu::noinline]] inline number number::add_any(number a, number b, bool subtract) {
  if (a.is_float() || b.is_float()) return subtract ? a.to_double() - b.to_double() : a.to_double() + b.to_double();
  const bool na = a.negative(), nb = b.negative() != subtract;
  limbs x = a.magnitude(), y = b.magnitude();
  if (na == nb) {
    if (x.size() < y.size()) std::swap(x, y);
    y.resize(x.size());
    bool carry = false;
    for (std::size_t i = 0; i < x.size(); ++i) {
      std::uint64_t sum;
      const bool c1 = __builtin_add_overflow(x[i], y[i], &sum);
      const bool c2 = __builtin_add_overflow(sum, std::uint64_t{carry}, &x[i]);
      carry = c1 || c2;
    }
    if (carry) x.push_back(1);
    return make(na, std::move(x));
  }
  const bool swapped = less(x, y);
  if (swapped) std::swap(x, y);
  y.resize(x.size());
  bool borrow = false;
  for (std::size_t i = 0; i < x.size(); ++i) {
    std::uint64_t difference;
    const bool b1 = __builtin_sub_overflow(x[i], y[i], &difference);
    const bool b2 = __builtin_sub_overflow(difference, std::uint64_t{borrow}, &x[i]);
    borrow = b1 || b2;
  }
  return make(swapped ? nb : na, std::move(x));
}

inline number operator*(number a, number b) {
  std::int64_t product;
  if (a.term_.is_small() && b.term_.is_small() && !__builtin_mul_overflow(a.term_.small(), b.term_.small(), &product)) return product;
  if (a.is_float() || b.is_float()) return a.to_double() * b.to_double();
  const auto x = a.magnitude(), y = b.magnitude();
  number::limbs m(x.size() + y.size());
  for (std::size_t i = 0; i < x.size(); ++i) {
    __extension__ unsigned __int128 carry = 0;
    for (std::size_t j = 0; j < y.size(); ++j) {
      carry += m[i + j];
      carry += static_cast<decltype(carry)>(x[i]) * y[j];
      m[i + j] = static_cast<std::uint64_t>(carry);
      carry >>= 64;
    }
    m[i + y.size()] = static_cast<std::uint64_t>(carry);
  }
  return number::make(a.negative() != b.negative(), std::move(m));
}

template <>
struct convert<number> {
  static std::optional<number> from_term(term t) { return t.is_number() ? std::optional{number{t}} : std::nullopt; }
  static term to_term(number value) { return value; }
};

}  // namespace module_api
}  // namespace cnode
