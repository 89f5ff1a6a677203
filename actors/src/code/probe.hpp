// A file without a digest is opened by a process of its own first: what damage inside plausible fields or code does there, it does not
// do to the node. The process is the program cnode_probe, started with posix_spawn, whose cost does not grow with the node.
#pragma once

#include <string>
#include <string_view>

namespace cnode::actors {

// A line of the output: the module has an on_load, which only a node can run. The probe has no processes.
constexpr std::string_view probe_on_load = "on_load: yes\n";

struct probe_result {
  bool ok = false;
  std::string why;     // not ok: what opening the file does
  std::string output;  // ok: "vsn: ...\nexports: ...\n", as `cnode describe` prints them
};

// Opens `file`, calls its entry, walks its description, closes it; for one second at most. Blocks; no scheduler thread may call it.
probe_result probe_file(const std::string& file, std::string_view module);
// The same for a file that has no digest to be trusted by: it must not have an on_load, which nobody would have tried.
probe_result probe_unsigned_file(const std::string& file, std::string_view module);

}  // namespace cnode::actors
