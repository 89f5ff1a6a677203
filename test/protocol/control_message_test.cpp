#include <gtest/gtest.h>

#include <functional>
#include <vector>

#include <cnode/protocol/control_message.hpp>
#include <cnode/protocol/term_order.hpp>

#include "dist_terms.hpp"

namespace cnode::test {
namespace {

using namespace dist;

constexpr dist_flags modern = all_flags | dist_flag::altact_sig;
constexpr dist_flags ancient = needed_flags;

struct ControlMessage : testing::Test {
  dist_terms t;
  const term cookie = atom("");
  const term reason = atom("boom");
  const term mfa = t.tuple(atom("erlang"), atom("apply"), small(2));
  const term options = make_list_of(*t.heap, atom("monitor"));
  const term undefined = atom("undefined");

  struct row {
    term tuple;
    bool payload;        // a payload follows
    control_message says;
    dist_flags flags;    // with these negotiated it is written so
  };

  // Every operation there is, as it travels and as it is said. A message to us is also written, so that
  // one table serves both directions.
  std::vector<row> table() {
    const auto n = [](int v) { return small(v); };
    auto& [ours, theirs] = pids;
    return {
        {t.tuple(n(1), theirs, ours), false, link{theirs, ours}, modern},
        {t.tuple(n(2), cookie, ours), true, send{{}, ours, {}}, modern},
        {t.tuple(n(3), theirs, ours, reason), false, exit{theirs, ours, reason, {}}, ancient},
        {t.tuple(n(4), theirs, ours), false, unlink{theirs, ours}, ancient},
        {t.tuple(n(5)), false, node_link{}, modern},
        {t.tuple(n(6), theirs, cookie, atom("rex")), true, reg_send{theirs, atom("rex"), {}}, modern},
        {t.tuple(n(7), theirs, ours), false, group_leader{theirs, ours}, modern},
        {t.tuple(n(8), theirs, ours, reason), false, exit2{theirs, ours, reason, {}}, ancient},
        {t.tuple(n(12), cookie, ours, t.token), true, send{{}, ours, t.token}, modern},
        {t.tuple(n(13), theirs, ours, t.token, reason), false, exit{theirs, ours, reason, t.token}, ancient},
        {t.tuple(n(16), theirs, cookie, atom("rex"), t.token), true, reg_send{theirs, atom("rex"), t.token}, modern},
        {t.tuple(n(18), theirs, ours, t.token, reason), false, exit2{theirs, ours, reason, t.token}, ancient},
        {t.tuple(n(19), theirs, ours, t.their_ref), false, monitor_p{theirs, ours, t.their_ref}, modern},
        {t.tuple(n(19), theirs, atom("rex"), t.their_ref), false, monitor_p{theirs, atom("rex"), t.their_ref}, modern},
        {t.tuple(n(20), theirs, ours, t.their_ref), false, demonitor_p{theirs, ours, t.their_ref}, modern},
        {t.tuple(n(20), theirs, atom("rex"), t.their_ref), false, demonitor_p{theirs, atom("rex"), t.their_ref}, modern},
        {t.tuple(n(21), theirs, ours, t.our_ref, reason), false, monitor_p_exit{theirs, ours, t.our_ref, reason}, ancient},
        {t.tuple(n(22), theirs, ours), true, send{theirs, ours, {}}, modern},
        {t.tuple(n(23), theirs, ours, t.token), true, send{theirs, ours, t.token}, modern},
        {t.tuple(n(24), theirs, ours), true, exit{theirs, ours, t.message, {}}, modern},
        {t.tuple(n(25), theirs, ours, t.token), true, exit{theirs, ours, t.message, t.token}, modern},
        {t.tuple(n(26), theirs, ours), true, exit2{theirs, ours, t.message, {}}, modern},
        {t.tuple(n(27), theirs, ours, t.token), true, exit2{theirs, ours, t.message, t.token}, modern},
        {t.tuple(n(28), atom("rex"), ours, t.our_ref), true, monitor_p_exit{atom("rex"), ours, t.our_ref, t.message}, modern},
        {t.tuple(n(29), t.their_ref, theirs, theirs, mfa, options), true,
         spawn_request{t.their_ref, theirs, theirs, atom("erlang"), atom("apply"), 2, options, {}}, modern},
        {t.tuple(n(30), t.their_ref, theirs, theirs, mfa, options, t.token), true,
         spawn_request{t.their_ref, theirs, theirs, atom("erlang"), atom("apply"), 2, options, t.token}, modern},
        {t.tuple(n(31), t.our_ref, ours, n(3), theirs), false, spawn_reply{t.our_ref, ours, 3, theirs, {}}, modern},
        {t.tuple(n(32), t.our_ref, ours, n(0), atom("badopt"), t.token), false,
         spawn_reply{t.our_ref, ours, 0, atom("badopt"), t.token}, modern},
        {t.tuple(n(33), theirs, t.our_ref), true, alias_send{theirs, t.our_ref, {}}, modern},
        {t.tuple(n(34), theirs, t.our_ref, t.token), true, alias_send{theirs, t.our_ref, t.token}, modern},
        {t.tuple(n(35), n(1), theirs, ours), false, unlink_id{1, theirs, ours}, modern},
        {t.tuple(n(35), make_unsigned(*t.heap, UINT64_MAX), theirs, ours), false, unlink_id{UINT64_MAX, theirs, ours}, modern},
        {t.tuple(n(36), n(70000), theirs, ours), false, unlink_id_ack{70000, theirs, ours}, modern},
        {t.tuple(n(37), n(1), theirs, ours), true, altact_sig_send{1, theirs, ours, {}, {}}, modern},
        {t.tuple(n(37), n(3), theirs, ours, t.token), true, altact_sig_send{3, theirs, ours, t.token, {}}, modern},
        {t.tuple(n(37), n(4), theirs, t.our_ref), true, altact_sig_send{4, theirs, t.our_ref, {}, {}}, modern},
        {t.tuple(n(37), n(8), theirs, atom("rex")), true, altact_sig_send{8, theirs, atom("rex"), {}, {}}, modern},
        {t.tuple(n(37), n(17), theirs, ours), true, altact_sig_send{17, theirs, ours, {}, t.message}, modern},
    };
  }
  std::pair<term, term> pids{t.ours, t.theirs};

