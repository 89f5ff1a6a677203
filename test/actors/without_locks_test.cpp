// What threads share without a lock: each alone, with as many threads as use it.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <vector>

#include "biased_lock.hpp"
#include "run_ring.hpp"

namespace cnode::test {
namespace {

using actors::run_ring;

actors::process* entry(std::uintptr_t i) { return reinterpret_cast<actors::process*>(i * 64); }

TEST(RunRing, GivesOutInTheOrderOfComingUntilItIsFull) {
  run_ring ring;
  std::uint32_t length = 0;
  EXPECT_EQ(ring.pop(), nullptr);
  for (std::uintptr_t round = 0; round < 3; ++round) {
    for (std::uintptr_t i = 1; i <= run_ring::capacity; ++i) {
      ASSERT_TRUE(ring.push(entry(i), length));
      ASSERT_EQ(length, i);
    }
    EXPECT_FALSE(ring.push(entry(1), length));
    for (std::uintptr_t i = 1; i <= run_ring::capacity; ++i) ASSERT_EQ(ring.pop(), entry(i));
    EXPECT_EQ(ring.length(), 0u);
  }
}

TEST(RunRing, GivesEachEntryToOneOfManyThreads) {
  constexpr std::uintptr_t entries = 50000;
  run_ring ring;
  std::vector<std::atomic<int>> seen(entries + 1);
  std::vector<int> plain(entries + 1);  // written before the push, read after the pop
  std::atomic<std::uintptr_t> taken{0};
  const auto take = [&] {
    while (taken < entries) {
      auto* p = ring.pop();
      if (!p) {
        std::this_thread::yield();
        continue;
      }
      const auto i = reinterpret_cast<std::uintptr_t>(p) / 64;
      if (plain[i] != 1) ADD_FAILURE() << i;
      ++seen[i];
      ++taken;
    }
  };
  std::vector<std::thread> thieves;
  for (int i = 0; i < 3; ++i) thieves.emplace_back(take);
  std::uint32_t length = 0;
  for (std::uintptr_t i = 1; i <= entries; ++i) {
    plain[i] = 1;
    while (!ring.push(entry(i), length)) std::this_thread::yield();
    if (i % 5 == 0)
      if (auto* p = ring.pop()) ++seen[reinterpret_cast<std::uintptr_t>(p) / 64], ++taken;
  }
  take();
  for (auto& t : thieves) t.join();
  for (std::uintptr_t i = 1; i <= entries; ++i) ASSERT_EQ(seen[i], 1) << i;
}

// The protocol of an open process, between its own thread and two others.
TEST(BiasedLock, LetsOneThreadInAtATime) {
  std::atomic<bool> open{false}, taken{false}, done{false};
  std::int64_t inside = 0, own = 0;
  std::atomic<std::int64_t> others{0};
  const auto visit = [&] {
    while (!done) {
      if (taken.exchange(true)) continue;
      actors::look_after_store();
      if (open.load()) ++inside, ++others;
      taken.store(false, std::memory_order_release);
      std::this_thread::yield();
    }
  };
  std::thread a(visit), b(visit);
  while (own < 20000 || (others < 10 && own < 5000000)) {
    actors::store_then_look(open, true);
    actors::store_then_look(open, false);
    while (taken.load()) std::this_thread::yield();
    ++inside, ++own;
  }
  done = true;
  a.join();
  b.join();
  EXPECT_EQ(inside, own + others);
}

}  // namespace
}  // namespace cnode::test
