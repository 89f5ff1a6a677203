// Control tuples in: every form of every message, each field's type checked as erts_net_message() of dist.c does.
#include <cnode/protocol/control_message.hpp>

#include <cnode/protocol/local_node.hpp>

#include "control_ops.hpp"

namespace cnode::dist {

using namespace detail;

namespace {

// Reads the fields of one control tuple; remembers the first that is wrong.
class fields {
 public:
  fields(term tuple, const op_info& info, term payload, term peer)
      : tuple_(tuple), info_(info), payload_(payload), peer_(peer) {}

  term any(unsigned i) const { return tuple_[i]; }
  term token(unsigned i) const { return info_.token ? tuple_[i] : term{}; }
  term payload() const { return payload_; }
  term pid(unsigned i, const char* name) { return expect(i, name, tuple_[i].is_pid()); }
  term atom(unsigned i, const char* name) { return expect(i, name, tuple_[i].is_atom()); }
  term ref(unsigned i, const char* name) { return expect(i, name, tuple_[i].is_ref()); }
  // A process of the peer.
  term their_pid(unsigned i, const char* name) { return expect(i, name, is_theirs(tuple_[i], tuple_[i].is_pid())); }
  term their_pid_or_name(unsigned i, const char* name) {
    const auto t = tuple_[i];
    return expect(i, name, t.is_atom() || is_theirs(t, t.is_pid()));
  }
  term their_ref(unsigned i, const char* name) { return expect(i, name, is_theirs(tuple_[i], tuple_[i].is_ref())); }
  // A process of ours, of this life or an earlier one: a peer that has not noticed our restart goes on sending to
  // the old creation.
  term our_pid(unsigned i, const char* name) { return expect(i, name, is_ours(tuple_[i], tuple_[i].is_pid())); }
  term our_pid_or_name(unsigned i, const char* name) {
    return expect(i, name, tuple_[i].is_atom() || is_ours(tuple_[i], tuple_[i].is_pid()));
  }
  term our_ref(unsigned i, const char* name) { return expect(i, name, is_ours(tuple_[i], tuple_[i].is_ref())); }
  std::uint64_t number(unsigned i, const char* name, std::uint64_t least, std::uint64_t most) {
    std::uint64_t v = 0;
    expect(i, name, to_uint64(tuple_[i], v) && v >= least && v <= most);
    return v;
  }
  term expect(unsigned i, const char* name, bool good) {
    if (!good && wrong_ == nullptr) wrong_ = name;
    return tuple_[i];
  }
  const char* wrong() const { return wrong_; }

 private:
  static bool is_ours(term t, bool right_type) {
    return right_type && (t.is_local_pid() || node_of(t).node.same(this_node().name));
  }
  bool is_theirs(term t, bool right_type) const {
    return right_type && !t.is_local_pid() && (!peer_ || node_of(t).node.same(peer_));
  }

