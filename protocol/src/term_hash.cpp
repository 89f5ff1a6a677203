#include <cstring>

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "terms/layout.hpp"
#include "terms/stack.hpp"

namespace cnode {

namespace {

struct mixer {
  std::uint64_t h = 0x243f6a8885a308d3u;
  void add(std::uint64_t v) {
    h = (h ^ v) * 0x9e3779b97f4a7c15u;
    h ^= h >> 29;
  }
  void add(std::string_view s) {
    add(s.size());
    while (s.size() >= 8) {
      std::uint64_t w;
      std::memcpy(&w, s.data(), 8);
      add(w);
      s.remove_prefix(8);
    }
    if (!s.empty()) {
      std::uint64_t w = 0;
      std::memcpy(&w, s.data(), s.size());
      add(w);
    }
  }
};

struct range {
  const cnode_term* at;
  std::uint64_t n;
};

}  // namespace

std::size_t hash(term t) {
  mixer m;
  if (!t.is_boxed() && !t.is_cons()) {
    m.add(t.word());
    return m.h;
  }
  stack<range, 16> todo;
  const cnode_term first = t.word();
  range now{&first, 1};
  for (;;) {
    while (now.n) {
      const term x{*now.at++};
      --now.n;
      if (x.is_cons()) {
        m.add(std::uint64_t{CNODE_TAG_CONS});
        if (now.n) todo.push(now);
        now = {cnode_cons_ptr(x.word()), 2};
        continue;
      }
      if (!x.is_boxed()) {
        m.add(x.word());
        continue;
      }
      const auto* p = x.box();
      switch (x.kind()) {
        case CNODE_BITS:
        case CNODE_BITS_SHARED:
          m.add(CNODE_HEADER(CNODE_BITS, x.size()));
          m.add(x.bytes());
          break;
        case CNODE_REF: {  // trailing zero words do not count
          m.add(std::uint64_t{CNODE_REF});
          m.add(p[1]);
          auto n = x.size();
          while (n && ref_id(p, n - 1) == 0) --n;
          for (std::uint64_t i = 0; i < n; ++i) m.add(std::uint64_t{ref_id(p, i)});
          break;
        }
        case CNODE_NATIVE: m.add(p[2]); break;
        case CNODE_FUN:
          m.add(p[0]);
          m.add(p[fun_word::arity_index] & 0xffffffff);
          m.add(p[fun_word::module]);
          if (now.n) todo.push(now);
          now = {p + fun_word::env, x.size() + 1 - fun_word::env};
          break;
        case CNODE_PID:  // a pid of ours may lie boxed
          if (p[1] == (static_cast<cnode_term>(this_node().creation) << 32 | this_node().name.atom_index()) &&
              p[2] >> 58 == 0) {
            m.add(cnode_make_local_pid(static_cast<std::uint32_t>(p[2]), static_cast<std::uint32_t>(p[2] >> 32)));
            break;
          }
          [[fallthrough]];
        default: {
          m.add(p[0]);
          const auto r = terms_in(p);
          if (r.first < r.last) {
            if (now.n) todo.push(now);
            now = {p + r.first, r.last - r.first};
          } else {
            for (std::uint64_t i = 1, n = words_of(p); i < n; ++i) m.add(p[i]);
          }
        }
      }
    }
    if (todo.empty()) return m.h;
    now = todo.pop();
  }
}

}  // namespace cnode
