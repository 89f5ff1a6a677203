// A node over loopback: epmd and the other nodes are played by the test.
#include <gtest/gtest.h>

#include <future>

#include "running_node.hpp"

namespace cnode::test {
namespace {

using namespace std::chrono_literals;
using manner = fake_epmd::manner;

void say_to_echo(fake_peer& p, const std::string& name, term what) {
  const auto b = block::make(32);
  const auto me = make_pid(*b, atom(name), 5, 7, 0);
  p.send(dist::reg_send{me, atom("echo"), {}}, make_tuple_of(*b, me, what));
}

TEST(Node, RegistersWithEpmdAndTakesTheCreationItAnswers) {
  running_node r;
  ASSERT_FALSE(r.error) << r.error->text;
  EXPECT_EQ(r.n->creation(), 77u);
  EXPECT_EQ(r.epmd.registrations(), 1);
}

TEST(Node, RegistersAgainWhenEpmdForgetsIt) {
  running_node r;
  r.epmd.drop_all();
  EXPECT_TRUE(r.events.wait_for("registered with epmd again"));
  EXPECT_EQ(r.n->creation(), 77u);
}

TEST(Node, NamesTheOptionAtFaultWhenTheNameIsTaken) {
  running_node r(manner::taken);
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->option, "--sname");
  EXPECT_NE(r.error->text.find("cpp@localhost"), std::string::npos);
}

TEST(Node, TellsAForeignServiceOnTheEpmdPort) {
  for (const auto m : {manner::garbage, manner::hangs_up}) {
    running_node r(m);
    ASSERT_TRUE(r.error);
    EXPECT_EQ(r.error->option, "--epmd-port");
    EXPECT_NE(r.error->text.find("no epmd"), std::string::npos) << r.error->text;
  }
}

TEST(Node, WithoutEpmdNeedsAPort) {
  running_node r(manner::normal, [](auto& c) { c.no_epmd = true; });
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->option, "--dist-port");
}

TEST(Node, RefusesDotsInAShortName) {
  running_node r(manner::normal, [](auto& c) { c.name = "cpp@a.b"; });
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->option, "--sname");
}

TEST(Node, LetsAPeerInAndAnswersIt) {
  running_node r;
  auto p = r.peer();
  ASSERT_TRUE(p.call("one@localhost", "cpp@localhost", "secret"));
  EXPECT_TRUE(r.events.wait_for("up one@localhost"));
  say_to_echo(p, "one@localhost", small(42));
  const auto answer = p.next();
  ASSERT_TRUE(answer);
  EXPECT_TRUE(answer->message.same(small(42)));
}

TEST(Node, ServesSeveralPeersAtOnce) {
  running_node r;
  std::vector<fake_peer> peers;
  for (int i = 0; i < 8; ++i) {
    peers.push_back(r.peer());
    ASSERT_TRUE(peers.back().call("p" + std::to_string(i) + "@localhost", "cpp@localhost", "secret"));
  }
  for (int round = 0; round < 50; ++round)
    for (int i = 0; i < 8; ++i) say_to_echo(peers[i], "p" + std::to_string(i) + "@localhost", small(round * 8 + i));
  for (int i = 0; i < 8; ++i)
    for (int round = 0; round < 50; ++round) {
      const auto answer = peers[i].next();
      ASSERT_TRUE(answer);
      EXPECT_TRUE(answer->message.same(small(round * 8 + i)));
    }
  EXPECT_EQ(r.n->peers().size(), 8u);
}

TEST(Node, RefusesAWrongCookieAndSaysWho) {
  running_node r;
  auto p = r.peer();
  EXPECT_FALSE(p.call("one@localhost", "cpp@localhost", "wrong"));
  EXPECT_TRUE(r.events.wait_for("connection attempt from node one@localhost"));
  EXPECT_TRUE(r.events.wait_for("invalid challenge reply (wrong cookie?)"));
}

TEST(Node, MakesNoAtomOfAStrangersName) {
  running_node r;
  auto p = r.peer();
  EXPECT_FALSE(p.call("never-seen-before@localhost", "cpp@localhost", "wrong"));
  EXPECT_TRUE(r.events.wait_for("never-seen-before@localhost"));
  EXPECT_FALSE(find_atom("never-seen-before@localhost"));
}

TEST(Node, HangsUpOnGarbageAndServesTheNext) {
  running_node r;
  auto garbage = r.peer();
  garbage.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(garbage.read().empty());
  auto p = r.peer();
  EXPECT_TRUE(p.call("one@localhost", "cpp@localhost", "secret"));
}

TEST(Node, GivesASilentStrangerNoMoreThanTheSetupTime) {
  running_node r(manner::normal, [](auto& c) { c.net_setuptime = 100ms; });
  auto silent = r.peer();
  EXPECT_TRUE(silent.read().empty());
  EXPECT_TRUE(r.events.wait_for("no answer within 100 ms"));
}

