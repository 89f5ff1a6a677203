// Where the private copies of loaded files lie: a directory of this OS process alone.
#pragma once

#include <string>

namespace cnode::actors {

// Removes those that dead processes of this user left.
void remove_stale_run_directories();

// Makes the directory (mode 0700) under $XDG_RUNTIME_DIR or /tmp. Empty, with `error` set, when that is impossible.
std::string make_run_directory(std::string& error);
void remove_run_directory(const std::string& directory);

// Writes a new file (0500, never an existing one). False with the reason in `error`.
bool write_private_copy(const std::string& path, const std::string& bytes, std::size_t size, std::string& error);

}  // namespace cnode::actors
