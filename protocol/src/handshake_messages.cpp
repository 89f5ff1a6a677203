#include "handshake_messages.hpp"

#include <algorithm>
#include <utility>

namespace cnode::dist::detail {
namespace {

// Reads big-endian fields; the first one that is not there is remembered by name.
class reader {
 public:
  explicit reader(std::string_view bytes) : rest_(bytes) {}

  std::uint64_t number(std::size_t bytes, const char* field) {
    std::uint64_t v = 0;
    for (const char c : take(bytes, field)) v = v << 8 | static_cast<std::uint8_t>(c);
    return v;
  }
  std::string_view take(std::size_t bytes, const char* field) {
    if (missing_ != nullptr || rest_.size() < bytes) {
      if (missing_ == nullptr) missing_ = field;
      return {};
    }
    const auto part = rest_.substr(0, bytes);
    rest_.remove_prefix(bytes);
    return part;
  }
  std::string_view rest() { return std::exchange(rest_, {}); }
  bool at_end() const { return rest_.empty(); }
  const char* missing() const { return missing_; }

 private:
  std::string_view rest_;
  const char* missing_ = nullptr;
};

}  // namespace

result<message> parse_message(std::string_view frame, bool n_is_challenge) {
  reader in(frame);
  message m;
  m.tag = static_cast<char>(in.number(1, "tag"));
  std::string_view name;
  bool exact = false;  // BEAM takes bytes after a name, but none after a digest
  switch (m.tag) {
    case 'N': {
      m.flags = in.number(8, "Flags");
      if (n_is_challenge) m.challenge = static_cast<std::uint32_t>(in.number(4, "Challenge"));
      m.creation = static_cast<std::uint32_t>(in.number(4, "Creation"));
      const auto size = in.number(2, "Nlen");
      if (size > max_name) return {errc::bad_name, "a name of " + std::to_string(size) + " bytes"};
      name = in.take(size, "Name");
      break;
    }
    case 'n': {
      const auto version = in.number(2, "Version");
      m.flags = in.number(4, "Flags");
      if (in.missing() == nullptr && version < 5)
        return {errc::bad_handshake_message, "handshake version " + std::to_string(version)};
      name = in.rest();
      if (name.size() > max_name) return {errc::bad_name, "a name of " + std::to_string(name.size()) + " bytes"};
      break;
    }
    case 's':
      m.status = in.rest();
      break;
    case 'r':
      m.challenge = static_cast<std::uint32_t>(in.number(4, "Challenge"));
      m.digest = in.take(16, "Digest");
      exact = true;
      break;
    case 'a':
      m.digest = in.take(16, "Digest");
      exact = true;
      break;
    case 'c':
      m.flags = in.number(4, "FlagsHigh") << 32;
      m.creation = static_cast<std::uint32_t>(in.number(4, "Creation"));
      exact = true;
      break;
    default:
      return {errc::bad_handshake_message, "tag " + std::to_string(static_cast<std::uint8_t>(m.tag))};
  }
  if (in.missing() != nullptr)
    return {errc::bad_handshake_message, std::string("message '") + m.tag + "' ends before " + in.missing()};
  if (exact && !in.at_end()) return {errc::bad_handshake_message, std::string("message '") + m.tag + "' is too long"};
  m.name = from_latin1(name);
  return m;
}

void put(std::string& out, std::uint64_t v, int bytes) {
  while (bytes-- > 0) out.push_back(static_cast<char>(v >> (8 * bytes)));
}

bool is_host(std::string_view name) {
  return !name.empty() && name.find('@') == name.npos &&
      std::all_of(name.begin(), name.end(), [](unsigned char c) { return c > ' ' && c != 0x7f; });
}

bool is_node_name(std::string_view name) {
  const auto at = name.find('@');
  return at != name.npos && is_host(name.substr(0, at)) && is_host(name.substr(at + 1)) &&
      to_latin1(name).size() <= max_name;
}

std::string shown(std::string_view text) {
  std::string out;
  for (const unsigned char c : text.substr(0, 80)) out.push_back(c < ' ' || c >= 0x7f ? '?' : static_cast<char>(c));
  if (text.size() > 80) out += "...";
  return out;
}

std::string to_latin1(std::string_view utf8) {
  std::string out;
  for (std::size_t i = 0; i < utf8.size(); ++i) {
    const auto c = static_cast<std::uint8_t>(utf8[i]);
    if ((c == 0xc2 || c == 0xc3) && i + 1 < utf8.size())
      out.push_back(static_cast<char>((c & 3) << 6 | (static_cast<std::uint8_t>(utf8[++i]) & 0x3f)));
    else
      out.push_back(utf8[i]);
  }
  return out;
}

std::string from_latin1(std::string_view latin1) {
  std::string out;
  for (const char ch : latin1) {
    const auto c = static_cast<std::uint8_t>(ch);
    if (c < 0x80) {
      out.push_back(ch);
    } else {
      out.push_back(static_cast<char>(0xc0 | c >> 6));
      out.push_back(static_cast<char>(0x80 | (c & 0x3f)));
    }
  }
  return out;
}

}  // namespace cnode::dist::detail
