// How the atom table keeps one atom; shared with the comparison, which is why it is not private to the table.
#pragma once

#include <atomic>
#include <cstdint>

namespace cnode {

struct atom_entry {
  std::uint64_t prefix;  // the first 8 bytes, big-endian, zero padded: orders most atoms in one comparison
  const char* text;      // never freed
  std::uint32_t size;
  std::uint32_t hash;
  std::uint32_t next;    // index + 1 of the next atom in the same bucket
};

constexpr std::uint32_t atom_segment_bits = 12;
constexpr std::uint32_t atom_segment_size = 1u << atom_segment_bits;
constexpr std::uint32_t atom_segments = 1u << 14;
extern std::atomic<atom_entry*> atom_segment_table[atom_segments];

// `index` comes from a term: whoever holds the term has seen the entry written.
inline const atom_entry& atom_at(std::uint32_t index) {
  return atom_segment_table[index >> atom_segment_bits].load(std::memory_order_acquire)[index & (atom_segment_size - 1)];
}

}  // namespace cnode
