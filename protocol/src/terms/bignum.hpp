// The little arithmetic that text and comparison need on integers of any size: magnitudes are vectors of 64-bit limbs,
// least significant first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <cnode/term.hpp>

namespace cnode::bignum {

using limbs = std::vector<std::uint64_t>;

// Of any integer term.
limbs magnitude(term t);
bool negative(term t);
// Digits 0-9, a-z; lower case; without sign. base 2..36.
std::string to_digits(limbs m, unsigned base);
// Every character must be a digit of the base.
limbs from_digits(std::string_view digits, unsigned base);
// Sign of (integer term - finite double), exactly.
int compare(term integer, double d);

}  // namespace cnode::bignum
