#include <algorithm>
#include <cassert>
#include <cmath>
#include <cstring>
#include <numeric>
#include <vector>

#include <cnode/protocol/block.hpp>
#include <cnode/protocol/term_order.hpp>

#include "buffer.hpp"
#include "terms/utf8.hpp"

namespace cnode {

namespace {

// As BEAM's ERL_ONHEAP_BIN_LIMIT: up to here a copy is cheaper than a reference.
constexpr std::size_t on_heap_bytes = 64;

term boxed(cnode_term* p) { return term{cnode_make_boxed(p)}; }

cnode_term* new_bits(block& b, std::uint64_t bits) {
  const auto words = static_cast<std::size_t>((bits + 63) / 64);
  auto* p = b.reserve(1 + words);
  p[0] = CNODE_HEADER(CNODE_BITS, bits);
  if (words) p[words] = 0;
  return p;
}

}  // namespace

term make_integer(block& b, std::int64_t v) {
  if (cnode_fits_small(v)) return small(v);
  auto* p = b.reserve(2);
  p[0] = CNODE_HEADER(v < 0 ? CNODE_BIG_NEG : CNODE_BIG_POS, 1);
  p[1] = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  return boxed(p);
}

term make_unsigned(block& b, std::uint64_t v) {
  if (v <= INT64_MAX) return make_integer(b, static_cast<std::int64_t>(v));
  auto* p = b.reserve(2);
  p[0] = CNODE_HEADER(CNODE_BIG_POS, 1);
  p[1] = v;
  return boxed(p);
}

term make_big(block& b, bool negative, const std::uint64_t* limbs, std::size_t n) {
  while (n && limbs[n - 1] == 0) --n;
  if (n == 0) return small(0);
  if (n == 1) {
    constexpr std::uint64_t bound = std::uint64_t{1} << 61;
    if (limbs[0] < bound) return small(negative ? -static_cast<std::int64_t>(limbs[0]) : static_cast<std::int64_t>(limbs[0]));
    if (limbs[0] == bound && negative) return small(-static_cast<std::int64_t>(bound));
  }
  auto* p = b.reserve(1 + n);
  p[0] = CNODE_HEADER(negative ? CNODE_BIG_NEG : CNODE_BIG_POS, n);
  std::memcpy(p + 1, limbs, n * 8);
  return boxed(p);
}

term make_float(block& b, double v) {
  assert(std::isfinite(v));
  auto* p = b.reserve(2);
  p[0] = CNODE_HEADER(CNODE_FLOAT, 1);
  std::memcpy(p + 1, &v, 8);
  return boxed(p);
}

term make_binary(block& b, std::string_view bytes) {
  if (bytes.size() > on_heap_bytes) {
    const auto owner = buffer_ptr::make(bytes.size());
    std::memcpy(owner.data(), bytes.data(), bytes.size());
    return make_binary(b, owner, owner.data(), bytes.size());
  }
  auto* p = new_bits(b, bytes.size() * 8);
  if (!bytes.empty()) std::memcpy(p + 1, bytes.data(), bytes.size());
  return boxed(p);
}

term make_binary(block& b, const buffer_ptr& owner, const std::uint8_t* data, std::size_t size) {
  if (size <= on_heap_bytes) return make_binary(b, std::string_view(reinterpret_cast<const char*>(data), size));
  auto* p = b.reserve(4);
  auto* shared = reinterpret_cast<buffer*>(owner.get());
  retain(shared);
  p[0] = CNODE_HEADER(CNODE_BITS_SHARED, static_cast<std::uint64_t>(size) * 8);
  p[1] = b.off_heap;
  p[2] = reinterpret_cast<std::uintptr_t>(shared);
  p[3] = reinterpret_cast<std::uintptr_t>(data);
  b.off_heap = cnode_make_boxed(p);
  return boxed(p);
}

term make_bits(block& b, const std::uint8_t* data, std::uint64_t bits) {
  const auto size = static_cast<std::size_t>((bits + 7) / 8);
  if (bits % 8 == 0) return make_binary(b, std::string_view(reinterpret_cast<const char*>(data), size));
  auto* p = new_bits(b, bits);
  auto* bytes = reinterpret_cast<std::uint8_t*>(p + 1);
  std::memcpy(bytes, data, size);
  bytes[size - 1] &= static_cast<std::uint8_t>(0xff << (8 - bits % 8));
  return boxed(p);
}

term make_tuple(block& b, const term* elements, std::size_t n) {
  auto* p = b.reserve(1 + n);
  p[0] = CNODE_HEADER(CNODE_TUPLE, n);
  if (n > 5) {
    std::memcpy(p + 1, static_cast<const void*>(elements), n * sizeof(term));
    return boxed(p);
  }
  switch (n) {
    case 5: p[5] = elements[4].word(); [[fallthrough]];
    case 4: p[4] = elements[3].word(); [[fallthrough]];
    case 3: p[3] = elements[2].word(); [[fallthrough]];
    case 2: p[2] = elements[1].word(); [[fallthrough]];
    case 1: p[1] = elements[0].word();
  }
  return boxed(p);
}

term make_cons(block& b, term head, term tail) {
  auto* p = b.reserve(2);
  p[0] = head.word();
  p[1] = tail.word();
  return term{cnode_make_cons(p)};
}

term make_list(block& b, const term* elements, std::size_t n, term tail) {
  if (n == 0) return tail;
  auto* p = b.reserve(2 * n);
  for (std::size_t i = 0; i < n; ++i) {
    p[2 * i] = elements[i].word();
    p[2 * i + 1] = i + 1 < n ? cnode_make_cons(p + 2 * i + 2) : tail.word();
  }
  return term{cnode_make_cons(p)};
}

term make_charlist(block& b, std::string_view text) {
  std::vector<term> chars;
  chars.reserve(text.size());
  for (std::size_t i = 0; i < text.size();) {
    auto c = utf8::next(text, i);
    if (c < 0) c = static_cast<std::uint8_t>(text[i++]);  // no UTF-8: bytes, as a latin1 string has them
    chars.push_back(small(c));
  }
  return make_list(b, chars.data(), chars.size());
}

term make_map(block& b, const term* keys, const term* values, std::size_t n) {
  std::vector<std::size_t> order(n);
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](auto i, auto j) { return compare_exact(keys[i], keys[j]) < 0; });
  std::size_t kept = 0;
  for (std::size_t i = 0; i < n; ++i) {
    if (kept && compare_exact(keys[order[kept - 1]], keys[order[i]]) == 0) --kept;
    order[kept++] = order[i];
  }
  auto* p = b.reserve(1 + 2 * kept);
  p[0] = CNODE_HEADER(CNODE_MAP, kept);
  for (std::size_t i = 0; i < kept; ++i) {
    p[1 + i] = keys[order[i]].word();
    p[1 + kept + i] = values[order[i]].word();
  }
  return boxed(p);
}

