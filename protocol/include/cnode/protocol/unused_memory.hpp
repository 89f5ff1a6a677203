// Memory that is kept for reuse, and when it is given back: a node that has been idle for a while should hold what its state takes
// and no more. Each cache says here how it is emptied; the scheduler says when.
#pragma once

namespace cnode {

// False where reuse would hide a use after free: caches then keep nothing.
#if defined(__SANITIZE_ADDRESS__)
constexpr bool keeps_memory = false;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
constexpr bool keeps_memory = false;
#else
constexpr bool keeps_memory = true;
#endif
#else
constexpr bool keeps_memory = true;
#endif

// To be called once per cache, before threads start (a static of the cache's file). There is room for 16 of each kind.
struct unused_memory {
  using function = void (*)() noexcept;
  enum class kind {
    of_thread,  // f empties what the calling thread keeps for itself
    shared,     // f empties what all threads share; any thread calls it
  };
  unused_memory(kind k, function f) noexcept;
};

// Said by shared caches that are given much at once. Any thread; cheap.
void note_kept_memory() noexcept;
// Whether that was said since the last call.
bool kept_memory_noted() noexcept;

// Each thread calls it for itself when it has had nothing to do for a while.
void release_memory_of_thread() noexcept;
// Shared caches, and the free pages of the allocator. Takes locks and some microseconds per free megabyte: for when nobody works.
void release_shared_memory() noexcept;

}  // namespace cnode
