// Frames with a distribution header: the atom cache and fragments, both directions.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <vector>

#include "dist_terms.hpp"

namespace cnode::test {
namespace {

using namespace dist;
using namespace std::literals;

constexpr dist_flags cache_only = header_flags & ~dist_flag::fragments;
constexpr dist_flags fragments_only = header_flags & ~dist_flag::dist_hdr_atom_cache;
constexpr std::size_t piece = 64 * 1024;

std::string text(int i) { return "an atom of many, number " + std::to_string(i); }

struct Framing : testing::Test {
  dist_terms t;

  connection fresh(dist_flags flags = header_flags, connection_limits limits = {}) {
    connection c{flags, limits};
    c.set_peer(t.peer);
    return c;
  }
  static std::string all_output(connection& c) {
    c.fill_output(SIZE_MAX);
    auto bytes = c.output().str();
    c.clear_output();
    return bytes;
  }
  // The bytes of one message of the peer's.
  std::string sent(connection& from, term message, term sender = {}) {
    EXPECT_TRUE(from.send(send{sender ? sender : t.theirs, t.ours, {}}, message));
    return all_output(from);
  }
  std::string sent_all(connection& from, std::initializer_list<term> messages) {
    std::string bytes;
    for (const auto m : messages) bytes += sent(from, m);
    return bytes;
  }
  static std::vector<frame_event> events(connection& c, std::string_view bytes) {
    c.receive(bytes_of(bytes));
    std::vector<frame_event> all;
    for (;;) {
      auto e = c.next_event();
      EXPECT_TRUE(e) << to_string(e.error());
      if (!e || !*e) return all;
      all.push_back(std::move(**e));
    }
  }
  failure refusal(std::string_view bytes, dist_flags flags = header_flags, connection_limits limits = {}) {
    auto c = fresh(flags, limits);
    c.receive(bytes_of(bytes));
    for (;;) {
      const auto e = c.next_event();
      if (!e) return e.error();
      if (!*e) return {};
    }
  }
  static std::string external(term m) { return etf::term_to_binary(m); }
  term atoms(int from, int n) {
    std::vector<term> list;
    for (int i = 0; i < n; ++i) list.push_back(atom(text(from + i)));
    return make_list(*t.heap, list.data(), list.size());
  }
  term pid_of(std::uint32_t id) { return make_pid(*t.heap, t.peer, 3, id, 0); }
};

// ---- the header, byte by byte

TEST_F(Framing, ListsEachAtomOnceAndRefersToItByItsPlace) {
  auto out = fresh();
  ASSERT_TRUE(out.send(reg_send{t.theirs, atom("rex"), {}}, make_tuple_of(*t.heap, atom("rex"), atom("rex"))));
  const auto bytes = all_output(out);
  ASSERT_GT(bytes.size(), 8u);
  EXPECT_EQ(bytes.substr(4, 3), "\x83\x44\x03"sv);  // erl@localhost, '', rex
  const auto flags = bytes.substr(7, 2);
  EXPECT_EQ(flags[0] & 0x88, 0x88);                 // all three new
  EXPECT_EQ(flags[1] & 0x08, 0x08);
  EXPECT_EQ(flags[1] & 0x10, 0);                    // no long atoms
  EXPECT_TRUE(bytes.ends_with("\x68\x02\x52\x02\x52\x02"sv)) << "{rex, rex}";
  EXPECT_EQ(static_cast<std::uint8_t>(bytes[9]), t.peer.atom_index() & 0xff);
  EXPECT_EQ(bytes.substr(10, 14), "\x0d" "erl@localhost"sv);
}

TEST_F(Framing, SendsTheTextOfAnAtomOnce) {
  auto out = fresh(), in = fresh();
  const auto first = sent(out, atom("text that travels once")), second = sent(out, atom("text that travels once"));
  EXPECT_NE(first.find("text that travels once"), first.npos);
  EXPECT_EQ(second.find("text that travels once"), second.npos);
  const auto all = events(in, first + second);
  ASSERT_EQ(all.size(), 2u);
  EXPECT_TRUE(all[1].message.same(atom("text that travels once")));
}

TEST_F(Framing, Trap6FragmentsAloneBringTheHeaderWithoutAtoms) {
  auto out = fresh(fragments_only), in = fresh(fragments_only);
  const auto bytes = sent(out, t.message);
  EXPECT_EQ(bytes.substr(4, 3), "\x83\x44\0"sv);
  EXPECT_EQ(bytes.find('\x52'), bytes.npos);
  ASSERT_EQ(events(in, bytes).size(), 1u);
}

TEST_F(Framing, MarksLongAtomsForTheWholeHeader) {
  std::string longest;
  for (int i = 0; i < 255; ++i) longest += "\xf0\x9f\x8e\x88";
  auto out = fresh(), in = fresh();
  const auto message = make_tuple_of(*t.heap, atom(longest), atom("short"), atom(std::string(255, 'a')));
  const auto all = events(in, sent_all(out, {message, message}));
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(external(all[0].message), external(message));
  EXPECT_EQ(external(all[1].message), external(message));
}

TEST_F(Framing, SpellsOutWhatTheListOfAMessageCannotHold) {
  for (const int n : {0, 1, 2, 3, 253, 254, 255, 256, 1000}) {
    auto out = fresh(), in = fresh();
    const auto message = atoms(0, n);
    const auto all = events(in, sent_all(out, {message, message}));
    ASSERT_EQ(all.size(), 2u) << n;
    EXPECT_EQ(external(all[0].message), external(message)) << n;
    EXPECT_EQ(external(all[1].message), external(message)) << n;
  }
}

TEST_F(Framing, UsesAll2048SlotsAndReplacesWhatClashes) {
  auto out = fresh(), in = fresh();
  std::mt19937 random(7);
  for (int round = 0; round < 300; ++round) {
    const auto message = atoms(static_cast<int>(random() % 10'000), 1 + static_cast<int>(random() % 200));
    const auto all = events(in, sent(out, message));
    ASSERT_EQ(all.size(), 1u) << round;
    ASSERT_EQ(external(all[0].message), external(message)) << round;
  }
  // Two atoms of one slot, in turns and in one message.
  const auto a = atom("clash");
  term b;
  for (int i = 0; !b; ++i)
    if (const auto other = atom("clash " + std::to_string(i)); other.atom_index() % 2048 == a.atom_index() % 2048) b = other;
  for (const auto& message : {a, b, a, b, make_tuple_of(*t.heap, a, b, a), make_tuple_of(*t.heap, b, a, b)}) {
    const auto all = events(in, sent(out, message));
    ASSERT_EQ(all.size(), 1u);
    EXPECT_EQ(external(all[0].message), external(message));
  }
}

TEST_F(Framing, ReadsTheSameInAnyPieces) {
  auto out = fresh();
  const auto large = make_binary(*t.heap, std::string(200'000, 'b'));
  const auto bytes = sent_all(out, {atoms(0, 20), large, atoms(10, 20), make_tuple_of(*t.heap, large, atoms(0, 30))});
  for (const std::size_t step : {1u, 2u, 3u, 17u, 18u, 22u, 1000u, 65536u, 1'000'000u}) {
    auto in = fresh();
    std::vector<std::string> got;
    for (std::size_t at = 0; at < bytes.size(); at += step)
      for (auto& e : events(in, std::string_view(bytes).substr(at, step))) got.push_back(external(e.message));
    ASSERT_EQ(got.size(), 4u) << step;
    EXPECT_EQ(got[0], external(atoms(0, 20)));
    EXPECT_EQ(got[1], external(large));
    EXPECT_EQ(got[2], external(atoms(10, 20)));
    EXPECT_EQ(got[3], external(make_tuple_of(*t.heap, large, atoms(0, 30))));
  }
}

// As a scattered read brings it: what fits of `bytes` into the pieces, at most `most` bytes, again and again.
std::vector<std::string> scattered(connection& in, std::string_view bytes, std::mt19937& random, std::size_t most) {
  std::vector<std::string> got;
  while (!bytes.empty()) {
    std::size_t n = 0;
    const auto limit = std::min<std::size_t>(bytes.size(), 1 + random() % most);
    for (const auto& room : in.prepare_pieces(64 * 1024, 1 << 20)) {
      const auto some = std::min(room.size(), limit - n);
      std::copy_n(bytes.data() + n, some, reinterpret_cast<char*>(room.data()));
      n += some;
    }
    in.commit(n);
    bytes.remove_prefix(n);
    for (;;) {
      auto e = in.next_event();
      EXPECT_TRUE(e) << to_string(e.error());
      if (!e) return got;
      if (!*e) break;
      got.push_back(etf::term_to_binary((*e)->message));
    }
  }
  return got;
}

TEST_F(Framing, ReadsLargeMessagesInPiecesToWhereTheyBelong) {
  std::mt19937 random(5);
  std::string data(30 * piece + 77, 0);
  for (auto& c : data) c = static_cast<char>(random());
  const auto large = make_binary(*t.heap, data);
  for (const std::size_t most : {30u, 5000u, 70'000u, 300'000u, 3'000'000u}) {
    auto out = fresh(), in = fresh();
    std::string bytes;
    std::vector<std::string> expected;
    for (int i = 0; i < 4; ++i) {
      // A small one, and a tick, get between the fragments.
      const auto message = make_tuple_of(*t.heap, small(i), large);
      ASSERT_TRUE(out.send(send{pid_of(1), t.ours, {}}, message));
      if (i % 2 == 1) {
        out.fill_output(1 + random() % 12);
        ASSERT_TRUE(out.send(send{pid_of(2), t.ours, {}}, t.message));
        out.tick();
        expected.push_back(external(t.message));
      }
      bytes += all_output(out);
      expected.push_back(external(message));
    }
    EXPECT_EQ(scattered(in, bytes, random, most), expected) << most;
    EXPECT_EQ(in.ticks(), 2u);
  }
}

TEST_F(Framing, ReadsPiecesOfTwoLargeMessagesInTurn) {
  std::mt19937 random(6);
  const auto large = make_binary(*t.heap, std::string(20 * piece, 'x')), other = make_binary(*t.heap, std::string(21 * piece, 'y'));
  for (const std::size_t most : {5000u, 300'000u, 3'000'000u}) {
    auto out = fresh(), in = fresh();
    ASSERT_TRUE(out.send(send{pid_of(1), t.ours, {}}, large));
    ASSERT_TRUE(out.send(send{pid_of(2), t.ours, {}}, other));
    EXPECT_EQ(scattered(in, all_output(out), random, most), (std::vector{external(large), external(other)})) << most;
  }
}

TEST_F(Framing, RefusesEveryHeaderThatEndsEarly) {
  auto out = fresh();
  const auto body = sent(out, make_tuple_of(*t.heap, atom("one"), atom("two"))).substr(4);
  for (std::size_t n = 1; n < body.size(); ++n) EXPECT_NE(refusal(frame(body.substr(0, n), 4)).code, errc::ok) << n;
  EXPECT_EQ(refusal(frame(body, 4)).code, errc::ok);
}

TEST_F(Framing, NamesWhatIsWrongWithAHeader) {
  const auto detail = [&](std::string_view body, dist_flags flags = header_flags) { return to_string(refusal(frame(body, 4), flags)); };
  const auto says = [](const std::string& all, std::string_view part) { return all.find(part) != all.npos; };
  EXPECT_PRED2(says, detail("\x70\x83"), "frame type 112 where 131 was agreed on");
  EXPECT_PRED2(says, detail("\x83\x44\0"sv, all_flags), "frame type 131 where 112 was agreed on");
  EXPECT_PRED2(says, detail("\x83"), "a frame of one byte");
  EXPECT_PRED2(says, detail("\x83\x47\0"sv), "distribution header 131, 71");
  EXPECT_PRED2(says, detail("\x83\x44"), "no number of atoms");
  EXPECT_PRED2(says, detail("\x83\x44\xff"), "it ends within the flags");
  EXPECT_PRED2(says, detail("\x83\x44\x01\x08"), "it ends early, atom 0");
  EXPECT_PRED2(says, detail("\x83\x44\x01\x08\x05"), "it ends early, atom 0");
  EXPECT_PRED2(says, detail("\x83\x44\x01\x08\x05\x03" "ab"), "it ends early, atom 0");
  EXPECT_PRED2(says, detail("\x83\x44\x01\x03\x05"), "slot 773, atom 0");
  EXPECT_PRED2(says, detail("\x83\x44\x01\x08\x05\x01\xff"), "no atom, atom 0");
  EXPECT_PRED2(says, detail("\x83\x44\x01\x08\x05\x01" "a", fragments_only), "DIST_HDR_ATOM_CACHE was not agreed on");
  EXPECT_PRED2(says, detail("\x83\x44\0"sv), "control message is missing");
  EXPECT_PRED2(says, detail("\x83\x45" + std::string(16, '\1') + "\0"s, cache_only), "distribution header 131, 69");
  EXPECT_PRED2(says, detail("\x83\x46" + std::string(16, '\1'), cache_only), "distribution header 131, 70");
  EXPECT_PRED2(says, detail("\x83\x46" + std::string(15, '\1')), "a fragment without its numbers");
  // A place the list does not have.
  EXPECT_EQ(refusal(frame("\x83\x44\x01\x08\x05\x01" "a\x68\x01\x52\x01", 4)).code, errc::cache_miss);
  EXPECT_EQ(refusal(frame("\x83\x44\0\x68\x01\x52\0"sv, 4)).code, errc::bad_tag);
}

// ---- fragments

TEST_F(Framing, CutsAPayloadOfMoreThan64KiB) {
  auto out = fresh();
  ASSERT_TRUE(out.send(send{t.theirs, t.ours, {}}, make_binary(*t.heap, std::string(piece * 2, 'b'))));
  EXPECT_EQ(out.output().size(), 0u);
  EXPECT_GT(out.waiting(), piece * 2);
  out.fill_output(1);
  auto bytes = out.output().str();
  EXPECT_EQ(bytes.substr(4, 18), "\x83\x45" + big_endian(1, 8) + big_endian(3, 8));
  out.output().clear();
  out.fill_output(1);
  bytes = out.output().str();
  EXPECT_EQ(bytes.substr(0, 22), big_endian(18 + piece, 4) + "\x83\x46" + big_endian(1, 8) + big_endian(2, 8));
  out.output().clear();
  out.fill_output(7);
  bytes = out.output().str();
  EXPECT_EQ(bytes.substr(4, 18), "\x83\x46" + big_endian(1, 8) + big_endian(1, 8));
  EXPECT_EQ(out.waiting(), 0u);
}

TEST_F(Framing, SharesALargeBinaryInsteadOfCopyingIt) {
  auto out = fresh();
  const auto large = make_binary(*t.heap, std::string(1 << 20, 'b'));
  ASSERT_TRUE(out.send(send{t.theirs, t.ours, {}}, large));
  out.fill_output(SIZE_MAX);
  std::size_t shared = 0;
  for (const auto& p : out.output().pieces())
    if (p.data >= reinterpret_cast<const std::uint8_t*>(large.bytes().data()) &&
        p.data < reinterpret_cast<const std::uint8_t*>(large.bytes().data()) + large.bytes().size())
      shared += p.size;
  EXPECT_EQ(shared, large.bytes().size());
}

TEST_F(Framing, ReadsWhatItWritesAroundTheSizeOfAFragment) {
  for (const std::size_t n : {piece - 40, piece - 30, piece - 1, piece, piece + 1, 2 * piece - 60, 2 * piece - 30, 2 * piece, 5 * piece + 17}) {
    for (const auto flags : {header_flags, fragments_only, cache_only, all_flags}) {
      auto out = fresh(flags), in = fresh(flags);
      const auto message = make_tuple_of(*t.heap, atom("data"), make_binary(*t.heap, std::string(n, 'x')));
      const auto all = events(in, sent(out, message));
      ASSERT_EQ(all.size(), 1u) << n;
      EXPECT_EQ(all[0].message[1].bytes().size(), n);
    }
  }
}

TEST_F(Framing, LetsSmallMessagesOfOthersPassALargeOne) {
  auto out = fresh(), in = fresh();
  ASSERT_TRUE(out.send(send{pid_of(1), t.ours, {}}, make_binary(*t.heap, std::string(100 * piece, 'x'))));
  out.fill_output();
  const auto before = out.output().size();
  EXPECT_LE(before, 4 * (piece + 200));
  ASSERT_TRUE(out.send(send{pid_of(2), t.ours, {}}, t.message));
  out.fill_output();
  auto bytes = out.output().str();
  auto all = events(in, std::string_view(bytes).substr(0, before + 200));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(external(all[0].message), external(t.message));
  out.output().clear();
  all = events(in, std::string_view(bytes).substr(before + 200));
  EXPECT_EQ(all.size(), 0u);
  all = events(in, all_output(out));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].message.bytes().size(), 100 * piece);
}

TEST_F(Framing, DelaysASmallMessageBehindAGigabyteByNoMoreThanFourFragments) {
  auto out = fresh();
  const auto part = make_binary(*t.heap, std::string(16 << 20, 'x'));
  const std::vector<term> parts(64, part);
  ASSERT_TRUE(out.send(send{pid_of(1), t.ours, {}}, make_list(*t.heap, parts.data(), parts.size())));
  EXPECT_GT(out.waiting(), std::size_t{1} << 30);
  for (int write = 0; out.waiting() > 0; ++write) {
    out.fill_output();
    const auto before = out.output().size();
    ASSERT_LE(before, 4 * (piece + 200));
    if (write % 500 == 0) {
      ASSERT_TRUE(out.send(send{pid_of(2), t.ours, {}}, t.message));
      ASSERT_GT(out.output().size(), before) << "not behind what waits";
    }
    out.output().clear();
  }
}

TEST_F(Framing, KeepsTheOrderOfEachSenderWhateverTheReceiverIsCalled) {
  auto out = fresh(), in = fresh();
  const auto large = make_binary(*t.heap, std::string(3 * piece, 'x'));
  const auto old = [&](int i) { return make_tuple_of(*t.heap, small(1), small(i)); };
  ASSERT_TRUE(out.send(send{pid_of(1), t.ours, {}}, old(0)));
  ASSERT_TRUE(out.send(send{pid_of(1), t.ours, {}}, make_tuple_of(*t.heap, small(1), small(1), large)));
  ASSERT_TRUE(out.send(reg_send{pid_of(1), atom("name"), {}}, old(2)));
  ASSERT_TRUE(out.send(alias_send{pid_of(1), t.our_ref, {}}, make_tuple_of(*t.heap, small(1), small(3), large)));
  ASSERT_TRUE(out.send(send{pid_of(1), t.ours, {}}, old(4)));
  ASSERT_TRUE(out.send(exit{pid_of(1), t.ours, atom("done"), {}}, {}));
  ASSERT_TRUE(out.send(send{pid_of(2), t.ours, {}}, atom("passes")));
  const auto all = events(in, all_output(out));
  ASSERT_EQ(all.size(), 7u);
  EXPECT_TRUE(all[1].message.same(atom("passes")));
  int next = 0;
  for (const auto& e : all)
    if (e.message.is_tuple()) {
      EXPECT_EQ(e.message[1].small(), next++);
    }
  EXPECT_EQ(next, 5);
  EXPECT_TRUE(std::holds_alternative<exit>(all[6].control));
}

TEST_F(Framing, HoldsADownByNameUntilAllThatWaitsIsOut) {
  auto out = fresh(), in = fresh();
  const auto large = make_binary(*t.heap, std::string(3 * piece, 'x'));
  ASSERT_TRUE(out.send(send{pid_of(1), t.ours, {}}, large));
  ASSERT_TRUE(out.send(send{pid_of(2), t.ours, {}}, large));
  ASSERT_TRUE(out.send(monitor_p_exit{atom("name"), t.ours, t.our_ref, large}, {}));
  const auto all = events(in, all_output(out));
  ASSERT_EQ(all.size(), 3u);
  EXPECT_TRUE(std::holds_alternative<monitor_p_exit>(all[2].control));
  EXPECT_EQ(out.waiting(), 0u);
  ASSERT_TRUE(out.send(monitor_p_exit{atom("name"), t.ours, t.our_ref, atom("noproc")}, {}));
  EXPECT_GT(out.output().size(), 0u) << "at once when nothing waits";
}

TEST_F(Framing, ReadsAHundredInterleavedMessages) {
  // Each from a writer of its own, so that the fragments can be mixed at will; without a cache, as that has one order.
  std::mt19937 random(11);
  for (int round = 0; round < 5; ++round) {
    std::vector<std::vector<std::string>> streams;
    std::vector<std::string> expected;
    for (std::uint64_t id = 1; id <= 100; ++id) {
      auto out = fresh(fragments_only);
      const auto message = make_tuple_of(*t.heap, small(static_cast<int>(id)), make_binary(*t.heap, std::string(random() % (4 * piece), static_cast<char>(id))));
      expected.push_back(external(message));
      const auto bytes = sent(out, message);
      std::vector<std::string> frames;
      for (std::size_t at = 0; at < bytes.size();) {
        const auto n = 4 + (static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at + 1])) << 16 |
                            static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[at + 2])) << 8 | static_cast<std::uint8_t>(bytes[at + 3]));
        auto f = bytes.substr(at, n);
        if (f[5] != 0x44) f.replace(6, 8, big_endian(id << 40 | id, 8));
        frames.push_back(f);
        at += n;
      }
      std::reverse(frames.begin(), frames.end());
      streams.push_back(frames);
    }
    auto in = fresh(fragments_only);
    std::vector<std::string> got;
    while (!streams.empty()) {
      auto& s = streams[random() % streams.size()];
      for (auto& e : events(in, s.back())) got.push_back(external(e.message));
      s.pop_back();
      std::erase_if(streams, [](const auto& left) { return left.empty(); });
    }
    std::sort(got.begin(), got.end());
    std::sort(expected.begin(), expected.end());
    EXPECT_EQ(got, expected);
  }
}

