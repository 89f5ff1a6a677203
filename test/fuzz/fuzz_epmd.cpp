// Whatever answers at epmd's port: an answer, more bytes wanted, or a failure.
#include <cstdint>
#include <cstdlib>

#include <cnode/protocol/epmd.hpp>

using namespace cnode;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> bytes{data, size};
  (void)epmd::decode_alive2_resp(bytes);
  const auto open = epmd::decode_port2_resp(bytes, false);
  const auto closed = epmd::decode_port2_resp(bytes, true);
  if (closed && !*closed) std::abort();             // after the end nothing more can come
  if (!open && closed) std::abort();
  if (const auto names = epmd::decode_names_resp(bytes)) {
    for (const auto& [name, port] : names->nodes)
      if (name.empty() || name.size() > size) std::abort();
  }
  return 0;
}