TEST(Node, StrangersWhoOnlyWaitKeepNobodyOut) {
  running_node r(manner::normal, [](auto& c) { c.limits.max_strangers = 4; });
  std::vector<fake_peer> silent;
  for (int i = 0; i < 20; ++i) silent.push_back(r.peer());
  auto p = r.peer();
  EXPECT_TRUE(p.call("one@localhost", "cpp@localhost", "secret"));
  EXPECT_TRUE(silent.front().read().empty());
}

TEST(Node, ClosesOnlyTheConnectionThatSendsNonsense) {
  running_node r;
  auto bad = r.peer(), good = r.peer();
  ASSERT_TRUE(bad.call("bad@localhost", "cpp@localhost", "secret"));
  ASSERT_TRUE(good.call("good@localhost", "cpp@localhost", "secret"));
  bad.send(std::string("\0\0\0\5\x70\x83\x68\1\x61", 9));
  EXPECT_TRUE(r.events.wait_for("down bad@localhost connection_closed"));
  EXPECT_TRUE(r.events.wait_for("invalid distribution message from node bad@localhost"));
  say_to_echo(good, "good@localhost", small(1));
  EXPECT_TRUE(good.next());
}

TEST(Node, AsksAPeerWhoComesTwiceAndKeepsTheNewConnection) {
  running_node r;
  auto first = r.peer(), second = r.peer();
  ASSERT_TRUE(first.call("one@localhost", "cpp@localhost", "secret"));
  ASSERT_TRUE(r.events.wait_for("up one@localhost"));
  ASSERT_TRUE(second.call("one@localhost", "cpp@localhost", "secret"));
  EXPECT_EQ(second.status(), "alive");
  EXPECT_FALSE(first.next());
  EXPECT_TRUE(r.events.wait_for("down one@localhost"));
  say_to_echo(second, "one@localhost", small(1));
  EXPECT_TRUE(second.next());
}

TEST(Node, ALiveConnectionSurvivesAStrangerWithItsName) {
  running_node r;
  auto owner = r.peer(), stranger = r.peer();
  ASSERT_TRUE(owner.call("one@localhost", "cpp@localhost", "secret"));
  ASSERT_TRUE(r.events.wait_for("up one@localhost"));
  EXPECT_FALSE(stranger.call("one@localhost", "cpp@localhost", "wrong"));
  say_to_echo(owner, "one@localhost", small(1));
  EXPECT_TRUE(owner.next());
  EXPECT_EQ(r.events.count("down one@localhost"), 0u);
}

TEST(Node, ConnectsOnTheFirstSendAndDeliversWhatWaited) {
  running_node r;
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);
  r.epmd.knows("other", port);
  for (int i = 0; i < 3; ++i) send_number(r.n->runtime(), i, atom("other@localhost"));
  fake_peer p(::accept(listener, nullptr, nullptr));
  ASSERT_TRUE(p.answer("other@localhost", "secret"));
  for (int i = 0; i < 3; ++i) {
    const auto m = p.next();
    ASSERT_TRUE(m);
    EXPECT_TRUE(m->message.same(small(i)));
  }
  ::close(listener);
}

TEST(Node, TellsWhoAskedWhenANodeCannotBeReached) {
  running_node r;
  for (const char* name : {"unknown@localhost", "long@host.name", "noname"}) {
    std::promise<bool> connected;
    r.n->connect(atom(name), [&](bool ok) { connected.set_value(ok); });
    EXPECT_FALSE(connected.get_future().get()) << name;
  }
  EXPECT_TRUE(r.events.wait_for("epmd knows no node unknown"));
  EXPECT_TRUE(r.events.wait_for("system NOT running to use fully qualified hostnames"));
}

TEST(Node, CallsOnlyOnceForTwoWhoAsk) {
  running_node r;
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);
  r.epmd.knows("other", port);
  std::promise<bool> first, second;
  r.n->connect(atom("other@localhost"), [&](bool ok) { first.set_value(ok); });
  r.n->connect(atom("other@localhost"), [&](bool ok) { second.set_value(ok); });
  fake_peer p(::accept(listener, nullptr, nullptr));
  ASSERT_TRUE(p.answer("other@localhost", "secret"));
  EXPECT_TRUE(first.get_future().get());
  EXPECT_TRUE(second.get_future().get());
  EXPECT_TRUE(r.n->disconnect(atom("other@localhost")));
  EXPECT_FALSE(p.next());
  EXPECT_TRUE(r.events.wait_for("down other@localhost disconnect"));
  ::close(listener);
}

