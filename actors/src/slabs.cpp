#include "slabs.hpp"

#include <sys/mman.h>

#include <algorithm>
#include <cstdint>
#include <new>
#include <mutex>
#include <utility>

#include <cnode/protocol/unused_memory.hpp>

#include "spinlock.hpp"

namespace cnode::actors {

namespace {

constexpr std::size_t step = 16, classes = slabs::largest / step;
constexpr std::size_t slab_bytes = std::size_t{1} << 16, chunk_bytes = std::size_t{1} << 22;
constexpr std::size_t slabs_of_chunk = chunk_bytes / slab_bytes;
// Free objects a thread keeps of each size, and how many change hands at once.
constexpr unsigned most_kept = 128, at_once = 64;
// Slabs without an object that keep their pages.
constexpr unsigned most_empty = 16;

struct free_object {
  free_object* next;
};

struct slab {
  slab* next = nullptr;      // in the list it is in: of its class those with room, or the empty ones
  slab* before = nullptr;
  free_object* free = nullptr;
  std::uint32_t used = 0;    // objects that live, those that threads keep included
  std::uint32_t begun = 0;   // bytes ever given out
  std::uint32_t size = 0;    // of an object
  bool listed = false;
  bool resident = false;     // empty, but with its pages
};

// Behind an address of an object: its chunk's first slab holds the descriptions of all slabs.
struct chunk {
  slab of[slabs_of_chunk];
};
static_assert(sizeof(chunk) <= slab_bytes);

chunk* chunk_of(void* p) { return reinterpret_cast<chunk*>(reinterpret_cast<std::uintptr_t>(p) & ~(chunk_bytes - 1)); }
slab* slab_of(void* p) { return &chunk_of(p)->of[(reinterpret_cast<std::uintptr_t>(p) & (chunk_bytes - 1)) / slab_bytes]; }
char* memory_of(slab* s) {
  auto* c = chunk_of(s);
  return reinterpret_cast<char*>(c) + static_cast<std::size_t>(s - c->of) * slab_bytes;
}

// All that is shared by threads, under one lock: they come here once in 64 objects.
class depot {
 public:
  // A list of `at_once` objects, or fewer; at least one.
  free_object* take(std::size_t size, unsigned& count) {
    std::lock_guard guard(lock_);
    auto& with_room = with_room_[size / step - 1];
    free_object* list = nullptr;
    for (count = 0; count < at_once; ++count) {
      if (!with_room && !open(with_room, size)) break;
      auto* s = with_room;
      free_object* o;
      if (s->free) {
        o = s->free;
        s->free = o->next;
      } else {
        o = new (memory_of(s) + s->begun) free_object;
        s->begun += static_cast<std::uint32_t>(size);
      }
      ++s->used;
      if (!s->free && s->begun + size > slab_bytes) unlist(with_room, s);
      o->next = list;
      list = o;
    }
    if (!list) throw std::bad_alloc();
    return list;
  }

  void give(free_object* list) noexcept {
    std::lock_guard guard(lock_);
    while (list) {
      auto* o = list;
      list = o->next;
      auto* s = slab_of(o);
      auto*& with_room = with_room_[s->size / step - 1];
      o->next = s->free;
      s->free = o;
      if (!s->listed) put(with_room, s);
      if (--s->used == 0) empty(with_room, s);
    }
  }

