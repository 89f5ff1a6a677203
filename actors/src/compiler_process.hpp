// A command run without a shell, bounded in time, memory and output.
#pragma once

#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace cnode::actors {

struct command_result {
  enum how { exited, signalled, timed_out, not_started } how = not_started;
  int status = 0;      // exit status, signal number or errno
  std::string output;  // stdout and stderr as they came
  bool truncated = false;
};

// arguments[0] is searched in PATH when it has no slash. stdin is empty. All its processes are gone when this returns.
command_result run_command(const std::vector<std::string>& arguments, std::chrono::milliseconds time_limit, std::size_t memory_limit,
                           std::size_t output_limit);

}  // namespace cnode::actors
