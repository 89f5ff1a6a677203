// The limits a user can set: each holds where it is set, not where it is by default.
#include <gtest/gtest.h>

#include "running_node.hpp"

namespace cnode::test {
namespace {

struct limited_node : running_node {
  explicit limited_node(const node::limits& l) : running_node(fake_epmd::manner::normal, [&l](node::node_config& c) { c.limits = l; }) { EXPECT_FALSE(error); }
};

constexpr int messages = 2000;  // 32 MB: more than the sockets hold when the peer's buffer is small
constexpr int small_buffer = 64 * 1024;
constexpr std::size_t message_size = 16 * 1024;

// Sends numbered messages to {somebody, peer@localhost}, one with each of its callbacks.
struct talker : actors::behaviour {
  void start(actors::process& self) override { self.send(self.pid(), small(0)); }
  void receive(actors::process& self, block_ptr& message) override {
    const auto m = std::move(message);
    auto& b = self.scratch();
    self.send(make_tuple_of(b, atom("somebody"), atom("peer@localhost")), make_tuple_of(b, m->root, make_binary(b, std::string(message_size, 'x'))));
    if (m->root.small() + 1 < messages) self.send(self.pid(), small(m->root.small() + 1));
  }
  void returned(actors::process&, actors::outcome) override {}
};

// What is queued may not grow to max_queued_output, or the connection is closed: only the busy limit is in the way.
TEST(Limits, SendersAreSuspendedAtTheBusyLimitThatIsSet) {
  node::limits l;
  l.busy_limit = 64 * 1024;
  l.max_queued_output = 512 * 1024;
  limited_node r(l);
  auto peer = fake_peer::connect(r.n->port(), small_buffer);
  ASSERT_TRUE(peer.call("peer@localhost", "cpp@localhost", "secret"));
  const auto node = atom("peer@localhost");
  while (!r.n->peer(node)) std::this_thread::yield();
  r.n->runtime().spawn(std::make_unique<talker>());
  // The peer does not read before the talker has been stopped, which is when more than half of the limit stays; then all comes, in order.
  while (r.n->peer(node) && r.n->peer(node)->queued <= l.busy_limit / 2) std::this_thread::yield();
  for (int i = 0; i < messages; ++i) {
    const auto m = peer.next();
    ASSERT_TRUE(m) << i;
    EXPECT_EQ(m->message[0].small(), i);
  }
}

TEST(Limits, WithoutThemTheSameTalkerIsTooMuch) {
  node::limits l;
  l.max_queued_output = 512 * 1024;  // the busy limit is 1 MiB
  limited_node r(l);
  auto peer = fake_peer::connect(r.n->port(), small_buffer);
  ASSERT_TRUE(peer.call("peer@localhost", "cpp@localhost", "secret"));
  while (!r.n->peer(atom("peer@localhost"))) std::this_thread::yield();
  r.n->runtime().spawn(std::make_unique<talker>());
  EXPECT_TRUE(r.events.wait_for("node peer@localhost does not read"));
}

TEST(Limits, MoreMessagesThanMaxPendingGiveAConnectionUp) {
  node::limits l;
  l.max_pending_messages = 3;
  limited_node r(l);
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);  // it accepts, and says nothing
  r.epmd.knows("peer", port);
  for (int i = 0; i < 4; ++i) send_number(r.n->runtime(), i, atom("peer@localhost"));
  EXPECT_TRUE(r.events.wait_for("too much is waiting for the connection"));
  ::close(listener);
}

TEST(Limits, AFrameThatAnnouncesMoreThanMaxFrameEndsTheConnection) {
  node::limits l;
  l.max_frame = 1000;
  limited_node r(l);
  auto peer = fake_peer::connect(r.n->port());
  ASSERT_TRUE(peer.call("peer@localhost", "cpp@localhost", "secret"));
  peer.send(std::string("\0\0\x03\xe9", 4));
  EXPECT_TRUE(r.events.wait_for("invalid distribution message from node peer@localhost"));
}

}  // namespace
}  // namespace cnode::test
