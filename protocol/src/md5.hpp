// MD5 (RFC 1321), which the handshake's digest asks for. Not for anything new.
#pragma once

#include <array>
#include <cstdint>
#include <string_view>

namespace cnode::detail {

std::array<std::uint8_t, 16> md5(std::string_view bytes);

}  // namespace cnode::detail
