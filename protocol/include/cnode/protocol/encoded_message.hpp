// A control message and what it carries as bytes, before it has a place among the frames of a connection: encoding a large one
// holds nobody up who writes to the same peer.
#pragma once

#include <cstdint>

#include <cnode/protocol/atom_cache.hpp>
#include <cnode/protocol/control_message.hpp>
#include <cnode/protocol/etf.hpp>

namespace cnode::dist {

// Whether frames begin with a distribution header. Fragments need one even without an atom cache (external.c,
// erts_encode_ext_dist_header_size()).
constexpr bool has_dist_header(dist_flags negotiated) {
  return (negotiated & (dist_flag::dist_hdr_atom_cache | dist_flag::fragments)) != 0;
}

// Owned by one thread at a time; reused, as its buffers are worth keeping.
class encoded_message {
 public:
  // For a connection with these flags, see connection::send().
  result<unit> encode(const control_message& m, term message, dist_flags negotiated);

 private:
  friend class frame_writer;
  etf::output body_;          // control message and payload as they stand behind the header or the byte 112
  etf::atom_writer atoms_;
  written_control written_;
  // Signals of one sender leave in order, so they wait for each other. Equal for equal senders.
  std::uint64_t sender_ = 0;
  bool sender_unknown_ = false;  // the sender is known by name only: it may be any
};

}  // namespace cnode::dist
