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
  erase_if([](term) { return true; });
}

block** watcher_table::find(term ref, std::uint32_t hash) {
  block** link = &buckets_[hash & (capacity_ - 1)];
  while (*link && !((*link)->user == hash && same_ref((*link)->root[1], ref))) link = &(*link)->next;
  return link;
}

void watcher_table::put(block_ptr monitor) {
  const auto ref = monitor->root[1];
  const auto hash = hash_of(ref);
  if (capacity_ != 0) {
    if (block** there = find(ref, hash); *there) remove(there);
  }
  if (size_ >= capacity_) resize(capacity_ ? 2 * capacity_ : least);
  auto* b = monitor.release();
  b->user = hash;
  auto& bucket = buckets_[hash & (capacity_ - 1)];
  b->next = bucket;
  bucket = b;
  ++size_;
}

void watcher_table::erase(term ref) {
  if (size_ == 0) return;
  if (block** there = find(ref, hash_of(ref)); *there) remove(there);
  if (capacity_ > 64 && size_ < capacity_ / 8) resize(capacity_ / 2);
}

void watcher_table::remove(block** link) {
  block_ptr gone{*link};
  *link = gone->next;
  gone->next = nullptr;
  --size_;
}

void watcher_table::resize(std::size_t capacity) {
  auto buckets = std::make_unique<block*[]>(capacity);
  for (std::size_t i = 0; i < capacity_; ++i) {
    for (block* b = buckets_[i]; b;) {
      auto* next = b->next;
      auto& bucket = buckets[b->user & (capacity - 1)];
      b->next = bucket;
      bucket = b;
      b = next;
    }
  }
  buckets_ = std::move(buckets);
  capacity_ = static_cast<std::uint32_t>(capacity);
}

std::size_t watcher_table::bytes() const {
  std::size_t words = 0;
  for (std::size_t i = 0; i < capacity_; ++i)
    for (const block* b = buckets_[i]; b; b = b->next) words += b->used_words();
  return capacity_ * sizeof(block*) + size_ * sizeof(block) + words * sizeof(cnode_term);
}

}  // namespace cnode::actors
