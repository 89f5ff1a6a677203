// Names for nodes that ask for one.
#include <gtest/gtest.h>

#include "io/dynamic_names.hpp"

namespace cnode::node {
namespace {

struct numbers {
  std::uint64_t next = 35;
  auto operator()() { return std::pair{next++, std::uint32_t{7}}; }
};

TEST(DynamicNames, AreRandomNumbersInBase36AtTheHostOfWhoAsks) {
  const auto pool = std::make_shared<dynamic_names>();
  numbers fresh;
  const auto one = pool->take("here", std::ref(fresh)), two = pool->take("there", std::ref(fresh));
  EXPECT_EQ(one->name, "Z@here");
  EXPECT_EQ(two->name, "10@there");
  EXPECT_EQ(one->creation, 7u);
}

TEST(DynamicNames, AreGivenAgainWithTheNextCreation) {
  const auto pool = std::make_shared<dynamic_names>();
  numbers fresh;
  pool->take("here", std::ref(fresh))->proved = true;
  const auto again = pool->take("here", std::ref(fresh));
  EXPECT_EQ(again->name, "Z@here");
  EXPECT_EQ(again->creation, 8u);
  EXPECT_NE(pool->take("elsewhere", std::ref(fresh))->name, "Z@elsewhere");
}

TEST(DynamicNames, AreForgottenWhenNobodyProvedTheCookieUnderThem) {
  const auto pool = std::make_shared<dynamic_names>();
  numbers fresh;
  pool->take("here", std::ref(fresh));
  EXPECT_EQ(pool->take("here", std::ref(fresh))->name, "10@here");
  pool->take("here", std::ref(fresh))->proved = true;
  // One who fails to prove it does not take the name away.
  pool->take("here", std::ref(fresh));
  EXPECT_EQ(pool->take("here", std::ref(fresh))->name, "11@here");
}

TEST(DynamicNames, AreNotSharedByTwoWhoAreThere) {
  const auto pool = std::make_shared<dynamic_names>();
  numbers fresh;
  const auto one = pool->take("here", std::ref(fresh)), two = pool->take("here", std::ref(fresh));
  EXPECT_NE(one->name, two->name);
}

TEST(DynamicNames, NeverHaveACreationThatMeansSomethingElse) {
  const auto pool = std::make_shared<dynamic_names>();
  pool->take("here", [] { return std::pair{std::uint64_t{1}, ~std::uint32_t{0}}; })->proved = true;
  EXPECT_EQ(pool->take("here", [] { return std::pair{std::uint64_t{2}, std::uint32_t{9}}; })->creation, 4u);
}

}  // namespace
}  // namespace cnode::node
