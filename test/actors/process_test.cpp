// Processes among themselves on one node: messages, links, monitors, aliases, names, timers, exits.
#include <gtest/gtest.h>

#include "test_runtime.hpp"

namespace cnode::test {
namespace {

using strings = std::vector<std::string>;

struct Processes : testing::Test {
  manual_node n;
  std::shared_ptr<script> s = n.make(), t = n.make();
  std::string text(term x) { return to_text(x); }
};

TEST_F(Processes, GetMessagesInTheOrderTheyWereSent) {
  const auto p = n.spawn(s);
  for (auto* m : {"1", "{two,\"x\"}", "3"}) n->send(p, std::move(*parse_term(m)));
  n.run();
  EXPECT_EQ(s->messages, (strings{"1", "{two,\"x\"}", "3"}));
}

TEST_F(Processes, KeepWhatTheyLeaveUntilTheyAskForItAgain) {
  bool open = false;
  s->receive = [&](process& self, block_ptr& m) {
    if (m->root.same(atom("open"))) {
      open = true;
      m.reset();
      self.rescan();
      return true;
    }
    return !open;
  };
  const auto p = n.spawn(s);
  n.send(p, "a"), n.send(p, "b");
  n.as(p, [](process& self) { EXPECT_EQ(self.message_queue_len(), 2u); });
  n.send(p, "open");
  EXPECT_EQ(s->messages, (strings{"a", "b"}));
}

TEST_F(Processes, TakeAMessageOutOfTheMiddleOfTheMailbox) {
  s->receive = [&](process&, block_ptr&) { return true; };
  const auto p = n.spawn(s);
  n.send(p, "a"), n.send(p, "b"), n.send(p, "c");
  n.as(p, [](process& self) {
    auto m = self.take_message([](void*, term t) { return t.same(atom("b")); }, nullptr);
    ASSERT_TRUE(m);
    EXPECT_FALSE(self.take_message([](void*, term t) { return t.same(atom("b")); }, nullptr));
    EXPECT_EQ(self.message_queue_len(), 2u);
  });
}

TEST_F(Processes, AreReachedByName) {
  const auto p = n.spawn(s);
  EXPECT_TRUE(n->register_name(atom("server"), p));
  n.send(atom("server"), "hello");
  auto b = block::make(8);
  n.send(make_tuple_of(*b, atom("server"), this_node().name), "hi");
  n.send(atom("nobody"), "lost");
  EXPECT_EQ(s->messages, (strings{"hello", "hi"}));
}

TEST_F(Processes, HaveOneNameAtMostAndLoseItWhenTheyEnd) {
  const auto p = n.spawn(s), q = n.spawn(t);
  EXPECT_TRUE(n->register_name(atom("one"), p));
  EXPECT_FALSE(n->register_name(atom("two"), p));
  EXPECT_FALSE(n->register_name(atom("one"), q));
  EXPECT_FALSE(n->register_name(atom("undefined"), q));
  n.exit(p, "stop");
  EXPECT_FALSE(n->whereis(atom("one")));
  EXPECT_FALSE(n->register_name(atom("one"), p));
  EXPECT_TRUE(n->register_name(atom("one"), q));
  EXPECT_TRUE(n->unregister_name(atom("one")));
  EXPECT_TRUE(n->register_name(atom("other"), q));
}

TEST_F(Processes, EndWithTheReasonOfAnExitSignal) {
  const auto p = n.spawn(s);
  n.exit(p, "{bad,thing}");
  EXPECT_EQ(s->ended, "{bad,thing}");
  EXPECT_FALSE(n->alive(p));
}

TEST_F(Processes, IgnoreNormalFromOthersButNotFromThemselves) {
  const auto p = n.spawn(s);
  n.exit(p, "normal");
  EXPECT_TRUE(n->alive(p));
  n.as(p, [](process& self) { self.exit_signal(self.pid(), atom("normal")); });
  EXPECT_EQ(s->ended, "normal");
}

TEST_F(Processes, TrapExitSignalsButNotKill) {
  s->start = [](process& self) { self.set_trap_exit(true); };
  const auto p = n.spawn(s);
  n.exit(p, "normal"), n.exit(p, "boom");
  EXPECT_EQ(s->messages, (strings{"{'EXIT',<0.1000.9>,normal}", "{'EXIT',<0.1000.9>,boom}"}));
  n.exit(p, "kill");
  EXPECT_EQ(s->ended, "killed");
}

TEST_F(Processes, DieWithTheirLinkedNeighbours) {
  const auto p = n.spawn(s), q = n.spawn(t);
  n.as(p, [&](process& self) { self.link(q); });
  n.exit(p, "boom");
  EXPECT_EQ(t->ended, "boom");
}

TEST_F(Processes, SurviveANeighbourThatEndsNormally) {
  const auto p = n.spawn(s), q = n.spawn(t);
  n.as(p, [&](process& self) { self.link(q); });
  n.as(p, [](process& self) { self.exit(atom("normal")); });
  EXPECT_EQ(s->ended, "normal");
  EXPECT_TRUE(n->alive(q));
  n.as(q, [&](process& self) { EXPECT_FALSE(self.has_link(p)); });
}

TEST_F(Processes, HearOfAKilledNeighbourAsKilled) {
  t->start = [](process& self) { self.set_trap_exit(true); };
  const auto p = n.spawn(s), q = n.spawn(t);
  n.as(q, [&](process& self) { self.link(p); });
  n.exit(p, "kill");
  EXPECT_EQ(t->messages, (strings{"{'EXIT'," + text(p) + ",killed}"}));
}

TEST_F(Processes, GetNoprocWhenTheyLinkToNobody) {
  s->start = [](process& self) { self.set_trap_exit(true); };
  const auto p = n.spawn(s);
  const term gone{cnode_make_local_pid(900, 0)};
  n.as(p, [&](process& self) { self.link(gone); });
  EXPECT_EQ(s->messages, (strings{"{'EXIT',<0.900.0>,noproc}"}));
}

TEST_F(Processes, AreNotLinkedAnyMoreOnceUnlinked) {
  const auto p = n.spawn(s), q = n.spawn(t);
  n.as(p, [&](process& self) { self.link(q); });
  n.as(p, [&](process& self) { self.unlink(q); });
  n.as(q, [&](process& self) { EXPECT_FALSE(self.has_link(p)); });
  n.exit(q, "boom");
  EXPECT_TRUE(n->alive(p));
}

TEST_F(Processes, CanLinkAgainBeforeTheUnlinkIsAnswered) {
  const auto p = n.spawn(s), q = n.spawn(t);
  n.as(p, [&](process& self) {
    self.link(q);
    self.unlink(q);
    self.link(q);
    EXPECT_TRUE(self.has_link(q));
  });
  n.as(q, [&](process& self) { EXPECT_TRUE(self.has_link(p)); });
  n.exit(q, "boom");
  EXPECT_EQ(s->ended, "boom");
}

TEST_F(Processes, HearExitBeforeDown) {
  s->start = [](process& self) { self.set_trap_exit(true); };
  const auto p = n.spawn(s), q = n.spawn(t);
  n.as(p, [&](process& self) {
    self.monitor(q);
    self.link(q);
  });
  n.exit(q, "boom");
  ASSERT_EQ(s->messages.size(), 2u);
  EXPECT_EQ(s->messages[0].substr(0, 7), "{'EXIT'");
  EXPECT_EQ(s->messages[1].substr(0, 7), "{'DOWN'");
}

TEST_F(Processes, GetDownWithNoprocAtOnceForNobody) {
  const auto p = n.spawn(s);
  std::string ref;
  n.as(p, [&](process& self) { ref = to_text(self.monitor(atom("nobody"))); });
  EXPECT_EQ(s->messages, (strings{"{'DOWN'," + ref + ",process,{nobody," + to_text(this_node().name) + "},noproc}"}));
}

TEST_F(Processes, SeeTheNameTheyMonitoredInDown) {
  const auto p = n.spawn(s), q = n.spawn(t);
  n->register_name(atom("server"), q);
  std::string ref;
  n.as(p, [&](process& self) { ref = to_text(self.monitor(atom("server"))); });
  n.exit(q, "boom");
  EXPECT_EQ(s->messages, (strings{"{'DOWN'," + ref + ",process,{server," + to_text(this_node().name) + "},boom}"}));
}

TEST_F(Processes, ChooseTheTagOfDown) {
  const auto p = n.spawn(s), q = n.spawn(t);
  n.as(p, [&](process& self) {
    auto b = block::make(8);
    monitor_options o;
    o.tag = make_tuple_of(*b, atom("gone"), small(1));
    self.monitor(q, o);
  });
  n.exit(q, "boom");
  ASSERT_EQ(s->messages.size(), 1u);
  EXPECT_EQ(s->messages[0].substr(0, 10), "{{gone,1},");
}

TEST_F(Processes, HearNothingAfterDemonitor) {
  const auto p = n.spawn(s), q = n.spawn(t);
  n.as(p, [&](process& self) {
    const auto ref = self.monitor(q);
    EXPECT_TRUE(self.demonitor(ref, false));
    EXPECT_FALSE(self.demonitor(ref, false));
  });
  n.exit(q, "boom");
  EXPECT_TRUE(s->messages.empty());
}

TEST_F(Processes, FlushTheDownThatIsThereAlready) {
  const auto p = n.spawn(s);
  s->receive = [](process&, block_ptr&) { return true; };  // leaves everything
  std::shared_ptr<block> keep;
  term ref;
  n.as(p, [&](process& self) {
    ref = self.monitor(atom("nobody"));
    keep = std::shared_ptr<block>(copy_to_block(ref).release(), block_deleter{});
    ref = keep->root;
  });
  n.as(p, [&](process& self) {
    EXPECT_EQ(self.message_queue_len(), 1u);
    EXPECT_FALSE(self.demonitor(ref, true));
    EXPECT_EQ(self.message_queue_len(), 0u);
  });
}

TEST_F(Processes, AreReachedThroughAnAliasUntilItIsTakenBack) {
  const auto p = n.spawn(s);
  block_ptr alias;
  n.as(p, [&](process& self) { alias = copy_to_block(self.alias()); });
  EXPECT_EQ(alias->root.size(), 5u);
  n.send(alias->root, "one");
  n.as(p, [&](process& self) { EXPECT_TRUE(self.unalias(alias->root)); });
  n.send(alias->root, "two");
  EXPECT_EQ(s->messages, (strings{"one"}));
}

TEST_F(Processes, TakeOneReplyThroughAReplyDemonitorAlias) {
  const auto p = n.spawn(s), q = n.spawn(t);
  block_ptr alias;
  n.as(p, [&](process& self) {
    monitor_options o;
    o.alias = monitor_options::reply_demonitor;
    alias = copy_to_block(self.monitor(q, o));
  });
  n.send(alias->root, "reply");
  n.send(alias->root, "late");
  n.exit(q, "boom");
  EXPECT_EQ(s->messages, (strings{"reply"}));
}

TEST_F(Processes, LoseADemonitorAliasWithTheDown) {
  const auto p = n.spawn(s), q = n.spawn(t);
  block_ptr alias;
  n.as(p, [&](process& self) {
    monitor_options o;
    o.alias = monitor_options::demonitor;
    alias = copy_to_block(self.monitor(q, o));
  });
  n.send(alias->root, "one"), n.send(alias->root, "two");
  n.exit(q, "boom");
  n.send(alias->root, "late");
  ASSERT_EQ(s->messages.size(), 3u);
  EXPECT_EQ(s->messages[2], "{'DOWN'," + text(alias->root) + ",process," + text(q) + ",boom}");
}

TEST_F(Processes, TimeOutUnlessAMessageComes) {
  s->start = [](process& self) { self.set_timeout(100); };
  const auto p = n.spawn(s);
  n.pass(std::chrono::milliseconds(99));
  EXPECT_EQ(s->timeouts, 0);
  n.pass(std::chrono::milliseconds(1));
  EXPECT_EQ(s->timeouts, 1);
  n.as(p, [](process& self) { self.set_timeout(100); });
  n.send(p, "hello");
  n.pass(std::chrono::milliseconds(500));
  EXPECT_EQ(s->timeouts, 1);
}

TEST_F(Processes, TimeOutAtOnceWithZeroWhenTheMailboxIsEmpty) {
  s->receive = [](process& self, block_ptr& m) {
    if (m->root.same(atom("again"))) self.set_timeout(0);
    return false;
  };
  const auto p = n.spawn(s);
  n->send(p, immediate_block(atom("again")));
  n->send(p, immediate_block(atom("first")));
  n.run();
  EXPECT_EQ(s->timeouts, 0);
  n.send(p, "again");
  EXPECT_EQ(s->timeouts, 1);
}

TEST_F(Processes, GetTimersAsMessages) {
  const auto p = n.spawn(s);
  auto b = block::make(32);
  n->send_after(10, p, atom("tick"), *b);
  const auto ref = n->send_after(20, p, atom("tock"), *b, true);
  const auto off = n->send_after(30, p, atom("never"), *b);
  EXPECT_EQ(n->read_timer(off), 30);
  EXPECT_EQ(n->cancel_timer(off), 30);
  EXPECT_EQ(n->cancel_timer(off), -1);
  n.pass(std::chrono::milliseconds(15));
  EXPECT_EQ(n->read_timer(ref), 5);
  n.pass(std::chrono::milliseconds(30));
  EXPECT_EQ(s->messages, (strings{"tick", "{timeout," + text(ref) + ",tock}"}));
  EXPECT_EQ(n->read_timer(ref), -1);
}

TEST_F(Processes, KeepADictionary) {
  const auto p = n.spawn(s);
  n.as(p, [](process& self) {
    auto b = block::make(32);
    EXPECT_FALSE(self.dictionary_put(atom("k"), small(1), *b));
    EXPECT_EQ(self.dictionary_put(atom("k"), small(2), *b).small(), 1);
    self.dictionary_put(atom("l"), small(3), *b);
    EXPECT_EQ(self.dictionary_put(atom("k"), term{}, *b).small(), 2);
    EXPECT_EQ(to_text(self.dictionary(*b)), "[{l,3}]");
  });
}

TEST_F(Processes, AreBornLinkedMonitoredAndWithTheirParentsLeader) {
  t->start = [](process& self) { self.set_trap_exit(true); };
  const auto q = n.spawn(t);
  term child;
  n.as(q, [&](process& self) {
    self.set_group_leader(self.pid());
    const auto ref = self.node().make_ref(self.scratch());
    spawn_options o;
    o.link_to = self.pid();
    o.monitor_by = self.pid();
    o.monitor_ref = ref;
    child = self.node().spawn(std::make_unique<scripted>(s), o);
  });
  n.as(child, [&](process& self) {
    EXPECT_TRUE(self.group_leader().same(q));
    self.exit(atom("done"));
  });
  ASSERT_EQ(t->messages.size(), 2u);
  EXPECT_EQ(t->messages[0], "{'EXIT'," + text(child) + ",done}");
  EXPECT_EQ(t->messages[1].substr(0, 7), "{'DOWN'");
}

TEST_F(Processes, TellAboutThemselves) {
  const auto p = n.spawn(s), q = n.spawn(t);
  n->register_name(atom("server"), p);
  n.as(p, [&](process& self) {
    self.link(q);
    self.set_trap_exit(true);
    auto b = block::make(64);
    EXPECT_EQ(to_text(self.info(atom("registered_name"), *b)), "{registered_name,server}");
    EXPECT_EQ(to_text(self.info(atom("links"), *b)), "{links,[" + to_text(q) + "]}");
    EXPECT_EQ(to_text(self.info(atom("trap_exit"), *b)), "{trap_exit,true}");
    EXPECT_EQ(to_text(self.info(atom("current_function"), *b)), "{current_function,{scripted,loop,0}}");
    EXPECT_FALSE(self.info(atom("no_such_item"), *b));
    EXPECT_EQ(list_length(self.info(atom("undefined"), *b)), 17);
    EXPECT_EQ(to_text(self.info(make_list_of(*b, atom("status"), atom("priority")), *b)).substr(0, 9), "[{status,");
  });
  n.as(q, [&](process& self) {
    auto b = block::make(64);
    EXPECT_TRUE(self.info(atom("registered_name"), *b).is_nil());
  });
}

TEST_F(Processes, AnswerQuestionsOfOthersAboutThem) {
  const auto p = n.spawn(s), q = n.spawn(t);
  const auto ask = [&](term about) {
    auto b = block::make(32);
    b->root = make_tuple_of(*b, p, atom("r1"), atom("message_queue_len"));
    b->tag = static_cast<std::uint32_t>(cnode::actors::signal::info_request);
    if (auto found = n->find(about)) found->post(std::move(b));
    n.run();
  };
  ask(q);
  EXPECT_EQ(s->messages, (strings{"{r1,{message_queue_len,0}}"}));
}

TEST_F(Processes, EndWhenTheirBehaviourThrowsAndTakeNobodyWithThem) {
  s->receive = [](process&, block_ptr&) -> bool { throw std::runtime_error("oops"); };
  const auto p = n.spawn(s);
  n.send(p, "go");
  EXPECT_EQ(s->ended, "{internal_error,<<\"oops\">>}");
}

TEST_F(Processes, GetPidsThatAreNotUsedTwiceInARow) {
  std::vector<std::uint64_t> seen;
  for (int i = 0; i < 3000; ++i) {
    const auto p = n.spawn(n.make());
    ASSERT_TRUE(p);
    seen.push_back(p.word());
    n.exit(p, "stop");
  }
  std::sort(seen.begin(), seen.end());
  EXPECT_EQ(std::adjacent_find(seen.begin(), seen.end()), seen.end());
}

TEST_F(Processes, AreRefusedWhenTheTableIsFull) {
  std::vector<term> all;
  while (const auto p = n->spawn(std::make_unique<scripted>(n.make()))) all.push_back(p);
  EXPECT_EQ(n->process_count(), 1023u);
  n.run();
  n.exit(all.back(), "stop");
  EXPECT_TRUE(n->spawn(std::make_unique<scripted>(n.make())));
}

TEST_F(Processes, AnswerTheIoProtocolAsUser) {
  const auto p = n.spawn(s);
  const auto ask = [&](const std::string& request) {
    n.send(atom("user"), "{io_request," + text(p) + ",r," + request + "}");
    return s->messages.back();
  };
  testing::internal::CaptureStdout();
  EXPECT_EQ(ask("{put_chars,unicode,[<<\"a\">>,$b,[\"c\"]]}"), "{io_reply,r,ok}");
  EXPECT_EQ(ask("{put_chars,unicode,io_lib,format,[\"~p~n\",[{x,1}]]}"), "{io_reply,r,ok}");
  EXPECT_EQ(ask("{requests,[{put_chars,unicode,<<\"1\">>},{put_chars,latin1,<<\"2\">>}]}"), "{io_reply,r,ok}");
  EXPECT_EQ(ask("{get_line,unicode,\">\"}"), "{io_reply,r,eof}");
  EXPECT_EQ(ask("{put_chars,unicode,no_such,function,[]}"), "{io_reply,r,{error,request}}");
  EXPECT_EQ(ask("what"), "{io_reply,r,{error,request}}");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "abc{x,1}\n12");
}

}  // namespace
}  // namespace cnode::test
