// The code path as code_server.erl keeps it: directories in one spelling, each with the name of the application it belongs to.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cnode::actors {

// filename:join([Dir]): one slash between parts, none at the end, no "." in the middle.
std::string joined(std::string_view dir);
// The name of .../Name[-Vsn][/ebin].
std::string application_of(std::string_view dir);
// .../Name[-Vsn], what code:lib_dir/1 answers for it.
std::string application_dir(const std::string& dir);
// code_server:absname/1: relative names by the current directory.
std::string absolute_name(const std::string& file);

bool is_directory(const std::string& dir);
// What can be read as a file: others on the path are passed over.
bool is_readable_file(const std::string& file);

}  // namespace cnode::actors
