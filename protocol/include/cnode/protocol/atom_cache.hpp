// Atoms of the distribution header (erl_ext_dist, "Distribution Header"). Each direction of a connection has a cache of 2048
// slots; a message lists the slots it uses, with the atom where a slot is new or changes, and its terms name places in that list.
//
// The sender alone decides which atom lies in which slot. Here: by the atom's number, so an atom has one slot for life, and two
// that share it take turns.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include <cnode/protocol/result.hpp>
#include <cnode/term.hpp>

namespace cnode {

constexpr std::size_t atom_cache_slots = 2048;
constexpr std::size_t max_header_atoms = 255;  // of one message

namespace etf {

// Collects the atoms of one message while it is encoded. Owned by one thread at a time; reused.
class atom_writer {
 public:
  atom_writer() { atoms_.reserve(max_header_atoms); }
  void reset() {
    atoms_.clear();
    if (++message_ != 0) return;
    slots_ = {};
    message_ = 1;
  }
  // The place of the atom in the list, or -1: spell it out. That is so beyond 255 atoms and when another atom of the same message
  // has the slot.
  int reference(term atom) {
    auto& s = slots_[atom.atom_index() % atom_cache_slots];
    if (s.message != message_) {
      if (atoms_.size() == max_header_atoms) return -1;
      s = {message_, static_cast<std::uint32_t>(atoms_.size()), atom.word()};
      atoms_.push_back(atom);
    }
    return s.atom == atom.word() ? static_cast<int>(s.place) : -1;
  }
  std::span<const term> atoms() const { return atoms_; }

 private:
  struct slot {
    std::uint32_t message = 0;  // the one that used it last
    std::uint32_t place = 0;
    cnode_term atom = 0;
  };
  std::array<slot, atom_cache_slots> slots_{};
  std::vector<term> atoms_;
  std::uint32_t message_ = 1;
};

}  // namespace etf

namespace dist {

// What the peer's cache holds. The parts of a header leave in the order they are appended here.
class atom_cache_out {
 public:
  // Appends number, flags and atoms.
  void append_header(std::vector<std::uint8_t>& out, std::span<const term> atoms);

 private:
  std::array<cnode_term, atom_cache_slots> slots_{};
};

// What the peer has put into our cache.
class atom_cache_in {
 public:
  // Reads number, flags and atoms at the head of `bytes`; returns how many bytes that were. `caching`: a header without the flag
  // DIST_HDR_ATOM_CACHE has no atoms.
  result<std::size_t> read_header(std::span<const std::uint8_t> bytes, bool caching);
  // Of the header read last.
  std::span<const term> atoms() const { return {atoms_.data(), count_}; }

 private:
  std::array<term, atom_cache_slots> slots_{};
  std::array<term, max_header_atoms> atoms_{};
  std::size_t count_ = 0;
};

}  // namespace dist
}  // namespace cnode
