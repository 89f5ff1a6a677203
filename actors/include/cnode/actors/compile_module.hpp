// From FILE.cpp to DIR/<Module>.so, on this machine: what `cnode compile` and c:c/1 do.
#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace cnode::actors {

struct compile_request {
  std::string source;                      // one C++ file
  std::optional<std::string> text;         // the source itself; `source` is then its name in diagnostics
  std::string directory = ".";             // where <Module>.so goes
  bool write = true;                       // false: nothing is left on disk, the module is in compile_result::bytes
  std::vector<std::string> options;        // further compiler options, after ours
  std::chrono::milliseconds time_limit{120'000};
  std::size_t memory_limit = std::size_t{2} << 30;   // bytes of address space for each process of the compiler
  std::size_t file_limit = std::size_t{256} << 20;   // bytes of each file it writes
  std::size_t output_limit = std::size_t{256} << 10; // bytes of diagnostics that are kept
  std::string compiler;                    // empty: the one this node was built with
  std::string recorded_options;            // "opt, opt" in Erlang syntax, for module_info(compile) of what is built
  const std::atomic<bool>* cancelled = nullptr;  // not owned: true kills the compiler
};

struct compile_result {
  bool ok = false;
  std::string module;       // from the stamp of what was built: "Elixir.Inc"
  std::string file;         // DIR/<Module>.so; empty when it was not to be written
  std::string bytes;        // that file's
  std::string error;        // one line: what went wrong; empty when ok
  std::string diagnostics;  // the compiler's own words, warnings too
  bool compiler_failed = false;  // it found errors: they are in the diagnostics
};

constexpr const char* source_suffixes[] = {".cpp", ".cc", ".cxx"};

// Runs the compiler this node was built with, with its flags, no shell in between, in a process group of its own that is killed
// when the time is over. The file appears under its name only when it is whole and loadable (validated, renamed); until then a
// former one stays. Blocks: not for a scheduler thread. Any thread; two compilations do not disturb each other.
compile_result compile_module(const compile_request& request);

// The command line for a source, as shown to users: compiler and all arguments.
std::vector<std::string> compile_command(const compile_request& request, const std::string& output, const std::string& exports_map);

// Makes the precompiled <cnode/gen_server.hpp> that compile_module uses when it is there, in the user's cache directory; takes a second
// or two, nothing when it is there already. False: there will be none (the cache cannot be written, or it was cancelled); modules are
// then compiled without.
bool precompile_headers(const compile_request& request);

}  // namespace cnode::actors
