// Where idle schedulers wait: no wake-up is lost, an end that comes with the last bytes is seen, and requests gather only where that pays.
#include <gtest/gtest.h>

#include <future>
#include <thread>
#include <vector>

#include "io/event_poller.hpp"
#include "io/gathering.hpp"
#include "running_node.hpp"

namespace cnode::test {
namespace {

using namespace std::chrono_literals;
using clock = std::chrono::steady_clock;
using node::gathering;

// Rounds of a peer with so many calls under way, each of which comes back after `round_trip` when nobody rests.
struct closed_loop {
  gathering g;
  clock::time_point now{1h};
  std::uint64_t sent = 0;
  std::chrono::nanoseconds longest_seen{0};

  // How many of the rounds had a rest.
  int run(int rounds, int in_flight, std::chrono::nanoseconds each) {
    int rests = 0;
    for (int i = 0; i < rounds; ++i) {
      const auto rest = g.rest(now, sent, in_flight > 1);
      EXPECT_LE(rest, gathering::longest);
      longest_seen = std::max(longest_seen, rest);
      const auto passed = std::max<std::chrono::nanoseconds>({rest, 20us, each}) + 10us;
      if (rest > 0ns) ++rests;
      sent += static_cast<std::uint64_t>(std::clamp<std::int64_t>(passed / each, 1, in_flight));
      now += std::max<std::chrono::nanoseconds>(passed, in_flight == 1 ? 60us : 0us);
    }
    return rests;
  }
};

TEST(Gathering, ASingleCallerNeverWaits) {
  closed_loop l;
  EXPECT_EQ(l.run(10'000, 1, 15us), 0);
}

// A rest that brings no more than both of them costs throughput.
TEST(Gathering, TwoCallersAreTriedNowAndThenAtMost) {
  closed_loop l;
  l.run(10'000, 2, 15us);
  EXPECT_LT(l.run(10'000, 2, 15us), 500);
}

TEST(Gathering, ManyCallersGather) {
  closed_loop l;
  EXPECT_GT(l.run(10'000, 64, 15us), 7'000);
}

TEST(Gathering, SlowRequestsOfManyCallersGatherInLongerRests) {
  closed_loop l;
  l.run(1'000, 64, 40us);
  EXPECT_GT(l.run(1'000, 64, 40us), 700);
  EXPECT_EQ(l.longest_seen, gathering::longest);
}

// A node that answers sixty at a time has no need to rest.
TEST(Gathering, LeavesAloneWhatGathersByItself) {
  closed_loop l;
  EXPECT_EQ(l.run(10'000, 64, 400ns), 0);
}

TEST(Gathering, EndsWhenTheCallersGo) {
  closed_loop l;
  l.run(1'000, 64, 15us);
  l.run(100, 1, 15us);
  EXPECT_EQ(l.run(1'000, 1, 15us), 0);
}

TEST(Gathering, KnowsNothingAfterASilence) {
  closed_loop l;
  l.run(1'000, 64, 15us);
  l.now += 1s;
  EXPECT_EQ(l.g.rest(l.now, l.sent, true), 0ns);
}

// One thread hands over a piece of work and waits until it is taken; the others wait in the poller. A lost wake-up hangs.
TEST(EventPoller, LosesNoWakeUp) {
  node::event_poller events;
  std::atomic<int> given{0}, taken{0};
  std::atomic<bool> over{false};
  std::vector<std::thread> waiting;
  for (int i = 0; i < 3; ++i)
    waiting.emplace_back([&] {
      while (!over) {
        for (int n = taken; n < given; n = taken) taken.compare_exchange_strong(n, n + 1);
        events.wait(clock::now() + 1h);
      }
    });
  for (int i = 1; i <= 50'000; ++i) {
    given = i;
    events.wake();
    while (taken < i) std::this_thread::yield();
  }
  over = true;
  for (auto& t : waiting) {
    std::promise<void> ended;
    auto joined = ended.get_future();
    std::thread joins([&] { t.join(); ended.set_value(); });
    while (joined.wait_for(1ms) != std::future_status::ready) events.wake();
    joins.join();
  }
}

TEST(EventPoller, AWakeUpBeforeTheWaitEndsIt) {
  node::event_poller events;
  for (int i = 0; i < 1000; ++i) {
    events.wake();
    events.wait(clock::now() + 1h);
  }
}

// Waits until the test has seen the answer to what came before.
struct spins : actors::behaviour {
  std::shared_future<void> free;
  explicit spins(std::shared_future<void> f) : free(std::move(f)) {}
  void start(actors::process&) override {}
  void receive(actors::process&, block_ptr& message) override {
    const auto m = std::move(message);
    free.wait_for(10s);
  }
  void returned(actors::process&, actors::outcome) override {}
};

void say(fake_peer& p, const char* to, int what) {
  const auto b = block::make(32);
  const auto me = make_pid(*b, atom("one@localhost"), 5, 7, 0);
  p.send(dist::reg_send{me, atom(to), {}}, make_tuple_of(*b, me, small(what)));
}

TEST(EventPoller, AnAnswerLeavesWhileALaterCallbackSpins) {
  for (const unsigned schedulers : {1u, 2u}) {
    running_node r(fake_epmd::manner::normal, [=](auto& c) { c.schedulers = schedulers; });
    std::promise<void> free;
    r.n->runtime().register_name(atom("spins"), r.n->runtime().spawn(std::make_unique<spins>(free.get_future().share())));
    auto p = r.peer();
    ASSERT_TRUE(p.call("one@localhost", "cpp@localhost", "secret"));
    say(p, "echo", 1);
    say(p, "spins", 2);
    const auto answer = p.next();
    ASSERT_TRUE(answer);
    EXPECT_TRUE(answer->message.same(small(1)));
    free.set_value();
  }
}

// The end is told with the same event as the bytes before it, and no event follows.
TEST(EventPoller, WhatComesWithThePeersEndIsHandledAndTheEndSeen) {
  running_node r;
  for (int i = 0; i < 200; ++i) {
    const auto before = r.events.count("down one@localhost");
    {
      auto p = r.peer();
      ASSERT_TRUE(p.call("one@localhost", "cpp@localhost", "secret"));
      for (int n = 0; n < i % 4; ++n) say(p, "echo", n);
    }
    for (const auto until = clock::now() + 10s; r.events.count("down one@localhost") == before && clock::now() < until;) std::this_thread::sleep_for(100us);
    ASSERT_EQ(r.events.count("down one@localhost"), before + 1);
  }
}

// Many messages of many peers at once, to their last answer.
TEST(EventPoller, AnswersEachOfManyPeersWhoAskAllTheTime) {
  running_node r(fake_epmd::manner::normal, [](auto& c) { c.schedulers = 3; });
  std::vector<std::thread> peers;
  for (int i = 0; i < 8; ++i)
    peers.emplace_back([&r, i] {
      auto p = r.peer();
      const auto name = "peer" + std::to_string(i) + "@localhost";
      ASSERT_TRUE(p.call(name, "cpp@localhost", "secret"));
      const int in_flight = 1 + i;
      for (int sent = 0, answered = 0; answered < 3000; ++answered) {
        for (; sent < 3000 && sent < answered + in_flight; ++sent) {
          const auto b = block::make(32);
          const auto me = make_pid(*b, atom(name), 5, 7, 0);
          p.send(dist::reg_send{me, atom("echo"), {}}, make_tuple_of(*b, me, small(sent)));
        }
        const auto answer = p.next();
        ASSERT_TRUE(answer);
        ASSERT_EQ(answer->message.small(), answered);
      }
    });
  for (auto& t : peers) t.join();
}

TEST(EventPoller, ReturnsAtTheDeadline) {
  node::event_poller events;
  const auto deadline = clock::now() + 2ms;
  while (clock::now() < deadline) events.wait(deadline);
}

}  // namespace
}  // namespace cnode::test