// A listener whose accept() gives up after five seconds.
int patient_listener(std::uint16_t& port) {
  const int listener = listen_on_loopback(port);
  const timeval wait{5, 0};
  ::setsockopt(listener, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
  return listener;
}

TEST(Node, ConnectsAnewForWhoAsksRightBehindADisconnect) {
  running_node r;
  std::uint16_t port = 0;
  const int listener = patient_listener(port);
  r.epmd.knows("other", port);
  const auto node = atom("other@localhost");
  for (int i = 0; i < 20; ++i) {
    std::promise<bool> connected;
    r.n->connect(node, [&](bool ok) { connected.set_value(ok); });
    const int accepted = ::accept(listener, nullptr, nullptr);
    ASSERT_GE(accepted, 0) << i;
    fake_peer p(accepted);
    ASSERT_TRUE(p.answer("other@localhost", "secret"));
    ASSERT_TRUE(connected.get_future().get());
    ASSERT_TRUE(r.n->disconnect(node));
  }
  ::close(listener);
}

TEST(Node, SendsNothingOverTheNextConnectionBeforeTheNodedownIsTold) {
  running_node r;
  std::uint16_t port = 0;
  const int listener = patient_listener(port);
  r.epmd.knows("other", port);
  const auto node = atom("other@localhost");
  const auto connect = [&] {
    std::promise<bool> connected;
    r.n->connect(node, [&](bool ok) { connected.set_value(ok); });
    auto p = std::make_unique<fake_peer>(::accept(listener, nullptr, nullptr));
    EXPECT_TRUE(p->answer("other@localhost", "secret"));
    EXPECT_TRUE(connected.get_future().get());
    return p;
  };
  // Who listens is told in the middle of telling.
  r.n->runtime().on_node_change([runtime = &r.n->runtime(), node](term, bool up, bool, term) {
    if (!up) send_number(*runtime, 1, node);
  });
  const auto first = connect();
  ASSERT_TRUE(r.n->disconnect(node));
  const auto second = connect();
  send_number(r.n->runtime(), 2, node);
  const auto m = second->next();
  ASSERT_TRUE(m);
  EXPECT_TRUE(m->message.same(small(2)));
  ::close(listener);
}

// The greater name's call counts: dist_util, "nok" and "ok_simultaneous".
TEST(Node, DecidesCrossingCallsByName) {
  running_node r;
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);
  for (const std::string name : {"aaa", "zzz"}) {
    r.epmd.knows(name, port);
    const auto node = atom(name + "@localhost");
    std::promise<bool> connected;
    r.n->connect(node, [&](bool ok) { connected.set_value(ok); });
    fake_peer called(::accept(listener, nullptr, nullptr));
    auto calling = r.peer();
    const bool in = calling.call(name + "@localhost", "cpp@localhost", "secret");
    EXPECT_EQ(calling.status(), name == "aaa" ? "nok" : "ok_simultaneous");
    EXPECT_EQ(in, name == "zzz");
    if (!in) {
      EXPECT_TRUE(called.answer(name + "@localhost", "secret"));
    }
    EXPECT_TRUE(connected.get_future().get());
    if (in) {
      EXPECT_TRUE(r.n->peer(node)->outgoing == false);
    }
  }
  ::close(listener);
}

TEST(Node, TicksAnIdlePeerAndDropsASilentOne) {
  running_node r(manner::normal, [](auto& c) { c.net_ticktime = 400ms; });
  auto p = r.peer();
  ASSERT_TRUE(p.call("one@localhost", "cpp@localhost", "secret"));
  EXPECT_FALSE(p.next());  // until the node hangs up
  EXPECT_GE(p.ticks(), 2u);
  EXPECT_TRUE(r.events.wait_for("down one@localhost net_tick_timeout"));
  EXPECT_TRUE(r.events.wait_for("node one@localhost not responding"));
}

TEST(Node, LetsInOnlyWhomItAllows) {
  running_node r;
  r.n->allow({"one@localhost"});
  auto one = r.peer(), two = r.peer();
  EXPECT_TRUE(one.call("one@localhost", "cpp@localhost", "secret"));
  EXPECT_FALSE(two.call("two@localhost", "cpp@localhost", "secret"));
  EXPECT_EQ(two.status(), "not_allowed");
}

TEST(Node, ClosesAPeerThatDoesNotReadBeforeMemoryRunsOut) {
  running_node r(manner::normal, [](auto& c) { c.limits.max_queued_output = 8 << 20; });
  auto p = r.peer();
  ASSERT_TRUE(p.call("one@localhost", "cpp@localhost", "secret"));
  ASSERT_TRUE(r.events.wait_for("up one@localhost"));
  const auto to = block::make(8);
  const auto name = make_tuple_of(*to, atom("somebody"), atom("one@localhost"));
  for (int i = 0; i < 64 && r.n->peer(atom("one@localhost")); ++i) {
    auto b = block::make(8);
    b->root = make_binary(*b, std::string(1 << 20, 'x'));
    r.n->runtime().send(name, std::move(b));
  }
  EXPECT_TRUE(r.events.wait_for("node one@localhost does not read"));
}

TEST(Node, StopsWithPeersConnected) {
  running_node r;
  auto p = r.peer();
  ASSERT_TRUE(p.call("one@localhost", "cpp@localhost", "secret"));
  r.n->stop();
  EXPECT_FALSE(p.next());
}

}  // namespace
}  // namespace cnode::test
