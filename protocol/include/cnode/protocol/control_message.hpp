// Control messages (erl_dist_protocol, "Protocol between Connected Nodes"): what they say, whatever their number.
//
// The 37 numbers are forms of the messages below: with or without a trace token (*_TT), with the exit
// reason in the control tuple or in the payload (PAYLOAD_*), with or without the sender (SEND, SEND_SENDER).
// decode takes every form; encode chooses the form the negotiated flags ask for.
// The terms point into the block of the frame.
#pragma once

#include <cstdint>
#include <string_view>
#include <variant>

#include <cnode/protocol/block.hpp>
#include <cnode/protocol/dist_flags.hpp>
#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/result.hpp>

namespace cnode::dist {

// `token` is none unless a sequential trace token travels with the message.
struct link { term from, to; };                                   // 1
struct send { term from, to, token; };                            // 2, 12, 22, 23; from is none for 2 and 12. Payload: the message
struct exit { term from, to, reason, token; };                    // 3, 13, 24, 25
struct unlink { term from, to; };                                 // 4 (OTP 25 without UNLINK_ID only)
struct node_link {};                                              // 5
struct reg_send { term from, to_name, token; };                   // 6, 16. Payload: the message
struct group_leader { term from, to; };                           // 7: from becomes the group leader of to
struct exit2 { term from, to, reason, token; };                   // 8, 18, 26, 27
struct monitor_p { term from, target, ref; };                     // 19: target is a pid or a name
struct demonitor_p { term from, target, ref; };                   // 20
struct monitor_p_exit { term from, to, ref, reason; };            // 21, 28: from is the pid or, for a monitor by name, the name
struct spawn_request {                                            // 29, 30. Payload: the argument list
  term req_id, from, group_leader, module, function;
  std::uint32_t arity;
  term options, token;
};
struct spawn_reply {                                              // 31, 32
  term req_id, to;
  std::uint32_t flags;                                            // 1: link made, 2: monitor made
  term result, token;                                             // the pid, or an atom that says why not
};
struct alias_send { term from, alias, token; };                   // 33, 34. Payload: the message
struct unlink_id { std::uint64_t id; term from, to; };            // 35
struct unlink_id_ack { std::uint64_t id; term from, to; };        // 36
struct altact_sig_send {                                          // 37 (OTP 28+): an exit when flags & 16, else a message
  std::uint32_t flags;                                            // 1 prio, 2 token, 4 alias, 8 name, 16 exit
  term from, to, token, reason;
};

using control_message = std::variant<link, send, exit, unlink, node_link, reg_send, group_leader, exit2, monitor_p, demonitor_p,
                                     monitor_p_exit, spawn_request, spawn_reply, alias_send, unlink_id, unlink_id_ack,
                                     altact_sig_send>;

// `payload` is none when the frame had none. Every field's type is checked; a failure names operation and field.
// With `peer`, the node name at the other end, pids that must be the peer's own are checked against it.
result<control_message> decode_control(term control, term payload, term peer = {});
// Whether a payload follows the control tuple on the wire. False for what is no control message.
bool control_takes_payload(term control);
bool has_payload(const control_message& m, dist_flags negotiated);

struct encoded_control {
  term control;  // the tuple to write, built in `b`
  term payload;  // what follows it, or none
};
struct control_style {
  std::string_view before = {};           // goes in front, when anything is written
  etf::atom_writer* atoms = nullptr;      // references instead of atoms
  bool magic = true;                      // 131 in front of either term, as in a pass-through frame (112)
};
struct written_control {
  std::size_t payload_at = 0;             // where in what was written the payload begins
  bool payload = false;
};
// Writes control message and payload straight into `out`. Nothing is written when it fails.
result<written_control> write_control(etf::output& out, const control_message& m, term message, dist_flags negotiated,
                                      const control_style& style = {});
// `message` is the message or argument list for those that carry one. errc::unsupported when the peer lacks the flag.
result<encoded_control> encode_control(block& b, const control_message& m, term message, dist_flags negotiated);

}  // namespace cnode::dist
