// The numbers of the control messages (erl_dist_protocol, "Protocol between Connected Nodes") and their shapes.
// They travel.
#pragma once

#include <cstdint>

namespace cnode::dist::detail {

enum class op : std::uint8_t {
  link = 1,
  send = 2,
  exit = 3,
  unlink = 4,
  node_link = 5,
  reg_send = 6,
  group_leader = 7,
  exit2 = 8,
  send_tt = 12,
  exit_tt = 13,
  reg_send_tt = 16,
  exit2_tt = 18,
  monitor_p = 19,
  demonitor_p = 20,
  monitor_p_exit = 21,
  send_sender = 22,
  send_sender_tt = 23,
  payload_exit = 24,
  payload_exit_tt = 25,
  payload_exit2 = 26,
  payload_exit2_tt = 27,
  payload_monitor_p_exit = 28,
  spawn_request = 29,
  spawn_request_tt = 30,
  spawn_reply = 31,
  spawn_reply_tt = 32,
  alias_send = 33,
  alias_send_tt = 34,
  unlink_id = 35,
  unlink_id_ack = 36,
  altact_sig_send = 37,
};

// Flags of ALTACT_SIG_SEND.
constexpr std::uint32_t altact_token = 2, altact_alias = 4, altact_name = 8, altact_exit = 16;

struct op_info {
  op number;
  std::uint8_t arity;  // the operation included; ALTACT_SIG_SEND may have one more
  bool payload;        // a message, argument list or exit reason follows
  bool token;
  const char* name;
};

constexpr op_info ops[] = {
    {op::link, 3, false, false, "LINK"},
    {op::send, 3, true, false, "SEND"},
    {op::exit, 4, false, false, "EXIT"},
    {op::unlink, 3, false, false, "UNLINK"},
    {op::node_link, 1, false, false, "NODE_LINK"},
    {op::reg_send, 4, true, false, "REG_SEND"},
    {op::group_leader, 3, false, false, "GROUP_LEADER"},
    {op::exit2, 4, false, false, "EXIT2"},
    {op::send_tt, 4, true, true, "SEND_TT"},
    {op::exit_tt, 5, false, true, "EXIT_TT"},
    {op::reg_send_tt, 5, true, true, "REG_SEND_TT"},
    {op::exit2_tt, 5, false, true, "EXIT2_TT"},
    {op::monitor_p, 4, false, false, "MONITOR_P"},
    {op::demonitor_p, 4, false, false, "DEMONITOR_P"},
    {op::monitor_p_exit, 5, false, false, "MONITOR_P_EXIT"},
    {op::send_sender, 3, true, false, "SEND_SENDER"},
    {op::send_sender_tt, 4, true, true, "SEND_SENDER_TT"},
    {op::payload_exit, 3, true, false, "PAYLOAD_EXIT"},
    {op::payload_exit_tt, 4, true, true, "PAYLOAD_EXIT_TT"},
    {op::payload_exit2, 3, true, false, "PAYLOAD_EXIT2"},
    {op::payload_exit2_tt, 4, true, true, "PAYLOAD_EXIT2_TT"},
    {op::payload_monitor_p_exit, 4, true, false, "PAYLOAD_MONITOR_P_EXIT"},
    {op::spawn_request, 6, true, false, "SPAWN_REQUEST"},
    {op::spawn_request_tt, 7, true, true, "SPAWN_REQUEST_TT"},
    {op::spawn_reply, 5, false, false, "SPAWN_REPLY"},
    {op::spawn_reply_tt, 6, false, true, "SPAWN_REPLY_TT"},
    {op::alias_send, 3, true, false, "ALIAS_SEND"},
    {op::alias_send_tt, 4, true, true, "ALIAS_SEND_TT"},
    {op::unlink_id, 4, false, false, "UNLINK_ID"},
    {op::unlink_id_ack, 4, false, false, "UNLINK_ID_ACK"},
    {op::altact_sig_send, 4, true, false, "ALTACT_SIG_SEND"},
};

// Null for a number that is no operation.
constexpr const op_info* find_op(std::int64_t number) {
  for (const auto& o : ops)
    if (static_cast<std::int64_t>(o.number) == number) return &o;
  return nullptr;
}

}  // namespace cnode::dist::detail
