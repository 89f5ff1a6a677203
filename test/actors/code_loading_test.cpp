#include <gtest/gtest.h>

#include "code_node.hpp"

namespace cnode::test {
namespace {

TEST(CodeLoading, CallsAFunctionOfAModuleThatIsLoadedFromThePath) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("code", "load_file", "[tiny]"), "{module,tiny}");
  EXPECT_EQ(n.call("tiny", "version"), "1");
  EXPECT_EQ(n.call("code", "is_loaded", "[tiny]"), "{file,\"" + n.file() + "\"}");
}

TEST(CodeLoading, TheFirstCallLoadsTheModule) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("code", "is_loaded", "[tiny]"), "false");
  EXPECT_EQ(n.call("tiny", "version"), "1");
}

TEST(CodeLoading, ANestedCallLoadsItsModuleToo) {
  code_node n;
  n.put("v1");
  fs::copy_file(std::string{TEST_MODULES} + "/other/tiny.so", n.dir + "/other.so", fs::copy_options::overwrite_existing);
  EXPECT_EQ(n.call("tiny", "call", "[other, version, []]"), "1");
  EXPECT_EQ(n.call("code", "is_loaded", "[other]"), "{file,\"" + n.dir + "/other.so\"}");
}

TEST(CodeLoading, AFunctionOrModuleThatIsNotThereIsUndef) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("nowhere", "f"), "error:undef");
  EXPECT_EQ(n.call("tiny", "nothing"), "error:undef");
  EXPECT_EQ(n.call("tiny", "call", "[nowhere, f, []]"), "error:undef");
  EXPECT_EQ(n.call("tiny", "call", "[tiny, f, [1|2]]"), "error:badarg");
}

TEST(CodeLoading, EachLoadReplacesTheLastAndPurgedVersionsAreUnmapped) {
  code_node n;
  for (const auto* v : {"v1", "v2", "v3"}) {
    n.put(v);
    EXPECT_EQ(n.call("c", "l", "[tiny]"), "{module,tiny}");
    EXPECT_EQ(n.call("tiny", "version"), std::string{v + 1});
  }
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  EXPECT_TRUE(n.unmaps(2));
  EXPECT_EQ(n.runtime->code().unloads().stuck, 0u);
  EXPECT_EQ(n.call("tiny", "version"), "3");
}

TEST(CodeLoading, OverwritingTheFileInPlaceDoesNotTouchTheLoadedVersion) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("tiny", "version"), "1");
  n.put_bytes("not a module any more");
  EXPECT_EQ(n.call("tiny", "version"), "1");
  EXPECT_EQ(n.call("code", "load_file", "[tiny]"), "{error,badfile}");
  EXPECT_EQ(n.call("tiny", "version"), "1");
  fs::remove(n.file());
  EXPECT_EQ(n.call("code", "load_file", "[tiny]"), "{error,nofile}");
  EXPECT_EQ(n.call("tiny", "version"), "1");
}

TEST(CodeLoading, TheThirdLoadFileWantsAPurge) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("code", "load_file", "[tiny]"), "{module,tiny}");
  EXPECT_EQ(n.call("code", "load_file", "[tiny]"), "{module,tiny}");
  EXPECT_EQ(n.call("code", "load_file", "[tiny]"), "{error,not_purged}");
  EXPECT_EQ(n.call("tiny", "version"), "1");
}

TEST(CodeLoading, LoadBinaryPurgesFirstButNotForAFileItRefuses) {
  code_node n;
  EXPECT_TRUE(n.load(contents(built("v1"))).ok);
  auto waiting = n.start_waiting();
  EXPECT_TRUE(n.load(contents(built("v2"))).ok);
  EXPECT_FALSE(n.load("garbage").ok);
  EXPECT_TRUE(n.runtime->alive(waiting.pid));
  EXPECT_TRUE(n.load(contents(built("v3"))).ok);
  EXPECT_EQ(n.wait(std::move(waiting)), "killed");
  EXPECT_EQ(n.call("tiny", "version"), "3");
}

TEST(CodeLoading, ANameOtherThanTheFilesIsBadfile) {
  code_node n;
  write(n.dir + "/other.so", contents(built("v1")));
  EXPECT_EQ(n.call("code", "load_file", "[other]"), "{error,badfile}");
  EXPECT_EQ(n.call("code", "load_abs", "[\"" + n.dir + "/other\"]"), "{error,badfile}");
  n.put("v1");
  EXPECT_EQ(n.call("code", "load_abs", "[\"" + n.dir + "/tiny\"]"), "{module,tiny}");
}

TEST(CodeLoading, AnOnLoadThatDoesNotSayOkRefusesTheVersion) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("tiny", "version"), "1");
  n.put("ON_LOAD");
  EXPECT_EQ(n.call("code", "load_file", "[tiny]"), "{error,on_load_failure}");
  EXPECT_EQ(n.call("tiny", "version"), "1");
  EXPECT_EQ(n.call("code", "soft_purge", "[tiny]"), "true");
  EXPECT_TRUE(n.unmaps(1));
}

TEST(CodeLoading, PartsOfTheNodeCannotBeReplaced) {
  code_node n;
  write(n.dir + "/code.so", contents(built("v1")));
  EXPECT_EQ(n.call("code", "is_sticky", "[code]"), "true");
  EXPECT_EQ(n.call("code", "delete", "[code]"), "false");
  EXPECT_EQ(n.call("code", "which", "[code]"), "preloaded");
}

TEST(CodeLoading, CallsNeverFailWhileTheModuleIsReloaded) {
  code_node n;
  n.put("v1");
  ASSERT_TRUE(n.load_file().ok);
  std::atomic<bool> stop{false};
  std::atomic<int> calls{0}, failed{0};
  std::vector<std::thread> callers;
  for (int i = 0; i < 2; ++i)
    callers.emplace_back([&] {
      while (!stop) {
        auto f = n.runtime->code().find(atom("tiny"), atom("version"), 0);
        if (!f) {
          ++failed;
          continue;
        }
        const auto v = f.function(nullptr, nullptr);
        if (v != cnode_make_small(1) && v != cnode_make_small(2)) ++failed;
        f.version->release();
        ++calls;
      }
    });
  const std::string versions[] = {contents(built("v1")), contents(built("v2"))};
  for (int i = 0; i < 60; ++i) EXPECT_TRUE(n.load(versions[i % 2]).ok);
  stop = true;
  for (auto& t : callers) t.join();
  EXPECT_EQ(failed, 0);
  EXPECT_GT(calls, 0);
  EXPECT_TRUE(n.unmaps(59));
}

std::size_t lines_with(const std::string& what) {
  std::ifstream maps{"/proc/self/maps"};
  std::size_t n = 0;
  for (std::string line; std::getline(maps, line);) n += line.find(what) != std::string::npos;
  return n;
}

TEST(CodeLoading, ReloadsLeaveNoMappingsAndNoFilesBehind) {
  code_node n;
  const auto v1 = contents(built("v1"));
  for (int i = 0; i < 50; ++i) ASSERT_TRUE(n.load(v1).ok);
  ASSERT_TRUE(n.unmaps(48));
  const auto before = lines_with("/tiny-");
  for (int i = 0; i < 200; ++i) ASSERT_TRUE(n.load(v1).ok);
  ASSERT_TRUE(n.unmaps(248));
  EXPECT_EQ(lines_with("/tiny-"), before);
  EXPECT_EQ(n.runtime->code().unloads().lingering, 0u);
}

}  // namespace
}  // namespace cnode::test
