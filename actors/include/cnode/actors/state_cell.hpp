// The state of a server between two callbacks.
//
// A callback returns its new state as a term that may share structure with the old one, with the message and with what it built. The
// cell copies only what is new, into the arena the old parts lie in; when the arena is full the living state is copied into a fresh
// one. So a step costs what the callback changed, and memory stays within a small factor of the state's size.
//
// Owned by one process; used on its thread only.
#pragma once

#include <cstddef>

#include <cnode/protocol/block.hpp>

namespace cnode::actors {

class state_cell {
 public:
  // Valid until the next set, clear or compact. none before the first set.
  term get() const { return state_; }
  // The terms must be valid while set runs; the caller's terms that point into the former state are not valid after it.
  void set(term state);
  void clear();
  // Gives back what the present state does not need (hibernate).
  void compact();
  // May the arena, garbage included, hold native objects or shared bytes?
  bool holds_outside() const { return outside_ + outside_live_ > 0; }
  // Words of the arena in use, garbage included.
  std::size_t held_words() const { return arena_ ? arena_->used_words() : 0; }

 private:
  bool holds(term t) const;
  // Words that copying `t` takes, without what the arena already holds; sets `shares` when something of it is used.
  std::size_t measure(term t, bool& shares);
  term add(term t);
  void renew(term t);

  term state_;
  block_ptr arena_;
  const cnode_term* begin_ = nullptr;
  const cnode_term* end_ = nullptr;
  std::size_t outside_ = 0;       // words held outside the arena (shared bytes, native objects) by copies since the last renewal
  std::size_t outside_live_ = 0;  // the same, right after it
};

}  // namespace cnode::actors