  result<control_message> decode(term tuple) {
    return decode_control(tuple, control_takes_payload(tuple) ? t.message : term{}, t.peer);
  }
  std::string refusal(term tuple) {
    const auto r = decode(tuple);
    EXPECT_TRUE(r || r.error().code == errc::bad_control);
    return r ? "taken" : r.error().detail;
  }
};

// The fields of a message, for comparison: any difference shows in one of them.
std::string as_text(dist_terms& t, const control_message& m, term message) {
  const auto r = encode_control(*t.heap, m, message, modern);
  const auto old = encode_control(*t.heap, m, message, ancient);
  std::string out = std::to_string(m.index());
  for (const auto* e : {&r, &old}) {
    if (*e)
      out += etf::term_to_binary((**e).control) + ((**e).payload ? etf::term_to_binary((**e).payload) : "");
    else
      out += "-";
  }
  return out;
}

TEST_F(ControlMessage, EveryFormIsDecoded) {
  for (const auto& row : table()) {
    const auto op = row.tuple[0].small();
    EXPECT_EQ(control_takes_payload(row.tuple), row.payload) << op;
    const auto m = decode(row.tuple);
    ASSERT_TRUE(m) << op << ' ' << to_string(m.error());
    EXPECT_EQ(as_text(t, *m, t.message), as_text(t, row.says, t.message)) << op;
  }
}

TEST_F(ControlMessage, EveryFormIsEncoded) {
  for (const auto& row : table()) {
    const auto op = row.tuple[0].small();
    const auto e = encode_control(*t.heap, row.says, t.message, row.flags);
    ASSERT_TRUE(e) << op << ' ' << to_string(e.error());
    EXPECT_EQ(etf::term_to_binary(e->control), etf::term_to_binary(row.tuple)) << op;
    EXPECT_EQ(static_cast<bool>(e->payload), row.payload) << op;
    EXPECT_EQ(has_payload(row.says, row.flags), row.payload) << op;
    if (row.payload) {
      EXPECT_EQ(etf::term_to_binary(e->payload), etf::term_to_binary(t.message)) << op;
    }
  }
}

TEST_F(ControlMessage, IsWrittenStraightToBytesAsItIsAsATuple) {
  for (const auto& row : table()) {
    etf::output out;
    ASSERT_TRUE(write_control(out, row.says, t.message, row.flags, {"before"}));
    std::string expected = "before" + etf::term_to_binary(row.tuple);
    if (row.payload) expected += etf::term_to_binary(t.message);
    EXPECT_EQ(out.str(), expected) << row.tuple[0].small();
  }
}

TEST_F(ControlMessage, SendsWithoutTheSenderToAPeerThatWantsNone) {
  const auto e = encode_control(*t.heap, send{t.ours, t.theirs, {}}, t.message, ancient);
  ASSERT_TRUE(e);
  EXPECT_EQ(e->control[0].small(), 2);
  EXPECT_EQ(atom_text(e->control[1]), "");
}

TEST_F(ControlMessage, UnlinksAPeerWithoutIdsInTheOldForm) {
  const auto e = encode_control(*t.heap, unlink_id{1, t.ours, t.theirs}, {}, ancient);
  ASSERT_TRUE(e);
  EXPECT_EQ(e->control.arity(), 3u);
  EXPECT_EQ(e->control[0].small(), 4);
}

TEST_F(ControlMessage, IsNotWrittenForAPeerThatLacksTheFlag) {
  const control_message messages[] = {
      monitor_p{t.ours, t.theirs, t.our_ref}, monitor_p{t.ours, atom("rex"), t.our_ref},
      demonitor_p{t.ours, t.theirs, t.our_ref}, alias_send{t.ours, t.their_ref, {}},
      spawn_request{t.our_ref, t.ours, t.ours, atom("m"), atom("f"), 0, nil, {}}, spawn_reply{t.their_ref, t.theirs, 0, t.ours, {}},
      unlink_id_ack{1, t.ours, t.theirs}, altact_sig_send{1, t.ours, t.theirs, {}, {}}};
  for (const auto& m : messages) {
    const auto e = encode_control(*t.heap, m, t.message, ancient);
    ASSERT_FALSE(e) << m.index();
    EXPECT_EQ(e.error().code, errc::unsupported);
    EXPECT_NE(e.error().detail.find("the peer lacks"), std::string::npos) << e.error().detail;
    etf::output out;
    EXPECT_FALSE(write_control(out, m, t.message, ancient, {"before"}));
    EXPECT_EQ(out.size(), 0u);
  }
  EXPECT_EQ(encode_control(*t.heap, unlink{t.ours, t.theirs}, {}, modern).error().code, errc::unsupported);
}

TEST_F(ControlMessage, IsNotWrittenWithAFieldMissing) {
  for (const control_message& m : {control_message{send{t.ours, t.theirs, {}}}, {exit{t.ours, t.theirs, {}, {}}},
                                   {monitor_p_exit{t.ours, t.theirs, t.their_ref, {}}}, {link{t.ours, {}}},
                                   {unlink_id{0, t.ours, t.theirs}}, {reg_send{t.ours, atom("rex"), {}}}}) {
    const auto e = encode_control(*t.heap, m, {}, modern);
    ASSERT_FALSE(e) << m.index();
    EXPECT_EQ(e.error().code, errc::bad_control);
  }
}

TEST_F(ControlMessage, EveryFieldIsChecked) {
  // For each operation and field: is a value of the wrong type refused? The fields any term may stand in are named.
  const auto free_field = [](std::int64_t op, std::uint64_t i) {
    switch (op) {
      case 2: case 12: return i == 1 || i == 3;             // cookie, token
      case 3: case 8: case 23: case 25: case 27: case 34: return i == 3;  // reason or token
      case 13: case 18: return i >= 3;
      case 6: return i == 2;
      case 16: return i == 2 || i == 4;
      case 21: return i == 4;
      case 30: return i == 6;
      case 32: return i == 5;
      case 37: return i == 4;
      default: return false;
    }
  };
  const term wrong = make_float(*t.heap, 1.5);
  for (const auto& row : table()) {
    const auto op = row.tuple[0].small();
    for (std::uint64_t i = 0; i < row.tuple.arity(); ++i) {
      std::vector<term> elements;
      for (std::uint64_t j = 0; j < row.tuple.arity(); ++j) elements.push_back(j == i ? wrong : row.tuple[j]);
      const auto changed = make_tuple(*t.heap, elements.data(), elements.size());
      EXPECT_EQ(refusal(changed) == "taken", free_field(op, i)) << op << " field " << i;
    }
    std::vector<term> elements{row.tuple.box() + 1, row.tuple.box() + 1 + row.tuple.arity()};
    elements.push_back(atom("extra"));
    elements.push_back(atom("extra"));
    EXPECT_NE(refusal(make_tuple(*t.heap, elements.data(), elements.size())), "taken") << op;
    if (row.tuple.arity() > 1) {
      EXPECT_NE(refusal(make_tuple(*t.heap, elements.data(), row.tuple.arity() - 1)), "taken") << op;
    }
    if (row.payload) {
      EXPECT_FALSE(decode_control(row.tuple, {}, t.peer)) << op;
    }
  }
}

TEST_F(ControlMessage, NamesOperationAndFieldAtFault) {
  EXPECT_EQ(refusal(t.tuple(small(1), t.ours, t.ours)), "LINK: From");
  EXPECT_EQ(refusal(t.tuple(small(1), t.third, t.ours)), "LINK: From");
  EXPECT_EQ(refusal(t.tuple(small(1), t.theirs, t.third)), "LINK: To");
  EXPECT_EQ(refusal(t.tuple(small(35), small(0), t.theirs, t.ours)), "UNLINK_ID: Id");
  EXPECT_EQ(refusal(t.tuple(small(35), small(-1), t.theirs, t.ours)), "UNLINK_ID: Id");
  EXPECT_EQ(refusal(t.tuple(small(6), t.theirs, cookie, make_binary(*t.heap, "rex"))), "REG_SEND: ToName");
  EXPECT_EQ(refusal(t.tuple(small(29), t.their_ref, t.theirs, t.theirs, t.tuple(atom("m"), atom("f"), small(256)), nil)),
            "SPAWN_REQUEST: {Module, Function, Arity}");
  EXPECT_EQ(refusal(t.tuple(small(29), t.their_ref, t.theirs, t.theirs, mfa, make_cons(*t.heap, atom("link"), atom("monitor")))),
            "SPAWN_REQUEST: OptList");
  EXPECT_EQ(refusal(t.tuple(small(31), t.our_ref, t.ours, small(1 << 27), t.theirs)), "SPAWN_REPLY: Flags");
  EXPECT_EQ(refusal(t.tuple(small(31), t.their_ref, t.ours, small(0), t.theirs)), "SPAWN_REPLY: ReqId");
  EXPECT_EQ(refusal(t.tuple(small(37), small(2), t.theirs, t.ours)), "ALTACT_SIG_SEND: TraceToken");
}

TEST_F(ControlMessage, OfNoKnownOperationIsRefused) {
  for (const int op : {-1, 0, 9, 10, 11, 14, 15, 17, 38, 255}) EXPECT_NE(refusal(t.tuple(small(op), t.theirs, t.ours)), "taken") << op;
  for (const term no_message : {nil, small(1), atom("link"), make_tuple(*t.heap, nullptr, 0),
                                t.tuple(make_unsigned(*t.heap, UINT64_MAX), t.theirs, t.ours)})
    EXPECT_NE(refusal(no_message), "taken");
}

TEST_F(ControlMessage, ToAnEarlierLifeOfOursIsTaken) {
  EXPECT_EQ(refusal(t.tuple(small(1), t.theirs, t.old_ours)), "taken");
  EXPECT_EQ(refusal(t.tuple(small(22), t.theirs, t.old_ours)), "taken");
  EXPECT_EQ(refusal(t.tuple(small(19), t.theirs, t.old_ours, t.their_ref)), "taken");
}

}  // namespace
}  // namespace cnode::test
