#include <cnode/testing.hpp>

using namespace cnode::testing;

TEST(Outside, IsUpgraded) {
  node n;
  n.load("Elixir.Outside");
  auto server = n.start("Outside", "\"Joe\"");
  EXPECT_EQ(server.call(":name"), "\"Joe\"");
  n.upgrade(server, "outside_v2");
  EXPECT_EQ(server.call(":name"), "\"dear Joe!\"");
  n.purge("Outside");
  EXPECT_EQ(n.unmapped(), 1u);
}
