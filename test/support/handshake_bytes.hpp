// Handshake messages as bytes, and a pair of handshakes to wire together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include <cnode/protocol/handshake.hpp>

namespace cnode::test {

inline std::string big_endian(std::uint64_t v, int bytes) {
  std::string out;
  while (bytes-- > 0) out.push_back(static_cast<char>(v >> (8 * bytes)));
  return out;
}
inline std::string frame(std::string_view body, int length_bytes = 2) {
  return big_endian(body.size(), length_bytes) + std::string(body);
}
inline std::string status(std::string_view text) { return frame("s" + std::string(text)); }
inline std::string send_name(std::string_view name, dist::dist_flags flags, std::uint32_t creation = 7) {
  return frame("N" + big_endian(flags, 8) + big_endian(creation, 4) + big_endian(name.size(), 2) + std::string(name));
}
inline std::string old_send_name(std::string_view name, dist::dist_flags flags) {
  return frame("n" + big_endian(5, 2) + big_endian(flags & 0xffffffff, 4) + std::string(name));
}
inline std::string complement(dist::dist_flags flags, std::uint32_t creation) {
  return frame("c" + big_endian(flags >> 32, 4) + big_endian(creation, 4));
}
inline std::string challenge(std::string_view name, dist::dist_flags flags, std::uint32_t number, std::uint32_t creation = 7) {
  return frame("N" + big_endian(flags, 8) + big_endian(number, 4) + big_endian(creation, 4) + big_endian(name.size(), 2) +
               std::string(name));
}
inline std::string digest(std::uint32_t challenge, const std::string& cookie) {
  const auto d = dist::gen_digest(challenge, cookie);
  return {d.begin(), d.end()};
}
inline std::string challenge_reply(std::uint32_t ours, std::uint32_t theirs, const std::string& cookie) {
  return frame("r" + big_endian(ours, 4) + digest(theirs, cookie));
}
inline std::string challenge_ack(std::uint32_t theirs, const std::string& cookie) { return frame("a" + digest(theirs, cookie)); }

inline std::span<const std::uint8_t> bytes_of(std::string_view s) {
  return {reinterpret_cast<const std::uint8_t*>(s.data()), s.size()};
}

// With a header in front of each frame, and without, as towards libei.
constexpr dist::dist_flags header_flags = dist::needed_flags | dist::wanted_flags | dist::dist_flag::published;
constexpr dist::dist_flags all_flags = header_flags & ~(dist::dist_flag::dist_hdr_atom_cache | dist::dist_flag::fragments);

inline dist::handshake_config config(std::string name, std::uint32_t challenge, std::string cookie = "secret") {
  dist::handshake_config c;
  c.our_name = std::move(name);
  c.creation = challenge + 1000;
  c.offered = all_flags;
  c.cookie = [cookie](const std::string&) { return cookie; };
  c.challenge = challenge;
  return c;
}

}  // namespace cnode::test
