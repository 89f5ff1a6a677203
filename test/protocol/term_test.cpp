// Blocks, atoms, order and what reads terms.
#include <algorithm>
#include <atomic>
#include <random>
#include <thread>

#include <gtest/gtest.h>

#include <cnode/protocol/unused_memory.hpp>

#include "support/terms.hpp"

using namespace cnode;
using namespace cnode::test;

TEST(Block, GrowsAndKeepsPointersValid) {
  auto b = block::make(4);
  std::vector<cnode_term*> words;
  for (int i = 0; i < 10000; ++i) {
    words.push_back(b->reserve(3));
    *words.back() = static_cast<cnode_term>(i);
  }
  for (int i = 0; i < 10000; ++i) ASSERT_EQ(*words[static_cast<std::size_t>(i)], static_cast<cnode_term>(i));
  EXPECT_EQ(b->used_words(), 30000u);
}

TEST(Block, ReleasesBuffersAndNativesWhenItDies) {
  struct native : native_object {
    bool gone = false;
  };
  native n;
  n.release = [](native_object* o) noexcept { static_cast<native*>(o)->gone = true; };
  n.refs = 0;
  auto owner = buffer_ptr::make(100);
  auto outer = block::make(0);
  term kept;
  {
    auto b = block::make(0);
    make_native(*b, &n);
    kept = make_binary(*b, owner, owner.data(), 100);
    std::memset(owner.data(), 'q', 100);
    owner = {};
    outer->adopt(std::move(b));
  }
  EXPECT_FALSE(n.gone);
  EXPECT_EQ(kept.bytes(), std::string(100, 'q'));
  auto c = copy_to_block(make_tuple_of(*outer, kept, make_native(*outer, &n)));
  outer.reset();
  EXPECT_FALSE(n.gone);
  EXPECT_EQ(c->root[0].bytes(), std::string(100, 'q'));
  c->reset();
  EXPECT_TRUE(n.gone);
}

TEST(Block, AdoptedBlocksNestToAnyDepth) {
  auto b = block::make(0);
  for (int i = 0; i < 200000; ++i) {
    auto next = block::make(0);
    next->reserve(1);
    next->adopt(std::move(b));
    b = std::move(next);
  }
  EXPECT_EQ(b->used_words(), 200000u);
}

TEST(AtomTable, TellsAtomsThatDifferInOneByteApartAtEveryLength) {
  const std::string base = "the quick brown fox jumps";
  for (std::size_t n = 0; n <= base.size(); ++n) {
    const auto text = base.substr(0, n);
    const auto made = atom(text);
    EXPECT_EQ(atom_text(made), text);
    EXPECT_TRUE(find_atom(text).same(made));
    for (std::size_t i = 0; i < n; ++i) {
      auto other = text;
      other[i] = '#';
      EXPECT_FALSE(atom(other).same(made)) << other;
      EXPECT_EQ(atom_text(atom(other)), other);
    }
  }
}

TEST(AtomTable, FindsTheSameAtomFromManyThreads) {
  std::vector<std::vector<term>> seen(4);
  std::vector<std::thread> threads;
  for (auto& s : seen)
    threads.emplace_back([&s] {
      for (int i = 0; i < 5000; ++i) s.push_back(find_or_make_atom("thread atom " + std::to_string(i)));
    });
  for (auto& t : threads) t.join();
  for (std::size_t i = 0; i < 5000; ++i) {
    EXPECT_EQ(atom_text(seen[0][i]), "thread atom " + std::to_string(i));
    for (auto& s : seen) EXPECT_TRUE(s[i].same(seen[0][i]));
  }
}

