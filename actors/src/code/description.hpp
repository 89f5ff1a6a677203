// What cnode_module_entry returns is data of the file and believed only where it points into the file. Used by the loader and by the
// program that opens files first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include <dlfcn.h>

#include <cnode/module.h>

namespace cnode::actors {

// A loaded file's segments in memory.
struct mapped_file {
  struct segment {
    std::uintptr_t begin, end;
    std::uint32_t flags;  // PF_R, PF_W, PF_X
  };
  void* handle = nullptr;
  std::uintptr_t base = 0;
  std::string link_name;  // dl_iterate_phdr's, to recognise it later
  std::vector<segment> segments;

  bool holds(const void* address, std::size_t size, std::uint32_t flags) const;
  bool holds_text(const char* text) const;  // with its end
  template <class R, class... A>
  bool holds_code(R (*function)(A...)) const {
    return holds(reinterpret_cast<const void*>(function), 1, 1);
  }
};

// dlopen with all that belongs to it. False with the linker's reason, without the path's name in front.
using open_function = void* (*)(const char*, int);
bool map_file(const std::string& path, mapped_file& file, std::string& why, open_function open = ::dlopen);
// Whether it is still there; to be asked after dlclose, whose result says nothing.
bool is_mapped(std::uintptr_t base, const std::string& link_name);

// Every pointer and every text of the description, and that it is of `name`.
bool check_description(const cnode_module* d, const mapped_file& file, std::string_view name, std::string& why);

}  // namespace cnode::actors