 private:
  static void put(slab*& list, slab* s) {
    s->before = nullptr;
    s->next = list;
    if (list) list->before = s;
    list = s;
    s->listed = true;
  }
  static void unlist(slab*& list, slab* s) {
    (s->before ? s->before->next : list) = s->next;
    if (s->next) s->next->before = s->before;
    s->next = s->before = nullptr;
    s->listed = false;
  }
  bool open(slab*& with_room, std::size_t size) {
    if (!empty_ && !map()) return false;
    auto* s = empty_;
    unlist(empty_, s);
    if (s->resident) --resident_;
    *s = {};
    s->size = static_cast<std::uint32_t>(size);
    put(with_room, s);
    return true;
  }
  void empty(slab*& with_room, slab* s) {
    unlist(with_room, s);
    s->resident = resident_ < most_empty;
    if (s->resident) ++resident_;
    else ::madvise(memory_of(s), slab_bytes, MADV_DONTNEED);
    // Those with pages come first.
    if (s->resident || !empty_) return put(empty_, s);
    auto* first = empty_;
    s->before = first;
    s->next = first->next;
    if (s->next) s->next->before = s;
    first->next = s;
    s->listed = true;
  }
  bool map() {
    auto* p = ::mmap(nullptr, 2 * chunk_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (p == MAP_FAILED) return false;
    auto* begin = static_cast<char*>(p);
    auto* aligned = reinterpret_cast<char*>((reinterpret_cast<std::uintptr_t>(begin) + chunk_bytes - 1) & ~(chunk_bytes - 1));
    if (aligned > begin) ::munmap(begin, static_cast<std::size_t>(aligned - begin));
    if (auto* end = begin + 2 * chunk_bytes; aligned + chunk_bytes < end) ::munmap(aligned + chunk_bytes, static_cast<std::size_t>(end - aligned) - chunk_bytes);
    auto* c = new (aligned) chunk;
    for (auto i = slabs_of_chunk; i > 1; --i) put(empty_, &c->of[i - 1]);
    return true;
  }

  spinlock lock_;
  slab* with_room_[classes] = {};
  slab* empty_ = nullptr;
  unsigned resident_ = 0;
};

// Never destroyed: threads may end after main has.
depot& shared() {
  alignas(depot) static char memory[sizeof(depot)];
  static auto* d = new (memory) depot;
  return *d;
}

// Without a constructor or destructor, so that a look costs nothing; `last` empties it with the thread.
struct kept_objects {
  free_object* first[classes];
  unsigned count[classes];
  bool open;  // between its first use and the thread's end
  bool gone;
};
constinit thread_local kept_objects kept{};

struct last_of_thread {
  ~last_of_thread() {
    kept.open = false;
    kept.gone = true;
    for (auto*& list : kept.first)
      if (list) shared().give(std::exchange(list, nullptr));
  }
};

[[gnu::noinline]] void open_kept() {
  thread_local last_of_thread last;
  (void)last;
  kept.open = !kept.gone;
}

// Of a size this thread has none of.
[[gnu::noinline]] void* take_more(std::size_t c) {
  if (!kept.open) open_kept();
  unsigned count = 0;
  auto* o = shared().take((c + 1) * step, count);
  if (!kept.open) {
    if (o->next) shared().give(o->next);
    return o;
  }
  kept.first[c] = o->next;
  kept.count[c] = count - 1;
  return o;
}

[[gnu::noinline]] void give_half(std::size_t c) noexcept {
  auto** end = &kept.first[c];
  for (unsigned i = 0; i < at_once; ++i) end = &(*end)->next;
  auto* list = kept.first[c];
  kept.first[c] = *end;
  *end = nullptr;
  kept.count[c] -= at_once;
  shared().give(list);
}

}  // namespace

void* slabs::take(std::size_t bytes) {
  if (!keeps_memory || bytes > largest) return ::operator new(bytes);
  const auto c = bytes ? (bytes - 1) / step : 0;
  auto* o = kept.first[c];
  if (!o) return take_more(c);
  kept.first[c] = o->next;
  --kept.count[c];
  return o;
}

void slabs::give(void* p, std::size_t bytes) noexcept {
  if (!p) return;
  if (!keeps_memory || bytes > largest) return ::operator delete(p);
  const auto c = bytes ? (bytes - 1) / step : 0;
  auto* o = new (p) free_object{nullptr};
  if (!kept.open) {
    open_kept();
    if (!kept.open) return shared().give(o);
  }
  o->next = kept.first[c];
  kept.first[c] = o;
  if (++kept.count[c] > most_kept) give_half(c);
}

}  // namespace cnode::actors
