// The messages of the handshake as they travel (erl_dist_protocol, "Distribution Handshake"): bytes in and out,
// without the order they come in.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <cnode/protocol/dist_flags.hpp>
#include <cnode/protocol/result.hpp>

namespace cnode::dist::detail {

// The longest legal message is a challenge with a name of 255 bytes. BEAM ignores what follows the name; so do we,
// within reason.
constexpr std::size_t max_message = 1024;
constexpr std::size_t max_name = 255;

struct message {
  char tag = 0;  // N n s r a c
  dist_flags flags = 0;
  std::uint32_t challenge = 0, creation = 0;
  std::string name;         // UTF-8; Latin-1 on the wire
  std::string_view status;  // into the frame
  std::string_view digest;  // into the frame
};

// `N` is a name or, in the initiator's step recv_challenge, a challenge.
result<message> parse_message(std::string_view frame, bool n_is_challenge);

void put(std::string& out, std::uint64_t v, int bytes);  // big endian

bool is_node_name(std::string_view name);  // one @, neither side empty, nothing unprintable
bool is_host(std::string_view name);
// Peer text for a log line: bounded and printable.
std::string shown(std::string_view text);

// dist_util spells node names in Latin-1, atoms are UTF-8 everywhere else.
std::string to_latin1(std::string_view utf8);
std::string from_latin1(std::string_view latin1);

}  // namespace cnode::dist::detail
