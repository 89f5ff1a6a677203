// A cursor over received bytes. Reading past the end is refused, never done.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include <cnode/protocol/errc.hpp>
#include <cnode/protocol/etf.hpp>

#include "etf_tags.hpp"

namespace cnode::etf {

inline std::uint16_t load16(const std::uint8_t* p) {
  std::uint16_t v;
  std::memcpy(&v, p, 2);
  return __builtin_bswap16(v);
}
inline std::uint32_t load32(const std::uint8_t* p) {
  std::uint32_t v;
  std::memcpy(&v, p, 4);
  return __builtin_bswap32(v);
}
inline std::uint64_t load64(const std::uint8_t* p) {
  std::uint64_t v;
  std::memcpy(&v, p, 8);
  return __builtin_bswap64(v);
}
inline void store16(std::uint8_t* p, std::uint16_t v) {
  v = __builtin_bswap16(v);
  std::memcpy(p, &v, 2);
}
inline void store32(std::uint8_t* p, std::uint32_t v) {
  v = __builtin_bswap32(v);
  std::memcpy(p, &v, 4);
}
inline void store64(std::uint8_t* p, std::uint64_t v) {
  v = __builtin_bswap64(v);
  std::memcpy(p, &v, 8);
}

// A finite double out of its 8 bytes.
inline bool load_double(const std::uint8_t* p, double& out) {
  const auto bits = load64(p);
  std::memcpy(&out, &bits, 8);
  return (bits >> 52 & 0x7ff) != 0x7ff;
}
// FLOAT_EXT: 31 bytes, "%.20e" padded with zeros.
bool parse_old_float(const std::uint8_t* p, double& out);

struct reader {
  const std::uint8_t* p;
  const std::uint8_t* end;
  std::size_t left() const { return static_cast<std::size_t>(end - p); }
  bool has(std::size_t n) const { return left() >= n; }
};

// The terms whose bytes hold a node's name: they need the atom table and build a boxed object.
struct leaf_context {
  block& b;
  const decode_options& options;
};
// An atom with its tag. errc::bad_tag when something else stands there.
errc read_atom(reader& r, const decode_options& options, cnode_term& out);
// What follows the tag of an atom.
errc read_atom_body(reader& r, tag t, const decode_options& options, cnode_term& out);
errc read_pid(reader& r, tag t, const leaf_context& c, cnode_term& out);
errc read_port(reader& r, tag t, const leaf_context& c, cnode_term& out);
errc read_ref(reader& r, tag t, const leaf_context& c, cnode_term& out);
errc read_big(reader& r, std::size_t size, const leaf_context& c, cnode_term& out);
errc read_export(reader& r, const leaf_context& c, cnode_term& out);

// Inflates what follows tag 80 (announced size, zlib stream). `used` counts from the announced size on.
result<buffer_ptr> inflate(std::span<const std::uint8_t> bytes, std::size_t& used);

}  // namespace cnode::etf
