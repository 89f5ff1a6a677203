// Release archives (.tar.gz).
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "release/terms.hpp"

namespace cnode::release {

// What goes into an archive: a file of the disk or a text of ours.
struct archive_entry {
  std::string name;    // inside the archive, relative
  std::string file;    // where it comes from; empty: text
  std::string text;
  bool executable = false;
};

// The same entries give the same bytes: sorted by name, one time for all (SOURCE_DATE_EPOCH, else 2000-01-01), owned by root. Folders
// are added. Written beside `file` and renamed. Empty, or a sentence that names the file at fault.
std::string write_archive(const std::string& file, std::vector<archive_entry> entries);

// What an archive may hold to be unpacked: regular files and folders with relative names that do not climb out. Anything else is refused
// before a byte of it is written, by name.
struct unpack_options {
  bool keep_old_files = false;                           // files that are there stay as they are, as erl_tar's keep_old_files
  std::function<bool(std::string_view name)> wanted;     // empty: all
};
// Into the folder `root`, which exists. Empty, or a sentence; `error` is errno when the disk said no, else 0.
std::string unpack_archive(const std::string& file, const std::string& root, const unpack_options& options, int& error);

}  // namespace cnode::release
