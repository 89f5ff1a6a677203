// Every status and every flag of the handshake, on the wire: what the node says and does as the one who is called and as the one who calls.
#include "meeting.hpp"

namespace cnode::test {
namespace {

// ---- statuses

TEST(Status, OkIsSaidToAStrangerWhoThenComesIn) {
  running_node r;
  wire_peer p(r.n->port());
  EXPECT_TRUE(p.comes());
  EXPECT_EQ(p.told, "ok");
  EXPECT_EQ(p.offered.name, "cpp@localhost");
  EXPECT_EQ(p.offered.creation, 77u);
  EXPECT_TRUE(r.events.wait_for("up one@localhost"));
}

TEST(Status, OkIsTakenFromAPeerWeCall) {
  outgoing o;
  EXPECT_TRUE(o.peer->is_called("ok"));
  EXPECT_TRUE(o.is_up());
}

TEST(Status, OkSimultaneousIsSaidToTheGreaterNameAndOurOwnCallGivenUp) {
  outgoing o("zzz@localhost");
  wire_peer comes(o.r.n->port(), "zzz@localhost");
  EXPECT_TRUE(comes.comes());
  EXPECT_EQ(comes.told, "ok_simultaneous");
  EXPECT_TRUE(o.is_up());
  // Ours is closed: its name is all that came.
  EXPECT_EQ(o.peer->message()[0], 'N');
  EXPECT_EQ(o.peer->message(), "");
}

TEST(Status, OkSimultaneousIsTakenFromAPeerWeCall) {
  outgoing o;
  EXPECT_TRUE(o.peer->is_called("ok_simultaneous"));
  EXPECT_TRUE(o.is_up());
}

TEST(Status, NokIsSaidToTheSmallerNameAndOurOwnCallCounts) {
  outgoing o("aaa@localhost");
  wire_peer comes(o.r.n->port(), "aaa@localhost");
  EXPECT_FALSE(comes.comes());
  EXPECT_EQ(comes.told, "nok");
  EXPECT_EQ(comes.message(), "");
  EXPECT_TRUE(o.peer->is_called("ok"));
  EXPECT_TRUE(o.is_up());
}

TEST(Status, NokFromAPeerWeCallMeansThatItsOwnCallCounts) {
  outgoing o("zzz@localhost");
  EXPECT_FALSE(o.peer->is_called("nok"));
  EXPECT_EQ(o.peer->message(), "");
  wire_peer comes(o.r.n->port(), "zzz@localhost");
  EXPECT_TRUE(comes.comes());
  EXPECT_TRUE(o.is_up());
}

TEST(Status, NotAllowedIsSaidToWhoIsNotOnTheList) {
  running_node r;
  r.n->allow({"other@localhost"});
  wire_peer p(r.n->port());
  EXPECT_FALSE(p.comes());
  EXPECT_EQ(p.told, "not_allowed");
  EXPECT_EQ(p.message(), "");
}

TEST(Status, NotAllowedFromAPeerWeCallEndsTheAttempt) {
  outgoing o;
  EXPECT_FALSE(o.peer->is_called("not_allowed"));
  EXPECT_FALSE(o.is_up());
  EXPECT_TRUE(o.r.events.wait_for("one@localhost answers not_allowed"));
}

TEST(Status, AliveIsSaidWhileTheOldConnectionIsThereAndTrueReplacesIt) {
  running_node r;
  wire_peer old(r.n->port()), fresh(r.n->port());
  ASSERT_TRUE(old.comes());
  ASSERT_TRUE(r.events.wait_for("up one@localhost"));
  EXPECT_TRUE(fresh.comes());
  EXPECT_EQ(fresh.told, "alive");
  EXPECT_TRUE(old.closed());
  EXPECT_TRUE(r.events.wait_for("down one@localhost connection_closed"));
  EXPECT_EQ(fresh.hears_nothing(), "nothing");
  EXPECT_EQ(r.events.count("up one@localhost"), 2u);
}

TEST(Status, AliveIsAnsweredWithTrueByUs) {
  outgoing o;
  EXPECT_TRUE(o.peer->is_called("alive"));  // which reads the answer
  EXPECT_TRUE(o.is_up());
}

TEST(Status, FalseToOurAliveLeavesTheOldConnectionAsItWas) {
  running_node r;
  wire_peer old(r.n->port()), fresh(r.n->port());
  ASSERT_TRUE(old.comes());
  ASSERT_TRUE(r.events.wait_for("up one@localhost"));
  fresh.write(send_name("one@localhost", all_flags));
  EXPECT_EQ(fresh.status(), "alive");
  fresh.write(test::status("false"));
  EXPECT_EQ(fresh.message(), "");
  EXPECT_EQ(old.hears_nothing(), "nothing");
  EXPECT_EQ(r.events.count("down one@localhost"), 0u);
}

TEST(Status, TrueToOurAliveIsWorthNothingWithoutTheCookie) {
  running_node r;
  wire_peer old(r.n->port()), thief(r.n->port());
  ASSERT_TRUE(old.comes());
  ASSERT_TRUE(r.events.wait_for("up one@localhost"));
  EXPECT_FALSE(thief.comes(all_flags, "guessed"));
  EXPECT_EQ(thief.told, "alive");
  EXPECT_EQ(old.hears_nothing(), "nothing");
}

TEST(Status, NamedGivesANameAndACreationToWhoAsksForOne) {
  running_node r;
  wire_peer p(r.n->port());
  p.write(send_name("localhost", all_flags | flag::name_me));
  const auto told = p.status();
  ASSERT_TRUE(told.starts_with("named:"));
  const auto size = wire_peer::number(told, 6, 2);
  const auto name = told.substr(8, size);
  EXPECT_TRUE(name.ends_with("@localhost")) << name;
  EXPECT_EQ(told.size(), 8 + size + 4);
  EXPECT_GT(wire_peer::number(told, 8 + size, 4), 3u);
  EXPECT_TRUE(p.proves(p.challenged()));
  EXPECT_TRUE(r.events.wait_for("up " + name));
}

TEST(Status, AnythingElseEndsTheAttempt) {
  outgoing o;
  EXPECT_FALSE(o.peer->is_called("perhaps"));
  EXPECT_FALSE(o.is_up());
  EXPECT_TRUE(o.r.events.wait_for("status \"perhaps\""));
}

// ---- the rest of the handshake

TEST(Status, TheOldNameWithItsComplementIsTaken) {
  running_node r;
  wire_peer p(r.n->port());
  p.write(old_send_name("one@localhost", all_flags));
  EXPECT_EQ(p.status(), "ok");
  const auto c = p.challenged();
  p.write(complement(all_flags, 5));
  EXPECT_TRUE(p.proves(c));
  EXPECT_TRUE(r.events.wait_for("up one@localhost"));
}

TEST(Status, AWrongCookieClosesWithoutAWord) {
  running_node r;
  wire_peer p(r.n->port());
  EXPECT_FALSE(p.comes(all_flags, "wrong"));
  EXPECT_EQ(p.message(), "");
  EXPECT_TRUE(r.events.wait_for("invalid challenge reply (wrong cookie?)"));
}

TEST(Status, AWrongCookieOfAPeerWeCallEndsTheAttempt) {
  outgoing o;
  EXPECT_FALSE(o.peer->is_called("ok", all_flags, "wrong"));
  EXPECT_FALSE(o.is_up());
}

TEST(Status, EachPeerMayHaveACookieOfItsOwnInBothDirections) {
  running_node r;
  r.n->set_cookie("one@localhost", "ours");
  wire_peer one(r.n->port()), two(r.n->port(), "two@localhost"), wrong(r.n->port(), "one@localhost");
  EXPECT_FALSE(wrong.comes(all_flags, "secret"));
  EXPECT_TRUE(one.comes(all_flags, "ours"));
  EXPECT_TRUE(two.comes(all_flags, "secret"));
  std::uint16_t port = 0;
  const int listener = listen_on_loopback(port);
  r.epmd.knows("three", port);
  r.n->set_cookie("three@localhost", "theirs");
  std::promise<bool> up;
  r.n->connect(atom("three@localhost"), [&](bool ok) { up.set_value(ok); });
  wire_peer three(fake_peer(::accept(listener, nullptr, nullptr)), "three@localhost");
  EXPECT_TRUE(three.is_called("ok", all_flags, "theirs"));
  EXPECT_TRUE(up.get_future().get());
  ::close(listener);
}

TEST(Status, CreationZeroIsTakenFromAPeerThatComes) {
  running_node r;
  wire_peer p(r.n->port());
  p.write(send_name("one@localhost", all_flags, 0));
  EXPECT_EQ(p.status(), "ok");
  EXPECT_TRUE(p.proves(p.challenged()));
}

TEST(Status, ANameWithoutBothPartsIsClosed) {
  running_node r;
  for (const char* name : {"one", "@localhost", "one@", "", "a@b@c"}) {
    wire_peer p(r.n->port(), "one@localhost");
    p.write(send_name(name, all_flags));
    EXPECT_EQ(p.message(), "") << name;
  }
}

// ---- flags

TEST(Flag, EachMandatoryOneIsMissedWithNotAllowedAndNamedInTheLog) {
  running_node r;
  for (dist::dist_flags bit = 1; bit != 0; bit <<= 1) {
    if (!(dist::needed_flags & bit)) continue;
    wire_peer p(r.n->port());
    // MANDATORY_25_DIGEST would stand for all of them.
    EXPECT_FALSE(p.comes(all_flags & ~bit & ~flag::mandatory_25_digest)) << dist::flag_names(bit);
    EXPECT_EQ(p.told, bit == flag::handshake_23 ? p.told : "not_allowed") << dist::flag_names(bit);
    EXPECT_EQ(p.message(), "");
    EXPECT_TRUE(r.events.wait_for("lacks " + dist::flag_names(bit))) << dist::flag_names(bit);
  }
}

TEST(Flag, WeOfferWhatOtp27And29AskFor) {
  running_node r;
  wire_peer p(r.n->port());
  ASSERT_TRUE(p.comes());
  EXPECT_EQ(p.offered.flags & 0x403070F94, 0x403070F94u);
}

TEST(Flag, EachOptionalOneMayBeAbsent) {
  running_node r;
  for (const auto absent : {flag::published, flag::dist_monitor | flag::dist_monitor_name, flag::unicode_io, flag::small_atom_tags, flag::send_sender,
                            flag::big_seqtrace_labels, flag::exit_payload, flag::spawn, flag::v4_nc, flag::alias, flag::altact_sig, flag::unlink_id,
                            flag::mandatory_25_digest, flag::native_records}) {
    wire_peer p(r.n->port(), "p" + std::to_string(absent) + "@localhost");
    EXPECT_TRUE(p.comes(all_flags & ~absent)) << dist::flag_names(absent);
    EXPECT_EQ(p.hears_nothing(), "nothing") << dist::flag_names(absent);
  }
}

TEST(Flag, WithoutPublishedThePeerIsHidden) {
  meeting m(all_flags & ~flag::published, running_node::with_services);
  EXPECT_FALSE(m.r.n->peer(atom("one@localhost"))->visible);
  m.calls("erlang", "nodes", "[]");
  EXPECT_TRUE(m.ended("[]"));
  m.calls("erlang", "nodes", "[hidden]");
  EXPECT_TRUE(m.ended("[one@localhost]"));
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");  // neither global nor pg speak to it
}

TEST(Flag, PublishedMakesThePeerVisible) {
  meeting m(all_flags, running_node::with_services);
  m.calls("erlang", "nodes", "[]");
  EXPECT_TRUE(m.ended("[one@localhost]"));
}

TEST(Flag, WithoutUnlinkIdUnlinkIsOp4) {
  meeting m(all_flags & ~flag::unlink_id);
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")), p.unlink(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  EXPECT_EQ(m.peer.hears(), "{4,W,ME}");
}

TEST(Flag, WithUnlinkIdUnlinkIsOp35) {
  meeting m;
  m.in(m.w, [&](auto& p) { p.link(m.peer.word("ME")), p.unlink(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears(), "{1,W,ME}");
  EXPECT_TRUE(m.peer.hears().starts_with("{35,"));
}

TEST(Flag, WithoutDistMonitorNoMonitorIsSent) {
  meeting m(all_flags & ~(flag::dist_monitor | flag::dist_monitor_name));
  m.in(m.w, [&](auto& p) { p.monitor(m.peer.word("ME")); });
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Flag, WithoutSendSenderMessagesAreOp2) {
  meeting m(all_flags & ~flag::send_sender);
  m.in(m.w, [&](auto& p) { p.send(m.peer.word("ME"), atom("hello")); });
  EXPECT_EQ(m.peer.hears(), "{2,'',ME} hello");
}

TEST(Flag, WithSendSenderMessagesAreOp22) {
  meeting m;
  m.in(m.w, [&](auto& p) { p.send(m.peer.word("ME"), atom("hello")); });
  EXPECT_EQ(m.peer.hears(), "{22,W,ME} hello");
}

TEST(Flag, WithoutExitPayloadExitsAreOps3And8And21) {
  meeting m(all_flags & ~flag::exit_payload);
  m.peer.tells("{1,ME,W}");
  m.peer.tells("{19,ME,W,REF}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.in(m.w, [&](auto& p) { p.exit_signal(m.peer.word("OTHER"), atom("out")); });
  EXPECT_EQ(m.peer.hears(), "{8,W,OTHER,out}");
  m.ends(m.w, "over");
  EXPECT_TRUE(m.hears_both("{3,W,ME,over}", "{21,W,ME,REF,over}"));
}

TEST(Flag, WithExitPayloadExitsAreOps24And26And28) {
  meeting m;
  m.peer.tells("{1,ME,W}");
  m.peer.tells("{19,ME,W,REF}");
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
  m.in(m.w, [&](auto& p) { p.exit_signal(m.peer.word("OTHER"), atom("out")); });
  EXPECT_EQ(m.peer.hears(), "{26,W,OTHER} out");
  m.ends(m.w, "over");
  EXPECT_TRUE(m.hears_both("{24,W,ME} over", "{28,W,ME,REF} over"));
}

TEST(Flag, WithoutFragmentsAndAtomCacheFramesAre112AndWhole) {
  meeting m;
  m.in(m.w, [&](auto& p) { p.send(m.peer.word("ME"), make_binary(p.scratch(), std::string(300'000, 'x'))); });
  const auto length = wire_peer::number(m.peer.raw(4), 0, 4);
  EXPECT_GT(length, 300'000u);
  EXPECT_EQ(m.peer.raw(length).substr(0, 2), "\x70\x83");
}

TEST(Flag, WithoutSpawnACallOfOursEndsWithNotsupAtOnce) {
  meeting m(all_flags & ~(flag::spawn | flag::published), running_node::with_services);
  m.calls("rpc", "call", "['one@localhost',erlang,node,[]]");
  EXPECT_TRUE(m.ended("{badrpc,notsup}"));
}

TEST(Flag, WithoutAliasWeSendNothingToThePeersAliases) {
  meeting m(all_flags & ~flag::alias);
  m.in(m.w, [&](auto& p) { p.send(m.peer.word("REF"), atom("lost")); });
  EXPECT_EQ(m.peer.hears_nothing(), "nothing");
}

TEST(Flag, WithAltactSigAliasesAreStillReached) {
  for (const auto flags : {all_flags & ~flag::altact_sig, all_flags | flag::altact_sig}) {
    meeting m(flags);
    m.in(m.w, [&](auto& p) { p.send(m.peer.word("REF"), atom("hello")); });
    const auto heard = m.peer.hears();
    EXPECT_TRUE(heard == "{33,W,REF} hello" || (heard == "{37,4,W,REF} hello" && (flags & flag::altact_sig))) << heard;
  }
}

TEST(Flag, TheDigestAloneStandsForTheMandatoryOnes) {
  running_node r;
  wire_peer p(r.n->port());
  EXPECT_TRUE(p.comes(flag::mandatory_25_digest | flag::published));
}

TEST(Flag, BitsNobodyKnowsAreIgnored) {
  running_node r;
  wire_peer p(r.n->port());
  EXPECT_TRUE(p.comes(all_flags | 0xf8000000ull | 0x10ull << 32 | 1ull << 62));
  EXPECT_EQ(p.hears_nothing(), "nothing");
}

}  // namespace
}  // namespace cnode::test
