// Where the private copies of loaded files lie: a directory of this OS process alone.
#pragma once

#include <string>

namespace cnode::actors {

// Removes those that dead processes of this user left.
void remove_stale_run_directories();

// Makes the directory (mode 0700): in memory under $XDG_RUNTIME_DIR or /dev/shm, where files can be mapped executable there, or on disk
// under /tmp. Empty, with `error` set, when that is impossible.
enum class run_place { memory_or_disk, disk };
std::string make_run_directory(std::string& error, run_place where = run_place::memory_or_disk);
bool is_on_disk(const std::string& run_directory);
void remove_run_directory(const std::string& directory);

// Writes a new file (0500, never an existing one). False with the reason in `error`.
bool write_private_copy(const std::string& path, const std::string& bytes, std::size_t size, std::string& error);

}  // namespace cnode::actors
