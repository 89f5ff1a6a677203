// Atoms a thread met lately, by their bytes as they travel: the same few come again and again. An atom lives for ever, so an entry is
// never wrong, only replaced.
#pragma once

#include <cstdint>
#include <cstring>

#include <cnode/term_layout.h>

#include "atom_entry.hpp"

namespace cnode::etf {

class atom_memo {
 public:
  // A name of n bytes at p as it is looked for. 8 bytes at p must be readable, and all n; n is not 0.
  struct key {
    std::uint64_t first, last;  // its first and last 8 bytes
    std::uint32_t kind;         // length, and whether it is Latin-1
  };
  static key key_of(const std::uint8_t* p, std::size_t n, bool latin1) {
    key k{0, 0, static_cast<std::uint32_t>(n) | (latin1 ? 1u << 16 : 0)};
    std::memcpy(&k.first, p, 8);
    if (n < 8) k.first <<= 64 - 8 * n;
    else std::memcpy(&k.last, p + n - 8, 8);
    return k;
  }
  // The same for a name of less than 8 bytes behind which none need be readable: it ends what was received.
  static key key_at_end(const std::uint8_t* p, std::size_t n, bool latin1) {
    std::uint64_t v;
    if (n >= 4) {
      std::uint32_t first, last;
      std::memcpy(&first, p, 4);
      std::memcpy(&last, p + n - 4, 4);
      v = first | static_cast<std::uint64_t>(last) << (n - 4) * 8;
    } else {
      v = p[0] | static_cast<std::uint64_t>(p[n / 2]) << n / 2 * 8 | static_cast<std::uint64_t>(p[n - 1]) << (n - 1) * 8;
    }
    return {v << (64 - 8 * n), 0, static_cast<std::uint32_t>(n) | (latin1 ? 1u << 16 : 0)};
  }
  // none when it is not here.
  cnode_term find(key k, const std::uint8_t* p, std::size_t n) {
    const auto& e = entries_[place(k)];
    if (e.k.first == k.first && e.k.last == k.last && e.k.kind == k.kind && n <= 16) return cnode_make_atom(e.index);
    return find_behind(k.first, k.last, k.kind, p, n);
  }
  // What find() did not find. What is in its place moves to the one beside it.
  void add(key k, cnode_term atom) {
    const auto i = place(k);
    entries_[i ^ 1] = entries_[i];
    entries_[i] = {k, cnode_atom_index(atom)};
  }

 private:
  static constexpr unsigned bits = 9;
  struct entry {
    key k = {};
    std::uint32_t index = 0;
  };
  static std::size_t place(const key& k) {
    return static_cast<std::size_t>((k.first ^ k.last << 32 ^ k.last >> 32) * 0x9e3779b97f4a7c15u >> (64 - bits));
  }
  // In both places it may be at; the one met last stands first.
  [[gnu::noinline]] cnode_term find_behind(std::uint64_t first, std::uint64_t last, std::uint32_t kind, const std::uint8_t* p, std::size_t n) {
    const auto here = place({first, last, kind});
    for (const auto i : {here, here ^ 1}) {
      const auto e = entries_[i];
      if (e.k.first != first || e.k.last != last || e.k.kind != kind) continue;
      if (n > 16) {
        const auto& a = atom_at(e.index);
        if (a.size != n || std::memcmp(a.text + 8, p + 8, n - 16) != 0) continue;
      }
      entries_[i] = entries_[here];
      entries_[here] = e;
      return cnode_make_atom(e.index);
    }
    return CNODE_NONE;
  }

  entry entries_[1u << bits];
};

extern constinit thread_local atom_memo atoms_met;

}  // namespace cnode::etf
