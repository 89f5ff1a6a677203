#include <cnode/protocol/unused_memory.hpp>

#include <malloc.h>

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdlib>

namespace cnode {
namespace {

// Filled while statics are initialised, one after the other; read only later.
struct list {
  std::array<unused_memory::function, 16> functions;
  std::size_t size;
};
constinit list of_thread{}, shared{};
std::atomic<bool> noted{false};

void call_all(const list& l) noexcept {
  for (std::size_t i = 0; i < l.size; ++i) l.functions[i]();
}

}  // namespace

unused_memory::unused_memory(kind k, function f) noexcept {
  auto& l = k == kind::of_thread ? of_thread : shared;
  if (l.size == l.functions.size()) std::abort();
  l.functions[l.size++] = f;
}

void note_kept_memory() noexcept { noted.store(true, std::memory_order_relaxed); }
bool kept_memory_noted() noexcept { return noted.load(std::memory_order_relaxed) && noted.exchange(false, std::memory_order_relaxed); }

void release_memory_of_thread() noexcept { call_all(of_thread); }

void release_shared_memory() noexcept {
  call_all(shared);
#ifdef __GLIBC__
  ::malloc_trim(0);
#endif
}

}  // namespace cnode
