#include "code/probe_memory.hpp"

#include <algorithm>
#include <cstring>
#include <iterator>

#include <elf.h>
#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cnode/stamp.hpp>

namespace cnode::actors::probe {

namespace {

constexpr std::size_t reach = std::size_t{2} << 30, stack_size = 8 << 20;  // a node's threads have as much
constexpr bool laid_out = sanitizer_kind() == CNODE_SANITIZE_NONE;        // a sanitizer has an address space of its own design
char* const far_stack = reinterpret_cast<char*>(stack_address), * const far_data = reinterpret_cast<char*>(data_address);

std::size_t up(std::size_t n, std::size_t align) { return (n + align - 1) / align * align; }

char* reserve(char* hint, std::size_t size, int protection = PROT_NONE) {
  void* p = ::mmap(hint, size, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return p == MAP_FAILED ? nullptr : static_cast<char*>(p);
}

// What the dynamic linker asks the kernel for: all segments in one piece. 0: not known.
std::size_t room_for(const char* path) {
  Elf64_Ehdr header;
  Elf64_Phdr segments[64];
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  bool ok = ::pread(fd, &header, sizeof header, 0) == static_cast<ssize_t>(sizeof header) && header.e_phnum <= std::size(segments);
  const std::size_t size = ok ? header.e_phnum * sizeof segments[0] : 0;
  ok = ok && ::pread(fd, segments, size, static_cast<off_t>(header.e_phoff)) == static_cast<ssize_t>(size);
  ::close(fd);
  if (!ok) return 0;
  std::size_t begin = SIZE_MAX, end = 0, align = page;
  for (const auto* s = segments; s < segments + header.e_phnum; ++s) {
    if (s->p_type != PT_LOAD) continue;
    begin = std::min<std::size_t>(begin, s->p_vaddr / page * page);
    end = std::max<std::size_t>(end, up(s->p_vaddr + s->p_memsz, page));
    align = std::max<std::size_t>(align, s->p_align);
  }
  if (end <= begin || end > reach || align > reach) return 0;
  const auto length = end - begin;
  return align == page ? length : std::max(length, align) + align;  // glibc since 2.35
}

}  // namespace

// The linker leaves the choice to the kernel, and the kernel takes the highest gap that is large enough: so all above this one are
// filled, the large ones first.
void isolate_next(const char* path) {
  if (!laid_out) return;
  const auto room = room_for(path);
  if (room == 0) return;
  char* const around = reserve(nullptr, 2 * reach + room);
  if (!around) return;
  char* const hole = around + reach;
  for (auto size = 2 * reach; size >= room; size = size > room ? std::max(size / 2 / page * page, room) : 0) {
    char* p;
    while ((p = reserve(nullptr, size)) && p > hole) {
    }
    if (p) ::munmap(p, size);
  }
  ::munmap(hole, room);
}

bool run_on_far_stack(void (*f)()) {
  pthread_attr_t attributes;
  pthread_t thread;
  ::pthread_attr_init(&attributes);
  if (laid_out) {
    char* const stack = reserve(far_stack, stack_size, PROT_READ | PROT_WRITE);
    if (!stack || ::pthread_attr_setstack(&attributes, stack, stack_size) != 0) return false;
  }
  const auto body = [](void* function) -> void* {
    reinterpret_cast<void (*)()>(function)();
    return nullptr;
  };
  if (::pthread_create(&thread, &attributes, body, reinterpret_cast<void*>(f)) != 0) return false;
  return ::pthread_join(thread, nullptr) == 0;
}

const void* read_only(const void* data, std::size_t size) {
  const auto room = up(size, page);
  char* const p = reserve(laid_out ? far_data : nullptr, room, PROT_READ | PROT_WRITE);
  if (!p) return nullptr;
  char* const at = p + (room - size) / alignof(std::max_align_t) * alignof(std::max_align_t);
  std::memcpy(at, data, size);
  ::mprotect(p, room, PROT_READ);
  return at;
}

}  // namespace cnode::actors::probe
