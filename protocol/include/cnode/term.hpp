// A term as seen from C++: one word, read inline. Used by the host and by callback modules alike.
//
// A `term` owns nothing: it is valid as long as the block (heap) it lies in, as a string_view is
// valid as long as its string. Atoms, small integers, [] and pids of this node lie in no block and
// are always valid. Reading never allocates and never fails: ask is_...() first, the accessors
// assert in debug builds only.
#pragma once

#include <cassert>
#include <cstdint>
#include <cstring>
#include <string_view>

#include <cnode/term_layout.h>

namespace cnode {

class term {
 public:
  constexpr term() = default;
  constexpr explicit term(cnode_term word) : word_(word) {}

  constexpr cnode_term word() const { return word_; }
  constexpr explicit operator bool() const { return word_ != CNODE_NONE; }

  // The same word: equality of immediates, identity of everything else. Not Erlang's ==.
  constexpr bool same(term other) const { return word_ == other.word_; }

  bool is_small() const { return cnode_is_small(word_); }
  bool is_atom() const { return cnode_is_atom(word_); }
  bool is_nil() const { return cnode_is_nil(word_); }
  bool is_cons() const { return cnode_is_cons(word_); }
  bool is_list() const { return is_cons() || is_nil(); }
  bool is_boxed() const { return cnode_is_boxed(word_); }
  bool is_local_pid() const { return cnode_is_local_pid(word_); }
  unsigned kind() const { return cnode_kind(word_); }  // CNODE_TUPLE ...; 0 when not boxed

  bool is_tuple() const { return kind() == CNODE_TUPLE; }
  bool is_tuple(std::uint64_t arity) const { return is_boxed() && *box() == CNODE_HEADER(CNODE_TUPLE, arity); }
  bool is_map() const { return kind() == CNODE_MAP; }
  bool is_float() const { return kind() == CNODE_FLOAT; }
  bool is_big() const { return kind() == CNODE_BIG_POS || kind() == CNODE_BIG_NEG; }
  bool is_integer() const { return is_small() || is_big(); }
  bool is_number() const { return is_integer() || is_float(); }
  bool is_bitstring() const { return kind() == CNODE_BITS || kind() == CNODE_BITS_SHARED; }
  bool is_binary() const { return is_bitstring() && (size() & 7) == 0; }
  bool is_pid() const { return is_local_pid() || kind() == CNODE_PID; }
  bool is_port() const { return kind() == CNODE_PORT; }
  bool is_ref() const { return kind() == CNODE_REF; }
  bool is_fun() const { return kind() == CNODE_EXPORT || kind() == CNODE_FUN; }
  bool is_native() const { return kind() == CNODE_NATIVE; }

  // Small integers only.
  std::int64_t small() const { return cnode_small_value(word_); }
  std::uint32_t atom_index() const { return cnode_atom_index(word_); }
  double float_value() const {
    double d;
    std::memcpy(&d, box() + 1, sizeof d);
    return d;
  }

  // The number in a boxed object's header: arity, pairs, limbs, bits.
  std::uint64_t size() const { return cnode_header_size(*box()); }
  std::uint64_t arity() const { return size(); }
  // Elements count from 0, unlike Erlang's element/2.
  term element(std::uint64_t i) const {
    assert(i < size());
    return term{box()[1 + i]};
  }
  term operator[](std::uint64_t i) const { return element(i); }

  term head() const { return term{cnode_head(word_)}; }
  term tail() const { return term{cnode_tail(word_)}; }

  std::uint64_t map_size() const { return size(); }
  term map_key(std::uint64_t i) const { return term{box()[1 + i]}; }
  term map_value(std::uint64_t i) const { return term{box()[1 + size() + i]}; }

  // Binaries: the bytes, in the block or in the shared buffer.
  std::string_view bytes() const {
    return {reinterpret_cast<const char*>(cnode_bits_data(word_)), static_cast<std::size_t>((size() + 7) / 8)};
  }

  const cnode_term* box() const { return cnode_boxed_ptr(word_); }

 private:
  cnode_term word_ = CNODE_NONE;
};

static_assert(sizeof(term) == sizeof(cnode_term));

constexpr term nil{CNODE_NIL};
inline term small(std::int64_t v) { return term{cnode_make_small(v)}; }

}  // namespace cnode
