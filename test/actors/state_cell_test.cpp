#include <gtest/gtest.h>

#include <cnode/actors/state_cell.hpp>

#include "terms.hpp"

namespace cnode::test {
namespace {

using actors::state_cell;

// A map {K => K} with n keys
term big_map(block& b, int n) {
  std::vector<term> keys;
  for (int i = 0; i < n; ++i) keys.push_back(small(i));
  return make_map(b, keys.data(), keys.data(), keys.size());
}

TEST(StateCell, OutlivesWhatTheStateWasBuiltIn) {
  state_cell cell;
  {
    const auto b = parsed("{state, [1, <<\"two\">>], #{three => 3.0}, \"four\", fun m:f/1, 123456789012345678901234567890}");
    cell.set(b->root);
  }
  EXPECT_EQ(to_text(cell.get()), "{state,[1,<<\"two\">>],#{three => 3.0},\"four\",fun m:f/1,123456789012345678901234567890}");
}

TEST(StateCell, ImmediatesNeedNoMemory) {
  state_cell cell;
  cell.set(parsed("{a, b}")->root);
  EXPECT_GT(cell.held_words(), 0u);
  cell.set(small(7));
  EXPECT_EQ(cell.held_words(), 0u);
  EXPECT_EQ(to_text(cell.get()), "7");
}

TEST(StateCell, KeepsOldPartsInPlace) {
  state_cell cell;
  auto b = block::make(1024);
  cell.set(make_tuple_of(*b, small(0), big_map(*b, 100)));
  const auto before = cell.held_words();
  const term map = cell.get()[1];
  cell.set(make_tuple_of(*b, small(1), map));
  EXPECT_TRUE(cell.get()[1].same(map));
  EXPECT_LE(cell.held_words(), before + 3);
}

TEST(StateCell, StaysWithinAFactorOfTheStatesSize) {
  state_cell cell;
  auto b = block::make(64);
  cell.set(make_tuple_of(*b, small(0), big_map(*b, 1000), nil));
  std::size_t most = 0;
  for (int i = 0; i < 100000; ++i) {
    b->reset();
    const term s = cell.get();
    cell.set(make_tuple_of(*b, small(i), s[1], make_list_of(*b, small(i), small(i))));
    most = std::max(most, cell.held_words());
  }
  EXPECT_EQ(to_text(cell.get()[0]), "99999");
  EXPECT_EQ(cell.get()[1].map_size(), 1000u);
  EXPECT_LE(most, 3 * 2010u);
}

TEST(StateCell, GivesBackSharedBytesThatAreNoLongerPartOfTheState) {
  state_cell cell;
  const std::string bytes(100000, 'x');
  buffer_ptr last;
  for (int i = 0; i < 50; ++i) {
    auto b = block::make(16);
    last = buffer_ptr::make(bytes.size());
    cell.set(make_tuple_of(*b, small(i), make_binary(*b, last, last.data(), last.size())));
  }
  EXPECT_EQ(cell.get()[1].size(), bytes.size() * 8);
  EXPECT_LT(cell.held_words(), 100u);
}

TEST(StateCell, CountsNativeObjects) {
  static int released;
  released = 0;
  auto* object = new native_object{[](native_object* o) noexcept { ++released; delete o; }, 0};
  state_cell cell;
  {
    auto b = block::make(16);
    cell.set(make_tuple_of(*b, make_native(*b, object), small(1)));
  }
  EXPECT_EQ(released, 0);
  {
    auto b = block::make(16);
    cell.set(make_tuple_of(*b, cell.get()[0], small(2)));
  }
  EXPECT_EQ(released, 0);
  cell.compact();
  EXPECT_EQ(released, 0);
  cell.set(small(1));
  EXPECT_EQ(released, 1);
}

TEST(StateCell, DeepStatesNeedNoStack) {
  state_cell cell;
  auto b = block::make(1024);
  term nested = nil, list = nil;
  for (int i = 0; i < 200000; ++i) {
    nested = make_tuple_of(*b, nested, small(1));
    list = make_cons(*b, list, nil);
  }
  cell.set(make_tuple_of(*b, nested, list));
  cell.compact();
  EXPECT_TRUE(exactly_equal(cell.get()[0], nested));
}

TEST(StateCell, RandomStatesComeOutAsTheyWentIn) {
  state_cell cell;
  auto b = block::make(1024);
  random_terms random(*b, 4711);
  for (int i = 0; i < 3000; ++i) {
    const term s = cell.get();
    const term next = s && random.below(2) ? make_tuple_of(*b, s, random.any()) : random.any();
    const auto expected = copy_to_block(next);
    cell.set(next);
    ASSERT_TRUE(exactly_equal(cell.get(), expected->root)) << i;
    if (to_text(cell.get()).size() > 5000) cell.clear();
  }
}

}  // namespace
}  // namespace cnode::test
