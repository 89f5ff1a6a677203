#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "watchers.hpp"

namespace cnode::test {
namespace {

using actors::watcher_table;

struct Watchers : testing::Test {
  Watchers() { set_this_node(atom("cpp@localhost"), 5); }

  static term ref(block& b, const char* node, std::vector<std::uint32_t> ids, std::uint32_t creation = 3) {
    return make_ref(b, atom(node), creation, ids.data(), ids.size());
  }
  static block_ptr monitor(const char* node, std::vector<std::uint32_t> ids, std::uint32_t from = 80) {
    auto b = block::make(16);
    const auto pid = make_pid(*b, atom(node), 3, from, 0);
    b->root = make_tuple_of(*b, pid, ref(*b, node, std::move(ids)), atom("name"));
    return b;
  }
  std::vector<std::uint32_t> froms() const {
    std::vector<std::uint32_t> ids;
    table.for_each([&](term from, term, term) { ids.push_back(pid_id(from)); });
    std::sort(ids.begin(), ids.end());
    return ids;
  }

  watcher_table table;
  block_ptr b = block::make(64);
};

TEST_F(Watchers, ForgetsTheOneWithTheReference) {
  table.put(monitor("a@h", {1, 2, 3}, 1));
  table.put(monitor("a@h", {1, 2, 4}, 2));
  table.put(monitor("b@h", {1, 2, 3}, 3));
  table.erase(ref(*b, "a@h", {1, 2, 3}));
  EXPECT_EQ(froms(), (std::vector<std::uint32_t>{2, 3}));
  table.erase(ref(*b, "a@h", {1, 2, 3}));
  EXPECT_EQ(table.size(), 2u);
}

TEST_F(Watchers, TakesASecondMonitorOfTheSameReferenceInPlaceOfTheFirst) {
  table.put(monitor("a@h", {1, 2, 3}, 1));
  table.put(monitor("a@h", {1, 2, 3}, 2));
  EXPECT_EQ(froms(), (std::vector<std::uint32_t>{2}));
}

TEST_F(Watchers, WordsThatAreZeroAtTheEndOfAReferenceDoNotCount) {
  table.put(monitor("a@h", {7}, 1));
  table.erase(ref(*b, "a@h", {7, 0, 0}));
  EXPECT_EQ(table.size(), 0u);
  table.put(monitor("a@h", {7, 8, 9, 0, 0}, 1));
  table.erase(ref(*b, "a@h", {7, 8, 9}));
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(Watchers, OurReferencesAreTheirNumbersWhetherAliasOrNot) {
  auto m = block::make(16);
  m->root = make_tuple_of(*m, term{cnode_make_local_pid(1, 0)}, ref(*m, "cpp@localhost", {1, 2, 0, 17, 1}, 5), atom("name"));
  table.put(std::move(m));
  table.erase(ref(*b, "cpp@localhost", {1, 3, 0}, 5));
  EXPECT_EQ(table.size(), 1u);
  table.erase(ref(*b, "cpp@localhost", {1, 2, 0}, 5));
  EXPECT_EQ(table.size(), 0u);
}

TEST_F(Watchers, GrowsAndShrinksWithWhatIsInIt) {
  for (std::uint32_t i = 0; i < 10'000; ++i) table.put(monitor("a@h", {i & 0x3ffff, i >> 18, 7}, i));
  EXPECT_EQ(table.size(), 10'000u);
  EXPECT_EQ(froms().size(), 10'000u);
  const auto full = table.bytes();
  for (std::uint32_t i = 0; i < 10'000; i += 2) {
    b->reset();
    table.erase(ref(*b, "a@h", {i & 0x3ffff, i >> 18, 7}));
  }
  EXPECT_EQ(table.size(), 5'000u);
  table.erase_if([](term from) { return pid_id(from) % 4 == 1; });
  EXPECT_EQ(table.size(), 2'500u);
  for (std::uint32_t i = 3; i < 10'000; i += 4) {
    b->reset();
    table.erase(ref(*b, "a@h", {i & 0x3ffff, i >> 18, 7}));
  }
  EXPECT_EQ(table.size(), 0u);
  EXPECT_LT(table.bytes(), full / 100);
}

}  // namespace
}  // namespace cnode::test
