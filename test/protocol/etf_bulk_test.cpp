// What the quick paths for many terms of a kind must not change: maps whose keys come in any order, long lists, atoms of every length.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <random>

#include <cnode/protocol/unused_memory.hpp>

#include "support/terms.hpp"

using namespace cnode;
using namespace cnode::test;

namespace {

std::string u32(std::uint32_t n) { return raw(n >> 24, n >> 16, n >> 8, n); }
std::string encoded(term t) { return etf::term_to_binary(t).substr(1); }
result<block_ptr> decoded(const std::string& after_version) { return etf::binary_to_term(bytes_of(raw(131) + after_version)); }

using key_maker = std::function<term(block&, std::uint64_t)>;

std::string number(std::uint64_t i, std::size_t width) {
  auto s = std::to_string(i);
  return s.size() < width ? std::string(width - s.size(), '0') + s : s;
}

// Every kind of key there is a way of its own for.
const std::pair<const char*, key_maker> kinds[] = {
    {"integers close together", [](block&, std::uint64_t i) { return small(static_cast<std::int64_t>(i) - 7); }},
    {"integers far apart", [](block&, std::uint64_t i) { return small((static_cast<std::int64_t>(i) - 20) * 0x123456789abcd); }},
    {"integers of the whole range", [](block&, std::uint64_t i) { return small(i % 2 ? (std::int64_t{1} << 61) - 1 - static_cast<std::int64_t>(i)
                                                                                  : -(std::int64_t{1} << 61) + static_cast<std::int64_t>(i)); }},
    {"atoms", [](block&, std::uint64_t i) { return atom("k" + std::to_string(i)); }},
    {"atoms that begin alike", [](block&, std::uint64_t i) { return atom("a_longer_name_" + number(i, 4)); }},
    {"binaries", [](block& b, std::uint64_t i) { return make_binary(b, "b" + number(i * 7919, 12)); }},
    {"binaries that begin alike", [](block& b, std::uint64_t i) { return make_binary(b, std::string(8, 'x') + std::string(i, '\0')); }},
    {"bit strings", [](block& b, std::uint64_t i) {
       const std::uint8_t bytes[] = {static_cast<std::uint8_t>(i >> 6), static_cast<std::uint8_t>(i << 2), 0};
       return make_bits(b, bytes, i % 2 ? 14 : 15);
     }},
    {"all sorts", [](block& b, std::uint64_t i) {
       const auto n = static_cast<std::int64_t>(i);
       switch (i % 5) {
         case 0: return small(n);
         case 1: return make_float(b, static_cast<double>(n));
         case 2: return make_tuple_of(b, small(n), nil);
         case 3: return atom("m" + std::to_string(n));
         default: return make_binary(b, std::to_string(n));
       }
     }},
};

}  // namespace

TEST(EtfDecode, OrdersTheKeysOfAMapHoweverTheyCome) {
  std::mt19937_64 random(1);
  for (const auto& [name, key] : kinds) {
    for (const std::uint64_t n : {2, 5, 32, 33, 200, 256, 1000}) {
      auto b = block::make(0);
      std::vector<term> keys, values;
      for (std::uint64_t i = 0; i < n; ++i) {
        keys.push_back(key(*b, i));
        values.push_back(small(static_cast<std::int64_t>(i) * 3));
      }
      const auto expected = make_map(*b, keys.data(), values.data(), n);
      ASSERT_EQ(expected.map_size(), n) << name;
      std::vector<std::size_t> order(n);
      for (std::size_t i = 0; i < n; ++i) order[i] = i;
      for (int way = 0; way < 3; ++way) {  // shuffled, backwards, in order
        if (way == 0) std::shuffle(order.begin(), order.end(), random);
        if (way == 1) std::sort(order.begin(), order.end(), [&](auto x, auto y) { return compare_exact(keys[x], keys[y]) > 0; });
        if (way == 2) std::reverse(order.begin(), order.end());
        std::string pairs;
        for (const auto i : order) pairs += encoded(keys[i]) + encoded(values[i]);
        const auto m = decoded(raw(116) + u32(static_cast<std::uint32_t>(n)) + pairs);
        ASSERT_TRUE(m) << name << ": " << to_string(m.error());
        EXPECT_TRUE(exactly_equal((*m)->root, expected)) << name << ", " << n;
        for (std::uint64_t i = 0; i < n; i += 1 + n / 16) EXPECT_TRUE(map_get((*m)->root, keys[i]).same(values[i])) << name;
        const auto twice = decoded(raw(116) + u32(static_cast<std::uint32_t>(n + 1)) + pairs + encoded(keys[order[n / 2]]) + encoded(nil));
        ASSERT_FALSE(twice) << name << ", " << n;
        EXPECT_EQ(twice.error().code, errc::duplicate_key) << name;
      }
    }
  }
}

