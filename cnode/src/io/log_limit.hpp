// A bound on log lines that strangers can cause. Owned by one thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>

namespace cnode::node {

class log_limit {
 public:
  // The line to write, with a note on those left out before it; nothing when it is one too many.
  std::optional<std::string> admit(std::string line);

 private:
  static constexpr double burst = 20, per_second = 1;
  double tokens_ = burst;
  std::uint64_t left_out_ = 0;
  std::chrono::steady_clock::time_point last_ = std::chrono::steady_clock::now();
};

}  // namespace cnode::node
