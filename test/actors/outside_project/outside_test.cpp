#include <cnode/testing.hpp>

#include <filesystem>
#include <fstream>
#include <iterator>

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

// As after a strip: cnode_probe of the installed node is asked first.
TEST(Outside, IsLoadedWithoutItsDigest) {
  const std::string files = CNODE_TEST_MODULES, name = "|Elixir.Outside=";
  const auto begin = files.find(name) + name.size();
  std::ifstream in{files.substr(begin, files.find('|', begin) - begin), std::ios::binary};
  std::string bytes{std::istreambuf_iterator<char>{in}, {}};
  const auto digest = bytes.rfind("CNODE-SHA256 ");
  ASSERT_NE(digest, std::string::npos);
  std::filesystem::create_directory("unsigned");
  std::ofstream{"unsigned/Elixir.Outside.so", std::ios::binary}.write(bytes.data(), static_cast<std::streamsize>(digest));
  node n;
  n.load("unsigned/Elixir.Outside.so");
  EXPECT_EQ(n.start("Outside", "\"Joe\"").call(":name"), "\"Joe\"");
}
