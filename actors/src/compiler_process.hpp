// A command run without a shell, bounded in time, memory and output.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <string>
#include <vector>

namespace cnode::actors {

struct command_result {
  enum outcome { exited, signalled, timed_out, cancelled, not_started } how = not_started;
  int status = 0;      // exit status, signal number or errno
  std::string output;  // stdout and stderr as they came
  bool truncated = false;
};

struct command_limits {
  std::chrono::milliseconds time;
  std::size_t memory;  // bytes of address space, each process
  std::size_t output;  // bytes that are kept
  std::size_t file;    // bytes of each file written
};

// arguments[0] is searched in PATH when it has no slash. stdin is empty; `directory`, when not empty, is where it runs. All its processes
// are gone when this returns. *cancelled may become true on another thread meanwhile.
command_result run_command(const std::vector<std::string>& arguments, const command_limits& limits, const std::string& directory = {},
                           const std::atomic<bool>* cancelled = nullptr);

}  // namespace cnode::actors
