#include <cnode/protocol/block.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "terms/stack.hpp"
#include "terms/utf8.hpp"

namespace cnode {

bool to_int64(term t, std::int64_t& out) {
  if (t.is_small()) {
    out = t.small();
    return true;
  }
  if (!t.is_big() || t.size() != 1) return false;
  const auto m = t.box()[1];
  if (t.kind() == CNODE_BIG_POS) {
    if (m > INT64_MAX) return false;
    out = static_cast<std::int64_t>(m);
  } else {
    if (m > std::uint64_t{1} << 63) return false;
    out = static_cast<std::int64_t>(0 - m);
  }
  return true;
}

bool to_uint64(term t, std::uint64_t& out) {
  if (t.is_small()) {
    if (t.small() < 0) return false;
    out = static_cast<std::uint64_t>(t.small());
    return true;
  }
  if (t.kind() != CNODE_BIG_POS || t.size() != 1) return false;
  out = t.box()[1];
  return true;
}

// Keys are sorted; small maps of atoms are quicker searched word by word.
term map_get(term map, term key) {
  if (!map.is_map()) return {};
  const auto n = map.map_size();
  if ((key.is_atom() || key.is_small()) && n <= 16) {
    for (std::uint64_t i = 0; i < n; ++i)
      if (map.map_key(i).same(key)) return map.map_value(i);
    return {};
  }
  std::uint64_t low = 0, high = n;
  while (low < high) {
    const auto middle = (low + high) / 2;
    const int c = compare_exact(key, map.map_key(middle));
    if (c == 0) return map.map_value(middle);
    if (c < 0) high = middle;
    else low = middle + 1;
  }
  return {};
}

std::int64_t list_length(term t) {
  std::int64_t n = 0;
  for (; t.is_cons(); t = t.tail()) ++n;
  return t.is_nil() ? n : -1;
}

node_id node_of(term t) {
  const auto w = t.box()[1];
  return {term{cnode_make_atom(static_cast<std::uint32_t>(w))}, static_cast<std::uint32_t>(w >> 32)};
}

std::uint32_t pid_id(term pid) {
  return pid.is_local_pid() ? cnode_local_pid_id(pid.word()) : static_cast<std::uint32_t>(pid.box()[2]);
}

std::uint32_t pid_serial(term pid) {
  return pid.is_local_pid() ? cnode_local_pid_serial(pid.word()) : static_cast<std::uint32_t>(pid.box()[2] >> 32);
}

namespace {

// Visits the leaves of an iolist from left to right. A binary may be the tail of a list, an integer may not.
template <class Leaf>
bool walk(term t, Leaf leaf) {
  if (!t.is_list() && !t.is_binary()) return false;
  stack<term> todo;
  todo.push(t);
  while (!todo.empty()) {
    auto at = todo.pop();
    for (;;) {
      if (at.is_nil()) break;
      if (!at.is_cons()) {
        if (!at.is_binary() || !leaf(at)) return false;
        break;
      }
      const auto head = at.head();
      at = at.tail();
      if (head.is_cons()) {
        if (!at.is_nil()) todo.push(at);
        at = head;
      } else if (!head.is_nil() && !((head.is_small() || head.is_binary()) && leaf(head))) {
        return false;
      }
    }
  }
  return true;
}

}  // namespace

bool iolist_to_string(term t, std::string& out) {
  return walk(t, [&](term leaf) {
    if (leaf.is_small()) {
      if (leaf.small() < 0 || leaf.small() > 255) return false;
      out += static_cast<char>(leaf.small());
    } else {
      out += leaf.bytes();
    }
    return true;
  });
}

bool chardata_to_string(term t, std::string& out) {
  return walk(t, [&](term leaf) {
    if (leaf.is_small()) {
      if (leaf.small() < 0 || leaf.small() > 0x10ffff || !utf8::valid(static_cast<std::uint32_t>(leaf.small()))) return false;
      utf8::append(out, static_cast<std::uint32_t>(leaf.small()));
    } else {
      if (utf8::length(leaf.bytes()) == utf8::bad) return false;
      out += leaf.bytes();
    }
    return true;
  });
}

}  // namespace cnode
