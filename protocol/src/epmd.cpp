#include <cnode/protocol/epmd.hpp>

#include <charconv>
#include <string_view>

namespace cnode::epmd {
namespace {

// Numbers that travel: erl_dist_protocol, "EPMD Protocol".
constexpr std::uint8_t port2_resp_tag = 119, alive2_x_resp_tag = 118, alive2_resp_tag = 121;
constexpr char alive2_req_tag = 120, port_please2_req_tag = 122, names_req_tag = 110;
constexpr std::uint8_t visible_node = 77, hidden_node = 72;

void put16(std::string& out, std::size_t v) {
  out.push_back(static_cast<char>(v >> 8));
  out.push_back(static_cast<char>(v));
}
std::uint16_t get16(std::span<const std::uint8_t> bytes, std::size_t at) {
  return static_cast<std::uint16_t>(bytes[at] << 8 | bytes[at + 1]);
}
std::uint32_t get32(std::span<const std::uint8_t> bytes, std::size_t at) {
  return std::uint32_t{get16(bytes, at)} << 16 | get16(bytes, at + 2);
}
std::string text(std::span<const std::uint8_t> bytes, std::size_t at, std::size_t n) {
  const auto part = bytes.subspan(at, n);
  return {part.begin(), part.end()};
}
std::string framed(const std::string& body) {
  std::string out;
  put16(out, body.size());
  return out + body;
}

template <class T>
bool parse_number(std::string_view digits, T& out) {
  const auto* end = digits.data() + digits.size();
  const auto [stop, error] = std::from_chars(digits.data(), end, out);
  return error == std::errc{} && stop == end;
}

}  // namespace

std::string encode(const alive2_req& r) {
  std::string body(1, alive2_req_tag);
  put16(body, r.port);
  body.push_back(static_cast<char>(r.hidden ? hidden_node : visible_node));
  body.push_back('\0');  // protocol: TCP over IPv4, the only one there is a number for
  put16(body, r.highest_version);
  put16(body, r.lowest_version);
  put16(body, r.name.size());
  body += r.name;
  put16(body, r.extra.size());
  body += r.extra;
  return framed(body);
}

// The answer's form follows the HighestVersion we sent: 118 with 32 bits of creation from 6 on, else 121 with 16.
// Result 1 comes with creation 99, which is no creation.
result<std::optional<alive2_resp>> decode_alive2_resp(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return std::optional<alive2_resp>{};
  if (bytes[0] != alive2_x_resp_tag && bytes[0] != alive2_resp_tag)
    return {errc::bad_epmd_message, "tag " + std::to_string(bytes[0]) + " where ALIVE2_X_RESP was due"};
  const bool wide = bytes[0] == alive2_x_resp_tag;
  if (bytes.size() < (wide ? 6u : 4u)) return std::optional<alive2_resp>{};
  alive2_resp r;
  r.ok = bytes[1] == 0;
  if (r.ok) r.creation = wide ? get32(bytes, 2) : get16(bytes, 2);
  return std::optional{r};
}

std::string encode_port_please2_req(const std::string& name) { return framed(port_please2_req_tag + name); }

result<std::optional<port2_resp>> decode_port2_resp(std::span<const std::uint8_t> bytes, bool end_of_stream) {
  const auto more = [&](const char* field) -> result<std::optional<port2_resp>> {
    if (end_of_stream) return {errc::bad_epmd_message, std::string("PORT2_RESP ends before ") + field};
    return std::optional<port2_resp>{};
  };
  if (bytes.empty()) return more("its tag");
  if (bytes[0] != port2_resp_tag)
    return {errc::bad_epmd_message, "tag " + std::to_string(bytes[0]) + " where PORT2_RESP was due"};
  if (bytes.size() < 2) return more("Result");
  port2_resp r;
  if (bytes[1] != 0) return std::optional{r};
  if (bytes.size() < 12) return more("Nlen");
  r.found = true;
  r.port = get16(bytes, 2);
  r.hidden = bytes[4] == hidden_node;
  r.protocol = bytes[5];
  r.highest_version = get16(bytes, 6);
  r.lowest_version = get16(bytes, 8);
  const std::size_t name_size = get16(bytes, 10);
  if (bytes.size() < 12 + name_size + 2) return more("Elen");
  r.name = text(bytes, 12, name_size);
  const std::size_t extra_size = get16(bytes, 12 + name_size);
  if (bytes.size() < 14 + name_size + extra_size) return more("the end of Extra");
  r.extra = text(bytes, 14 + name_size, extra_size);
  return std::optional{r};
}

std::string encode_names_req() { return framed(std::string(1, names_req_tag)); }

// 4 bytes of port, then for each node the line "name NAME at port PORT\n".
result<names_resp> decode_names_resp(std::span<const std::uint8_t> all_bytes) {
  if (all_bytes.size() < 4) return {errc::bad_epmd_message, "NAMES answer ends before EPMDPortNo"};
  names_resp r;
  r.epmd_port = get32(all_bytes, 0);
  std::string_view lines{reinterpret_cast<const char*>(all_bytes.data()) + 4, all_bytes.size() - 4};
  for (int number = 1; !lines.empty(); ++number) {
    const auto end = lines.find('\n');
    const auto line = lines.substr(0, end);
    lines = end == lines.npos ? std::string_view{} : lines.substr(end + 1);
    constexpr std::string_view before = "name ", between = " at port ";
    const auto at = line.rfind(between);
    std::uint16_t port = 0;
    if (!line.starts_with(before) || at == line.npos || at <= before.size() ||
        !parse_number(line.substr(at + between.size()), port))
      return {errc::bad_epmd_message, "NAMES answer, line " + std::to_string(number)};
    r.nodes.emplace_back(line.substr(before.size(), at - before.size()), port);
  }
  return r;
}

}  // namespace cnode::epmd
