#include <cnode/protocol/term_order.hpp>

#include <cmath>
#include <cstring>

#include <cnode/protocol/block.hpp>
#include <cnode/protocol/local_node.hpp>

#include "atom_entry.hpp"
#include "terms/bignum.hpp"
#include "terms/layout.hpp"
#include "terms/stack.hpp"

// Reads next to erts_cmp_compound in OTP's utils.c. A comparison is a stack of pairs of word arrays; the first
// difference ends it.

namespace cnode {

namespace {

// number < atom < reference < fun < port < pid < tuple < record < map < nil < list < bitstring.
// Native objects never meet a BEAM; they come last.
enum rank : int { r_number, r_atom, r_ref, r_fun, r_port, r_pid, r_tuple, r_record, r_map, r_nil, r_list, r_bits, r_native };

int rank_of(term t) {
  if (t.is_small()) return r_number;
  if (t.is_cons()) return r_list;
  if (t.is_atom()) return r_atom;
  if (t.is_nil()) return r_nil;
  if (t.is_local_pid()) return r_pid;
  switch (t.kind()) {
    case CNODE_TUPLE: return r_tuple;
    case CNODE_MAP: return r_map;
    case CNODE_FLOAT:
    case CNODE_BIG_POS:
    case CNODE_BIG_NEG: return r_number;
    case CNODE_BITS:
    case CNODE_BITS_SHARED: return r_bits;
    case CNODE_PID: return r_pid;
    case CNODE_PORT: return r_port;
    case CNODE_REF: return r_ref;
    case CNODE_EXPORT:
    case CNODE_FUN: return r_fun;
    case CNODE_RECORD: return r_record;
    default: return r_native;
  }
}

template <class T>
int sign(T a, T b) {
  return a < b ? -1 : a > b ? 1 : 0;
}

int compare_atoms(std::uint32_t a, std::uint32_t b) {
  if (a == b) return 0;
  const auto& x = atom_at(a);
  const auto& y = atom_at(b);
  if (x.prefix != y.prefix) return x.prefix < y.prefix ? -1 : 1;
  const int c = std::memcmp(x.text, y.text, x.size < y.size ? x.size : y.size);
  return c ? c : sign(x.size, y.size);
}

int compare_numbers(term a, term b, bool exact) {
  if (a.is_float() && b.is_float()) {
    const double x = a.float_value(), y = b.float_value();
    if (x != y || !exact) return sign(x, y);
    return static_cast<int>(std::signbit(y)) - static_cast<int>(std::signbit(x));  // OTP 27: -0.0 and 0.0 are two keys
  }
  if (a.is_float()) return exact ? 1 : -bignum::compare(b, a.float_value());
  if (b.is_float()) return exact ? -1 : bignum::compare(a, b.float_value());
  if (a.is_small() && b.is_small()) return sign(a.small(), b.small());
  const bool minus_a = bignum::negative(a), minus_b = bignum::negative(b);
  if (minus_a != minus_b) return minus_a ? -1 : 1;
  int c = 0;
  if (a.is_small() || b.is_small()) {
    c = a.is_small() ? -1 : 1;
  } else if (a.size() != b.size()) {
    c = a.size() < b.size() ? -1 : 1;
  } else {
    for (auto i = a.size(); c == 0 && i >= 1; --i) c = sign(a.box()[i], b.box()[i]);
  }
  return minus_a ? -c : c;
}

int compare_nodes(node_id a, node_id b) {
  if (a.node.same(b.node)) return sign(a.creation, b.creation);
  return compare_atoms(a.node.atom_index(), b.node.atom_index());
}

node_id pid_node(term t) {
  if (!t.is_local_pid()) return node_of(t);
  return {this_node().name, this_node().creation};
}

int compare_pids(term a, term b) {
  if (const int c = sign(pid_serial(a), pid_serial(b))) return c;
  if (const int c = sign(pid_id(a), pid_id(b))) return c;
  return compare_nodes(pid_node(a), pid_node(b));
}

int compare_ports(term a, term b) {
  if (const int c = compare_nodes(node_of(a), node_of(b))) return c;
  return sign(a.box()[2], b.box()[2]);
}

// By 32-bit words from the last, a missing word being 0.
int compare_refs(term a, term b) {
  if (const int c = compare_nodes(node_of(a), node_of(b))) return c;
  const auto word = [](term t, std::uint64_t i) { return i < t.size() ? ref_id(t.box(), i) : 0u; };
  for (auto i = a.size() > b.size() ? a.size() : b.size(); i-- > 0;)
    if (const int c = sign(word(a, i), word(b, i))) return c;
  return 0;
}

// The unused bits of a last byte are 0, so bytes decide, then the number of bits.
int compare_bits(term a, term b) {
  const auto x = a.bytes(), y = b.bytes();
  const auto whole = (a.size() < b.size() ? a.size() : b.size()) / 8;
  if (whole)
    if (const int c = std::memcmp(x.data(), y.data(), whole)) return c;
  const auto shorter = a.size() < b.size() ? a.size() : b.size();
  if (shorter % 8) {
    const unsigned shift = 8 - static_cast<unsigned>(shorter % 8);
    const int c = sign(static_cast<std::uint8_t>(x[whole]) >> shift, static_cast<std::uint8_t>(y[whole]) >> shift);
    if (c) return c;
  }
  return sign(a.size(), b.size());
}

struct pair_of_arrays {
  const cnode_term* a;
  const cnode_term* b;
  std::uint64_t n;
  bool exact;
};

class comparison {
 public:
  // With `equality` any non-zero result will do, so sizes are looked at first.
  int run(term a, term b, bool exact, bool equality) {
    exact_ = exact;
    equality_ = equality;
    const cnode_term x = a.word(), y = b.word();
    pair_of_arrays now{&x, &y, 1, exact};
    for (;;) {
      while (now.n) {
        const term p{*now.a++}, q{*now.b++};
        --now.n;
        if (p.same(q)) continue;
        if (p.is_small() && q.is_small()) return sign(p.small(), q.small());
        if (p.is_atom() && q.is_atom()) return equality_ ? 1 : compare_atoms(p.atom_index(), q.atom_index());
        const int rp = rank_of(p), rq = rank_of(q);
        if (rp != rq) return rp - rq;
        exact_ = now.exact;
        if (rp < r_tuple || rp == r_bits || rp == r_native) {
          if (const int c = simple(p, q, rp, now)) return c;
          continue;
        }
        if (now.n) todo_.push(now);
        if (const int c = descend(p, q, rp, now)) return c;
      }
      if (todo_.empty()) return 0;
      now = todo_.pop();
    }
  }

