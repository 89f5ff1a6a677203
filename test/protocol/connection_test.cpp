#include <gtest/gtest.h>

#include <vector>

#include "dist_terms.hpp"

namespace cnode::test {
namespace {

using namespace dist;
using namespace std::literals;

struct Connection : testing::Test {
  dist_terms t;
  connection c{all_flags};

  Connection() { c.set_peer(t.peer); }
  std::string tick = std::string(4, '\0');
  std::string link_frame = wire(t.tuple(small(1), t.theirs, t.ours));
  std::string send_frame = wire(t.tuple(small(22), t.theirs, t.ours), t.message);

  void receive(std::string_view bytes) { c.receive(bytes_of(bytes)); }
  frame_event event() {
    auto e = c.next_event();
    EXPECT_TRUE(e) << to_string(e.error());
    if (!e || !*e) {
      ADD_FAILURE() << "no event";
      return {};
    }
    return std::move(**e);
  }
  bool nothing() {
    const auto e = c.next_event();
    return e && !*e;
  }
  failure refusal(std::string_view bytes) {
    connection fresh{all_flags};
    fresh.set_peer(t.peer);
    fresh.receive(bytes_of(bytes));
    const auto e = fresh.next_event();
    return e ? failure{} : e.error();
  }
};

TEST_F(Connection, ReadsAControlMessageAlone) {
  receive(link_frame);
  const auto e = event();
  EXPECT_TRUE(std::holds_alternative<link>(e.control));
  EXPECT_FALSE(e.message);
  EXPECT_TRUE(nothing());
}

TEST_F(Connection, ReadsControlMessageAndMessageIntoOneBlock) {
  receive(send_frame);
  const auto e = event();
  const auto& m = std::get<send>(e.control);
  EXPECT_TRUE(m.to.same(t.ours));
  EXPECT_EQ(etf::term_to_binary(m.from), etf::term_to_binary(t.theirs));
  EXPECT_EQ(etf::term_to_binary(e.message), etf::term_to_binary(t.message));
  EXPECT_TRUE(e.block->root.same(e.message));
}

// Whatever form they come in: with names seen before, new ones, long ones, with old tags.
TEST_F(Connection, ReadsPidsAndReferencesOfAnyNode) {
  for (const auto* name : {"erl@localhost", "a@b", "x", "eight@bb", "nine@bbbb", "erl@localhosu", "erk@localhost",
                           "a_name_of_sixty_four_bytes_which_is_the_longest_that_is@remember", "a_name_of_more_bytes_than_are_remembered_of_a_node@a-host-with-a-long-name"}) {
    for (int round = 0; round < 2; ++round) {
      const auto from = make_pid(*t.heap, atom(name), 3, 80, 2);
      for (const auto to : {t.ours, t.old_ours, t.third}) {
        receive(wire(t.tuple(small(22), from, to), t.message));
        auto e = event();
        EXPECT_EQ(etf::term_to_binary(std::get<send>(e.control).from), etf::term_to_binary(from));
        EXPECT_EQ(etf::term_to_binary(std::get<send>(e.control).to), etf::term_to_binary(to));
        EXPECT_EQ(etf::term_to_binary(e.message), etf::term_to_binary(t.message));
      }
      receive(wire(t.tuple(small(33), from, t.ref(name, 9)), t.message));
      EXPECT_EQ(etf::term_to_binary(std::get<alias_send>(event().control).alias), etf::term_to_binary(t.ref(name, 9)));
      receive(wire(t.tuple(small(6), from, atom(""), atom(name)), t.message));
      EXPECT_TRUE(std::get<reg_send>(event().control).to_name.same(atom(name)));
      receive(wire(t.tuple(small(2), atom("a cookie"), t.ours), t.message));
      EXPECT_FALSE(std::get<send>(event().control).from);
      for (const auto target : {t.ours, t.old_ours, atom("name")}) {
        receive(wire(t.tuple(small(19), t.theirs, target, t.ref(name, 9))) + wire(t.tuple(small(20), t.theirs, target, t.their_ref)));
        const auto monitor = event();
        EXPECT_EQ(etf::term_to_binary(std::get<monitor_p>(monitor.control).target), etf::term_to_binary(target));
        EXPECT_EQ(etf::term_to_binary(std::get<monitor_p>(monitor.control).ref), etf::term_to_binary(t.ref(name, 9)));
        EXPECT_FALSE(monitor.message);
        const auto demonitor = event();
        EXPECT_EQ(etf::term_to_binary(std::get<demonitor_p>(demonitor.control).from), etf::term_to_binary(t.theirs));
        EXPECT_EQ(etf::term_to_binary(std::get<demonitor_p>(demonitor.control).ref), etf::term_to_binary(t.their_ref));
      }
    }
  }
}

TEST_F(Connection, RefusesMonitorsInTheNameOfOthers) {
  for (const int number : {19, 20}) {
    EXPECT_EQ(refusal(wire(t.tuple(small(number), t.theirs, t.ours, t.their_ref))).code, errc::ok);
    EXPECT_EQ(refusal(wire(t.tuple(small(number), t.third, t.ours, t.their_ref))).code, errc::bad_control);
    EXPECT_EQ(refusal(wire(t.tuple(small(number), t.ours, t.ours, t.their_ref))).code, errc::bad_control);
    EXPECT_EQ(refusal(wire(t.tuple(small(number), t.theirs, t.third, t.their_ref))).code, errc::bad_control);
    EXPECT_EQ(refusal(wire(t.tuple(small(number), t.theirs, t.ours, t.theirs))).code, errc::bad_control);
    EXPECT_EQ(refusal(wire(t.tuple(small(number), t.theirs, t.ours))).code, errc::bad_control);
  }
}

TEST_F(Connection, KeepsTheExitReasonApartFromMessages) {
  receive(wire(t.tuple(small(24), t.theirs, t.ours), t.message));
  const auto e = event();
  EXPECT_TRUE(std::get<exit>(e.control).reason);
  EXPECT_FALSE(e.message);
}

TEST_F(Connection, ReadsTheSameInAnyPieces) {
  const auto large = wire(t.tuple(small(22), t.theirs, t.ours), make_binary(*t.heap, std::string(200'000, 'b')));
  const auto all = tick + link_frame + send_frame + large + tick + send_frame;
  for (const std::size_t piece : {1u, 2u, 3u, 5u, 1000u, 65536u, 1'000'000u}) {
    connection fresh{all_flags};
    std::vector<std::size_t> kinds;
    std::size_t largest = 0;
    for (std::size_t at = 0; at < all.size(); at += piece) {
      fresh.receive(bytes_of(std::string_view(all).substr(at, piece)));
      for (;;) {
        auto e = fresh.next_event();
        ASSERT_TRUE(e) << to_string(e.error());
        if (!*e) break;
        kinds.push_back((**e).control.index());
        if ((**e).message.is_binary()) largest = (**e).message.bytes().size();
      }
    }
    EXPECT_EQ(kinds, (std::vector<std::size_t>{0, 1, 1, 1})) << piece;
    EXPECT_EQ(largest, 200'000u);
    EXPECT_EQ(fresh.ticks(), 2u);
  }
}

TEST_F(Connection, ReadsWhatWasPutWhereItPrepared) {
  const auto all = wire(t.tuple(small(22), t.theirs, t.ours), make_binary(*t.heap, std::string(300'000, 'b'))) + send_frame;
  std::size_t at = 0;
  int events = 0;
  while (at < all.size()) {
    const auto room = c.prepare(4096);
    ASSERT_GE(room.size(), 4096u);
    const auto n = std::min({room.size(), all.size() - at, std::size_t{10'000}});
    std::copy_n(all.begin() + static_cast<std::ptrdiff_t>(at), n, room.begin());
    c.commit(n);
    at += n;
    for (;;) {
      auto e = c.next_event();
      ASSERT_TRUE(e);
      if (!*e) break;
      ++events;
    }
  }
  EXPECT_EQ(events, 2);
}

TEST_F(Connection, WaitsAtEveryPrefix) {
  for (std::size_t n = 0; n < send_frame.size(); ++n) {
    connection fresh{all_flags};
    fresh.receive(bytes_of(std::string_view(send_frame).substr(0, n)));
    const auto e = fresh.next_event();
    EXPECT_TRUE(e && !*e) << n;
  }
}

TEST_F(Connection, SharesLargeBinariesOfALargeFrame) {
  receive(wire(t.tuple(small(22), t.theirs, t.ours), make_binary(*t.heap, std::string(100'000, 'b'))));
  auto e = event();
  EXPECT_EQ(e.message.kind(), unsigned{CNODE_BITS_SHARED});
  // A copy outlives the frame's block.
  auto copy = copy_to_block(e.message);
  e.block.reset();
  EXPECT_EQ(copy->root.bytes(), std::string(100'000, 'b'));
}

TEST_F(Connection, CountsTicks) {
  receive(tick + tick);
  EXPECT_TRUE(nothing());
  EXPECT_EQ(c.ticks(), 2u);
}

TEST_F(Connection, IgnoresWhatFollowsTheMessage) {
  auto body = send_frame.substr(4) + "trailing";
  receive(frame(body, 4) + frame(link_frame.substr(4) + "trailing", 4));
  EXPECT_TRUE(std::holds_alternative<send>(event().control));
  EXPECT_TRUE(std::holds_alternative<link>(event().control));
}

TEST_F(Connection, RefusesAFrameBeyondItsLimitAtTheHeader) {
  connection small_one{all_flags, {.max_frame = 1000}};
  small_one.receive(bytes_of("\0\0\x03\xe9"sv));
  const auto e = small_one.next_event();
  ASSERT_FALSE(e);
  EXPECT_EQ(e.error().code, errc::bad_frame);
  EXPECT_EQ(refusal("\xff\xff\xff\xff"sv).code, errc::bad_frame);
}

TEST_F(Connection, TakesNoMemoryForAnAnnouncedLength) {
  receive("\x0f\xff\xff\xff"sv);  // 256 MB announced
  EXPECT_TRUE(nothing());
  EXPECT_LE(c.prepare(1).size(), 1u << 20);
}

TEST_F(Connection, RefusesMalformedFrames) {
  EXPECT_EQ(refusal(frame("\x83", 4)).code, errc::bad_frame);                       // no pass-through frame
  EXPECT_EQ(refusal(frame("\x70", 4)).code, errc::bad_frame);                       // no control message
  EXPECT_EQ(refusal(frame("\x70\x84", 4)).code, errc::bad_frame);                   // no 131
  EXPECT_EQ(refusal(frame("\x70\x83\x68", 4)).code, errc::truncated);               // the tuple ends early
  EXPECT_EQ(refusal(frame("\x70\x83\x61\x01", 4)).code, errc::bad_control);         // no tuple
  EXPECT_EQ(refusal(frame("\x70\x83\xff", 4)).code, errc::bad_tag);
  EXPECT_EQ(refusal(wire(t.tuple(small(22), t.theirs, t.ours))).code, errc::bad_frame);      // no message
  EXPECT_EQ(refusal(wire(t.tuple(small(1), t.third, t.ours))).code, errc::bad_control);      // not the peer's pid
  EXPECT_EQ(refusal(wire(t.tuple(small(99), t.theirs, t.ours))).code, errc::bad_control);
  const auto bad_message = refusal(frame(link_frame.substr(4, 0) + wire(t.tuple(small(22), t.theirs, t.ours)).substr(4) + "\x83\xff", 4));
  EXPECT_EQ(bad_message.code, errc::bad_tag);
  EXPECT_EQ(bad_message.detail.substr(0, 8), "message:") << bad_message.detail;
}

TEST_F(Connection, StaysClosedAfterAFailure) {
  receive(frame("\x84", 4) + link_frame);
  EXPECT_FALSE(c.next_event());
  EXPECT_FALSE(c.next_event());
}

TEST_F(Connection, WritesWhatTheOtherEndReads) {
  // What the other end sends to us travels through our own writer.
  connection other{all_flags};
  ASSERT_TRUE(other.send(link{t.theirs, t.ours}, {}));
  ASSERT_TRUE(other.send(send{t.theirs, t.ours, {}}, t.message));
  other.tick();
  ASSERT_TRUE(other.send(monitor_p_exit{t.theirs, t.ours, t.our_ref, atom("normal")}, {}));
  ASSERT_TRUE(other.send(send{t.theirs, t.ours, t.token}, make_binary(*t.heap, std::string(100'000, 'b'))));
  EXPECT_EQ(other.output().str().substr(0, link_frame.size() + send_frame.size()), link_frame + send_frame);
  receive(other.output().str());
  EXPECT_TRUE(std::holds_alternative<link>(event().control));
  EXPECT_EQ(etf::term_to_binary(event().message), etf::term_to_binary(t.message));
  EXPECT_TRUE(std::holds_alternative<monitor_p_exit>(event().control));
  EXPECT_EQ(event().message.bytes().size(), 100'000u);
  EXPECT_EQ(c.ticks(), 1u);
  EXPECT_TRUE(nothing());
}

TEST_F(Connection, WritesNothingThePeerCannotTake) {
  connection plain{needed_flags};
  plain.tick();
  const auto r = plain.send(alias_send{t.ours, t.their_ref, {}}, t.message);
  ASSERT_FALSE(r);
  EXPECT_EQ(r.error().code, errc::unsupported);
  EXPECT_EQ(plain.output().size(), 4u);
  ASSERT_TRUE(plain.send(link{t.ours, t.theirs}, {}));
  EXPECT_EQ(plain.output().str(), tick + wire(t.tuple(small(1), t.ours, t.theirs)));
}

TEST_F(Connection, PatchesTheLengthAfterSomeOutputHasLeft) {
  ASSERT_TRUE(c.send(link{t.theirs, t.ours}, {}));
  c.output().consume(7);
  ASSERT_TRUE(c.send(send{t.theirs, t.ours, {}}, t.message));
  EXPECT_EQ(c.output().str(), link_frame.substr(7) + send_frame);
}

}  // namespace
}  // namespace cnode::test
