#include <cstring>

#include <cnode/protocol/block.hpp>

#include "buffer.hpp"
#include "terms/layout.hpp"
#include "terms/stack.hpp"

namespace cnode {

namespace {

// Words that hold terms of the source and are to hold their copies.
struct span_to_copy {
  cnode_term* first;
  cnode_term* last;
};

// A copy of the object whose terms still point into the source; they come next.
cnode_term shallow(block& b, const cnode_term* from, stack<span_to_copy>& todo) {
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
      if (r.first < r.last) todo.push({to + r.first, to + r.last});
    }
  }
  return cnode_make_boxed(to);
}

}  // namespace

term copy(block& b, term t) {
  stack<span_to_copy> todo;
  cnode_term result = t.word();
  todo.push({&result, &result + 1});
  while (!todo.empty()) {
    auto [at, last] = todo.pop();
    while (at != last) {
      const auto w = *at;
      if (cnode_is_boxed(w)) {
        *at = shallow(b, cnode_boxed_ptr(w), todo);
        ++at;
      } else if (cnode_is_cons(w)) {
        // The cells of a list come to lie one after the other.
        std::size_t n = 0;
        cnode_term rest = w;
        for (; cnode_is_cons(rest); rest = cnode_tail(rest)) ++n;
        auto* cells = b.reserve(2 * n);
        *at = cnode_make_cons(cells);
        rest = w;
        for (std::size_t i = 0; i < n; ++i, rest = cnode_tail(rest)) {
          const auto head = cnode_head(rest);
          cells[2 * i] = head;
          cells[2 * i + 1] = cnode_make_cons(cells + 2 * i + 2);
          if (cnode_is_boxed(head) || cnode_is_cons(head)) todo.push({cells + 2 * i, cells + 2 * i + 1});
        }
        cells[2 * n - 1] = rest;
        ++at;
        if (cnode_is_boxed(rest)) todo.push({cells + 2 * n - 1, cells + 2 * n});
      } else {
        ++at;
      }
    }
  }
  return term{result};
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
