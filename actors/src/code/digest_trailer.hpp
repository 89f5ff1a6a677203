// The last line of a module file, after its ELF image: "CNODE-SHA256 <16 hex digits: the image's size> <64: its SHA-256>\n".
// cnode_add_module and cnode compile write it. It tells damage and later edits; it says nothing about who made the file.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace cnode::actors {

struct digest_trailer {
  enum { none, right, wrong, damaged } kind = none;  // damaged: something follows the image that is no trailer
  std::string_view image;                            // the bytes without the trailer
  std::array<std::uint8_t, 32> digest{};             // of the image, computed
};

// `image_end`: where the ELF headers say that the image ends.
digest_trailer read_digest_trailer(std::string_view bytes, std::size_t image_end);
std::string make_digest_trailer(std::string_view image);

}  // namespace cnode::actors
