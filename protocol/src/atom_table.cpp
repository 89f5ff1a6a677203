#include <cnode/protocol/atom_table.hpp>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <mutex>

#include "atom_entry.hpp"
#include "terms/utf8.hpp"

// Reading takes no lock: entries never move or change once they can be reached, buckets are heads of chains that only
// grow at the front. One mutex orders the writers, who are rare.

namespace cnode {

std::atomic<atom_entry*> atom_segment_table[atom_segments];

namespace {

// As many buckets are in use as there are atoms, within limits, so that a node of few atoms touches few pages. Twice as many begin as copies
// of the heads there were: chains share their older part.
constexpr std::uint32_t least_buckets = 1u << 12, most_buckets = 1u << 18;
std::atomic<std::uint32_t> buckets[most_buckets];  // index + 1
std::atomic<std::uint32_t> bucket_mask{least_buckets - 1};
std::atomic<std::uint32_t> count{0};
std::atomic<std::uint32_t> limit{1u << 20};
constinit std::mutex writing;
constexpr std::size_t max_characters = 255;
constexpr std::size_t max_bytes = max_characters * 4;
constexpr std::uint32_t absent = 0xffffffff;

// Up to 7 bytes as memcpy into a zero would lay them, without a call whose size is not known.
std::uint64_t load_short(const char* p, std::size_t n) {
  if (n >= 4) {
    std::uint32_t first, last;
    std::memcpy(&first, p, 4);
    std::memcpy(&last, p + n - 4, 4);
    return first | static_cast<std::uint64_t>(last) << (n - 4) * 8;
  }
  if (n == 0) return 0;
  const auto byte = [&](std::size_t i) { return static_cast<std::uint64_t>(static_cast<std::uint8_t>(p[i])) << i * 8; };
  return byte(0) | byte(n / 2) | byte(n - 1);
}

std::uint64_t prefix_of(std::string_view s) {
  std::uint64_t w;
  if (s.size() >= 8) std::memcpy(&w, s.data(), 8);
  else w = load_short(s.data(), s.size());
  return __builtin_bswap64(w);
}

std::uint32_t hash_of(std::string_view s) {
  std::uint64_t h = 0x9e3779b97f4a7c15u ^ s.size();
  const char* p = s.data();
  std::size_t n = s.size();
  while (n >= 8) {
    std::uint64_t w;
    std::memcpy(&w, p, 8);
    h = (h ^ w) * 0xff51afd7ed558ccdu;
    h ^= h >> 32;
    p += 8;
    n -= 8;
  }
  h = (h ^ load_short(p, n)) * 0xc4ceb9fe1a85ec53u;
  return static_cast<std::uint32_t>(h ^ h >> 32);
}

std::uint32_t look_up(std::string_view s, std::uint32_t hash) {
  const auto prefix = prefix_of(s);
  auto i = buckets[hash & bucket_mask.load(std::memory_order_acquire)].load(std::memory_order_acquire);
  while (i) {
    const auto& e = atom_at(i - 1);
    if (e.hash == hash && e.size == s.size() && e.prefix == prefix && (s.size() <= 8 || std::memcmp(e.text + 8, s.data() + 8, s.size() - 8) == 0))
      return i - 1;
    i = e.next;
  }
  return absent;
}

// `writing` held. A reader that still uses the mask before misses what is made from now on, which nobody can have told it of.
void add_buckets(std::uint32_t atoms) {
  const auto mask = bucket_mask.load(std::memory_order_relaxed);
  if (atoms <= mask || mask + 1 == most_buckets) return;
  for (std::uint32_t b = 0; b <= mask; ++b) buckets[mask + 1 + b].store(buckets[b].load(std::memory_order_relaxed), std::memory_order_relaxed);
  bucket_mask.store(2 * mask + 1, std::memory_order_release);
}

// Texts lie one after the other in pages that are never freed.
char* keep_text(std::string_view s) {
  static char* at = nullptr;
  static std::size_t left = 0;
  if (left < s.size() + 1) {
    left = 64 * 1024;
    at = static_cast<char*>(std::malloc(left));
    if (!at) return nullptr;
  }
  char* p = at;
  if (!s.empty()) std::memcpy(p, s.data(), s.size());
  p[s.size()] = 0;
  at += s.size() + 1;
  left -= s.size() + 1;
  return p;
}

}  // namespace

term find_atom(std::string_view s) {
  if (s.size() > max_bytes) return {};
  const auto i = look_up(s, hash_of(s));
  return i == absent ? term{} : term{cnode_make_atom(i)};
}

term find_or_make_atom(std::string_view s) {
  if (s.size() > max_bytes) return {};
  const auto hash = hash_of(s);
  auto found = look_up(s, hash);
  if (found != absent) return term{cnode_make_atom(found)};
  if (utf8::length(s) > max_characters) return {};

  std::lock_guard lock(writing);
  found = look_up(s, hash);
  if (found != absent) return term{cnode_make_atom(found)};
  const auto index = count.load(std::memory_order_relaxed);
  if (index >= limit.load(std::memory_order_relaxed)) return {};
  auto& segment = atom_segment_table[index >> atom_segment_bits];
  auto* entries = segment.load(std::memory_order_relaxed);
  if (!entries) {
    entries = static_cast<atom_entry*>(std::calloc(atom_segment_size, sizeof(atom_entry)));
    if (!entries) return {};
  }
  auto* text = keep_text(s);
  if (!text) {
    if (!segment.load(std::memory_order_relaxed)) std::free(entries);
    return {};
  }
  add_buckets(index);
  auto& bucket = buckets[hash & bucket_mask.load(std::memory_order_relaxed)];
  entries[index & (atom_segment_size - 1)] = {prefix_of(s), text, static_cast<std::uint32_t>(s.size()), hash,
                                              bucket.load(std::memory_order_relaxed)};
  segment.store(entries, std::memory_order_release);
  count.store(index + 1, std::memory_order_release);
  bucket.store(index + 1, std::memory_order_release);
  return term{cnode_make_atom(index)};
}

std::string_view atom_text(term a) {
  const auto& e = atom_at(a.atom_index());
  return {e.text, e.size};
}

term atom(std::string_view s) {
  const auto t = find_or_make_atom(s);
  if (!t) {
    std::fprintf(stderr, "cnode: no room for the atom '%.*s', or it is none\n", static_cast<int>(s.size()), s.data());
    std::abort();
  }
  return t;
}

std::uint32_t atom_count() { return count.load(std::memory_order_acquire); }

void set_atom_limit(std::uint32_t n) {
  constexpr std::uint32_t most = atom_segments * atom_segment_size;
  limit.store(n < most ? n : most, std::memory_order_relaxed);
}

}  // namespace cnode
