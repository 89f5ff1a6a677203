// Ticks, silence and deaf peers against a node that runs, with a short ticktime; and epmd's end.
#include <sys/socket.h>

#include "meeting.hpp"

namespace cnode::test {
namespace {

constexpr auto hidden = all_flags & ~flag::published;

// A peer that ticks in a thread of its own for as long as it lives, as a BEAM's ticker does.
class beating {
 public:
  beating(wire_peer& p, std::chrono::milliseconds every) : thread_([this, &p, every] {
      std::unique_lock lock(mutex_);
      while (!over_.wait_for(lock, every, [this] { return done_; })) p.write(std::string(4, '\0'));
    }) {}
  ~beating() {
    {
      std::lock_guard lock(mutex_);
      done_ = true;
    }
    over_.notify_all();
    thread_.join();
  }

 private:
  std::mutex mutex_;
  std::condition_variable over_;
  bool done_ = false;
  std::thread thread_;
};

TEST(Liveness, TicksComeAtLeastEveryQuarterWhileAllSchedulersAreStuck) {
  meeting m(hidden, running_node::alone, [](auto& c) { c.net_ticktime = 2s, c.schedulers = 2; });
  std::promise<void> free;
  auto stuck = free.get_future().share();
  for (const auto pid : {m.w, m.v}) m.r.n->runtime().run_in(pid, [stuck](actors::process&) { stuck.wait(); });
  {
    beating alive(m.peer, 500ms);
    // Longer than the ticktime: the node neither goes silent nor takes the peer for silent.
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < 6; ++i) EXPECT_EQ(m.peer.raw(4), std::string(4, '\0'));
    EXPECT_GE(std::chrono::steady_clock::now() - begin, 2s);
  }
  EXPECT_EQ(m.r.events.count("down"), 0u);
  free.set_value();
}

TEST(Liveness, ASilentPeerIsDroppedNotBeforeThreeQuartersOfTheTicktime) {
  meeting m(hidden, running_node::alone, [](auto& c) { c.net_ticktime = 1s; });
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(m.peer.closed());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 700ms);  // from the handshake's end, which is a moment earlier
  EXPECT_TRUE(m.r.events.wait_for("down one@localhost net_tick_timeout"));
  EXPECT_GE(m.peer.ticks, 2u);
}

TEST(Liveness, LinksAndMonitorsOfASilentPeerEndWithNoconnection) {
  meeting m(hidden, running_node::alone, [](auto& c) { c.net_ticktime = 1s; });
  m.r.n->runtime().monitor_node(m.w, atom("one@localhost"), true);
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")), p.monitor(m.peer.word("OTHER")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  EXPECT_EQ(m.peer.hears(), "{19,W,OTHER,R}");
  m.peer.says("MREF", m.peer.heard_control->root[3]);
  EXPECT_TRUE(m.got("{'EXIT',ME,noconnection}"));
  EXPECT_TRUE(m.got("{'DOWN',MREF,process,OTHER,noconnection}"));
  EXPECT_TRUE(m.got("{nodedown,one@localhost}"));
}

TEST(Liveness, APeerThatOnlyTicksIsKept) {
  meeting m(hidden, running_node::alone, [](auto& c) { c.net_ticktime = 400ms; });
  beating alive(m.peer, 80ms);
  for (int i = 0; i < 12; ++i) EXPECT_EQ(m.peer.raw(4), std::string(4, '\0'));
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Liveness, APeerThatReadsNothingAndSaysNothingIsDroppedByItsTicktime) {
  meeting m(hidden, running_node::alone, [](auto& c) { c.net_ticktime = 1s; });
  auto b = block::make(8);
  b->root = make_binary(*b, std::string(32 << 20, 'x'));
  m.r.n->runtime().send(m.peer.word("ME"), std::move(b));
  EXPECT_TRUE(m.r.events.wait_for("down one@localhost net_tick_timeout"));
}

TEST(Liveness, APeerThatReadsNothingButTicksIsKeptAndHurtsNobody) {
  meeting m(hidden, running_node::alone, [](auto& c) { c.net_ticktime = 1s; });
  beating alive(m.peer, 200ms);
  auto b = block::make(8);
  b->root = make_binary(*b, std::string(32 << 20, 'x'));
  m.r.n->runtime().send(m.peer.word("ME"), std::move(b));
  wire_peer other(m.r.n->port(), "other@localhost");
  ASSERT_TRUE(other.comes(hidden));
  beating also(other, 200ms);
  for (int i = 0; i < 8; ++i) EXPECT_EQ(other.raw(4), std::string(4, '\0'));
  EXPECT_EQ(m.r.events.count("down one@localhost"), 0u);
}

TEST(Liveness, AShorterTicktimeHoldsForOurTicksAtOnceAndForSilenceAfterTheTransition) {
  meeting m(hidden, running_node::alone, [](auto& c) { c.net_ticktime = 100s; });
  EXPECT_EQ(m.r.n->set_net_ticktime(1s, 2s), node::ticktime_change::change_initiated);
  EXPECT_EQ(m.r.n->set_net_ticktime(5s, 2s), node::ticktime_change::ongoing_change_to);
  EXPECT_TRUE(m.r.n->net_ticktime_changing());
  EXPECT_EQ(m.r.n->net_ticktime(), 1s);
  const auto begin = std::chrono::steady_clock::now();
  EXPECT_TRUE(m.peer.closed());
  EXPECT_GE(std::chrono::steady_clock::now() - begin, 2s + 700ms);
  EXPECT_GE(m.peer.ticks, 8u);  // every 250 ms from the first moment on
  EXPECT_FALSE(m.r.n->net_ticktime_changing());
  EXPECT_EQ(m.r.n->set_net_ticktime(1s, 2s), node::ticktime_change::unchanged);
}

TEST(Liveness, ALongerTicktimeHoldsForSilenceAtOnce) {
  meeting m(hidden, running_node::alone, [](auto& c) { c.net_ticktime = 1s; });
  EXPECT_EQ(m.r.n->set_net_ticktime(100s, 1s), node::ticktime_change::change_initiated);
  // Ticks go on in the shorter time's beat until the transition is over, and the silent peer lives.
  for (int i = 0; i < 4; ++i) EXPECT_EQ(m.peer.raw(4), std::string(4, '\0'));
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Liveness, EpmdsRestartCostsNeitherNameNorCreation) {
  running_node r;
  r.epmd.drop_all();
  EXPECT_TRUE(r.events.wait_for("registered with epmd again"));
  EXPECT_EQ(r.epmd.registrations(), 2);
  EXPECT_EQ(r.n->creation(), 77u);
}

TEST(Liveness, ARangeOfPortsThatIsTakenIsNamedWithItsOption) {
  std::uint16_t port = 0;
  const int taken = listen_on_loopback(port);
  running_node r(fake_epmd::manner::normal, [&](auto& c) { c.listen_min = c.listen_max = port; });
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->option, "--dist-listen-min");
  EXPECT_NE(r.error->text.find("port " + std::to_string(port)), std::string::npos) << r.error->text;
  ::close(taken);
}

}  // namespace
}  // namespace cnode::test
