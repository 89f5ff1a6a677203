// Integers of any size for the arithmetic builtins: sign and magnitude. Word-sized operands never come here (arithmetic.cpp).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cnode/protocol/block.hpp>

namespace cnode::services {

struct bigint {
  bool negative = false;
  std::vector<std::uint32_t> digits;  // least significant first, no zero on top; zero is empty

  static bigint of(term integer);
  static bigint of(std::int64_t v);
  static std::optional<bigint> parse(std::string_view text, unsigned base);  // sign, digits; nothing else
  static bigint truncate(double d);                                         // finite
  term to_term(block& b) const;
  double to_double() const;                                                 // infinity when out of range
  std::string text(unsigned base) const;                                    // upper-case digits
  bool zero() const { return digits.empty(); }
};

bigint operator+(const bigint& a, const bigint& b);
bigint operator-(const bigint& a, const bigint& b);
bigint operator*(const bigint& a, const bigint& b);
// Truncated towards zero, the remainder has a's sign; b is not zero.
void divide(const bigint& a, const bigint& b, bigint& quotient, bigint& remainder);
enum class bit_operation { band, bor, bxor };
bigint bitwise(bit_operation op, const bigint& a, const bigint& b);  // two's complement, as Erlang's
bigint shift_left(const bigint& a, std::uint64_t bits);
bigint shift_right(const bigint& a, std::uint64_t bits);             // arithmetic: towards minus infinity

}  // namespace cnode::services
