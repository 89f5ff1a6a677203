#include <gtest/gtest.h>

#include "code/kept_objects.hpp"
#include "flight_node.hpp"

namespace cnode::test {
namespace {

std::vector<std::string> names_in(const std::string& directory) {
  std::vector<std::string> names;
  for (const auto& e : fs::directory_iterator{directory}) names.push_back(e.path().filename());
  std::sort(names.begin(), names.end());
  return names;
}

TEST(KeptObjects, EachPurgedVersionStaysUnderItsNameVsnAndBuildId) {
  flight_node n;
  std::string error;
  const auto kept = n.dir + "/kept/objects";
  ASSERT_TRUE(n.runtime->code().keep_objects(kept, error)) << error;
  EXPECT_EQ(names_in(kept), std::vector<std::string>{});
  for (int v : {2, 3}) {
    ASSERT_EQ(n.load_version(v), "{module,flight}");
    n.purge();
  }
  ASSERT_TRUE(n.unmaps(2));
  ASSERT_TRUE(eventually([&] { return names_in(kept).size() == 2; }));
  const auto names = names_in(kept);
  for (int v : {1, 2}) {
    const auto id = actors::build_id_of(std::string{TEST_MODULES} + "/flight_v" + std::to_string(v) + "/flight.so");
    EXPECT_EQ(id.size(), 40u);
    EXPECT_EQ(names[static_cast<std::size_t>(v - 1)], "flight-" + std::to_string(v) + "-" + id + ".so");
  }
}

TEST(KeptObjects, ADirectoryThatCannotBeMadeIsRefusedWithTheReason) {
  flight_node n;
  std::string error;
  EXPECT_FALSE(n.runtime->code().keep_objects(n.dir + "/flight.so/below", error));
  EXPECT_NE(error.find("flight.so/below"), std::string::npos);
}

TEST(KeptObjects, AFileThatIsNoObjectHasNoBuildId) {
  flight_node n;
  write(n.dir + "/text", "no ELF file, but long enough to be read as the header of one, which takes 64 bytes");
  EXPECT_EQ(actors::build_id_of(n.dir + "/text"), "");
  EXPECT_EQ(actors::build_id_of(n.dir + "/nowhere"), "");
}

}  // namespace
}  // namespace cnode::test
