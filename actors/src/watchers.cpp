#include "watchers.hpp"

#include <utility>

namespace cnode::actors {

namespace {

constexpr std::uint32_t least = 8;

// Name and creation of this node as boxed pids and references hold them.
cnode_term our_node_word() { return static_cast<cnode_term>(this_node().creation) << 32 | this_node().name.atom_index(); }

bool is_ours(term ref, cnode_term us) { return ref.box()[1] == us && ref.size() >= 3; }

std::uint32_t hash_of(term ref) {
  const auto us = our_node_word();
  const auto* p = ref.box();
  std::uint64_t h = p[1];
  if (is_ours(ref, us)) {
    h ^= ref_number(ref);
  } else {
    // Words that are zero at the end do not count, wherever the reference ends.
    const auto n = ref.size();
    const auto pair = [&](unsigned i) { return n == 2 * i + 1 ? static_cast<std::uint32_t>(p[2 + i]) : p[2 + i]; };
    h ^= pair(0);
    if (n > 2) h ^= pair(1) * 0xff51afd7ed558ccdu;
    if (n > 4) h ^= pair(2) * 0xc4ceb9fe1a85ec53u;
  }
  h *= 0x9e3779b97f4a7c15u;
  return static_cast<std::uint32_t>(h >> 32);
}

bool same_ref(term a, term b) {
  const auto *p = a.box(), *q = b.box();
  if (p[1] != q[1]) return false;
  if (p[0] == q[0] && p[2] == q[2] && a.size() <= 2) return true;
  if (p[0] == q[0] && p[2] == q[2] && p[3] == q[3] && a.size() <= 4) return true;
  const auto us = our_node_word();
  if (is_ours(a, us) && is_ours(b, us)) return ref_number(a) == ref_number(b);
  return exactly_equal(a, b);
}

}  // namespace

watcher_table::~watcher_table() {
  for (std::size_t i = 0; i < capacity_; ++i)
    if (slots_[i].monitor) drop(slots_[i]);
}

watcher_table::slot* watcher_table::find(term ref, std::uint32_t hash) {
  if (capacity_ == 0) return nullptr;
  for (auto i = hash & (capacity_ - 1);; i = (i + 1) & (capacity_ - 1)) {
    auto& s = slots_[i];
    if (!s.monitor) return nullptr;
    if (s.hash == hash && same_ref(s.monitor->root[1], ref)) return &s;
  }
}

void watcher_table::insert(slot s) {
  auto i = s.hash & (capacity_ - 1);
  while (slots_[i].monitor) i = (i + 1) & (capacity_ - 1);
  slots_[i] = s;
}

void watcher_table::put(block_ptr monitor) {
  const auto ref = monitor->root[1];
  const auto hash = hash_of(ref);
  if (auto* there = find(ref, hash)) {
    block_ptr gone{there->monitor};
    there->monitor = monitor.release();
    return;
  }
  ++size_;
  if (2 * size_ > capacity_) resize();
  insert({monitor.release(), hash});
}

void watcher_table::erase(term ref) {
  if (size_ == 0) return;
  auto* there = find(ref, hash_of(ref));
  if (!there) return;
  drop(*there);
  close_gap(static_cast<std::size_t>(there - slots_.get()));
  if (capacity_ > 64 && size_ < capacity_ / 16) resize();
}

void watcher_table::drop(slot& s) {
  block_ptr gone{s.monitor};
  s.monitor = nullptr;
  --size_;
}

// Those behind a free slot move up as far as the places their hashes name, so that searches still find them.
void watcher_table::close_gap(std::size_t at) {
  const std::size_t mask = capacity_ - 1;
  for (auto i = (at + 1) & mask; slots_[i].monitor; i = (i + 1) & mask) {
    if (((i - slots_[i].hash) & mask) < ((i - at) & mask)) continue;
    slots_[at] = slots_[i];
    slots_[i].monitor = nullptr;
    at = i;
  }
}

void watcher_table::resize() {
  auto capacity = least;
  while (capacity < 4 * std::uint64_t{size_}) capacity *= 2;
  const auto former = std::exchange(slots_, std::make_unique<slot[]>(capacity));
  const auto n = std::exchange(capacity_, capacity);
  for (std::size_t i = 0; i < n; ++i)
    if (former[i].monitor) insert(former[i]);
}

std::size_t watcher_table::bytes() const {
  std::size_t words = 0;
  for (std::size_t i = 0; i < capacity_; ++i)
    if (const auto* b = slots_[i].monitor) words += b->used_words();
  return capacity_ * sizeof(slot) + size_ * sizeof(block) + words * sizeof(cnode_term);
}

}  // namespace cnode::actors
