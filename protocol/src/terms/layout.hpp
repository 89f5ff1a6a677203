// Which words of a boxed object are terms, for everything that walks whole terms.
#pragma once

#include <cstdint>

#include <cnode/term.hpp>

namespace cnode {

// Offsets of the fields of CNODE_FUN and CNODE_RECORD, counted from the header.
namespace fun_word {
constexpr unsigned uniq = 1, arity_index = 3, module = 4, old_index = 5, old_uniq = 6, pid = 7, env = 8;
}
// Field names follow, then as many values.
namespace record_word {
constexpr unsigned module = 1, name = 2, exported = 3, names = 4;
}

struct word_range {
  std::uint64_t first, last;  // [first, last) of the object's words are terms
};

inline word_range terms_in(const cnode_term* box) {
  const auto size = cnode_header_size(*box);
  switch (cnode_header_kind(*box)) {
    case CNODE_TUPLE: return {1, 1 + size};
    case CNODE_MAP: return {1, 1 + 2 * size};
    case CNODE_EXPORT:
    case CNODE_RECORD: return {1, 1 + size};
    case CNODE_FUN: return {fun_word::module, 1 + size};
    default: return {1, 1};
  }
}

// Words of the object, header included.
inline std::uint64_t words_of(const cnode_term* box) {
  const auto size = cnode_header_size(*box);
  switch (cnode_header_kind(*box)) {
    case CNODE_MAP: return 1 + 2 * size;
    case CNODE_BITS: return 1 + (size + 63) / 64;
    case CNODE_BITS_SHARED: return 4;
    case CNODE_REF: return 2 + (size + 1) / 2;
    case CNODE_NATIVE: return 3;
    default: return 1 + size;
  }
}

inline std::uint64_t record_fields(const cnode_term* box) { return (cnode_header_size(*box) - 3) / 2; }

// The 32-bit words of a reference.
inline std::uint32_t ref_id(const cnode_term* box, std::uint64_t i) {
  return static_cast<std::uint32_t>(box[2 + i / 2] >> (i % 2 * 32));
}

}  // namespace cnode
