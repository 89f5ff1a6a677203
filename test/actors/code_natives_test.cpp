#include <gtest/gtest.h>

#include "code_node.hpp"

namespace cnode::test {
namespace {

// Keeps a native object as its state and calls functions of the module with it.
class keeper : public actors::behaviour {
 public:
  explicit keeper(std::shared_ptr<std::promise<void>> made) : made_{std::move(made)} {}
  void start(actors::process& self) override {
    const term n = small(7);
    self.call(atom("tiny"), atom("keep"), std::span{&n, 1});
  }
  // {Function, ReplyTo}: calls it with the state.
  void receive(actors::process& self, block_ptr& m) override {
    reply_ = reinterpret_cast<std::promise<std::string>*>(m->root.small());
    const auto f = term{m->tag ? atom("adopt") : atom("value")};
    m.reset();
    self.call(atom("tiny"), f, std::span{&state_->root, 1});
  }
  void returned(actors::process&, actors::outcome o) override {
    if (!state_) {
      state_ = copy_to_block(o.result);
      made_->set_value();
    } else {
      reply_->set_value(to_text(o.result));
    }
  }
  void purging(actors::process&, term) override { ++purges; }

  static inline std::atomic<int> purges{0};

 private:
  std::shared_ptr<std::promise<void>> made_;
  std::promise<std::string>* reply_ = nullptr;
  block_ptr state_;
};

struct kept_state {
  explicit kept_state(code_node& n) : node{n} {
    auto made = std::make_shared<std::promise<void>>();
    pid = n.runtime->spawn(std::make_unique<keeper>(made));
    made->get_future().wait();
  }
  std::string ask(const char* function) {
    std::promise<std::string> answer;
    const bool adopt = std::string_view{function} == "adopt";
    node.runtime->run_in(pid, [&](actors::process& p) {
      auto m = block::make(4);
      m->root = small(reinterpret_cast<std::int64_t>(&answer));
      m->tag = adopt;
      p.current_behaviour()->receive(p, m);
    });
    return answer.get_future().get();
  }
  code_node& node;
  term pid;
};

TEST(CodeNatives, AnObjectKeepsTheVersionThatMadeItMapped) {
  code_node n;
  n.put("v1");
  kept_state s{n};
  EXPECT_EQ(s.ask("value"), "701");
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  const auto purges = keeper::purges.load();
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  EXPECT_TRUE(eventually([&] { return keeper::purges == purges + 1; }));
  EXPECT_EQ(s.ask("value"), "701");  // its own version's operations
  EXPECT_EQ(n.runtime->code().unloads().unmapped, 0u);
  n.runtime->exit_signal({}, s.pid, atom("kill"));
  EXPECT_TRUE(n.unmaps(1));
}

TEST(CodeNatives, ANewerVersionOfTheSameLayoutTakesTheObjectOver) {
  code_node n;
  n.put("v1");
  kept_state s{n};
  n.put("v2");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(s.ask("adopt"), "adopted");
  EXPECT_EQ(s.ask("value"), "702");
  EXPECT_EQ(n.call("code", "purge", "[tiny]"), "false");
  EXPECT_TRUE(n.unmaps(1));
  EXPECT_EQ(s.ask("value"), "702");
}

TEST(CodeNatives, AnotherLayoutIsNotTakenOver) {
  code_node n;
  n.put("v1");
  kept_state s{n};
  n.put("v3");
  ASSERT_TRUE(n.load_file().ok);
  EXPECT_EQ(s.ask("adopt"), "refused");
  EXPECT_EQ(s.ask("value"), "701");
}

}  // namespace
}  // namespace cnode::test
