#include "code/sha256.hpp"

#include <openssl/evp.h>
#include <openssl/sha.h>

namespace cnode::actors {

std::array<std::uint8_t, 32> sha256(std::string_view bytes) {
  // Looked up once: SHA256() asks for it by name each time.
  static const EVP_MD* const method = ::EVP_MD_fetch(nullptr, "SHA256", nullptr);
  std::array<std::uint8_t, 32> out;
  static_assert(out.size() == SHA256_DIGEST_LENGTH);
  if (!method || ::EVP_Digest(bytes.data(), bytes.size(), out.data(), nullptr, method, nullptr) != 1)
    ::SHA256(reinterpret_cast<const unsigned char*>(bytes.data()), bytes.size(), out.data());
  return out;
}

}  // namespace cnode::actors
