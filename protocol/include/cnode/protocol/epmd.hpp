// epmd's messages (erl_dist_protocol, "EPMD Protocol"), encode and decode. No I/O.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include <cnode/protocol/result.hpp>

namespace cnode::epmd {

constexpr std::uint16_t default_port = 4369;

struct alive2_req {
  std::string name;             // before the @
  std::uint16_t port = 0;
  bool hidden = false;          // node type 72 instead of 77
  std::uint16_t highest_version = 6, lowest_version = 5;
  std::string extra;
};
std::string encode(const alive2_req& r);  // 2 bytes of length in front

struct alive2_resp {
  bool ok = false;              // false: the name is taken, or epmd refused
  std::uint32_t creation = 0;
};
// ALIVE2_X_RESP (118) or ALIVE2_RESP (121). Nothing: more bytes needed.
result<std::optional<alive2_resp>> decode_alive2_resp(std::span<const std::uint8_t> bytes);

std::string encode_port_please2_req(const std::string& name);
struct port2_resp {
  bool found = false;
  std::uint16_t port = 0;
  bool hidden = false;
  std::uint8_t protocol = 0;
  std::uint16_t highest_version = 0, lowest_version = 0;
  std::string name, extra;
};
result<std::optional<port2_resp>> decode_port2_resp(std::span<const std::uint8_t> bytes, bool end_of_stream);

std::string encode_names_req();
struct names_resp {
  std::uint32_t epmd_port = 0;
  std::vector<std::pair<std::string, std::uint16_t>> nodes;
};
result<names_resp> decode_names_resp(std::span<const std::uint8_t> all_bytes);  // the whole answer, after end of stream

}  // namespace cnode::epmd
