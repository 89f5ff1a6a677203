// The precompiled <cnode/gen_server.hpp>: half of the time it takes to compile a small module.
//
// CACHE/<key>/ holds one; the key is made of the compiler (path, size, time), its options and the text of our headers, and a list of
// all headers it was made from with size and time is looked at before each use, so it is never stale. It appears whole (renamed);
// several nodes may make it at once. CACHE is $XDG_CACHE_HOME/cnode or ~/.cache/cnode, and must belong to us alone.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "compiler_process.hpp"

namespace cnode::actors {

struct header_recipe {
  std::string compiler;
  bool clang = false;
  std::vector<std::string> options;              // those of every module
  std::vector<std::string> include_directories;  // one of them has cnode/gen_server.hpp
};

// What to give the compiler so that it takes the precompiled header; empty when there is none that fits.
std::vector<std::string> precompiled_header_options(const header_recipe& recipe);
// Makes it when it is missing. False: there is none.
bool make_precompiled_header(const header_recipe& recipe, const command_limits& limits, const std::atomic<bool>* cancelled);

}  // namespace cnode::actors
