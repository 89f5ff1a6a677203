#include "code/sha256.hpp"

#include <openssl/sha.h>

namespace cnode::actors {

std::array<std::uint8_t, 32> sha256(std::string_view bytes) {
  std::array<std::uint8_t, 32> out;
  static_assert(out.size() == SHA256_DIGEST_LENGTH);
  ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data());
  return out;
}

}  // namespace cnode::actors