TEST_F(Framing, TakesTurnsAmongAHundredSendersAndKeepsTheOrderOfEach) {
  auto out = fresh(), in = fresh();
  std::mt19937 random(5);
  std::vector<int> next_out(100), next_in(100);
  std::size_t got = 0, total = 0;
  const auto read = [&] {
    for (auto& e : events(in, out.output().str())) {
      const auto from = static_cast<std::size_t>(e.message[0].small());
      ASSERT_EQ(e.message[1].small(), next_in[from]++);
      ++got;
    }
    out.output().clear();
  };
  for (; total < 2000; ++total) {
    const auto from = random() % 100;
    const auto size = random() % 10 == 0 ? piece + random() % (5 * piece) : random() % 100;
    const auto message = make_tuple_of(*t.heap, small(static_cast<int>(from)), small(next_out[from]++), make_binary(*t.heap, std::string(size, 'x')),
                                       atoms(static_cast<int>(random() % 3000), 5));
    ASSERT_TRUE(out.send(send{pid_of(static_cast<std::uint32_t>(from)), t.ours, {}}, message));
    if (random() % 3 == 0) {
      out.fill_output();
      read();
    }
  }
  out.fill_output(SIZE_MAX);
  read();
  EXPECT_EQ(got, total);
  EXPECT_EQ(out.waiting(), 0u);
}

