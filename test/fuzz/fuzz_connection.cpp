// Whatever frames a peer sends, in any pieces: events, ticks or one failure, and the same ones for all pieces. The first byte
// says what was agreed on: pass-through frames, the atom cache, fragments or both.
// An event that was read can be written, and reads back as the same operation.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dist_terms.hpp"

using namespace cnode;

namespace {

std::vector<int> run(dist::dist_flags flags, std::span<const std::uint8_t> bytes, std::size_t piece, bool write) {
  dist::connection_limits limits;
  limits.max_frame = 1 << 20;
  limits.max_unfinished_messages = 64;
  limits.max_unfinished_bytes = 1 << 20;
  dist::connection in{flags, limits}, out{flags}, back{flags};
  in.set_peer(atom("erl@localhost"));
  std::vector<int> seen;
  for (std::size_t at = 0; at < bytes.size(); at += piece) {
    in.receive(bytes.subspan(at, std::min(piece, bytes.size() - at)));
    for (;;) {
      auto e = in.next_event();
      if (!e) {
        seen.push_back(-1 - static_cast<int>(e.error().code));
        return seen;
      }
      if (!*e) break;
      seen.push_back(static_cast<int>((**e).control.index()));
      if (write && out.send((**e).control, (**e).message)) {
        out.fill_output(SIZE_MAX);
        back.receive(test::bytes_of(out.output().str()));
        auto again = back.next_event();
        if (!again || !*again || (**again).control.index() != (**e).control.index()) std::abort();
        out.output().clear();
      }
    }
  }
  return seen;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const bool named = (set_this_node(atom("cpp@localhost"), 5), true);
  (void)named;
  if (size == 0) return 0;
  constexpr dist::dist_flags framings[] = {0, dist::dist_flag::dist_hdr_atom_cache, dist::dist_flag::fragments,
                                           dist::dist_flag::dist_hdr_atom_cache | dist::dist_flag::fragments};
  const auto flags = test::all_flags | dist::dist_flag::altact_sig | framings[data[0] % 4];
  const std::span bytes{data + 1, size - 1};
  const auto whole = run(flags, bytes, std::size_t{1} << 24, true);
  if (run(flags, bytes, 1, false) != whole || run(flags, bytes, 1000, false) != whole) std::abort();
  return 0;
}
