#include <zlib.h>

#include "etf_reader.hpp"

namespace cnode::etf {

// deflate cannot do better than about 1032:1, so a larger promise is a lie nobody gets memory for.
constexpr std::size_t best_ratio = 1040;

result<buffer_ptr> inflate(std::span<const std::uint8_t> bytes, std::size_t& used) {
  if (bytes.size() < 4) return failure{errc::truncated, "compressed term without a size"};
  const std::size_t size = load32(bytes.data());
  const auto packed = bytes.subspan(4);
  if (size > max_uncompressed) return failure{errc::too_large, "compressed term of " + std::to_string(size) + " bytes"};
  if (size > (packed.size() + 16) * best_ratio) return failure{errc::compressed, "more bytes announced than can be packed"};
  auto plain = buffer_ptr::make(size);
  z_stream z{};
  if (inflateInit(&z) != Z_OK) return failure{errc::compressed, "no memory to unpack"};
  std::uint8_t nothing = 0;
  z.next_in = const_cast<Bytef*>(packed.data());
  z.avail_in = static_cast<uInt>(std::min<std::size_t>(packed.size(), UINT32_MAX));
  z.next_out = size ? plain.data() : &nothing;
  z.avail_out = static_cast<uInt>(size);
  const int status = ::inflate(&z, Z_FINISH);
  used = 4 + z.total_in;
  const bool whole = status == Z_STREAM_END && z.total_out == size;
  inflateEnd(&z);
  if (!whole) return failure{errc::compressed, "the stream is damaged, short, or not of the announced size"};
  return plain;
}

}  // namespace cnode::etf
