// malloc for the probe. What is asked for while the file's code runs ends at a page that is not mapped, is full of a pattern, lies between
// bytes that are looked at when it is freed and at the end, and is out of reach once it was freed: what a node's malloc would let pass
// ends the probe. All else comes from the C library, and so does what a constructor that builds something large wants beyond that.
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstring>

#include <sys/mman.h>
#include <unistd.h>

#include <cnode/stamp.hpp>

#include "code/probe_memory.hpp"

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CNODE_PROBE_MALLOC 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define CNODE_PROBE_MALLOC 0
#endif
#endif
#if !defined(CNODE_PROBE_MALLOC)
#if defined(__GLIBC__)
#define CNODE_PROBE_MALLOC 1
#else
#define CNODE_PROBE_MALLOC 0
#endif
#endif

#if CNODE_PROBE_MALLOC

extern "C" {
void* __libc_malloc(std::size_t);
void* __libc_memalign(std::size_t, std::size_t);
void* __libc_realloc(void*, std::size_t);
void __libc_free(void*);
}

namespace cnode::actors::probe {

namespace {

constexpr std::size_t arena_pages = 32 * 1024, max_blocks = 6000, max_others = 2000;
constexpr std::uint8_t canary = 0xc5;

struct block {
  char* begin;
  std::size_t size;
  char* pages;
  std::uint32_t page_count;
  bool living;
};

// No constructor may be needed: the first caller is the dynamic linker.
std::atomic_flag lock;
char* arena = nullptr;
std::size_t pages_used = 0, blocks_used = 0;
std::atomic<bool> guarded{false};
const void* others[max_others];  // the C library's
std::size_t others_used = 0;     // beyond the maximum: not known
std::atomic<std::uint8_t> fill{0x5a};
block blocks[max_blocks];
std::uint16_t block_of_page[arena_pages];  // number + 1

struct guard {
  guard() {
    while (lock.test_and_set(std::memory_order_acquire)) {
    }
  }
  ~guard() { lock.clear(std::memory_order_release); }
};

[[noreturn]] void damaged(const char* what) {
  const auto write = [](const char* text) { return ::write(STDERR_FILENO, text, std::strlen(text)); };
  (void)(write("\n\x01" "cnode_probe\n") + write("opening it damages the heap: ") + write(what));
  ::_exit(1);
}

bool all_canaries(const char* begin, const char* end) {
  return std::all_of(begin, end, [](char c) { return static_cast<std::uint8_t>(c) == canary; });
}

void check(const block& b) {
  const char* const end = b.pages + b.page_count * page;
  if (!all_canaries(std::max(b.pages, b.begin - 256), b.begin)) damaged("it writes before a block of malloc");
  if (!all_canaries(b.begin + b.size, end)) damaged("it writes behind a block of malloc");
}

bool in_arena(const void* p) { return arena && p >= arena && p < arena + arena_pages * page; }

// nullptr: no more room.
char* new_block(std::size_t size, std::size_t align) {
  if (!arena) {
    void* p = ::mmap(reinterpret_cast<void*>(heap_address), arena_pages * page, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return nullptr;
    arena = static_cast<char*>(p);
  }
  if (size > arena_pages * page / 4 || align > page || blocks_used == max_blocks) return nullptr;
  const std::size_t length = (size + align - 1) / align * align, count = std::max<std::size_t>(1, (length + page - 1) / page);
  if (count + 1 > arena_pages - pages_used) return nullptr;
  char* const pages = arena + pages_used * page;
  if (::mprotect(pages, count * page, PROT_READ | PROT_WRITE) != 0) return nullptr;
  auto& b = blocks[blocks_used++];
  b = {pages + count * page - length, size, pages, static_cast<std::uint32_t>(count), true};
  for (std::size_t i = 0; i < count; ++i) block_of_page[pages_used + i] = static_cast<std::uint16_t>(blocks_used);
  pages_used += count + 1;
  std::memset(std::max(pages, b.begin - 256), canary, static_cast<std::size_t>(b.begin - std::max(pages, b.begin - 256)));
  std::memset(b.begin + size, canary, length - size);
  return b.begin;
}

block& block_at(const void* p) {
  const auto number = block_of_page[static_cast<std::size_t>(static_cast<const char*>(p) - arena) / page];
  if (number == 0 || blocks[number - 1].begin != p) damaged("it frees what malloc did not give");
  if (!blocks[number - 1].living) damaged("it frees a block twice");
  return blocks[number - 1];
}

void note_other(const void* p) {
  if (!p) return;
  guard g;
  if (others_used < max_others) others[others_used] = p;
  if (others_used <= max_others) ++others_used;
}

void forget_other(const void* p) {
  guard g;
  if (others_used > max_others) return;
  for (std::size_t i = others_used; i-- > 0;)
    if (others[i] == p) return void(others[i] = others[--others_used]);
  damaged("it frees what malloc did not give");
}

void* allocate(std::size_t size, std::size_t align, bool zero) {
  char* p = nullptr;
  if (guarded.load(std::memory_order_relaxed)) {
    guard g;
    p = new_block(size, std::max<std::size_t>(align, 16));
  }
  if (!p) {
    p = static_cast<char*>(align > 16 ? __libc_memalign(align, size) : __libc_malloc(size));
    note_other(p);
  }
  if (p) std::memset(p, zero ? 0 : fill.load(std::memory_order_relaxed), size);
  return p;
}

void release(void* p) {
  if (!p) return;
  if (!in_arena(p)) {
    forget_other(p);
    return __libc_free(p);
  }
  guard g;
  auto& b = block_at(p);
  check(b);
  b.living = false;
  ::mprotect(b.pages, b.page_count * page, PROT_NONE);
}

std::size_t size_of(const void* p) {
  guard g;
  return block_at(p).size;
}

}  // namespace

void check_blocks() {
  guard g;
  for (const auto* b = blocks; b < blocks + blocks_used; ++b)
    if (b->living) check(*b);
}

}  // namespace cnode::actors::probe

// The names others call. Registers that a function need not keep hold the pattern afterwards: what the C library's malloc leaves in them is
// an address in one process and a number in another, and damaged code takes it for its argument.
#if defined(__x86_64__)
#define CNODE_PROBE_NAME(name) cnode_probe_##name
extern "C" {
[[gnu::visibility("hidden")]] std::uint64_t cnode_probe_leftover = 0;
}
#define CNODE_PROBE_WRAP(name)                             \
  asm(".text\n.globl " #name "\n.type " #name ", @function\n" \
      #name ":\n sub $8, %rsp\n call cnode_probe_" #name "\n add $8, %rsp\n jmp cnode_probe_scrub\n.size " #name ", . - " #name "\n")
asm(R"(
  .text
  .type cnode_probe_scrub, @function
cnode_probe_scrub:
  mov cnode_probe_leftover(%rip), %rcx
  mov %rcx, %rdx
  mov %rcx, %rsi
  mov %rcx, %rdi
  mov %rcx, %r8
  mov %rcx, %r9
  mov %rcx, %r10
  mov %rcx, %r11
  movq %rcx, %xmm0
  punpcklqdq %xmm0, %xmm0
  movdqa %xmm0, %xmm1
  movdqa %xmm0, %xmm2
  movdqa %xmm0, %xmm3
  movdqa %xmm0, %xmm4
  movdqa %xmm0, %xmm5
  movdqa %xmm0, %xmm6
  movdqa %xmm0, %xmm7
  ret
  .size cnode_probe_scrub, . - cnode_probe_scrub
)");
CNODE_PROBE_WRAP(malloc);
CNODE_PROBE_WRAP(free);
CNODE_PROBE_WRAP(calloc);
CNODE_PROBE_WRAP(realloc);
CNODE_PROBE_WRAP(aligned_alloc);
#else
#define CNODE_PROBE_NAME(name) name
namespace {
std::uint64_t cnode_probe_leftover = 0;
}
#endif

extern "C" {

using namespace cnode::actors::probe;

[[gnu::used]] void* CNODE_PROBE_NAME(malloc)(std::size_t size) { return allocate(size, 16, false); }
[[gnu::used]] void CNODE_PROBE_NAME(free)(void* p) { release(p); }
[[gnu::used]] void* CNODE_PROBE_NAME(calloc)(std::size_t n, std::size_t size) {
  if (size != 0 && n > PTRDIFF_MAX / size) return errno = ENOMEM, nullptr;
  return allocate(n * size, 16, true);
}
[[gnu::used]] void* CNODE_PROBE_NAME(realloc)(void* p, std::size_t size) {
  if (!p) return allocate(size, 16, false);
  if (!in_arena(p)) {
    forget_other(p);
    void* const to = __libc_realloc(p, size);
    note_other(to ? to : size ? p : nullptr);
    return to;
  }
  if (size == 0) return release(p), nullptr;
  void* const to = allocate(size, 16, false);
  if (to) std::memcpy(to, p, std::min(size_of(p), size)), release(p);
  return to;
}
[[gnu::used]] void* CNODE_PROBE_NAME(aligned_alloc)(std::size_t align, std::size_t size) { return allocate(size, align, false); }
void* memalign(std::size_t align, std::size_t size) { return allocate(size, align, false); }
int posix_memalign(void** p, std::size_t align, std::size_t size) {
  if (align % sizeof(void*) != 0 || align == 0 || (align & (align - 1)) != 0) return EINVAL;
  void* const to = allocate(size, align, false);
  return to ? (*p = to, 0) : ENOMEM;
}
std::size_t malloc_usable_size(void* p) { return p && in_arena(p) ? size_of(p) : 0; }

}  // extern "C"

namespace cnode::actors::probe {

void guard_new_blocks(bool on, std::uint8_t pattern) {
  fill = pattern;
  guarded = on;
  cnode_probe_leftover = 0x0101'0101'0101'0101 * pattern;
}

}  // namespace cnode::actors::probe

#else

namespace cnode::actors::probe {
void guard_new_blocks(bool, std::uint8_t) {}
void check_blocks() {}
}  // namespace cnode::actors::probe

#endif
