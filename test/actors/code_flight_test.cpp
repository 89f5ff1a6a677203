// What is in flight when code goes: callbacks that run, coroutines that wait, timers that were started.
#include <gtest/gtest.h>

#include "flight_node.hpp"

namespace cnode::test {
namespace {

class InFlight : public ::testing::Test {
 protected:
  ~InFlight() override { release.value = 1; }
  counter release, ended;
  flight_node n;
  // Nothing a killed callback did was heard.
  void expect_silence() {
    n.settle();
    for (const auto& text : n.heard->all()) EXPECT_TRUE(text.starts_with("{settled,") || text.starts_with("{'DOWN'")) << text;
  }
};

TEST_F(InFlight, ACallbackThatLooksWhetherItWasKilledEndsAndNothingItDoesAfterwardsIsHeard) {
  auto c = n.running("spin", "[" + n.to() + "," + ended.address() + "]");
  n.runtime->exit_signal({}, c.pid, atom("kill"));
  EXPECT_FALSE(n.runtime->alive(c.pid));
  EXPECT_TRUE(eventually([&] { return ended.value == 1; }));
  EXPECT_EQ(n.wait(std::move(c)), "killed");
  expect_silence();
}

TEST_F(InFlight, PurgeKillsACallbackThatNeverLooksAndItsCodeStaysUntilItReturns) {
  auto c = n.running("deaf", "[" + n.to() + "," + release.address() + "]");
  ASSERT_TRUE(n.runtime->register_name(atom("deaf_one"), c.pid));
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  EXPECT_EQ(n.purge(), "true");
  EXPECT_FALSE(n.runtime->alive(c.pid));
  EXPECT_FALSE(n.runtime->whereis(atom("deaf_one")));
  EXPECT_EQ(n.call("flight", "version"), "2");
  EXPECT_EQ(n.load_version(3), "{module,flight}");  // nothing waits for it
  EXPECT_EQ(n.runtime->code().unloads().unmapped, 0u);
  release.value = 1;
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(release.value, 2);
  expect_silence();
}

TEST_F(InFlight, LinksAndMonitorsHearOfTheKillWhileTheCallbackStillRuns) {
  auto c = n.running("deaf", "[" + n.to() + "," + release.address() + "]");
  n.runtime->run_in(n.listener, [&](actors::process& p) {
    p.monitor(c.pid);
    p.link(c.pid);
  });
  n.settle();
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  EXPECT_EQ(n.purge(), "true");
  EXPECT_TRUE(eventually([&] { return n.heard->has("{'EXIT'," + to_text(c.pid) + ",killed}"); }));
  EXPECT_TRUE(eventually([&] { return n.heard->begins("{'DOWN'"); }));
  EXPECT_EQ(release.value, 0);
}

TEST_F(InFlight, SoftPurgeIsFalseAsLongAsACallbackRuns) {
  auto c = n.running("deaf", "[" + n.to() + "," + release.address() + "]");
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  EXPECT_EQ(n.soft_purge(), "false");
  EXPECT_TRUE(n.runtime->alive(c.pid));
  release.value = 1;
  EXPECT_EQ(n.wait(std::move(c)), "ok");
  EXPECT_TRUE(eventually([&] { return n.soft_purge() == "true"; }));
  EXPECT_TRUE(n.unmaps(1));
}

TEST_F(InFlight, DirtyFunctionsDelayNobody) {
  std::vector<running_call> dirty;
  for (int i = 0; i < 6; ++i) dirty.push_back(n.running("dirty", "[" + release.address() + "]"));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(n.call("flight", "version"), "1");
  release.value = 1;
  for (auto& c : dirty) EXPECT_EQ(n.wait(std::move(c)), "ok");
}

TEST_F(InFlight, LoopsOnMoreThreadsThanThereAreSchedulersDelayNobodyAndAreNamedInTheLog) {
  std::vector<running_call> loops;
  for (int i = 0; i < 3; ++i) loops.push_back(n.running("busy", "[" + release.address() + "]"));
  ASSERT_TRUE(n.runtime->register_name(atom("busy_one"), loops[0].pid));
  for (int i = 0; i < 20; ++i) EXPECT_EQ(n.call("flight", "version"), "1");
  const auto wanted = "long_schedule: " + to_text(loops[0].pid) + " (busy_one) has been running flight:busy/1 (vsn 1) for ";
  const auto times = [&] {
    std::lock_guard guard{n.log_lock};
    int count = 0;
    for (auto at = n.log.find(wanted); at != std::string::npos; at = n.log.find(wanted, at + 1)) ++count;
    return count;
  };
  EXPECT_TRUE(eventually([&] { return times() >= 2; }));
  release.value = 1;
  for (auto& c : loops) EXPECT_EQ(n.wait(std::move(c)), "ok");
}

TEST_F(InFlight, CoroutinesThatWaitInOldCodeAreDestroyedByPurge) {
  counter alive;
  auto one = n.waiting("held", "[" + alive.address() + "]");
  auto two = n.waiting("held_deeper", "[" + alive.address() + "]");
  EXPECT_EQ(alive.value, 3);
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  EXPECT_EQ(n.purge(), "true");
  EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
  EXPECT_EQ(n.wait(std::move(one)), "killed");
  EXPECT_EQ(n.wait(std::move(two)), "killed");
  EXPECT_TRUE(n.unmaps(1));
}

TEST_F(InFlight, ADestructorThatThrowsIsContained) {
  counter alive;
  auto c = n.waiting("held_throwing", "[" + alive.address() + "]");
  EXPECT_EQ(alive.value, 2);
  n.runtime->exit_signal({}, c.pid, atom("kill"));
  EXPECT_EQ(n.wait(std::move(c)), "killed");
  EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
  EXPECT_EQ(n.call("flight", "version"), "1");
}

TEST_F(InFlight, WhatADestructorSendsIsNotHeard) {
  counter alive;
  auto c = n.waiting("held_sending", "[" + alive.address() + "," + n.to() + "]");
  n.runtime->exit_signal({}, c.pid, atom("kill"));
  EXPECT_EQ(n.wait(std::move(c)), "killed");
  EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
  expect_silence();
}

TEST_F(InFlight, AProcessThatWaitsInGenServerCallFromOldCodeIsKilledByPurge) {
  const auto started = n.call("flight", "start");
  ASSERT_TRUE(started.starts_with("{ok,")) << started;
  const auto server = started.substr(4, started.size() - 5);
  counter alive;
  auto c = n.waiting("asks", "[" + server + "," + alive.address() + "]");
  EXPECT_EQ(alive.value, 1);
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  EXPECT_EQ(n.soft_purge(), "false");
  EXPECT_EQ(n.purge(), "true");
  EXPECT_EQ(n.wait(std::move(c)), "killed");
  EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
  EXPECT_TRUE(n.runtime->alive((*parse_term(server))->root));  // an idle server lives on
  EXPECT_TRUE(n.unmaps(1));
}

TEST_F(InFlight, DeleteAndPurgeKillWhoRunsTheDeletedCode) {
  counter alive;
  auto waiting = n.waiting("held", "[" + alive.address() + "]");
  auto runs = n.running("deaf", "[" + n.to() + "," + release.address() + "]");
  EXPECT_EQ(n.call("code", "delete", "[flight]"), "true");
  EXPECT_TRUE(n.runtime->alive(waiting.pid));
  EXPECT_EQ(n.purge(), "true");
  EXPECT_EQ(n.wait(std::move(waiting)), "killed");
  EXPECT_FALSE(n.runtime->alive(runs.pid));
  EXPECT_EQ(n.call("flight", "version"), "1");  // loaded again
  release.value = 1;
  EXPECT_TRUE(n.unmaps(1));
}

TEST_F(InFlight, KillsWhileVersionsComeAndGoLeaveNothingMapped) {
  for (int round = 0; round < 12; ++round) {
    std::vector<running_call> calls;
    counter alive;
    for (int i = 0; i < 4; ++i) calls.push_back(n.flight(i % 2 ? "held" : "spin", i % 2 ? "[" + alive.address() + "]" : "[" + n.to() + "," + ended.address() + "]"));
    auto killer = std::thread{[&] {
      for (auto& c : calls) n.runtime->exit_signal({}, c.pid, atom("kill"));
    }};
    n.load_version(round % 3 + 1);
    n.purge();
    killer.join();
    for (auto& c : calls) EXPECT_EQ(n.wait(std::move(c)), "killed");
    EXPECT_TRUE(eventually([&] { return alive.value == 0; }));
  }
  EXPECT_TRUE(eventually([&] { return n.runtime->code().unloads().unmapped == 12 && n.runtime->code().unloads().lingering == 0; }));
  EXPECT_EQ(n.runtime->code().unloads().stuck, 0u);
}

TEST_F(InFlight, TimersOutliveTheVersionThatStartedThem) {
  auto c = n.flight("timers", "[" + n.to() + "]");
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  n.call("code", "purge", "[flight]");
  EXPECT_TRUE(eventually([&] { return n.heard->has("{tock,1}"); }));
}

TEST_F(InFlight, ATimerToAProcessThatEndedIsCancelled) {
  auto b = block::make(24);
  counter alive;
  auto c = n.waiting("held", "[" + alive.address() + "]");
  const auto timer = n.runtime->send_after(100000, c.pid, atom("late"), *b);
  EXPECT_GT(n.runtime->read_timer(timer), 0);
  n.go(c.pid);
  EXPECT_EQ(n.wait(std::move(c)), "ok");
  EXPECT_TRUE(eventually([&] { return n.runtime->read_timer(timer) == -1; }));
  EXPECT_EQ(n.runtime->cancel_timer(timer), -1);
}

TEST_F(InFlight, UnloadsTellsWhatIsMapped) {
  auto c = n.running("deaf", "[" + n.to() + "," + release.address() + "]");
  ASSERT_EQ(n.load_version(2), "{module,flight}");
  EXPECT_EQ(n.purge(), "true");
  auto text = n.call("cnode", "unloads");
  EXPECT_NE(text.find("state => purged"), std::string::npos) << text;
  EXPECT_NE(text.find("state => current"), std::string::npos) << text;
  EXPECT_NE(text.find("unmapped => 0"), std::string::npos) << text;
  release.value = 1;
  EXPECT_TRUE(n.unmaps(1));
  text = n.call("cnode", "unloads");
  EXPECT_EQ(text.find("state => purged"), std::string::npos) << text;
  EXPECT_NE(text.find("unmapped => 1"), std::string::npos) << text;
}

}  // namespace
}  // namespace cnode::test
