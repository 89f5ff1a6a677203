#include <cstring>

#include <cnode/protocol/block.hpp>

#include "buffer.hpp"
#include "terms/layout.hpp"
#include "terms/stack.hpp"

namespace cnode {

namespace {

bool points(cnode_term w) { return (w & CNODE_TAG_MASK) < CNODE_TAG_IMMEDIATE && w != CNODE_NONE; }

// Most terms are flat: they are copied by recursion. What lies deeper than this waits in a list, so that depth costs no C stack.
constexpr unsigned max_recursion = 16;

struct copying {
  block& b;
  stack<cnode_term*> later{};  // words that still point into the source

  void follow(cnode_term* at, unsigned depth) {
    if (depth == max_recursion) return later.push(at);
    *at = cnode_is_cons(*at) ? list(*at, depth + 1) : boxed(cnode_boxed_ptr(*at), depth + 1);
  }

  cnode_term boxed(const cnode_term* from, unsigned depth) {
    if (cnode_header_kind(*from) == CNODE_TUPLE) {
      const auto n = cnode_header_size(*from);
      auto* to = b.reserve(n + 1);
      to[0] = from[0];
      for (std::size_t i = 1; i <= n; ++i) {
        to[i] = from[i];
        if (points(from[i])) follow(to + i, depth);
      }
      return cnode_make_boxed(to);
    }
    const auto n = words_of(from);
    auto* to = b.reserve(n);
    std::memcpy(to, from, n * sizeof(cnode_term));
    switch (cnode_header_kind(*from)) {
      case CNODE_BITS_SHARED:
        retain(reinterpret_cast<buffer*>(to[2]));
        to[1] = b.off_heap;
        b.off_heap = cnode_make_boxed(to);
        break;
      case CNODE_NATIVE:
        __atomic_add_fetch(&reinterpret_cast<native_object*>(to[2])->refs, 1, __ATOMIC_RELAXED);
        to[1] = b.off_heap;
        b.off_heap = cnode_make_boxed(to);
        break;
      default: {
        const auto r = terms_in(from);
        for (auto i = r.first; i < r.last; ++i)
          if (points(to[i])) follow(to + i, depth);
      }
    }
    return cnode_make_boxed(to);
  }

  // The cells of a list come to lie one after the other.
  cnode_term list(cnode_term w, unsigned depth) {
    std::size_t n = 1;
    cnode_term rest = cnode_tail(w);
    for (; cnode_is_cons(rest); rest = cnode_tail(rest)) ++n;
    auto* cells = b.reserve(2 * n);
    for (std::size_t i = 0; i < n; ++i, w = cnode_tail(w)) {
      cells[2 * i] = cnode_head(w);
      cells[2 * i + 1] = cnode_make_cons(cells + 2 * i + 2);
      if (points(cells[2 * i])) follow(cells + 2 * i, depth);
    }
    cells[2 * n - 1] = rest;
    if (points(rest)) follow(cells + 2 * n - 1, depth);
    return cnode_make_cons(cells);
  }
};

}  // namespace

term copy(block& b, term t) {
  auto w = t.word();
  if (!points(w)) return t;
  copying c{b};
  c.follow(&w, 0);
  while (!c.later.empty()) c.follow(c.later.pop(), 0);
  return term{w};
}

block_ptr copy_to_block(term t) {
  auto b = block::make(16);
  b->root = copy(*b, t);
  return b;
}

block_ptr immediate_block(term t) {
  auto b = block::make(0);
  b->root = t;
  return b;
}

}  // namespace cnode
