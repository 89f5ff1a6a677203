// UTF-8, checked as BEAM checks it: shortest form only, no surrogates, nothing above 10ffff.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cnode::utf8 {

constexpr std::size_t bad = static_cast<std::size_t>(-1);

// The next code point; -1 when the bytes are not UTF-8 (i is left alone then).
std::int32_t next(std::string_view s, std::size_t& i);
// Number of code points; `bad` when it is not UTF-8.
std::size_t length(std::string_view s);
inline bool valid(std::uint32_t c) { return c < 0xd800 || (c > 0xdfff && c <= 0x10ffff); }
void append(std::string& out, std::uint32_t code_point);
std::string from_latin1(std::string_view s);

}  // namespace cnode::utf8
