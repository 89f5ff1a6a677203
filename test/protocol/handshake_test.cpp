#include <gtest/gtest.h>

#include <cnode/protocol/handshake.hpp>

#include "handshake_bytes.hpp"

namespace cnode::test {
namespace {

using namespace dist;

constexpr std::uint32_t our_challenge = 11, their_challenge = 22;
constexpr dist_flags without_digest = all_flags & ~dist_flag::mandatory_25_digest;

handshake we_started(std::string cookie = "secret") {
  return handshake::we_started(config("cpp@localhost", our_challenge, cookie), "erl@localhost");
}
handshake other_started(std::string cookie = "secret") {
  return handshake::other_started(config("cpp@localhost", our_challenge, cookie));
}
// The handshake must take all of it.
void feed(handshake& hs, const std::string& bytes) {
  const auto r = hs.receive(bytes_of(bytes));
  ASSERT_TRUE(r) << to_string(r.error());
  ASSERT_EQ(*r, bytes.size());
}
failure refusal(handshake& hs, const std::string& bytes) {
  const auto r = hs.receive(bytes_of(bytes));
  if (r) return {};
  EXPECT_TRUE(hs.failed());
  EXPECT_FALSE(hs.done());
  return r.error();
}
handshake decided(name_decision d = name_decision::ok) {
  auto hs = other_started();
  feed(hs, send_name("erl@localhost", all_flags));
  hs.decide(d);
  return hs;
}

// Carries bytes between two handshakes, at most `piece` at a time, until neither has more to say.
void converse(handshake& a, handshake& b, std::size_t piece, name_decision d) {
  std::string to_a, to_b;
  for (;;) {
    to_b += a.take_output();
    to_a += b.take_output();
    if (to_a.empty() && to_b.empty()) return;
    for (auto [to, bytes] : {std::pair{&a, &to_a}, {&b, &to_b}}) {
      if (bytes->empty()) continue;
      const auto part = bytes->substr(0, piece);
      const auto r = to->receive(bytes_of(part));
      bytes->erase(0, r ? *r : bytes->size());
      if (to->wants_decision()) to->decide(d, "dyn@localhost", 99);
      if (!r || *r == 0) return;
    }
  }
}

TEST(Digest, IsThatOfErlang) {
  // erlang:md5("secret" ++ "123"), erlang:md5("" ++ "0"), erlang:md5(a cookie of 60 bytes ++ "4294967295")
  const auto hex = [](const auto& d) {
    std::string out;
    for (const int byte : d) out += "0123456789abcdef"[byte >> 4], out += "0123456789abcdef"[byte & 15];
    return out;
  };
  EXPECT_EQ(hex(gen_digest(123, "secret")), "5d7845ac6ee7cfffafc5fe5f35cf666d");
  EXPECT_EQ(hex(gen_digest(0, "")), "cfcd208495d565ef66e7dff9f98764da");
  EXPECT_EQ(hex(gen_digest(4294967295u, std::string(60, 'x'))), "2cb16d12fde730973cf2528de690b2b3");
}

TEST(Handshake, TwoOfOursAgreeWhateverThePieces) {
  for (const std::size_t piece : {1u, 2u, 3u, 7u, 50u, 1000u}) {
    for (const auto d : {name_decision::ok, name_decision::ok_simultaneous, name_decision::alive}) {
      auto a = we_started();
      auto b = handshake::other_started(config("erl@localhost", their_challenge));
      converse(a, b, piece, d);
      ASSERT_TRUE(a.done() && b.done()) << piece;
      EXPECT_EQ(a.done()->peer_name, "erl@localhost");
      EXPECT_EQ(a.done()->peer_creation, their_challenge + 1000);
      EXPECT_EQ(b.done()->peer_name, "cpp@localhost");
      EXPECT_EQ(b.done()->peer_creation, our_challenge + 1000);
      EXPECT_EQ(a.done()->negotiated, all_flags);
      EXPECT_EQ(b.done()->negotiated, all_flags);
      EXPECT_EQ(b.done()->named, "");
    }
  }
}

TEST(Handshake, UnderTlsHasFourByteFrames) {
  auto c = config("cpp@localhost", our_challenge), d = config("erl@localhost", their_challenge);
  c.four_byte_frames = d.four_byte_frames = true;
  auto a = handshake::we_started(c, "erl@localhost");
  auto b = handshake::other_started(d);
  converse(a, b, 5, name_decision::ok);
  EXPECT_TRUE(a.done() && b.done());
}

TEST(Handshake, NegotiatesWhatBothOffer) {
  auto c = config("cpp@localhost", our_challenge);
  c.offered &= ~(dist_flag::alias | dist_flag::published);
  auto a = handshake::we_started(c, "erl@localhost");
  auto b = handshake::other_started(config("erl@localhost", their_challenge));
  converse(a, b, 1000, name_decision::ok);
  ASSERT_TRUE(a.done() && b.done());
  EXPECT_EQ(a.done()->negotiated, all_flags & ~(dist_flag::alias | dist_flag::published));
  EXPECT_EQ(b.done()->negotiated, a.done()->negotiated);
  EXPECT_EQ(a.done()->peer_flags, all_flags);
}

TEST(Handshake, WithDifferentCookiesFailsOnBothSides) {
  auto a = we_started("secret");
  auto b = handshake::other_started(config("erl@localhost", their_challenge, "other"));
  converse(a, b, 1000, name_decision::ok);
  EXPECT_FALSE(a.done());
  ASSERT_TRUE(b.failed());
  EXPECT_EQ(b.failed()->code, errc::bad_cookie);
}

TEST(Handshake, StaysUnfinishedAtEveryPrefix) {
  const auto whole = status("ok") + challenge("erl@localhost", all_flags, their_challenge) + challenge_ack(our_challenge, "secret");
  for (std::size_t n = 0; n < whole.size(); ++n) {
    auto hs = we_started();
    feed(hs, whole.substr(0, n));
    EXPECT_FALSE(hs.done()) << n;
    feed(hs, whole.substr(n));
    EXPECT_TRUE(hs.done()) << n;
  }
  const auto last = challenge_reply(their_challenge, our_challenge, "secret");
  for (std::size_t n = 0; n < last.size(); ++n) {
    auto hs = decided();
    feed(hs, last.substr(0, n));
    EXPECT_FALSE(hs.done()) << n;
    feed(hs, last.substr(n));
    EXPECT_TRUE(hs.done()) << n;
  }
}

TEST(Handshake, LeavesWhatFollowsItToTheConnection) {
  auto hs = we_started();
  const auto ours = status("ok") + challenge("erl@localhost", all_flags, their_challenge) + challenge_ack(our_challenge, "secret");
  const auto r = hs.receive(bytes_of(ours + std::string(4, '\0')));
  ASSERT_TRUE(r);
  EXPECT_EQ(*r, ours.size());
  ASSERT_TRUE(hs.done());
  EXPECT_EQ(*hs.receive(bytes_of("more")), 0u);
}

TEST(Handshake, RefusesEveryMessageOutOfOrder) {
  const std::string messages[] = {send_name("erl@localhost", all_flags), status("ok"), status("true"),
                                  complement(all_flags, 1), challenge_reply(their_challenge, our_challenge, "secret"),
                                  challenge_ack(our_challenge, "secret")};
  const auto check = [&](auto make, const std::string& step, char expected) {
    for (const auto& m : messages) {
      if (m[2] == expected) continue;
      auto hs = make();
      EXPECT_EQ(refusal(hs, m).code, errc::bad_handshake_message) << step << " took " << m[2];
    }
  };
  check([] { return we_started(); }, "recv_status", 's');
  check([] { auto hs = we_started(); feed(hs, status("ok")); return hs; }, "recv_challenge", 'N');
  check([] {
    auto hs = we_started();
    feed(hs, status("ok") + challenge("erl@localhost", all_flags, their_challenge));
    return hs;
  }, "recv_challenge_ack", 'a');
  check([] { return other_started(); }, "recv_name", 'N');
  check([] { return decided(); }, "recv_challenge_reply", 'r');
  check([] { return decided(name_decision::alive); }, "recv_alive_answer", 's');
  check([] {
    auto hs = other_started();
    feed(hs, old_send_name("erl@localhost", all_flags));
    hs.decide(name_decision::ok);
    return hs;
  }, "recv_complement", 'c');
}

TEST(Handshake, RefusesImpossibleFramesBeforeTheyAreThere) {
  for (const auto& bytes : {std::string("\0\0", 2), std::string("GET / HTTP/1.1"), std::string("\x04\x01", 2)}) {
    auto hs = other_started();
    EXPECT_EQ(refusal(hs, bytes).code, errc::bad_handshake_message);
  }
  auto c = config("cpp@localhost", our_challenge);
  c.four_byte_frames = true;
  auto hs = handshake::other_started(c);
  EXPECT_EQ(refusal(hs, "\xff\xff\xff\xff").code, errc::bad_handshake_message);
}

TEST(Handshake, NamesTheFieldAMessageEndsBefore) {
  const auto name = send_name("erl@localhost", all_flags);
  for (std::size_t n = 3; n < name.size(); ++n) {
    auto hs = other_started();
    const auto f = refusal(hs, frame(name.substr(2, n - 2)));
    EXPECT_EQ(f.code, errc::bad_handshake_message) << n;
    EXPECT_NE(f.detail.find("ends before"), std::string::npos) << f.detail;
  }
  const auto reply = challenge_reply(their_challenge, our_challenge, "secret");
  for (std::size_t n = 3; n < reply.size(); ++n) {
    auto hs = decided();
    EXPECT_EQ(refusal(hs, frame(reply.substr(2, n - 2))).code, errc::bad_handshake_message) << n;
  }
  auto hs = decided();
  EXPECT_EQ(refusal(hs, frame(reply.substr(2) + "x")).code, errc::bad_handshake_message);
}

TEST(Handshake, StaysFailed) {
  auto hs = we_started();
  EXPECT_EQ(refusal(hs, status("nok")).code, errc::bad_status);
  EXPECT_EQ(refusal(hs, challenge("erl@localhost", all_flags, their_challenge)).code, errc::bad_status);
}

TEST(HandshakeWeStarted, SendsTheNewName) {
  auto hs = we_started();
  EXPECT_EQ(hs.take_output(), send_name("cpp@localhost", all_flags, our_challenge + 1000));
}

TEST(HandshakeWeStarted, AnswersAliveWithTrueAndWaitsForTheChallenge) {
  auto hs = we_started();
  hs.take_output();
  feed(hs, status("alive"));
  EXPECT_EQ(hs.status(), "alive");
  EXPECT_EQ(hs.take_output(), status("true"));
  feed(hs, challenge("erl@localhost", all_flags, their_challenge));
  EXPECT_EQ(hs.take_output(), challenge_reply(our_challenge, their_challenge, "secret"));
}

TEST(HandshakeWeStarted, TakesEveryStatus) {
  for (const auto* good : {"ok", "ok_simultaneous", "alive"}) {
    auto hs = we_started();
    feed(hs, status(good));
    EXPECT_EQ(hs.status(), good);
  }
  for (const auto& [bad, code] : {std::pair{"nok", errc::bad_status}, {"not_allowed", errc::not_allowed}, {"", errc::bad_status},
                                  {"okay", errc::bad_status}, {"named:", errc::bad_status}, {"true", errc::bad_status}}) {
    auto hs = we_started();
    EXPECT_EQ(refusal(hs, status(bad)).code, code) << bad;
  }
}

TEST(HandshakeWeStarted, RefusesANodeOfAnotherName) {
  auto hs = we_started();
  feed(hs, status("ok"));
  EXPECT_EQ(refusal(hs, challenge("eve@localhost", all_flags, their_challenge)).code, errc::bad_name);
}

TEST(HandshakeWeStarted, RefusesToCallAnImpossibleName) {
  auto hs = handshake::we_started(config("cpp@localhost", our_challenge), "erl");
  ASSERT_TRUE(hs.failed());
  EXPECT_EQ(hs.failed()->code, errc::bad_name);
  EXPECT_EQ(hs.take_output(), "");
}

TEST(HandshakeWeStarted, NamesTheFlagsThePeerLacks) {
  auto hs = we_started();
  feed(hs, status("ok"));
  const auto f = refusal(hs, challenge("erl@localhost", without_digest & ~(dist_flag::map_tag | dist_flag::utf8_atoms), their_challenge));
  EXPECT_EQ(f.code, errc::not_allowed);
  EXPECT_EQ(f.detail, "erl@localhost lacks UTF8_ATOMS, MAP_TAG");
}

TEST(HandshakeWeStarted, RefusesAWrongChallengeAck) {
  auto hs = we_started();
  feed(hs, status("ok") + challenge("erl@localhost", all_flags, their_challenge));
  EXPECT_EQ(refusal(hs, challenge_ack(our_challenge, "guess")).code, errc::bad_cookie);
}

TEST(HandshakeWeStarted, NeverAnswersAChallengeOfOurOwn) {
  auto c = config("cpp@localhost", our_challenge);
  c.is_outstanding = [](std::uint32_t challenge) { return challenge == 4711; };
  for (const std::uint32_t ours : {std::uint32_t{4711}, our_challenge}) {
    auto hs = handshake::we_started(c, "erl@localhost");
    hs.take_output();
    feed(hs, status("ok"));
    EXPECT_EQ(refusal(hs, challenge("erl@localhost", all_flags, ours)).code, errc::bad_cookie);
    EXPECT_EQ(hs.take_output(), "");
  }
}

TEST(HandshakeOtherStarted, TellsWhoComesAndWaitsForTheDecision) {
  auto hs = other_started();
  EXPECT_FALSE(hs.wants_decision());
  feed(hs, send_name("erl@localhost", all_flags));
  EXPECT_TRUE(hs.wants_decision());
  EXPECT_FALSE(hs.wants_name());
  EXPECT_EQ(hs.peer_name(), "erl@localhost");
  EXPECT_EQ(hs.take_output(), "");
  hs.decide(name_decision::ok);
  EXPECT_EQ(hs.take_output(), status("ok") + challenge("cpp@localhost", all_flags, our_challenge, our_challenge + 1000));
  feed(hs, challenge_reply(their_challenge, our_challenge, "secret"));
  EXPECT_EQ(hs.take_output(), challenge_ack(their_challenge, "secret"));
  EXPECT_TRUE(hs.done());
}

TEST(HandshakeOtherStarted, SaysEveryStatus) {
  const auto said = [](name_decision d) {
    auto hs = decided(d);
    auto out = hs.take_output();
    return std::pair{out.substr(0, 2 + static_cast<std::uint8_t>(out[1])), hs.failed().has_value()};
  };
  EXPECT_EQ(said(name_decision::ok), std::pair(status("ok"), false));
  EXPECT_EQ(said(name_decision::ok_simultaneous), std::pair(status("ok_simultaneous"), false));
  EXPECT_EQ(said(name_decision::alive), std::pair(status("alive"), false));
  EXPECT_EQ(said(name_decision::nok), std::pair(status("nok"), true));
  EXPECT_EQ(said(name_decision::not_allowed), std::pair(status("not_allowed"), true));
}

TEST(HandshakeOtherStarted, GoesOnAfterAliveOnlyWhenThePeerSaysTrue) {
  auto yes = decided(name_decision::alive);
  EXPECT_EQ(yes.take_output(), status("alive"));
  feed(yes, status("true"));
  EXPECT_EQ(yes.take_output(), challenge("cpp@localhost", all_flags, our_challenge, our_challenge + 1000));
  for (const auto* answer : {"false", "perhaps"}) {
    auto no = decided(name_decision::alive);
    EXPECT_EQ(refusal(no, status(answer)).code, errc::bad_status);
  }
}

TEST(HandshakeOtherStarted, TakesTheOldNameWithItsComplement) {
  auto hs = other_started();
  feed(hs, old_send_name("erl@localhost", all_flags));
  hs.decide(name_decision::ok);
  hs.take_output();
  feed(hs, complement(all_flags, 77) + challenge_reply(their_challenge, our_challenge, "secret"));
  ASSERT_TRUE(hs.done());
  EXPECT_EQ(hs.done()->peer_creation, 77u);
  EXPECT_EQ(hs.done()->negotiated, all_flags);
}

TEST(HandshakeOtherStarted, RefusesTheOldNameWithoutHandshake23) {
  auto hs = other_started();
  EXPECT_EQ(refusal(hs, old_send_name("erl@localhost", without_digest & ~dist_flag::handshake_23)).code, errc::not_allowed);
}

TEST(HandshakeOtherStarted, GivesANameToANodeThatAsksForOne) {
  auto hs = other_started();
  feed(hs, send_name("localhost", (all_flags & ~dist_flag::published) | dist_flag::name_me, 0));
  ASSERT_TRUE(hs.wants_name());
  EXPECT_EQ(hs.peer_name(), "");
  EXPECT_EQ(hs.wanted_host(), "localhost");
  hs.decide(name_decision::ok, "dyn@localhost", 99);
  // The challenge echoes NAME_ME and is not PUBLISHED, or the initiator dies of {badmatch,static}.
  EXPECT_EQ(hs.take_output(),
            status("named:" + big_endian(13, 2) + "dyn@localhost" + big_endian(99, 4)) +
                challenge("cpp@localhost", (all_flags & ~dist_flag::published) | dist_flag::name_me, our_challenge, our_challenge + 1000));
  feed(hs, challenge_reply(their_challenge, our_challenge, "secret"));
  ASSERT_TRUE(hs.done());
  EXPECT_EQ(hs.done()->named, "dyn@localhost");
  EXPECT_EQ(hs.done()->peer_name, "dyn@localhost");
  EXPECT_EQ(hs.done()->peer_creation, 99u);
  EXPECT_EQ(hs.done()->negotiated, all_flags & ~dist_flag::published);
}

TEST(HandshakeOtherStarted, GivesNoImpossibleName) {
  for (const auto* name : {"", "dyn", "@localhost", "dyn@elsewhere"}) {
    auto hs = other_started();
    feed(hs, send_name("localhost", all_flags | dist_flag::name_me, 0));
    hs.decide(name_decision::ok, name, 99);
    ASSERT_TRUE(hs.failed()) << name;
    EXPECT_EQ(hs.failed()->code, errc::bad_name);
  }
}

TEST(HandshakeOtherStarted, RefusesImpossibleNames) {
  for (const std::string name : {"", "erl", "@localhost", "erl@", "a@b@c", "erl@local host", "erl\n@localhost"}) {
    auto hs = other_started();
    EXPECT_EQ(refusal(hs, send_name(name, all_flags)).code, errc::bad_name) << name;
    auto old = other_started();
    EXPECT_EQ(refusal(old, old_send_name(name, all_flags)).code, errc::bad_name) << name;
  }
  auto host = other_started();
  EXPECT_EQ(refusal(host, send_name("a@b", all_flags | dist_flag::name_me)).code, errc::bad_name);
  auto with_nul = other_started();
  EXPECT_EQ(refusal(with_nul, send_name(std::string("a\0@b", 4), all_flags)).code, errc::bad_name);
  auto longest = other_started();
  feed(longest, send_name(std::string(253, 'a') + "@b", all_flags));
  auto too_long = other_started();
  EXPECT_EQ(refusal(too_long, send_name(std::string(254, 'a') + "@b", all_flags)).code, errc::bad_name);
  auto lying = other_started();
  EXPECT_EQ(refusal(lying, frame("N" + big_endian(all_flags, 8) + big_endian(1, 4) + "\xff\xff" + "a@b")).code, errc::bad_name);
}

TEST(HandshakeOtherStarted, RefusesOurOwnName) {
  auto hs = other_started();
  EXPECT_EQ(refusal(hs, send_name("cpp@localhost", all_flags)).code, errc::bad_name);
  EXPECT_EQ(hs.take_output(), status("not_allowed"));
}

TEST(HandshakeOtherStarted, ReadsNamesAsLatin1) {
  auto hs = other_started();
  feed(hs, send_name("erl@h\xf6st", all_flags));
  EXPECT_EQ(hs.peer_name(), "erl@h\xc3\xb6st");
}

TEST(HandshakeOtherStarted, TellsAPeerThatLacksFlagsThatItIsNotAllowed) {
  for (dist_flags bit = 1; bit != 0; bit <<= 1) {
    if ((needed_flags & bit) == 0) continue;
    auto hs = other_started();
    const auto f = refusal(hs, send_name("erl@localhost", without_digest & ~bit));
    EXPECT_EQ(f.code, errc::not_allowed);
    EXPECT_EQ(f.detail, "erl@localhost lacks " + flag_names(bit));
    EXPECT_EQ(hs.take_output(), status("not_allowed"));
  }
}

TEST(HandshakeOtherStarted, TakesTheDigestFlagForAllItStandsFor) {
  auto hs = other_started();
  feed(hs, send_name("erl@localhost", dist_flag::mandatory_25_digest));
  hs.decide(name_decision::ok);
  feed(hs, challenge_reply(their_challenge, our_challenge, "secret"));
  ASSERT_TRUE(hs.done());
  EXPECT_EQ(hs.done()->negotiated, dist_flag::mandatory_25_digest | digest_25_flags);
}

TEST(HandshakeOtherStarted, RefusesAWrongChallengeReply) {
  auto hs = decided();
  hs.take_output();
  EXPECT_EQ(refusal(hs, challenge_reply(their_challenge, our_challenge, "guess")).code, errc::bad_cookie);
  EXPECT_EQ(hs.take_output(), "");
}

TEST(HandshakeOtherStarted, RefusesBytesBeforeItsStatus) {
  auto hs = other_started();
  EXPECT_EQ(refusal(hs, send_name("erl@localhost", all_flags) + "x").code, errc::bad_handshake_message);
}

TEST(DistFlags, HaveTheNamesOfTheDocuments) {
  EXPECT_EQ(flag_names(dist_flag::extended_references | dist_flag::unlink_id), "EXTENDED_REFERENCES, UNLINK_ID");
  EXPECT_EQ(flag_names(1ull << 63 | dist_flag::v4_nc), "V4_NC, 0x8000000000000000");
  EXPECT_EQ(flag_names(0), "");
  EXPECT_EQ(needed_flags, 0x1070F94u);
}

}  // namespace
}  // namespace cnode::test
