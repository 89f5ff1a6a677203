// Whatever a peer sends during the handshake, in either role and in any pieces: it is done, wants more or fails.
// It is never done with a digest the cookie did not make, and what it answers stays small.
#include <cstdint>
#include <cstdlib>

#include "handshake_bytes.hpp"

using namespace cnode;

namespace {

void run(dist::handshake hs, std::span<const std::uint8_t> bytes, std::size_t piece, dist::name_decision decision) {
  std::size_t sent = 0;
  for (std::size_t at = 0; at < bytes.size();) {
    const auto r = hs.receive(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    if (hs.wants_decision()) hs.decide(decision, "dyn@localhost", 9);
    sent += hs.take_output().size();
    if (!r || *r == 0) break;
    at += *r;
  }
  if (hs.done() || sent > 1000) std::abort();  // no input holds the digest of this cookie
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < 1) return 0;
  const std::span bytes{data + 1, size - 1};
  const auto decision = static_cast<dist::name_decision>(data[0] % 5);
  auto config = test::config("cpp@localhost", 11, "a cookie no input knows: 5f1c09e277ab");
  config.four_byte_frames = (data[0] & 0x80) != 0;
  for (const std::size_t piece : {std::size_t{1}, std::size_t{7}, std::size_t{1} << 20}) {
    run(dist::handshake::we_started(config, "erl@localhost"), bytes, piece, decision);
    run(dist::handshake::other_started(config), bytes, piece, decision);
  }
  return 0;
}
