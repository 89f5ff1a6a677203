// Looks at an ELF shared object before the dynamic linker does. glibc trusts the file: a damaged one makes it read outside the
// mapping. Everything ld.so would follow is checked here against the bytes that are there, in memory, without running anything.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace cnode::actors {

struct elf_report {
  bool ok = false;
  std::string why;                   // which rule is broken; with the flag that cures it where there is one
  std::vector<std::string> exports;  // names of defined global symbols
  std::vector<std::string> needed;   // DT_NEEDED
  std::vector<std::string> run_path; // the directories of DT_RUNPATH or DT_RPATH
  std::vector<std::string> warnings; // undefined symbols that tie resources to the module's code
  std::string_view note;             // descriptor of the note with our owner and type; empty: none
  std::size_t image_end = 0;         // where the ELF image ends: a trailer may follow
};

// The notes point into `bytes`.
elf_report inspect_elf(std::string_view bytes);

}  // namespace cnode::actors
