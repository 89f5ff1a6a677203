// SHA-256 (FIPS 180-4), OpenSSL's: what tells one module file from another, and a whole one from a damaged one.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cnode::actors {

std::array<std::uint8_t, 32> sha256(std::string_view bytes);

}  // namespace cnode::actors
