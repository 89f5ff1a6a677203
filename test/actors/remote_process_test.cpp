// Processes of two nodes: the same rules across the wire, and what the loss of the connection means.
#include <gtest/gtest.h>

#include "test_runtime.hpp"

namespace cnode::test {
namespace {

using strings = std::vector<std::string>;

struct TwoNodes : testing::Test {
  back_to_back net;
  manual_node &a = net.a, &b = net.b;
  std::shared_ptr<script> s = a.make(), t = b.make();
  term p = a.spawn(s), q = b.spawn(t);
  block_ptr store = block::make(64);

  term far(term t_) { return back_to_back::across(*store, t_); }
  void as_p(std::function<void(process&)> f) { a.as(p, std::move(f)), net.run(); }
  void as_q(std::function<void(process&)> f) { b.as(q, std::move(f)), net.run(); }
  void trap(manual_node& n, term pid) {
    n.as(pid, [](process& self) { self.set_trap_exit(true); });
  }
  std::string seen(term remote) { return to_text(remote); }
};

TEST_F(TwoNodes, SendToPidsNamesAndAliases) {
  b->register_name(atom("server"), q);
  block_ptr alias;
  b.as(q, [&](process& self) { alias = copy_to_block(self.alias()); });
  as_p([&](process& self) {
    auto& h = self.scratch();
    self.send(far(q), make_tuple_of(h, atom("hello"), self.pid()));
    self.send(make_tuple_of(h, atom("server"), net.peer_name()), atom("by_name"));
    self.send(far(alias->root), atom("by_alias"));
  });
  EXPECT_EQ(t->messages, (strings{"{hello," + seen(far(p)) + "}", "by_name", "by_alias"}));
  EXPECT_EQ(net.wire, (strings{"a send", "a reg_send", "a alias_send"}));
}

// What one read of a connection brings.
struct Arrivals : TwoNodes {
  dist::frame_event event(std::function<dist::control_message(block&)> control, term message = {}) {
    dist::frame_event e;
    e.block = block::make(64);
    e.control = control(*e.block);
    if (message) e.message = copy(*e.block, message);
    return e;
  }
  dist::frame_event message(term to, term m) {
    return event([&](block& h) { return dist::send{copy(h, far(p)), to, {}}; }, m);
  }
  dist::frame_event monitor(term of, term ref) {
    return event([&](block& h) { return dist::monitor_p{copy(h, far(p)), of, copy(h, ref)}; });
  }
  term ref(std::uint32_t n) {
    const std::uint32_t ids[] = {n, 1, 2};
    return make_ref(*store, net.peer_name(), 7, ids, 3);
  }
};

TEST_F(Arrivals, ReachEachProcessInTheirOrder) {
  const auto u = std::make_shared<script>();
  const auto r = b.spawn(u);
  {
    arrivals found(*b);
    for (int i = 0; i < 6; ++i) b->receive(net.peer_name(), message(i % 3 ? q : r, small(i)), found);
    b->receive(net.peer_name(), event([&](block& h) { return dist::exit2{copy(h, far(p)), r, atom("normal"), {}}; }), found);
    b->receive(net.peer_name(), message(q, small(6)), found);
    net.run();
    EXPECT_EQ(t->messages, (strings{"1", "2", "4", "5"}));
  }
  net.run();
  EXPECT_EQ(t->messages, (strings{"1", "2", "4", "5", "6"}));
  EXPECT_EQ(u->messages, (strings{"0", "3"}));
}

TEST_F(Arrivals, AreAnsweredForADeadProcess) {
  b.exit(q, "stop");
  net.wire.clear();
  {
    arrivals found(*b);
    b->receive(net.peer_name(), monitor(q, ref(1)), found);
    b->receive(net.peer_name(), message(q, small(1)), found);
    b->receive(net.peer_name(), monitor(q, ref(2)), found);
    EXPECT_TRUE(net.wire.empty());
  }
  EXPECT_EQ(net.wire, (strings{"b monitor_p_exit", "b monitor_p_exit"}));
}

TEST_F(TwoNodes, DieTogetherWhenLinked) {
  as_p([&](process& self) { self.link(far(q)); });
  a.exit(p, "boom");
  net.run();
  EXPECT_EQ(t->ended, "boom");
}

TEST_F(TwoNodes, AnswerALinkToNobodyWithNoproc) {
  trap(a, p);
  b.exit(q, "stop");
  as_p([&](process& self) { self.link(far(q)); });
  EXPECT_EQ(s->messages, (strings{"{'EXIT'," + seen(far(q)) + ",noproc}"}));
}

TEST_F(TwoNodes, AcknowledgeAnUnlinkBeforeAnythingElse) {
  as_p([&](process& self) { self.link(far(q)); });
  net.wire.clear();
  t->start = nullptr;
  a.as(p, [&](process& self) { self.unlink(far(q)); });
  b.as(q, [&](process& self) { (void)self; });
  net.run();
  EXPECT_EQ(net.wire, (strings{"a unlink_id", "b unlink_id_ack"}));
  b.exit(q, "boom");
  net.run();
  EXPECT_TRUE(a->alive(p));
}

TEST_F(TwoNodes, AcknowledgeAnUnlinkForADeadProcess) {
  as_p([&](process& self) { self.link(far(q)); });
  trap(a, p);
  a.as(p, [&](process& self) { self.unlink(far(q)); });
  b.exit(q, "boom");
  net.run();
  EXPECT_EQ(net.wire.back(), "b unlink_id_ack");
  EXPECT_TRUE(s->messages.empty());
}

TEST_F(TwoNodes, AgreeThatThereIsNoLinkWhenLinkAndUnlinkCross) {
  as_p([&](process& self) { self.link(far(q)); });
  // Both act before either hears of the other.
  a->run_in(p, [&](process& self) { self.unlink(far(q)); });
  b->run_in(q, [&](process& self) {
    self.unlink(far(p));
    self.link(far(p));
  });
  net.run();
  bool here = true, there = true;
  as_p([&](process& self) { here = self.has_link(far(q)); });
  as_q([&](process& self) { there = self.has_link(far(p)); });
  EXPECT_EQ(here, there);
}

TEST_F(TwoNodes, MonitorByPid) {
  as_p([&](process& self) { self.monitor(far(q)); });
  b.exit(q, "boom");
  net.run();
  ASSERT_EQ(s->messages.size(), 1u);
  EXPECT_NE(s->messages[0].find(",process," + seen(far(q)) + ",boom}"), std::string::npos);
}

TEST_F(TwoNodes, MonitorByNameAndEchoTheName) {
  b->register_name(atom("server"), q);
  as_p([&](process& self) {
    auto& h = self.scratch();
    self.monitor(make_tuple_of(h, atom("server"), net.peer_name()));
    self.monitor(make_tuple_of(h, atom("nobody"), net.peer_name()));
  });
  b.exit(q, "boom");
  net.run();
  ASSERT_EQ(s->messages.size(), 2u);
  EXPECT_NE(s->messages[0].find(",process,{nobody,peer@host},noproc}"), std::string::npos);
  EXPECT_NE(s->messages[1].find(",process,{server,peer@host},boom}"), std::string::npos);
}

TEST_F(TwoNodes, HearNothingAfterDemonitor) {
  as_p([&](process& self) { self.demonitor(self.monitor(far(q)), false); });
  b.exit(q, "boom");
  net.run();
  EXPECT_TRUE(s->messages.empty());
  EXPECT_EQ(net.wire, (strings{"a monitor_p", "a demonitor_p"}));
}

TEST_F(TwoNodes, SendExitSignals) {
  trap(b, q);
  as_p([&](process& self) { self.exit_signal(far(q), atom("boom")); });
  EXPECT_EQ(t->messages, (strings{"{'EXIT'," + seen(far(p)) + ",boom}"}));
  as_p([&](process& self) { self.exit_signal(far(q), atom("kill")); });
  EXPECT_EQ(t->ended, "killed");
}

TEST_F(TwoNodes, LoseLinksAndMonitorsWithTheConnection) {
  trap(a, p);
  as_p([&](process& self) {
    self.link(far(q));
    self.monitor(far(q));
  });
  net.disconnect();
  ASSERT_EQ(s->messages.size(), 2u);
  const bool exit_first = s->messages[0].substr(0, 7) == "{'EXIT'";
  EXPECT_EQ(s->messages[exit_first ? 0 : 1], "{'EXIT'," + seen(far(q)) + ",noconnection}");
  EXPECT_NE(s->messages[exit_first ? 1 : 0].find(",noconnection}"), std::string::npos);
  EXPECT_EQ(t->ended, "noconnection");
}

TEST_F(TwoNodes, GetNoconnectionWhenNobodyIsThere) {
  net.connected = false;
  trap(a, p);
  as_p([&](process& self) {
    self.link(far(q));
    self.monitor(far(q));
  });
  ASSERT_EQ(s->messages.size(), 2u);
  EXPECT_EQ(s->messages[0], "{'EXIT'," + seen(far(q)) + ",noconnection}");
  EXPECT_NE(s->messages[1].find(",noconnection}"), std::string::npos);
}

TEST_F(TwoNodes, TakePidsOfAnEarlierLifeForDead) {
  trap(a, p);
  as_p([&](process& self) {
    const auto old = make_pid(self.scratch(), this_node().name, this_node().creation + 1, 5, 0);
    self.send(old, atom("lost"));
    self.link(old);
    self.monitor(old);
  });
  ASSERT_EQ(s->messages.size(), 2u);
  EXPECT_NE(s->messages[0].find("noproc"), std::string::npos);
  EXPECT_NE(s->messages[1].find("noproc"), std::string::npos);
  EXPECT_TRUE(net.wire.empty());
}

const builtin_function functions[] = {
    {"leader", 1, [](cnode_env* env, const cnode_term*) -> cnode_term {
       env->outcome = CNODE_RAISE;
       env->error_class = atom("exit").word();
       env->reason = self(env).group_leader().word();
       return CNODE_NONE;
     }}};

TEST_F(TwoNodes, SpawnOnTheOtherNodeWithItsAnswerFirst) {
  b->code().add_builtin("far", functions);
  as_p([&](process& self) {
    self.set_group_leader(self.pid());
    const auto args = make_list_of(self.scratch(), small(1));
    self.spawn_request(net.peer_name(), atom("far"), atom("leader"), args, false, true);
  });
  ASSERT_EQ(s->messages.size(), 2u);
  EXPECT_EQ(s->messages[0].substr(0, 13), "{spawn_reply,");
  EXPECT_NE(s->messages[0].find(",ok,<"), std::string::npos);
  EXPECT_EQ(s->messages[1].substr(0, 7), "{'DOWN'");
  EXPECT_NE(s->messages[1].find("," + to_text(p) + "}"), std::string::npos) << s->messages[1];
  EXPECT_EQ(net.wire, (strings{"a spawn_request", "b spawn_reply", "b monitor_p_exit"}));
}

TEST_F(TwoNodes, EndALinkedSpawnWithUndefWhenThereIsNoSuchFunction) {
  b->code().add_builtin("far", functions);
  as_p([&](process& self) {
    self.set_trap_exit(true);
    self.spawn_request(net.peer_name(), atom("far"), atom("such"), nil, true, false);
  });
  ASSERT_EQ(s->messages.size(), 2u);
  EXPECT_NE(s->messages[1].find(",{undef,[{far,such,[],[]}]}}"), std::string::npos) << s->messages[1];
}

TEST_F(TwoNodes, TagTheAnswerToASpawnRequestAsAsked) {
  b->code().add_builtin("far", functions);
  as_p([&](process& self) {
    spawn_request_options options;
    options.monitor = true;
    options.monitoring.tag = atom("gone");
    options.reply_tag = atom("started");
    self.spawn_request(net.peer_name(), atom("far"), atom("leader"), make_list_of(self.scratch(), small(1)), options);
  });
  ASSERT_EQ(s->messages.size(), 2u);
  EXPECT_EQ(s->messages[0].substr(0, 9), "{started,");
  EXPECT_EQ(s->messages[1].substr(0, 6), "{gone,");
}

TEST_F(TwoNodes, AnswerASpawnRequestOnlyAsAsked) {
  b->code().add_builtin("far", functions);
  spawn_request_options errors_only;
  errors_only.reply_ok = false;
  as_p([&](process& self) { self.spawn_request(net.peer_name(), atom("far"), atom("such"), nil, errors_only); });
  EXPECT_EQ(s->messages, strings{});
  net.connected = false;
  as_p([&](process& self) { self.spawn_request(net.peer_name(), atom("far"), atom("such"), nil, errors_only); });
  ASSERT_EQ(s->messages.size(), 1u);
  EXPECT_NE(s->messages[0].find(",error,noconnection}"), std::string::npos);
}

TEST_F(TwoNodes, EndWhatAnAbandonedSpawnRequestStarted) {
  const auto before = b->process_count();
  static const builtin_function waits[] = {{"ever", 0, [](cnode_env* env, const cnode_term*) -> cnode_term {
                                              env->outcome = CNODE_SUSPEND;
                                              const auto go_on = [](cnode_env*, void*, cnode_term) { return atom("ok").word(); };
                                              env->continuation = {nullptr, go_on, [](void*) {}, [](cnode_env*, void*, cnode_term) { return 0; }, -1};
                                              return CNODE_NONE;
                                            }}};
  b->code().add_builtin("waits", waits);
  as_p([&](process& self) {
    const auto request = self.spawn_request(net.peer_name(), atom("waits"), atom("ever"), nil, true, true);
    EXPECT_TRUE(self.spawn_request_abandon(request));
    EXPECT_FALSE(self.spawn_request_abandon(request));
  });
  EXPECT_EQ(s->messages, strings{});
  EXPECT_EQ(b->process_count(), before);
  EXPECT_EQ(net.wire, (strings{"a spawn_request", "b spawn_reply", "a demonitor_p", "a exit"}));
}

TEST_F(TwoNodes, AnswerASpawnRequestToThemselvesFirst) {
  a->code().add_builtin("far", functions);
  as_p([&](process& self) {
    const auto request = self.spawn_request(this_node().name, atom("far"), atom("leader"), make_list_of(self.scratch(), small(1)), false, true);
    EXPECT_FALSE(self.spawn_request_abandon(request));
  });
  ASSERT_EQ(s->messages.size(), 2u);
  EXPECT_EQ(s->messages[0].substr(0, 13), "{spawn_reply,");
  EXPECT_EQ(s->messages[1].substr(0, 7), "{'DOWN'");
}

TEST_F(TwoNodes, RefuseASpawnWithOptionsNobodyKnows) {
  auto f = block::make(64);
  const auto ref = b->make_ref(*f);
  dist::frame_event e;
  e.control = dist::spawn_request{far(ref), far(p), far(p), atom("m"), atom("f"), 0, make_list_of(*f, atom("what")), {}};
  e.message = nil;
  e.block = std::move(f);
  b->receive(net.peer_name(), std::move(e));
  EXPECT_EQ(net.wire, (strings{"b spawn_reply"}));
  EXPECT_EQ(b->process_count(), 2u);
}

TEST_F(TwoNodes, HearThatASpawnFoundNoConnection) {
  net.connected = false;
  as_p([&](process& self) { self.spawn_request(net.peer_name(), atom("m"), atom("f"), nil, false, false); });
  ASSERT_EQ(s->messages.size(), 1u);
  EXPECT_NE(s->messages[0].find(",error,noconnection}"), std::string::npos);
}

TEST_F(TwoNodes, TellWhoWatchesThemOfNodesThatGo) {
  a->monitor_node(p, net.peer_name(), true);
  strings changes;
  a->on_node_change([&](term node, bool up, bool visible, term) {
    changes.push_back(to_text(node) + (up ? " up" : " down") + (visible ? "" : " hidden"));
  });
  a->node_up(net.peer_name(), false);
  net.disconnect();
  EXPECT_EQ(s->messages, (strings{"{nodedown,peer@host}"}));
  EXPECT_EQ(changes, (strings{"peer@host up hidden", "peer@host down hidden"}));
}

}  // namespace
}  // namespace cnode::test
