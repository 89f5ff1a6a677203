// MD5 (RFC 1321), CRC-32 and Adler-32 (RFC 1950) as erlang:md5/1, crc32/1 and adler32/1 give them. For users, not for security.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cnode::services {

std::array<std::uint8_t, 16> md5(std::string_view bytes);
std::uint32_t crc32(std::uint32_t before, std::string_view bytes);
std::uint32_t adler32(std::uint32_t before, std::string_view bytes);

}  // namespace cnode::services
