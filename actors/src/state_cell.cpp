#include <cnode/actors/state_cell.hpp>

#include <algorithm>
#include <vector>

namespace cnode::actors {

namespace {

constexpr std::size_t smallest_arena = 32;
// A native object counts as much as a small binary: what it owns is not known here.
constexpr std::size_t native_weight = 64;
constexpr std::size_t outside_floor = 8192;

bool is_immediate(term t) { return !t || (!t.is_boxed() && !t.is_cons()); }

const cnode_term* address(term t) { return t.is_cons() ? cnode_cons_ptr(t.word()) : t.box(); }

// Words of a boxed object that are terms themselves: [first, last) behind the header.
struct element_range {
  std::size_t first, last;
};
element_range elements(term t) {
  switch (t.kind()) {
    case CNODE_TUPLE: return {1, 1 + t.size()};
    case CNODE_MAP: return {1, 1 + 2 * t.size()};
    case CNODE_EXPORT: return {1, 1 + t.size()};
    case CNODE_FUN: return {4, 1 + t.size()};
    case CNODE_RECORD: return {1, 1 + t.size()};
    default: return {0, 0};
  }
}

std::size_t leaf_words(term t) {
  switch (t.kind()) {
    case CNODE_BITS: return 1 + (t.size() + 63) / 64;
    case CNODE_BITS_SHARED: return 4;
    case CNODE_REF: return 2 + (t.size() + 1) / 2;
    default: return 1 + t.size();
  }
}

std::size_t outside_words(term t) {
  if (t.kind() == CNODE_BITS_SHARED) return t.size() / 64 + 1;
  return t.is_native() ? native_weight : 0;
}

}  // namespace

bool state_cell::holds(term t) const {
  const auto* p = address(t);
  return p >= begin_ && p < end_;
}

std::size_t state_cell::measure(term root, bool& shares) {
  std::size_t words = 0;
  std::vector<term> open{root};
  while (!open.empty()) {
    term t = open.back();
    open.pop_back();
    while (t.is_cons()) {  // along a list without filling the stack
      if (holds(t)) break;
      words += 2;
      if (!is_immediate(t.head())) open.push_back(t.head());
      t = t.tail();
    }
    if (is_immediate(t)) continue;
    if (holds(t)) {
      shares = true;
      continue;
    }
    if (const auto [first, last] = elements(t); last > first || t.is_tuple() || t.is_map()) {
      words += std::max<std::size_t>(last, 1);
      for (auto i = first; i < last; ++i)
        if (const term e{t.box()[i]}; !is_immediate(e)) open.push_back(e);
    } else {
      words += leaf_words(t);
    }
  }
  return words;
}

// Copies t into the arena, iteratively: `open` holds the words still to be filled in.
term state_cell::add(term root) {
  struct slot {
    cnode_term* where;
    term what;
  };
  cnode_term result = 0;
  std::vector<slot> open{{&result, root}};
  while (!open.empty()) {
    auto [where, t] = open.back();
    open.pop_back();
    while (t.is_cons() && !holds(t)) {
      auto* cell = arena_->reserve(2);
      *where = cnode_make_cons(cell);
      if (is_immediate(t.head())) cell[0] = t.head().word();
      else cell[0] = CNODE_NIL, open.push_back({cell, t.head()});
      cell[1] = CNODE_NIL;
      where = cell + 1;
      t = t.tail();
    }
    if (is_immediate(t) || holds(t)) {
      *where = t.word();
      continue;
    }
    const auto [first, last] = elements(t);
    if (last > first || t.is_tuple() || t.is_map()) {
      const auto n = std::max<std::size_t>(last, 1);
      auto* box = arena_->reserve(n);
      for (std::size_t i = 0; i < std::max<std::size_t>(first, 1); ++i) box[i] = t.box()[i];
      for (auto i = std::max<std::size_t>(first, 1); i < n; ++i) {
        const term e{t.box()[i]};
        box[i] = e.word();
        if (!is_immediate(e)) open.push_back({box + i, e});
      }
      *where = cnode_make_boxed(box);
    } else {
      outside_ += outside_words(t);
      *where = copy(*arena_, t).word();
    }
  }
  return term{result};
}

// A fresh arena that holds nothing but a copy of t, with room for as much again as t takes, and then half.
void state_cell::renew(term t) {
  auto former = std::move(arena_);
  begin_ = end_ = nullptr;
  bool shares = false;
  const auto live = measure(t, shares);
  const auto words = std::max(smallest_arena, live * 3);
  arena_ = block::make(words);
  begin_ = arena_->top;
  end_ = begin_ + words;  // the block may be larger
  outside_ = 0;
  state_ = add(t);
  outside_live_ = outside_;
  outside_ = 0;
}

void state_cell::set(term state) {
  if (state.same(state_)) return;
  if (is_immediate(state)) {
    clear();
    state_ = state;
    return;
  }
  if (!arena_) return renew(state);
  bool shares = holds(state);
  const auto words = shares ? 0 : measure(state, shares);
  const auto room = static_cast<std::size_t>(end_ - arena_->top);
  // A renewal copies at most the living state, and happens only after at least as many words have been added since the last one.
  if (words > room || arena_->top < begin_ || arena_->top > end_ || outside_ > std::max(outside_floor, 2 * outside_live_))
    return renew(state);
  state_ = add(state);
}

void state_cell::clear() {
  arena_.reset();
  begin_ = end_ = nullptr;
  outside_ = outside_live_ = 0;
  state_ = {};
}

void state_cell::compact() {
  if (!arena_) return;
  const term t = state_;
  auto former = std::move(arena_);
  begin_ = end_ = nullptr;
  bool shares = false;
  const auto words = measure(t, shares) + 1;
  arena_ = block::make(words);
  begin_ = arena_->top;
  end_ = begin_ + words;
  outside_ = 0;
  state_ = add(t);
  outside_live_ = outside_;
  outside_ = 0;
}

}  // namespace cnode::actors
