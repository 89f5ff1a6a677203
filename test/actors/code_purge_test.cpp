#include <gtest/gtest.h>

#include "code_node.hpp"

namespace cnode::test {
namespace {

TEST(CodePurge, SoftPurgeLeavesAProcessThatWaitsInOldCode) {
  code_node n;
  n.put("v1");
  auto waiting = n.start_waiting();
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("code", "soft_purge", "[tiny]"), "false");
  n.go(waiting.pid);
  EXPECT_EQ(n.wait(std::move(waiting)), "1");
  EXPECT_EQ(n.call("code", "soft_purge", "[tiny]"), "true");
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(n.call("tiny", "version"), "2");
}

TEST(CodePurge, PurgeKillsAProcessThatWaitsInOldCode) {
  code_node n;
  n.put("v1");
  auto waiting = n.start_waiting();
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "true");
  EXPECT_FALSE(n.runtime->alive(waiting.pid));
  EXPECT_EQ(n.wait(std::move(waiting)), "killed");
  EXPECT_TRUE(n.unmaps(1));
}

TEST(CodePurge, PurgeLeavesAProcessThatWaitsInTheCurrentVersion) {
  code_node n;
  n.put("v1");
  ASSERT_TRUE(n.load_file().ok);
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  auto waiting = n.start_waiting();
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  n.go(waiting.pid);
  EXPECT_EQ(n.wait(std::move(waiting)), "2");
}

TEST(CodePurge, ANestedCallThatWaitsCountsAsRunningOldCode) {
  code_node n;
  fs::copy_file(std::string{TEST_MODULES} + "/other/tiny.so", n.dir + "/other.so", fs::copy_options::overwrite_existing);
  n.put("v1");
  auto waiting = n.start_waiting("other", "call", "[tiny, wait, []]");
  ASSERT_TRUE(eventually([&] { return n.call("code", "is_loaded", "[tiny]") != "false"; }));
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  ASSERT_TRUE(eventually([&] { return n.call("code", "soft_purge", "[tiny]") == "false"; }));
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "true");
  EXPECT_EQ(n.wait(std::move(waiting)), "killed");
  EXPECT_TRUE(n.unmaps(1));
}

TEST(CodePurge, ACallbackInFlightIsKilledAtOnceAndItsCodeGoesWhenItReturns) {
  code_node n;
  n.put("v1");
  auto spinning = n.start("tiny", "spin");
  ASSERT_TRUE(eventually([&] {
    const auto p = n.runtime->find(spinning.pid);
    return p && p->active_version();
  }));
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "true");
  EXPECT_FALSE(n.runtime->alive(spinning.pid));
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(n.call("tiny", "version"), "2");
}

TEST(CodePurge, WithoutOldCodePurgeIsFalseAndSoftPurgeTrue) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  EXPECT_EQ(n.call("code", "soft_purge", "[tiny]"), "true");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  EXPECT_EQ(n.call("code", "soft_purge", "[tiny]"), "true");
}

TEST(CodePurge, DeleteMakesTheCurrentVersionOldAndFailsWhileThereIsOldCode) {
  code_node n;
  n.put("v1");
  EXPECT_EQ(n.call("code", "delete", "[tiny]"), "false");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("code", "delete", "[tiny]"), "true");
  EXPECT_EQ(n.call("code", "is_loaded", "[tiny]"), "false");
  EXPECT_EQ(n.call("erlang", "check_old_code", "[tiny]"), "true");
  EXPECT_EQ(n.call("tiny", "version"), "1");  // loaded again from the path
  EXPECT_EQ(n.call("code", "delete", "[tiny]"), "false");
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  fs::remove(n.file());
  EXPECT_EQ(n.call("code", "delete", "[tiny]"), "true");
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  EXPECT_EQ(n.call("tiny", "version"), "error:undef");
  EXPECT_TRUE(n.unmaps(2));
}

TEST(CodePurge, CheckProcessCodeTellsWhoRunsOldCode) {
  code_node n;
  n.put("v1");
  auto waiting = n.start_waiting();
  const auto pid = to_text(waiting.pid);
  EXPECT_EQ(n.call("erlang", "check_process_code", "[" + pid + ", tiny]"), "false");
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(n.call("erlang", "check_process_code", "[" + pid + ", tiny]"), "true");
  n.go(waiting.pid);
  EXPECT_EQ(n.wait(std::move(waiting)), "1");
}

}  // namespace
}  // namespace cnode::test