TEST_F(Framing, NamesWhatIsWrongWithAFragment) {
  const auto first = [&](std::uint64_t sequence, std::uint64_t number) {
    return frame("\x83\x45" + big_endian(sequence, 8) + big_endian(number, 8) + "\0"s + external(t.tuple(small(22), t.theirs, t.ours)).substr(1), 4);
  };
  const auto next = [](std::uint64_t sequence, std::uint64_t number) {
    return frame("\x83\x46" + big_endian(sequence, 8) + big_endian(number, 8) + "\xff", 4);
  };
  const auto says = [](const failure& f, std::string_view part) { return f.detail.find(part) != f.detail.npos; };
  EXPECT_PRED2(says, refusal(next(7, 1)), "fragment of sequence 7, which did not begin");
  EXPECT_PRED2(says, refusal(first(7, 0)), "fragment 0 of sequence 7");
  EXPECT_PRED2(says, refusal(first(7, 3) + first(7, 3)), "sequence 7 begins twice");
  EXPECT_PRED2(says, refusal(first(7, 3) + next(7, 1)), "fragment 1 of sequence 7 where 2 was due");
  EXPECT_PRED2(says, refusal(first(7, 3) + next(7, 3)), "fragment 3 of sequence 7 where 2 was due");
  EXPECT_PRED2(says, refusal(first(7, 2) + next(7, 1)), "message: tag 255 at byte 0");
  EXPECT_PRED2(says, refusal(first(7, 3) + next(8, 2)), "fragment of sequence 8, which did not begin");
  EXPECT_EQ(refusal(first(UINT64_MAX, UINT64_MAX)).code, errc::ok);
  const auto cut = "\x83\x45" + big_endian(7, 8) + big_endian(2, 8) + "\0\x68\x03"s;  // the control message goes on in the next fragment
  EXPECT_PRED2(says, refusal(frame(cut, 4)), "control message");
}

