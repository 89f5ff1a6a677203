// Many processes on several threads: nothing is lost, nothing runs twice, one that does not return holds up nobody.
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <mutex>
#include <thread>

#include "test_runtime.hpp"

namespace cnode::test {
namespace {

using namespace std::chrono_literals;

struct Schedulers : testing::Test {
  std::unique_ptr<runtime> start(unsigned threads, std::chrono::milliseconds long_schedule = 60s) {
    runtime_config c;
    c.schedulers = threads;
    c.max_processes = 1u << 16;
    c.long_schedule = long_schedule;
    c.log = [this](log_level, std::string_view text) {
      std::lock_guard g(lock);
      logged.emplace_back(text);
      changed.notify_all();
    };
    auto r = std::make_unique<runtime>(std::move(c));
    r->start();
    return r;
  }
  std::mutex lock;
  std::condition_variable changed;
  std::vector<std::string> logged;
};

// A behaviour from one function.
class on_message final : public behaviour {
 public:
  explicit on_message(std::function<void(process&, term)> f) : f_(std::move(f)) {}
  void start(process&) override {}
  void receive(process& self, block_ptr& m) override {
    const auto taken = std::move(m);
    f_(self, taken->root);
  }
  void returned(process&, outcome) override {}

 private:
  std::function<void(process&, term)> f_;
};

TEST_F(Schedulers, PassATokenAroundARing) {
  auto r = start(3);
  constexpr int members = 200, rounds = 50;
  std::promise<void> done;
  std::vector<term> ring(members);
  for (int i = 0; i < members; ++i) {
    ring[i] = r->spawn(std::make_unique<on_message>([&ring, i, &done](process& self, term m) {
      if (m.small() == 0) return done.set_value();
      self.send(ring[(i + 1) % members], small(m.small() - 1));
    }));
  }
  r->send(ring[0], immediate_block(small(members * rounds)));
  EXPECT_EQ(done.get_future().wait_for(60s), std::future_status::ready);
}

TEST_F(Schedulers, KeepTheOrderOfEachSender) {
  auto r = start(4);
  constexpr int senders = 8, count = 2000;
  std::vector<int> last(senders, -1);
  int wrong = 0, received = 0;
  std::promise<void> done;
  const auto to = r->spawn(std::make_unique<on_message>([&](process&, term m) {
    const auto who = m[0].small();
    const auto n = static_cast<int>(m[1].small());
    if (n != last[who] + 1) ++wrong;
    last[who] = n;
    if (++received == senders * count) done.set_value();
  }));
  for (int i = 0; i < senders; ++i) {
    const auto p = r->spawn(std::make_unique<on_message>([=](process& self, term) {
      for (int n = 0; n < count; ++n) self.send(to, make_tuple_of(self.scratch(), small(i), small(n)));
    }));
    r->send(p, immediate_block(atom("go")));
  }
  EXPECT_EQ(done.get_future().wait_for(60s), std::future_status::ready);
  EXPECT_EQ(wrong, 0);
}

TEST_F(Schedulers, EndWholeFamiliesOfLinkedProcessesUnderKill) {
  auto r = start(4);
  for (int round = 0; round < 20; ++round) {
    std::atomic<int> ready{0};
    constexpr int members = 50;
    std::vector<term> family;
    for (int i = 0; i < members; ++i) {
      family.push_back(r->spawn(std::make_unique<on_message>([&](process&, term) {})));
    }
    for (int i = 0; i < members; ++i) {
      r->run_in(family[i], [&, i](process& self) {
        self.link(family[(i + 1) % members]);
        self.link(family[(i + 7) % members]);
        ++ready;
      });
    }
    while (ready < members) std::this_thread::yield();
    r->exit_signal(family[0], family[round], atom("kill"));
    r->exit_signal(family[0], family[(round + 25) % members], atom("kill"));
    const auto deadline = std::chrono::steady_clock::now() + 30s;
    const auto anyone = [&] { return std::any_of(family.begin(), family.end(), [&](term p) { return r->alive(p); }); };
    while (anyone() && std::chrono::steady_clock::now() < deadline) std::this_thread::yield();
    ASSERT_FALSE(anyone());
  }
}

TEST_F(Schedulers, MonitorAndSpawnAndDieAllAtOnce) {
  auto r = start(4);
  constexpr int watchers = 4, each = 500;
  std::atomic<int> downs{0};
  std::promise<void> done;
  for (int w = 0; w < watchers; ++w) {
    const auto p = r->spawn(std::make_unique<on_message>([&](process& self, term m) {
      if (m.is_tuple(5)) {
        if (++downs == watchers * each) done.set_value();
        return;
      }
      for (int i = 0; i < each; ++i) {
        const auto child = self.node().spawn(std::make_unique<on_message>([](process& me, term) { me.exit(atom("done")); }));
        self.monitor(child);
        self.send(child, atom("end"));
      }
    }));
    r->send(p, immediate_block(atom("go")));
  }
  EXPECT_EQ(done.get_future().wait_for(60s), std::future_status::ready);
}

TEST_F(Schedulers, FireTimersOnTime) {
  auto r = start(2);
  std::promise<void> fired;
  const auto begin = std::chrono::steady_clock::now();
  r->after(20ms, [&] { fired.set_value(); });
  ASSERT_EQ(fired.get_future().wait_for(30s), std::future_status::ready);
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 20ms);
}

TEST_F(Schedulers, RunOnWhenAllOfThemAreHeldUp) {
  auto r = start(2, 20ms);
  std::promise<void> release;
  auto released = release.get_future().share();
  for (int i = 0; i < 6; ++i) {
    const auto p = r->spawn(std::make_unique<on_message>([released](process&, term) { released.wait(); }));
    r->send(p, immediate_block(atom("hold")));
  }
  std::promise<void> ran;
  const auto q = r->spawn(std::make_unique<on_message>([&](process&, term) { ran.set_value(); }));
  r->send(q, immediate_block(atom("go")));
  EXPECT_EQ(ran.get_future().wait_for(30s), std::future_status::ready);
  {
    std::unique_lock g(lock);
    EXPECT_TRUE(changed.wait_for(g, 30s, [&] { return !logged.empty(); }));
    EXPECT_NE(logged[0].find("long_schedule: <0."), std::string::npos);
  }
  release.set_value();
}

// What a function of the tests below waits for, and what it did afterwards.
struct stuck_function {
  std::promise<void> entered, release;
  std::shared_future<void> released = release.get_future().share();
  std::promise<bool> told_killed;
  term somebody;
};
stuck_function* stuck = nullptr;

const builtin_function stuck_functions[] = {
    {"hold", 0, [](cnode_env* env, const cnode_term*) -> cnode_term {
       stuck->entered.set_value();
       stuck->released.wait();
       auto& me = self(env);
       me.send(stuck->somebody, atom("from_the_dead"));
       me.link(stuck->somebody);
       me.monitor(stuck->somebody);
       me.set_trap_exit(true);
       stuck->told_killed.set_value((__atomic_load_n(&env->flags, __ATOMIC_RELAXED) & 1) != 0);
       return atom("ok").word();
     }}};

struct StuckFunctions : Schedulers {
  StuckFunctions() {
    stuck = &f;
    r = start(2);
    r->code().add_builtin("stuck", stuck_functions);
    watcher = r->spawn(std::make_unique<on_message>([this](process&, term m) {
      std::lock_guard g(lock);
      seen.push_back(to_text(m));
      changed.notify_all();
    }));
    f.somebody = watcher;
    p = r->spawn_function(atom("stuck"), atom("hold"), nil);
    f.entered.get_future().wait();
  }
  ~StuckFunctions() override { r.reset(); }
  bool sees(std::size_t n) {
    std::unique_lock g(lock);
    return changed.wait_for(g, 30s, [&] { return seen.size() >= n; });
  }
  void watch() {
    std::promise<void> done;
    r->run_in(watcher, [&](process& self) {
      self.monitor(p);
      done.set_value();
    });
    done.get_future().wait();
  }
  stuck_function f;
  std::unique_ptr<runtime> r;
  term watcher, p;
  std::vector<std::string> seen;
};

TEST_F(StuckFunctions, DoNotKeepAKilledProcessAlive) {
  watch();
  r->register_name(atom("held"), p);
  r->exit_signal(watcher, p, atom("kill"));
  EXPECT_TRUE(sees(1));
  EXPECT_NE(seen[0].find(",killed}"), std::string::npos);
  EXPECT_FALSE(r->alive(p));
  EXPECT_FALSE(r->whereis(atom("held")));
  f.release.set_value();
  EXPECT_TRUE(f.told_killed.get_future().get());
  r->send(watcher, immediate_block(atom("last")));
  EXPECT_TRUE(sees(2));
  EXPECT_EQ(seen[1], "last");
}

TEST_F(StuckFunctions, LetOtherExitSignalsThroughAsWell) {
  watch();
  r->exit_signal(watcher, p, atom("shutdown"));
  EXPECT_TRUE(sees(1));
  EXPECT_NE(seen[0].find(",shutdown}"), std::string::npos);
  f.release.set_value();
}

TEST_F(StuckFunctions, KeepTheirProcessAndItsMessagesWhenNothingEndsIt) {
  r->send(p, immediate_block(atom("hello")));
  watch();
  f.release.set_value();
  EXPECT_FALSE(f.told_killed.get_future().get());
  EXPECT_TRUE(sees(2));
}

}  // namespace
}  // namespace cnode::test
