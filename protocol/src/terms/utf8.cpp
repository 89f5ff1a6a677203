#include "terms/utf8.hpp"

#include <cstring>

namespace cnode::utf8 {

std::int32_t next(std::string_view s, std::size_t& i) {
  const auto at = [&](std::size_t k) { return static_cast<std::uint8_t>(s[k]); };
  if (i >= s.size()) return -1;
  const std::uint32_t c = at(i);
  if (c < 0x80) {
    ++i;
    return static_cast<std::int32_t>(c);
  }
  const unsigned n = c >= 0xf0 && c <= 0xf4 ? 4 : c >= 0xe0 && c < 0xf0 ? 3 : c >= 0xc2 && c < 0xe0 ? 2 : 0;
  if (n == 0 || s.size() - i < n) return -1;
  std::uint32_t v = c & (0x7fu >> n);
  for (unsigned k = 1; k < n; ++k) {
    if ((at(i + k) & 0xc0) != 0x80) return -1;
    v = v << 6 | (at(i + k) & 0x3f);
  }
  static constexpr std::uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
  if (v < least[n] || !valid(v)) return -1;
  i += n;
  return static_cast<std::int32_t>(v);
}

std::size_t length(std::string_view s) {
  std::size_t i = 0, n = 0;
  while (s.size() - i >= 8) {
    std::uint64_t w;
    std::memcpy(&w, s.data() + i, 8);
    if (w & 0x8080808080808080u) break;
    i += 8;
    n += 8;
  }
  for (; i < s.size(); ++n)
    if (next(s, i) < 0) return bad;
  return n;
}

void append(std::string& out, std::uint32_t c) {
  if (c < 0x80) {
    out += static_cast<char>(c);
  } else if (c < 0x800) {
    out += static_cast<char>(0xc0 | c >> 6);
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else if (c < 0x10000) {
    out += static_cast<char>(0xe0 | c >> 12);
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  } else {
    out += static_cast<char>(0xf0 | c >> 18);
    out += static_cast<char>(0x80 | (c >> 12 & 0x3f));
    out += static_cast<char>(0x80 | (c >> 6 & 0x3f));
    out += static_cast<char>(0x80 | (c & 0x3f));
  }
}

std::string from_latin1(std::string_view s) {
  std::string out;
  out.reserve(s.size());
  for (char c : s) append(out, static_cast<std::uint8_t>(c));
  return out;
}

}  // namespace cnode::utf8
