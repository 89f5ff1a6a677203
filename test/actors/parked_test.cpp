// Processes that have waited for a while are kept in a packed form: nobody can tell.
#include <gtest/gtest.h>

#include <thread>

#include "test_runtime.hpp"

namespace cnode::test {
namespace {

struct Packed : testing::Test {
  // Whoever went idle before is packed when this has waited: the list of those that keep their form has one place.
  void pack() {
    for (int i = 0; i < 3; ++i) n.send(other, "hello");
    n.spawn(n.make());
    n.spawn(n.make());
  }
  std::string info(term pid) {
    std::string text;
    n.as(other, [&](process&) {});
    n.as(pid, [&](process& self) {
      auto b = block::make(64);
      std::vector<term> items;
      for (const char* i : {"registered_name", "links", "monitors", "monitored_by", "dictionary", "trap_exit", "group_leader", "initial_call",
                            "parent", "current_function", "message_queue_len", "status"})
        items.push_back(atom(i));
      text = to_text(self.info(make_list(*b, items.data(), items.size()), *b));
    });
    return text;
  }

  manual_node n;
  std::shared_ptr<script> s = n.make();
  term other = n.spawn(n.make());
};

TEST_F(Packed, ProcessesTakeMessagesInOrder) {
  const auto pid = n.spawn(s);
  pack();
  n.send(pid, "1");
  pack();
  n.send(pid, "2");
  EXPECT_EQ(s->messages, (std::vector<std::string>{"1", "2"}));
}

TEST_F(Packed, ProcessesKnowWhatTheyKnew) {
  auto b = block::make(64);
  spawn_options o;
  o.dictionary = {{atom("$initial_call"), make_tuple_of(*b, atom("m"), atom("init"), small(1))}, {atom("$ancestors"), make_list_of(*b, other)}};
  o.initial_call = make_tuple_of(*b, atom("proc_lib"), atom("init_p"), small(5));
  const auto pid = n.spawn(s, o);
  n->register_name(atom("somebody"), pid);
  n.as(pid, [&](process& self) {
    self.set_trap_exit(true);
    self.link(other);
    self.monitor(other);
    self.dictionary_put(atom("key"), small(1), self.scratch());
  });
  n.as(other, [&](process& self) { self.monitor(pid); });
  const auto before = info(pid);
  pack();
  EXPECT_EQ(info(pid), before);
  EXPECT_NE(before.find("'$ancestors'"), std::string::npos);
  EXPECT_NE(before.find("{initial_call,{proc_lib,init_p,5}}"), std::string::npos);
}

TEST_F(Packed, ProcessesEndAsOthersDo) {
  const auto pid = n.spawn(s);
  n.as(other, [&](process& self) {
    self.set_trap_exit(true);
    self.link(pid);
  });
  pack();
  n.exit(pid, "kill");
  EXPECT_EQ(s->ended, "killed");
  EXPECT_FALSE(n->alive(pid));
}

TEST_F(Packed, ProcessesAreCountedAndListed) {
  const auto pid = n.spawn(s);
  pack();
  const auto all = n->processes();
  EXPECT_EQ(all.size(), n->process_count());
  EXPECT_TRUE(std::any_of(all.begin(), all.end(), [&](term p) { return p.same(pid); }));
  EXPECT_TRUE(n->alive(pid));
  ASSERT_TRUE(n->find(pid));
  EXPECT_TRUE(n->find(pid)->pid().same(pid));
}

TEST_F(Packed, EntriesOfTheirBirthCanBeReplacedAndErased) {
  auto b = block::make(64);
  spawn_options o;
  o.dictionary = {{atom("$initial_call"), make_tuple_of(*b, atom("m"), atom("init"), small(1))}, {atom("$ancestors"), nil}};
  const auto one = n.spawn(s, o), two = n.spawn(n.make(), o);
  std::string former, rest, others;
  n.as(one, [&](process& self) {
    former = to_text(self.dictionary_put(atom("$ancestors"), small(7), self.scratch()));
    self.dictionary_put(atom("$initial_call"), {}, self.scratch());
    rest = to_text(self.dictionary(self.scratch()));
  });
  n.as(two, [&](process& self) { others = to_text(self.dictionary(self.scratch())); });
  EXPECT_EQ(former, "[]");
  EXPECT_EQ(rest, "[{'$ancestors',7}]");
  EXPECT_EQ(others, "[{'$initial_call',{m,init,1}},{'$ancestors',[]}]");
}

// Two threads wake and pack the same processes over and over.
TEST(PackedOnThreads, ProcessesLoseNoMessage) {
  runtime_config c;
  c.schedulers = 2;
  c.recently_idle = 1;
  c.log = [](log_level, std::string_view) {};
  runtime node(std::move(c));
  node.start();
  constexpr int processes = 8, senders = 2, rounds = 2000;
  std::atomic<int> got{0};
  std::vector<term> pids;
  for (int i = 0; i < processes; ++i) {
    auto s = std::make_shared<script>();
    s->receive = [&](process&, block_ptr& m) {
      m.reset();
      ++got;
      return true;
    };
    pids.push_back(node.spawn(std::make_unique<scripted>(s)));
  }
  std::vector<std::thread> all;
  for (int t = 0; t < senders; ++t)
    all.emplace_back([&] {
      for (int i = 0; i < rounds; ++i) {
        node.send(pids[static_cast<std::size_t>(i % processes)], immediate_block(small(i)));
        if (i % 7 == 0) (void)node.find(pids[static_cast<std::size_t>((i + 3) % processes)]);
        if (i % 64 == 0) std::this_thread::yield();
      }
    });
  for (auto& t : all) t.join();
  while (got < senders * rounds) std::this_thread::yield();
  EXPECT_EQ(got, senders * rounds);
  node.stop();
}

}  // namespace
}  // namespace cnode::test
