// Threads that modules start and the host owns.
#include <gtest/gtest.h>

#include <future>

#include "flight_node.hpp"

namespace cnode::test {
namespace {

class HostThreads : public ::testing::Test {
 protected:
  ~HostThreads() override { release.value = 1; }
  counter alive, release;
  flight_node n;
  running_call owner() { return n.waiting("owner", "[" + n.to() + "," + alive.address() + "]"); }
  bool hears_a_sample() {
    n.heard->clear();
    return eventually([&] { return n.heard->begins("{sample,"); });
  }
};

TEST_F(HostThreads, SendUntilTheirProcessEnds) {
  auto c = owner();
  EXPECT_TRUE(hears_a_sample());
  EXPECT_NE(n.call("cnode", "unloads").find("name => <<\"samples\">>"), std::string::npos);
  n.runtime->exit_signal({}, c.pid, atom("kill"));
  EXPECT_EQ(n.wait(std::move(c)), "killed");
  EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
  n.settle();
  EXPECT_FALSE(n.heard->has("stopped"));
  EXPECT_NE(n.call("cnode", "unloads").find("threads => []"), std::string::npos);
}

TEST_F(HostThreads, EndWithAProcessThatEndsNormally) {
  const auto ref = n.call("flight", "samples", "[" + n.to() + "," + alive.address() + "]");
  EXPECT_TRUE(ref.starts_with("#Ref<")) << ref;
  EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
}

TEST_F(HostThreads, StopWhenAskedToAndAreHeardUntilTheyHave) {
  auto c = owner();
  EXPECT_TRUE(hears_a_sample());
  n.send(c.pid, "stop");
  EXPECT_TRUE(eventually([&] { return n.heard->has("stopped"); }));
  EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
  EXPECT_TRUE(n.runtime->alive(c.pid));
}

TEST_F(HostThreads, GoOnInOldCodeUntilThatIsPurged) {
  auto c = n.flight("loop_with_thread", "[" + n.to() + "," + alive.address() + "]");
  EXPECT_TRUE(hears_a_sample());
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  n.send(c.pid, "turn");
  EXPECT_TRUE(hears_a_sample());
  // The thread alone is old code by now: nothing is purged softly.
  EXPECT_TRUE(eventually([&] { return n.call("erlang", "check_process_code", "[" + to_text(c.pid) + ",flight]") == "false"; }));
  EXPECT_EQ(n.soft_purge(), "false");
  EXPECT_TRUE(hears_a_sample());
  EXPECT_EQ(n.purge(), "true");
  EXPECT_EQ(n.wait(std::move(c)), "killed");  // linked with it
  EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
  EXPECT_TRUE(n.unmaps(1));
}

TEST_F(HostThreads, ThatThrowEndTheirProcess) {
  auto c = n.flight("owner_of_failing", "[false]");
  EXPECT_EQ(n.wait(std::move(c)), "killed");
  std::lock_guard guard{n.log_lock};
  EXPECT_NE(n.log.find("{{cxx_exception,<<\"std::runtime_error\">>,<<\"no more\">>},[{flight,failing,0,[]}]}"), std::string::npos) << n.log;
}

TEST_F(HostThreads, ThatThrowAreAnExitMessageToAProcessThatTrapsExits) {
  auto c = n.flight("trapping_owner_of_failing", "[]");
  const auto pid = to_text(c.pid);
  EXPECT_EQ(n.wait(std::move(c)), "{'EXIT'," + pid + ",{{cxx_exception,<<\"std::runtime_error\">>,<<\"no more\">>},[{flight,failing,0,[]}]}}");
}

TEST_F(HostThreads, ThatDoNotStopKeepTheirCodeMapped) {
  auto c = n.waiting("owner_of_deaf", "[" + release.address() + "]");
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  EXPECT_EQ(n.purge(), "true");
  EXPECT_EQ(n.wait(std::move(c)), "killed");
  ASSERT_EQ(n.load_version(3), "{module,flight}");
  EXPECT_EQ(n.purge(), "false");
  EXPECT_TRUE(n.unmaps(1));  // version 2; version 1 is in use
  release.value = 1;
  EXPECT_TRUE(n.unmaps(2));
}

TEST_F(HostThreads, ThatDoNotStopHoldUpTheStopOfTheNodeForABoundedTime) {
  auto c = n.waiting("owner_of_deaf", "[" + release.address() + "]");
  auto r = n.running("deaf", "[" + n.to() + "," + release.address() + "]");
  const auto begin = std::chrono::steady_clock::now();
  n.runtime->stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds{20});
  EXPECT_EQ(n.runtime->held_up(), 2u);
  {
    std::lock_guard guard{n.log_lock};
    EXPECT_NE(n.log.find("thread deaf of " + to_text(c.pid) + " does not stop"), std::string::npos) << n.log;
    EXPECT_NE(n.log.find(to_text(r.pid) + ", killed meanwhile, has been running flight:deaf/2 (vsn 1) and does not return"), std::string::npos) << n.log;
  }
  release.value = 1;
}

}  // namespace
}  // namespace cnode::test