TEST(AtomTable, FindsWhatItHasToldOfWhileItGrows) {
  const auto text = [](std::uint32_t i) { return "one of very many atoms, " + std::to_string(i); };
  constexpr std::uint32_t many = 60'000;
  std::atomic<std::uint32_t> made{0};
  std::atomic<std::uint32_t> missed{0};
  std::vector<std::thread> readers;
  for (unsigned r = 0; r < 3; ++r)
    readers.emplace_back([&, r] {
      std::mt19937 random(r);
      for (std::uint32_t there = 0; there < many;) {
        there = made.load(std::memory_order_acquire);
        if (there > 0 && !find_atom(text(random() % there))) ++missed;
      }
    });
  for (std::uint32_t i = 0; i < many; ++i) {
    EXPECT_TRUE(find_or_make_atom(text(i)));
    made.store(i + 1, std::memory_order_release);
  }
  for (auto& r : readers) r.join();
  EXPECT_EQ(missed.load(), 0u);
  for (std::uint32_t i = 0; i < many; ++i) ASSERT_EQ(atom_text(find_atom(text(i))), text(i));
}

TEST(AtomTable, RefusesWhatIsNoAtomOrOneTooMany) {
  EXPECT_FALSE(find_or_make_atom(std::string(256, 'x')));
  EXPECT_TRUE(find_or_make_atom(std::string(255, 'x')));
  EXPECT_FALSE(find_or_make_atom("\xff"));
  EXPECT_FALSE(find_or_make_atom("\xc0\x80"));
  EXPECT_FALSE(find_atom("nobody made this one"));
  set_atom_limit(atom_count());
  EXPECT_FALSE(find_or_make_atom("one too many"));
  EXPECT_EQ(etf::binary_to_term(bytes_of(raw(131, 119, 3) + "1 2")).error().code, errc::atom_table_full);
  set_atom_limit(1u << 20);
  EXPECT_TRUE(find_or_make_atom("one too many"));
}

TEST(TermOrder, IsThatOfTheReferenceManual) {
  const char* ascending[] = {
      "-340282366920938463463374607431768211456", "-1", "0", "1", "1.5", "4611686018427387904", "1.0e19", "18446744073709551616000", "1.0e300", "a", "aa", "abcdefgh", "abcdefghi", "b",
      "fun a:b/1", "fun a:b/2", "fun a:c/0", "<0.1.0>", "<0.2.0>", "<0.1.1>", "{}", "{a}", "{1,2}", "{1,a}", "#{}", "#{a=>1}", "#{b=>0}", "#{1=>2,a=>0}", "[]", "[1|2]", "[1]", "[1,2]", "[2]",
      "<<>>", "<<0:1>>", "<<0>>", "<<1>>", "<<1:2>>", "<<1:1>>", "<<200>>"};
  std::vector<block_ptr> terms;
  for (auto* s : ascending) terms.push_back(parsed(s));
  for (std::size_t i = 0; i < terms.size(); ++i)
    for (std::size_t k = 0; k < terms.size(); ++k)
      EXPECT_EQ(compare(terms[i]->root, terms[k]->root) < 0, i < k) << ascending[i] << " and " << ascending[k];
}

TEST(TermOrder, TellsIntegersFromFloatsOnlyExactly) {
  const auto same = [](const char* a, const char* b) {
    return std::pair(equal(parsed(a)->root, parsed(b)->root), exactly_equal(parsed(a)->root, parsed(b)->root));
  };
  EXPECT_EQ(same("1", "1.0"), std::pair(true, false));
  EXPECT_EQ(same("{[1]}", "{[1.0]}"), std::pair(true, false));
  EXPECT_EQ(same("#{1=>2}", "#{1=>2.0}"), std::pair(true, false));
  EXPECT_EQ(same("#{1=>2}", "#{1.0=>2}"), std::pair(false, false));
  EXPECT_EQ(same("0.0", "-0.0"), std::pair(true, false));  // as OTP 27
  EXPECT_EQ(same("9007199254740993", "9007199254740992.0"), std::pair(false, false));
  EXPECT_EQ(same("36893488147419103232", "3.6893488147419103232e19"), std::pair(true, false));
  EXPECT_EQ(same("36893488147419103233", "3.6893488147419103232e19"), std::pair(false, false));
  EXPECT_LT(compare_exact(parsed("99")->root, parsed("1.0")->root), 0);
}

int emptied_of_thread = 0, emptied_shared = 0;
const unused_memory cache_of_thread{unused_memory::kind::of_thread, []() noexcept { ++emptied_of_thread; }};
const unused_memory cache_shared{unused_memory::kind::shared, []() noexcept { ++emptied_shared; }};

