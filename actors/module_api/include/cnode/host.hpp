// The way from C++ to the host: its table of functions, the environment of the running callback, and what is thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <exception>
#include <string_view>
#include <utility>

#include <cnode/module.h>
#include <cnode/term.hpp>

namespace cnode {
inline namespace module_api {

// What a callback throws to end with class:reason, as erlang:raise/3. See badarg(), error(), exit_with(), throw_term().
struct raised {
  cnode_term error_class;
  cnode_term reason;
  cnode_term stacktrace = CNODE_NONE;
};

namespace detail {

// One of each per binary: a module has its own, the host program (for its builtin functions) another.
inline constinit const cnode_host* host_table = nullptr;
inline constinit const char* module_name = "";
inline constinit thread_local cnode_env* running_env = nullptr;

// Not inlined: a coroutine goes on on another thread, and a compiler may keep the address of a thread_local
// of the former one across the suspension.
[[gnu::noinline]] inline cnode_env*& env_slot() noexcept { return running_env; }

// The environment of the callback that runs on this thread.
inline cnode_env* env() noexcept { return env_slot(); }
inline const cnode_host& host() noexcept { return *host_table; }

// Entries nest: a callback may call a function of another module that calls back into this one.
class env_scope {
 public:
  explicit env_scope(cnode_env* env) noexcept : former_(std::exchange(env_slot(), env)) {}
  ~env_scope() { env_slot() = former_; }
  env_scope(const env_scope&) = delete;
  env_scope& operator=(const env_scope&) = delete;

 private:
  cnode_env* former_;
};

// n consecutive words of the callback's heap.
inline cnode_term* reserve(std::size_t n) {
  cnode_heap* heap = env()->heap;
  if (static_cast<std::size_t>(heap->end - heap->top) < n) return host().heap_grow(heap, n);
  return std::exchange(heap->top, heap->top + n);
}

inline term make_tuple(const term* elements, std::size_t n) {
  cnode_term* p = reserve(n + 1);
  p[0] = CNODE_HEADER(CNODE_TUPLE, n);
  for (std::size_t i = 0; i < n; ++i) p[1 + i] = elements[i].word();
  return term{cnode_make_boxed(p)};
}

template <class... T>
term tuple_of(T... elements) {
  const term all[] = {elements..., term{}};
  return make_tuple(all, sizeof...(elements));
}

inline term cons(term head, term tail) {
  cnode_term* p = reserve(2);
  p[0] = head.word();
  p[1] = tail.word();
  return term{cnode_make_cons(p)};
}

template <class... T>
term list_of(T... elements) {
  constexpr std::size_t n = sizeof...(elements);
  if constexpr (n == 0) return nil;
  const term all[] = {elements..., term{}};
  cnode_term* p = reserve(2 * n);
  for (std::size_t i = 0; i < n; ++i) {
    p[2 * i] = all[i].word();
    p[2 * i + 1] = i + 1 < n ? cnode_make_cons(p + 2 * i + 2) : CNODE_NIL;
  }
  return term{cnode_make_cons(p)};
}

inline term binary(std::string_view bytes) { return term{host().make_binary(env()->heap, bytes.data(), bytes.size())}; }

// Turns the exception being handled into the outcome of the callback. Call it in a catch block. Returns CNODE_NONE.
cnode_term raise_current_exception() noexcept;

// Runs an entry: nothing is thrown through it.
template <class F>
cnode_term guarded(cnode_env* env, F&& f) noexcept {
  env_scope scope(env);
  try {
    return f();
  } catch (...) {
    return raise_current_exception();
  }
}

}  // namespace detail

// For functions compiled into the host itself; a module gets its host at load.
inline void set_host(const cnode_host* host) noexcept { detail::host_table = host; }

}  // namespace module_api
}  // namespace cnode
