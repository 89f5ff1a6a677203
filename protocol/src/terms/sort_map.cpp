#include "terms/sort_map.hpp"

#include <algorithm>
#include <bit>
#include <cstdint>
#include <cstring>

#include <cnode/protocol/term_order.hpp>

#include "atom_entry.hpp"
#include "terms/kept_memory.hpp"

// Keys of one sort have a rank: a number that orders them, except that keys of the same rank need a look at the whole. Small integers
// never do. Ranks are sorted with a radix sort when there are many; where the pairs came in order, as from a map of atoms, nothing is.

namespace cnode {

namespace {

struct pair {
  cnode_term key, value;
};
struct ranked {
  std::uint64_t rank;
  std::uint64_t place;  // of small integers the value itself: the rank holds the key
};
static_assert(sizeof(pair) == sizeof(ranked));

enum class sort : unsigned { smalls, atoms, bits, mixed };

sort sort_of(cnode_term key) {
  if (cnode_is_small(key)) return sort::smalls;
  if (cnode_is_atom(key)) return sort::atoms;
  const auto kind = cnode_kind(key);
  return kind == CNODE_BITS || kind == CNODE_BITS_SHARED ? sort::bits : sort::mixed;
}

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

std::uint64_t first_bytes(cnode_term bits) {
  const auto s = term{bits}.bytes();
  std::uint64_t w = 0;
  if (s.size() >= 8) std::memcpy(&w, s.data(), 8);
  else if (!s.empty()) std::memcpy(&w, s.data(), s.size());
  return __builtin_bswap64(w);
}

inline std::uint64_t rank_of(cnode_term key, sort s) {
  switch (s) {
    case sort::smalls: return key ^ sign_bit;
    case sort::atoms: return atom_at(cnode_atom_index(key)).prefix;
    case sort::bits: return first_bytes(key);
    default: return 0;
  }
}

// Of keys whose ranks are the same.
int compare_rest(cnode_term a, cnode_term b, sort s) { return s == sort::smalls ? 0 : compare_exact(term{a}, term{b}); }

// Keys, then values, from pairs that lie elsewhere.
void lay_out(cnode_term* box, const pair* pairs, std::uint64_t n) {
  auto* keys = box + 1;
  auto* values = keys + n;
  for (std::uint64_t i = 0; i < n; ++i) {
    keys[i] = pairs[i].key;
    values[i] = pairs[i].value;
  }
}

constexpr std::uint64_t few = 32;
enum class outcome { sorted, equal_keys, other_sort };

// Nearly always the pairs come in order and each goes to the end.
template <sort s>
outcome sort_few(cnode_term* box, std::uint64_t n) {
  cnode_term keys[few], values[few];
  std::uint64_t ranks[few];
  std::uint64_t before = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    const auto key = box[1 + 2 * i];
    if (s != sort::mixed && sort_of(key) != s) return outcome::other_sort;
    const auto rank = rank_of(key, s);
    auto j = i;
    if (rank <= before) [[unlikely]] {
      for (; j > 0 && ranks[j - 1] >= rank; --j) {
        if (ranks[j - 1] == rank) {
          const int c = compare_rest(keys[j - 1], key, s);
          if (c == 0) return outcome::equal_keys;
          if (c < 0) break;
        }
        ranks[j] = ranks[j - 1];
        keys[j] = keys[j - 1];
        values[j] = values[j - 1];
      }
    }
    before = std::max(before, rank);
    ranks[j] = rank;
    keys[j] = key;
    values[j] = box[2 + 2 * i];
  }
  auto* to = box + 1;
  for (std::uint64_t i = 0; i < n; ++i) {
    to[i] = keys[i];
    to[n + i] = values[i];
  }
  return outcome::sorted;
}

bool sort_few(cnode_term* box, std::uint64_t n) {
  auto done = outcome::other_sort;
  switch (sort_of(box[1])) {
    case sort::smalls: done = sort_few<sort::smalls>(box, n); break;
    case sort::atoms: done = sort_few<sort::atoms>(box, n); break;
    case sort::bits: done = sort_few<sort::bits>(box, n); break;
    default: break;
  }
  if (done == outcome::other_sort) done = sort_few<sort::mixed>(box, n);
  return done == outcome::sorted;
}

struct scratch {
  kept_memory::piece piece;
  explicit scratch(std::size_t bytes) : piece(kept_memory::take(bytes)) {}
  scratch(const scratch&) = delete;
  scratch& operator=(const scratch&) = delete;
  ~scratch() { kept_memory::give(piece); }
  template <class T>
  T* as() const {
    return static_cast<T*>(piece.memory);
  }
};

// Least significant digit first, only over the bits in which the ranks differ from the lowest one.
ranked* radix_sort(ranked* a, ranked* b, std::uint64_t n, std::uint64_t lowest, std::uint64_t highest, unsigned from) {
  constexpr unsigned most_bits = 8;
  const unsigned width = static_cast<unsigned>(std::bit_width(highest - lowest)) - from;
  const unsigned passes = (width + most_bits - 1) / most_bits, bits = (width + passes - 1) / passes;
  const std::uint64_t mask = (std::uint64_t{1} << bits) - 1;
  std::uint32_t at[1u << most_bits];
  for (unsigned p = 0; p < passes; ++p) {
    const auto shift = from + p * bits;
    std::memset(at, 0, sizeof at[0] << bits);
    for (std::uint64_t i = 0; i < n; ++i) ++at[(a[i].rank - lowest) >> shift & mask];
    std::uint32_t sum = 0;
    for (std::uint64_t d = 0; d <= mask; ++d) {
      const auto here = at[d];
      at[d] = sum;
      sum += here;
    }
    for (std::uint64_t i = 0; i < n; ++i) b[at[(a[i].rank - lowest) >> shift & mask]++] = a[i];
    std::swap(a, b);
  }
  return a;
}

// Returns where the result lies: a or b.
ranked* sort_ranks(ranked* a, ranked* b, std::uint64_t n) {
  std::uint64_t lowest = UINT64_MAX, highest = 0, differ = 0;
  for (std::uint64_t i = 0; i < n; ++i) {
    lowest = std::min(lowest, a[i].rank);
    highest = std::max(highest, a[i].rank);
    differ |= a[i].rank ^ a[0].rank;
  }
  constexpr std::uint64_t worth_counting = 256;
  if (differ == 0) return a;
  if (n >= worth_counting && n <= UINT32_MAX) return radix_sort(a, b, n, lowest, highest, static_cast<unsigned>(std::countr_zero(differ)));
  std::sort(a, a + n, [](const ranked& x, const ranked& y) { return x.rank < y.rank; });
  return a;
}

// Keys that lie close together, as those of most large maps of integers do: their values in an array with a place for every key between
// the lowest and the highest.
bool sort_dense(cnode_term* box, std::uint64_t n, cnode_term lowest, std::uint64_t places) {
  const scratch array(places * sizeof(cnode_term));
  auto* values = array.as<cnode_term>();
  std::memset(values, 0, places * sizeof(cnode_term));
  for (std::uint64_t i = 0; i < n; ++i) {
    auto& v = values[(box[1 + 2 * i] - lowest) >> 2];
    if (v != CNODE_NONE) return false;
    v = box[2 + 2 * i];
  }
  auto* key = box + 1;
  auto* value = key + n;
  for (std::uint64_t i = 0; i < places; ++i) {
    if (values[i] == CNODE_NONE) continue;
    *key++ = lowest + (i << 2);
    *value++ = values[i];
  }
  return true;
}

bool sort_smalls(cnode_term* box, std::uint64_t n) {
  auto lowest = box[1] ^ sign_bit, highest = lowest;
  for (std::uint64_t i = 1; i < n; ++i) {
    lowest = std::min(lowest, box[1 + 2 * i] ^ sign_bit);
    highest = std::max(highest, box[1 + 2 * i] ^ sign_bit);
  }
  if (const auto between = (highest - lowest) >> 2; between < 4 * n) return sort_dense(box, n, lowest ^ sign_bit, between + 1);
  const scratch first(n * sizeof(ranked)), second(n * sizeof(ranked));
  auto* a = first.as<ranked>();
  for (std::uint64_t i = 0; i < n; ++i) a[i] = {box[1 + 2 * i] ^ sign_bit, box[2 + 2 * i]};
  a = sort_ranks(a, second.as<ranked>(), n);
  auto* keys = box + 1;
  auto* values = keys + n;
  bool distinct = true;
  for (std::uint64_t i = 0, before = ~a[0].rank; i < n; before = a[i++].rank) {
    distinct &= a[i].rank != before;
    keys[i] = a[i].rank ^ sign_bit;
    values[i] = a[i].place;
  }
  return distinct;
}

bool sort_mixed(cnode_term* box, std::uint64_t n) {
  const scratch copy(n * sizeof(pair));
  auto* pairs = copy.as<pair>();
  std::memcpy(static_cast<void*>(pairs), box + 1, n * sizeof(pair));
  std::sort(pairs, pairs + n, [](const pair& a, const pair& b) { return compare_exact(term{a.key}, term{b.key}) < 0; });
  for (std::uint64_t i = 1; i < n; ++i)
    if (compare_exact(term{pairs[i - 1].key}, term{pairs[i].key}) == 0) return false;
  lay_out(box, pairs, n);
  return true;
}

bool sort_many(cnode_term* box, std::uint64_t n, sort s) {
  const scratch copy(n * sizeof(pair)), first(n * sizeof(ranked)), second(n * sizeof(ranked));
  auto* pairs = copy.as<pair>();
  std::memcpy(static_cast<void*>(pairs), box + 1, n * sizeof(pair));
  auto* a = first.as<ranked>();
  for (std::uint64_t i = 0; i < n; ++i) a[i] = {rank_of(pairs[i].key, s), i};
  a = sort_ranks(a, second.as<ranked>(), n);
  auto* keys = box + 1;
  auto* values = keys + n;
  const auto less = [&](const ranked& x, const ranked& y) { return compare_exact(term{pairs[x.place].key}, term{pairs[y.place].key}) < 0; };
  for (std::uint64_t i = 0, end; i < n; i = end) {
    for (end = i + 1; end < n && a[end].rank == a[i].rank;) ++end;
    if (end - i == 1) continue;
    std::sort(a + i, a + end, less);
    for (auto k = i + 1; k < end; ++k)
      if (!less(a[k - 1], a[k])) return false;
  }
  for (std::uint64_t i = 0; i < n; ++i) {
    keys[i] = pairs[a[i].place].key;
    values[i] = pairs[a[i].place].value;
  }
  return true;
}

// Values out of the way, keys together, values behind them.
void split(cnode_term* box, std::uint64_t n) {
  const scratch values(n * sizeof(cnode_term));
  auto* kept = values.as<cnode_term>();
  for (std::uint64_t i = 0; i < n; ++i) {
    kept[i] = box[2 + 2 * i];
    box[1 + i] = box[1 + 2 * i];
  }
  std::memcpy(box + 1 + n, kept, n * sizeof(cnode_term));
}

}  // namespace

bool sort_map(cnode_term* box) {
  const auto n = cnode_header_size(*box);
  if (n < 2) return true;
  if (n <= few) return sort_few(box, n);
  auto s = sort_of(box[1]);
  for (std::uint64_t i = 1; i < n && s != sort::mixed; ++i)
    if (sort_of(box[1 + 2 * i]) != s) s = sort::mixed;
  const auto follows = [&](std::uint64_t i) {
    const auto a = box[2 * i - 1], b = box[2 * i + 1];
    const auto x = rank_of(a, s), y = rank_of(b, s);
    return x < y || (x == y && compare_rest(a, b, s) < 0);
  };
  std::uint64_t i = 1;
  while (i < n && follows(i)) ++i;
  if (i == n) {
    split(box, n);
    return true;
  }
  return s == sort::smalls ? sort_smalls(box, n) : s == sort::mixed ? sort_mixed(box, n) : sort_many(box, n, s);
}

}  // namespace cnode
