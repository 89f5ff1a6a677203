// What a C++ compiler printed, as a list: g++'s and clang's "file:line:column: error: text", the linker's undefined references, and
// what the programs say about themselves ("cc1plus: error: ...").
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cnode::actors {

struct compile_diagnostic {
  bool warning = false;      // also a warning that -Werror made an error
  std::string file;          // as the compiler named it; empty: none was named
  int line = 0, column = 0;  // from 1; 0: none
  std::string text;          // the message alone
  std::string block;         // all its lines as printed: where it was included from, the source line, notes
};

// In the order they were printed. Lines before the first diagnostic that belong to none are left out; anything is accepted.
std::vector<compile_diagnostic> parse_diagnostics(std::string_view output);

}  // namespace cnode::actors
