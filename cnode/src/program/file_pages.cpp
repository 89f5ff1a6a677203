#include "file_pages.hpp"

#include <fcntl.h>
#include <link.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace cnode::program {
namespace {

bool traced() noexcept {
  const int file = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (file < 0) return true;
  char text[4096];
  const auto n = ::read(file, text, sizeof text - 1);
  ::close(file);
  if (n <= 0) return true;
  text[n] = 0;
  const char* line = std::strstr(text, "TracerPid:\t");
  return !line || line[sizeof "TracerPid:\t" - 1] != '0';
}

// Relocations in pages that cannot be written would be lost.
bool relocates_text(const dl_phdr_info& object) noexcept {
  for (int i = 0; i < object.dlpi_phnum; ++i) {
    const auto& header = object.dlpi_phdr[i];
    if (header.p_type != PT_DYNAMIC) continue;
    for (auto* d = reinterpret_cast<const ElfW(Dyn)*>(object.dlpi_addr + header.p_vaddr); d->d_tag != DT_NULL; ++d)
      if (d->d_tag == DT_TEXTREL || (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL))) return true;
  }
  return false;
}

int release_of(dl_phdr_info* object, std::size_t, void* page_size) noexcept {
  const auto page = *static_cast<const std::uintptr_t*>(page_size);
  if (relocates_text(*object)) return 0;
  for (int i = 0; i < object->dlpi_phnum; ++i) {
    const auto& header = object->dlpi_phdr[i];
    if (header.p_type != PT_LOAD || (header.p_flags & PF_W)) continue;
    const auto begin = (object->dlpi_addr + header.p_vaddr) & ~(page - 1);
    const auto end = (object->dlpi_addr + header.p_vaddr + header.p_filesz + page - 1) & ~(page - 1);
    ::madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
  }
  return 0;
}

}  // namespace

void release_file_pages() noexcept {
  if (traced()) return;
  auto page = static_cast<std::uintptr_t>(::sysconf(_SC_PAGESIZE));
  ::dl_iterate_phdr(release_of, &page);
}

}  // namespace cnode::program
