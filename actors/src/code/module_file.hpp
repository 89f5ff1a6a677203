// A module file before any code of it runs: read whole, its ELF structure, our policy, its stamp.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <cnode/module.h>

namespace cnode::actors {

struct module_file {
  std::string bytes;
  cnode_stamp stamp{};
  std::uint8_t digest[16] = {};       // the first half of SHA-256 over the ELF image
  std::vector<std::string> warnings;
};

enum class file_error { none, missing, bad };

// Never blocks on what is no plain file. `why` names file and rule.
file_error read_module_file(const std::string& path, std::string& bytes, std::string& why);

// Checks file.bytes and fills the rest. False: `why` names the rule and the flag that cures it. `wanted` is the module's name; empty
// accepts any.
bool check_module_file(module_file& file, std::string_view wanted, std::string& why);

}  // namespace cnode::actors
