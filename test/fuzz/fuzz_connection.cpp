// Whatever frames a peer sends, in any pieces: events, ticks or one failure, and the same ones for all pieces.
// An event that was read can be written, and reads back as the same operation.
#include <cstdint>
#include <cstdlib>
#include <vector>

#include "dist_terms.hpp"

using namespace cnode;

namespace {

std::vector<int> run(std::span<const std::uint8_t> bytes, std::size_t piece, bool write) {
  constexpr auto flags = test::all_flags | dist::dist_flag::altact_sig;
  dist::connection in{flags, {.max_frame = 1 << 20}}, out{flags};
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
        dist::connection back{flags};
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
  const std::span bytes{data, size};
  const auto whole = run(bytes, std::size_t{1} << 24, true);
  if (run(bytes, 1, false) != whole || run(bytes, 1000, false) != whole) std::abort();
  return 0;
}