 private:
  int simple(term p, term q, int r, pair_of_arrays& now) {
    switch (r) {
      case r_number: return compare_numbers(p, q, exact_);
      case r_ref: return compare_refs(p, q);
      case r_fun: return compare_funs(p, q, now);
      case r_port: return compare_ports(p, q);
      case r_pid: return compare_pids(p, q);
      case r_bits: return equality_ && p.size() != q.size() ? 1 : compare_bits(p, q);
      default: return sign(p.box()[2], q.box()[2]);
    }
  }

  // Local funs by module, index, old_uniq and environment; exports are greater.
  int compare_funs(term p, term q, pair_of_arrays& now) {
    const auto* x = p.box();
    const auto* y = q.box();
    if (p.kind() != q.kind()) return p.kind() == CNODE_EXPORT ? 1 : -1;
    const auto atoms = [&](unsigned i) { return compare_atoms(term{x[i]}.atom_index(), term{y[i]}.atom_index()); };
    if (p.kind() == CNODE_EXPORT) {
      if (const int c = atoms(1)) return c;
      if (const int c = atoms(2)) return c;
      return compare_numbers(term{x[3]}, term{y[3]}, true);
    }
    if (const int c = atoms(fun_word::module)) return c;
    const auto index = [](const cnode_term* w) { return static_cast<std::uint32_t>(w[fun_word::arity_index]); };
    if (const int c = sign(index(x), index(y))) return c;
    if (const int c = compare_numbers(term{x[fun_word::old_uniq]}, term{y[fun_word::old_uniq]}, true)) return c;
    if (p.size() != q.size()) return sign(p.size(), q.size());
    if (now.n) todo_.push(now);
    now = {x + fun_word::env, y + fun_word::env, p.size() + 1 - fun_word::env, exact_};
    return 0;
  }

  int descend(term p, term q, int r, pair_of_arrays& now) {
    if (r == r_list) {
      const auto* x = cnode_cons_ptr(p.word());
      const auto* y = cnode_cons_ptr(q.word());
      now = {x, y, 2, exact_};  // head and tail lie side by side
      return 0;
    }
    const auto* x = p.box();
    const auto* y = q.box();
    const auto n = p.size();
    if (r == r_record) {
      const int c = comparison().run(term{x[1]}, term{y[1]}, true, equality_);
      if (c) return c;
      if (const int d = comparison().run(term{x[2]}, term{y[2]}, true, equality_)) return d;
      if (x[3] != y[3]) return sign(term{x[3]}.small(), term{y[3]}.small());
      if (n != q.size()) return sign(n, q.size());
      now = {x + record_word::names, y + record_word::names, n - 3, exact_};
      return 0;
    }
    if (n != q.size()) return sign(n, q.size());
    if (r == r_tuple) {
      now = {x + 1, y + 1, n, exact_};
      return 0;
    }
    // Maps: all keys, exactly, then the values.
    if (n) todo_.push({x + 1 + n, y + 1 + n, n, exact_});
    now = {x + 1, y + 1, n, true};
    return 0;
  }

  bool exact_ = false;
  bool equality_ = false;
  stack<pair_of_arrays, 16> todo_;
};

int shortcut(term a, term b, bool& decided) {
  decided = true;
  if (a.same(b)) return 0;
  if (a.is_small() && b.is_small()) return sign(a.small(), b.small());
  if (a.is_atom() && b.is_atom()) return compare_atoms(a.atom_index(), b.atom_index());
  decided = false;
  return 0;
}

}  // namespace

bool exactly_equal(term a, term b) {
  if (a.same(b)) return true;
  const bool inner_a = a.is_boxed() || a.is_cons(), inner_b = b.is_boxed() || b.is_cons();
  if (!inner_a && !inner_b) return false;
  if (a.is_boxed() && b.is_boxed() && a.kind() == CNODE_TUPLE && *a.box() != *b.box()) return false;
  return comparison().run(a, b, true, true) == 0;
}

bool equal(term a, term b) {
  bool decided;
  const int c = shortcut(a, b, decided);
  return decided ? c == 0 : comparison().run(a, b, false, true) == 0;
}

int compare(term a, term b) {
  bool decided;
  const int c = shortcut(a, b, decided);
  return decided ? c : comparison().run(a, b, false, false);
}

int compare_exact(term a, term b) {
  bool decided;
  const int c = shortcut(a, b, decided);
  return decided ? c : comparison().run(a, b, true, false);
}

}  // namespace cnode