TEST(EtfRoundTrip, KeepsListsOfEveryLength) {
  for (const std::uint64_t n : {1, 2, 3, 63, 64, 65, 127, 128, 129, 1000, 70000}) {
    auto b = block::make(0);
    std::vector<term> bytes, integers, mixed;
    for (std::uint64_t i = 0; i < n; ++i) {
      const auto v = static_cast<std::int64_t>(i);
      bytes.push_back(small(v & 255));
      integers.push_back(small(v * 37 - 5000));
      mixed.push_back(v % 70 == 69 ? make_tuple_of(*b, small(v), atom("ok")) : v % 3 ? small(v) : atom("x"));
    }
    for (const auto* elements : {&bytes, &integers, &mixed}) {
      for (const auto tail : {nil, small(7), make_tuple_of(*b, nil)}) {
        const auto t = make_list(*b, elements->data(), n, tail);
        const auto s = encoded(t);
        const bool string = elements == &bytes && tail.is_nil() && n <= 65535;
        EXPECT_EQ(static_cast<unsigned char>(s[0]), string ? 107 : 108);
        if (!string) {
          EXPECT_EQ(s.substr(1, 4), u32(static_cast<std::uint32_t>(n)));
        }
        const auto back = decoded(s);
        ASSERT_TRUE(back) << to_string(back.error());
        EXPECT_TRUE(exactly_equal((*back)->root, t)) << n;
        const auto v = etf::validate(bytes_of(s));
        ASSERT_TRUE(v);
        EXPECT_EQ(*v, s.size());
      }
    }
  }
}

TEST(EtfRoundTrip, KeepsAtomsAndBinariesOfEveryLength) {
  auto b = block::make(0);
  std::vector<term> all;
  for (std::size_t n = 0; n <= 255; ++n) {
    std::string s;
    for (std::size_t i = 0; i < n; ++i) s += static_cast<char>('a' + (i * 7 + n) % 26);
    for (const auto& name : {s, s + "\xc3\xa9", "\xc3\xa9" + s})
      if (const auto a = find_or_make_atom(name)) all.push_back(a);
    all.push_back(make_binary(*b, s));
  }
  const auto t = make_tuple(*b, all.data(), all.size());
  const auto s = encoded(t);
  for (int again = 0; again < 3; ++again) {  // the second time the atoms have been met
    const auto back = decoded(s);
    ASSERT_TRUE(back) << to_string(back.error());
    EXPECT_TRUE(exactly_equal((*back)->root, t));
    EXPECT_EQ(encoded((*back)->root), s);
  }
}

TEST(EtfDecode, TellsLatin1FromUtf8InAtomsOfTheSameBytes) {
  const std::string bytes = "\xc3\xa9";  // one character in UTF-8, two in Latin-1
  const auto both = raw(104, 2, 119, 2) + bytes + raw(100, 0, 2) + bytes + std::string(16, 106);
  for (int again = 0; again < 2; ++again) {
    auto b = block::make(0);
    const auto d = etf::decode(*b, bytes_of(both));
    ASSERT_TRUE(d);
    EXPECT_EQ(atom_text(d->value[0]), "\xc3\xa9");
    EXPECT_EQ(atom_text(d->value[1]), "\xc3\x83\xc2\xa9");
  }
}

TEST(Block, TakesMemoryOfDeadTermsAfterItWasGivenBack) {
  for (const std::size_t words : {100, 1000, 10000, 100000, 1000000, 2000000}) {
    for (int i = 0; i < 3; ++i) {
      auto b = block::make(words / 2);
      auto* p = b->reserve(words);
      p[0] = p[words - 1] = small(i).word();
      EXPECT_GE(b->used_words(), words);
    }
  }
  release_memory_of_thread();
  release_shared_memory();
  auto b = block::make(1000);
  b->reserve(100000)[99999] = 0;
}
