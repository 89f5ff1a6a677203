#include "log_limit.hpp"

#include <algorithm>

namespace cnode::node {

std::optional<std::string> log_limit::admit(std::string line) {
  const auto now = std::chrono::steady_clock::now();
  tokens_ = std::min(burst, tokens_ + per_second * std::chrono::duration<double>(now - last_).count());
  last_ = now;
  if (tokens_ < 1) {
    ++left_out_;
    return {};
  }
  tokens_ -= 1;
  if (left_out_ > 0) line += " (" + std::to_string(left_out_) + " lines like this left out before)";
  left_out_ = 0;
  return line;
}

}  // namespace cnode::node
