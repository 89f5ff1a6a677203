// What stays of versions for debuggers and profilers after they were unmapped: their files, by name, vsn and build-id.
#pragma once

#include <string>

namespace cnode::actors {

// In hexadecimal digits; empty when the file has none or is no ELF file.
std::string build_id_of(const std::string& file);
// <prefix>-<build-id>.so, readable for the user's tools: moved, or copied where that is impossible (another file system). False with the
// reason; the file then stays where it is.
bool keep_object(const std::string& file, const std::string& directory, const std::string& prefix, std::string& error);

}  // namespace cnode::actors