  term tuple_;
  const op_info& info_;
  term payload_, peer_;
  const char* wrong_ = nullptr;
};

control_message read_spawn_request(fields& f) {
  spawn_request m{};
  m.req_id = f.their_ref(1, "ReqId");
  m.from = f.their_pid(2, "From");
  m.group_leader = f.pid(3, "GroupLeader");
  const auto mfa = f.any(4);
  const bool shape = mfa.is_tuple(3) && mfa[0].is_atom() && mfa[1].is_atom() && mfa[2].is_small() && mfa[2].small() >= 0 &&
      mfa[2].small() <= 255;
  f.expect(4, "{Module, Function, Arity}", shape);
  if (shape) {
    m.module = mfa[0];
    m.function = mfa[1];
    m.arity = static_cast<std::uint32_t>(mfa[2].small());
  }
  m.options = f.expect(5, "OptList", list_length(f.any(5)) >= 0);
  m.token = f.token(6);
  return m;
}

control_message read_altact(term tuple, fields& f) {
  altact_sig_send m{};
  m.flags = static_cast<std::uint32_t>(f.number(1, "Flags", 0, (1u << 27) - 1));
  m.from = f.pid(2, "From");
  m.to = m.flags & altact_name ? f.atom(3, "To") : m.flags & altact_alias ? f.ref(3, "To") : f.pid(3, "To");
  const bool with_token = (m.flags & altact_token) != 0;
  f.expect(1, "TraceToken", with_token == (tuple.arity() == 5));
  if (with_token && tuple.arity() == 5) m.token = tuple[4];
  if (m.flags & altact_exit) m.reason = f.payload();
  return m;
}

control_message read(op o, term tuple, const op_info& info, fields& f) {
  const auto reason = [&](unsigned i) { return info.payload ? f.payload() : f.any(i + (info.token ? 1 : 0)); };
  switch (o) {
    case op::link: return link{f.their_pid(1, "From"), f.our_pid(2, "To")};
    case op::send:
    case op::send_tt: return send{{}, f.pid(2, "To"), f.token(3)};
    case op::send_sender:
    case op::send_sender_tt: return send{f.pid(1, "From"), f.pid(2, "To"), f.token(3)};
    case op::exit:
    case op::exit_tt:
    case op::payload_exit:
    case op::payload_exit_tt: return exit{f.their_pid(1, "From"), f.our_pid(2, "To"), reason(3), f.token(3)};
    case op::unlink: return unlink{f.their_pid(1, "From"), f.our_pid(2, "To")};
    case op::node_link: return node_link{};
    case op::reg_send:
    case op::reg_send_tt: return reg_send{f.pid(1, "From"), f.atom(3, "ToName"), f.token(4)};
    case op::group_leader: return group_leader{f.pid(1, "From"), f.pid(2, "To")};
    case op::exit2:
    case op::exit2_tt:
    case op::payload_exit2:
    case op::payload_exit2_tt: return exit2{f.their_pid(1, "From"), f.our_pid(2, "To"), reason(3), f.token(3)};
    case op::monitor_p: return monitor_p{f.their_pid(1, "From"), f.our_pid_or_name(2, "ToProc"), f.ref(3, "Ref")};
    case op::demonitor_p: return demonitor_p{f.their_pid(1, "From"), f.our_pid_or_name(2, "ToProc"), f.ref(3, "Ref")};
    case op::monitor_p_exit:
    case op::payload_monitor_p_exit:
      return monitor_p_exit{f.their_pid_or_name(1, "FromProc"), f.our_pid(2, "To"), f.ref(3, "Ref"), reason(4)};
    case op::spawn_request:
    case op::spawn_request_tt: return read_spawn_request(f);
    case op::spawn_reply:
    case op::spawn_reply_tt:
      return spawn_reply{f.our_ref(1, "ReqId"), f.our_pid(2, "To"),
                         static_cast<std::uint32_t>(f.number(3, "Flags", 0, (1u << 27) - 1)),
                         f.their_pid_or_name(4, "Result"), f.token(5)};
    case op::alias_send:
    case op::alias_send_tt: return alias_send{f.pid(1, "From"), f.ref(2, "Alias"), f.token(3)};
    case op::unlink_id: return unlink_id{f.number(1, "Id", 1, UINT64_MAX), f.their_pid(2, "From"), f.our_pid(3, "To")};
    case op::unlink_id_ack:
      return unlink_id_ack{f.number(1, "Id", 0, UINT64_MAX), f.their_pid(2, "From"), f.our_pid(3, "To")};
    case op::altact_sig_send: return read_altact(tuple, f);
  }
  return node_link{};
}

const op_info* info_of(term control) {
  if (!control.is_tuple() || control.arity() < 1 || !control[0].is_small()) return nullptr;
  return find_op(control[0].small());
}

}  // namespace

bool control_takes_payload(term control) {
  const auto* info = info_of(control);
  return info != nullptr && info->payload;
}

result<control_message> decode_control(term control, term payload, term peer) {
  const auto* info = info_of(control);
  if (info == nullptr) {
    if (!control.is_tuple() || control.arity() < 1) return {errc::bad_control, "the control message is no tuple"};
    if (!control[0].is_small()) return {errc::bad_control, "the operation is no integer"};
    return {errc::bad_control, "operation " + std::to_string(control[0].small())};
  }
  const auto arity = control.arity();
  if (arity != info->arity && !(info->number == op::altact_sig_send && arity == 5u))
    return {errc::bad_control, std::string(info->name) + ": arity " + std::to_string(arity)};
  if (info->payload && !payload) return {errc::bad_control, std::string(info->name) + ": no message follows"};
  fields f(control, *info, payload, peer);
  auto m = read(info->number, control, *info, f);
  if (f.wrong() != nullptr) return {errc::bad_control, std::string(info->name) + ": " + f.wrong()};
  return m;
}

}  // namespace cnode::dist