TEST(UnusedMemory, IsAskedForByThreadAndForAll) {
  emptied_of_thread = emptied_shared = 0;
  release_memory_of_thread();
  EXPECT_EQ(emptied_of_thread, 1);
  EXPECT_EQ(emptied_shared, 0);
  release_shared_memory();
  EXPECT_EQ(emptied_of_thread, 1);
  EXPECT_EQ(emptied_shared, 1);
}

TEST(UnusedMemory, IsNotedOnce) {
  note_kept_memory();
  EXPECT_TRUE(kept_memory_noted());
  EXPECT_FALSE(kept_memory_noted());
}

TEST(Buffers, KeepTheirBytesWhenTheyGrowAndShrink) {
  for (int round = 0; round < 3; ++round) {
    auto b = buffer_ptr::make(100'000);
    for (std::size_t i = 0; i < 100'000; ++i) b.data()[i] = static_cast<std::uint8_t>(i * 7);
    b.resize(5'000'000);
    b.grow_to_kept(6'000'000, 100'000);  // there is one from the second round on
    EXPECT_GE(b.size(), 5'000'000u);
    for (std::size_t i = 0; i < 100'000; ++i) ASSERT_EQ(b.data()[i], static_cast<std::uint8_t>(i * 7));
    b.resize(100);
    EXPECT_EQ(b.data()[99], static_cast<std::uint8_t>(99 * 7));
    const auto other = buffer_ptr::make(6'000'000);
  }
}

TEST(MapGet, FindsKeysOfEveryKind) {
  const auto m = parsed("#{a=>1, 1=>2, 1.0=>3, [x]=>4, <<\"b\">>=>5, {}=>6}");
  for (const auto& [key, value] : {std::pair("a", "1"), {"1", "2"}, {"1.0", "3"}, {"[x]", "4"}, {"<<\"b\">>", "5"}, {"{}", "6"}})
    EXPECT_EQ(to_text(map_get(m->root, parsed(key)->root)), value);
  EXPECT_FALSE(map_get(m->root, atom("b")));
}

TEST(MakeMap, KeepsTheLastOfEqualKeys) {
  auto b = block::make(0);
  const term k[] = {small(2), small(1), small(2)}, v[] = {small(20), small(10), small(21)};
  EXPECT_EQ(to_text(make_map(*b, k, v, 3)), "#{1 => 10,2 => 21}");
}

TEST(Integers, ConvertAtTheirLimits) {
  auto b = block::make(0);
  for (const std::int64_t v : {std::int64_t{0}, INT64_MAX, INT64_MIN, (std::int64_t{1} << 61) - 1, std::int64_t{1} << 61, -(std::int64_t{1} << 61), -(std::int64_t{1} << 61) - 1}) {
    std::int64_t back = 5;
    EXPECT_TRUE(to_int64(make_integer(*b, v), back));
    EXPECT_EQ(back, v);
    EXPECT_EQ(to_text(make_integer(*b, v)), std::to_string(v));
  }
  std::uint64_t u = 0;
  EXPECT_TRUE(to_uint64(make_unsigned(*b, UINT64_MAX), u));
  EXPECT_EQ(u, UINT64_MAX);
  std::int64_t i = 0;
  EXPECT_FALSE(to_int64(make_unsigned(*b, UINT64_MAX), i));
}

TEST(Chardata, JoinsNestedListsAndBinaries) {
  std::string s;
  EXPECT_TRUE(iolist_to_string(parsed("[1,[<<2>>,[]|<<3>>]]")->root, s));
  EXPECT_EQ(s, raw(1, 2, 3));
  EXPECT_FALSE(iolist_to_string(parsed("[256]")->root, s));
  EXPECT_FALSE(iolist_to_string(parsed("[1|2]")->root, s));
  EXPECT_FALSE(iolist_to_string(parsed("a")->root, s));
  s.clear();
  EXPECT_TRUE(chardata_to_string(parsed("[233,<<\"\xc3\xa9\"/utf8>>]")->root, s));
  EXPECT_EQ(s, "\xc3\xa9\xc3\xa9");
}
