// A module file before any code of it runs: read whole, its ELF structure, our policy, its stamp, its digest.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include <cnode/module.h>

namespace cnode::actors {

struct module_file {
  std::string bytes;
  cnode_stamp stamp{};
  bool is_signed = false;             // its digest is there and right: the bytes are those that were built
  std::uint8_t digest[16] = {};       // the first half of SHA-256 over the ELF image
  std::vector<std::string> needed;    // DT_NEEDED
  std::vector<std::string> run_path;
  std::vector<std::string> warnings;
};

enum class file_error { none, missing, bad };

// Never blocks on what is no plain file. `why` names file and rule.
file_error read_module_file(const std::string& path, std::string& bytes, std::string& why);

// Checks file.bytes and fills the rest. False: `why` names the rule and the flag that cures it. `wanted` is the module's name; empty
// accepts any.
bool check_module_file(module_file& file, std::string_view wanted, std::string& why);

// A module is replaced under its users, which no library that links against it would survive: refused when it needs another module,
// one that `is_loaded` knows or that lies in one of `directories`; and when it needs by path what is no plain file.
bool check_needed_libraries(const module_file& file, const std::vector<std::string>& directories,
                            const std::function<bool(const std::string& module)>& is_loaded, std::string& why);

std::string stamped_name(const cnode_stamp& stamp);

}  // namespace cnode::actors