namespace {
cnode_term node_word(term node, std::uint32_t creation) {
  return static_cast<cnode_term>(creation) << 32 | node.atom_index();
}
}  // namespace

term make_pid(block& b, term node, std::uint32_t creation, std::uint32_t id, std::uint32_t serial) {
  auto* p = b.reserve(3);
  p[0] = CNODE_HEADER(CNODE_PID, 2);
  p[1] = node_word(node, creation);
  p[2] = static_cast<cnode_term>(serial) << 32 | id;
  return boxed(p);
}

term make_port(block& b, term node, std::uint32_t creation, std::uint64_t id) {
  auto* p = b.reserve(3);
  p[0] = CNODE_HEADER(CNODE_PORT, 2);
  p[1] = node_word(node, creation);
  p[2] = id;
  return boxed(p);
}

term make_ref(block& b, term node, std::uint32_t creation, const std::uint32_t* ids, std::size_t n) {
  assert(n >= 1 && n <= 5);
  const auto words = (n + 1) / 2;
  auto* p = b.reserve(2 + words);
  p[0] = CNODE_HEADER(CNODE_REF, n);
  p[1] = node_word(node, creation);
  const auto two = [&](std::size_t i) { return ids[i] | (i + 1 < n ? static_cast<cnode_term>(ids[i + 1]) << 32 : 0); };
  switch (words) {
    case 3: p[4] = two(4); [[fallthrough]];
    case 2: p[3] = two(2); [[fallthrough]];
    default: p[2] = two(0);
  }
  return boxed(p);
}

term make_export(block& b, term module, term function, std::uint32_t arity) {
  auto* p = b.reserve(4);
  p[0] = CNODE_HEADER(CNODE_EXPORT, 3);
  p[1] = module.word();
  p[2] = function.word();
  p[3] = cnode_make_small(arity);
  return boxed(p);
}

term make_native(block& b, native_object* object) {
  auto* p = b.reserve(3);
  __atomic_add_fetch(&object->refs, 1, __ATOMIC_RELAXED);
  p[0] = CNODE_HEADER(CNODE_NATIVE, 2);
  p[1] = b.off_heap;
  p[2] = reinterpret_cast<std::uintptr_t>(object);
  b.off_heap = cnode_make_boxed(p);
  return boxed(p);
}

}  // namespace cnode