TEST_F(Framing, BoundsWhatAPeerLeavesUnfinished) {
  std::string many;
  for (std::uint64_t i = 1; i <= 11; ++i)
    many += frame("\x83\x45" + big_endian(i, 8) + big_endian(1'000'000, 8) + "\0"s + external(t.tuple(small(22), t.theirs, t.ours)).substr(1), 4);
  EXPECT_EQ(refusal(many, header_flags, {.max_unfinished_messages = 11}).code, errc::ok);
  EXPECT_EQ(refusal(many, header_flags, {.max_unfinished_messages = 10}).code, errc::too_large);
  const auto large = frame("\x83\x46" + big_endian(1, 8) + big_endian(999'999, 8) + std::string(100'000, 'x'), 4);
  EXPECT_EQ(refusal(many + large, header_flags, {.max_unfinished_bytes = 200'000}).code, errc::ok);
  EXPECT_EQ(refusal(many + large, header_flags, {.max_unfinished_bytes = 100'000}).code, errc::too_large);
  // Before the fragment has come to its end.
  EXPECT_EQ(refusal(many + large.substr(0, 50'000), header_flags, {.max_unfinished_bytes = 40'000}).code, errc::too_large);
}

TEST_F(Framing, ForgetsTheBytesOfWhatIsFinished) {
  connection_limits limits;
  limits.max_unfinished_bytes = 300'000;
  auto out = fresh(), in = fresh(header_flags, limits);
  const auto message = make_binary(*t.heap, std::string(200'000, 'x'));
  for (int i = 0; i < 20; ++i) ASSERT_EQ(events(in, sent(out, message)).size(), 1u) << i;
}

TEST_F(Framing, SharesLargeBinariesOfAFragmentedMessage) {
  auto out = fresh(), in = fresh();
  auto all = events(in, sent(out, make_binary(*t.heap, std::string(200'000, 'b'))));
  ASSERT_EQ(all.size(), 1u);
  EXPECT_EQ(all[0].message.kind(), unsigned{CNODE_BITS_SHARED});
  auto copy = copy_to_block(all[0].message);
  all.clear();
  EXPECT_EQ(copy->root.bytes(), std::string(200'000, 'b'));
}

TEST_F(Framing, SeesTicksBetweenFragments) {
  auto out = fresh(), in = fresh();
  ASSERT_TRUE(out.send(send{t.theirs, t.ours, {}}, make_binary(*t.heap, std::string(3 * piece, 'x'))));
  std::size_t got = 0;
  for (int i = 0; i < 4; ++i) {
    out.tick();
    out.fill_output(1);
    got += events(in, out.output().str()).size();
    out.output().clear();
  }
  EXPECT_EQ(got, 1u);
  EXPECT_EQ(in.ticks(), 4u);
}

TEST_F(Framing, ForgetsWhatWaitsWhenAskedTo) {
  auto out = fresh();
  ASSERT_TRUE(out.send(send{t.theirs, t.ours, {}}, make_binary(*t.heap, std::string(3 * piece, 'x'))));
  ASSERT_TRUE(out.send(send{t.theirs, t.ours, {}}, t.message));
  out.clear_output();
  EXPECT_EQ(out.waiting(), 0u);
  out.fill_output(SIZE_MAX);
  EXPECT_EQ(out.output().size(), 0u);
}

}  // namespace
}  // namespace cnode::test
