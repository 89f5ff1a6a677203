#include "text.hpp"

namespace cnode::node {

std::string printable(std::string_view text) {
  constexpr std::size_t longest = 120;
  std::string out;
  for (const char c : text.substr(0, longest)) {
    const auto u = static_cast<unsigned char>(c);
    out.push_back(u < 32 || u == 127 ? '?' : c);
  }
  if (text.size() > longest) out += "...";
  return out;
}

}  // namespace cnode::node
