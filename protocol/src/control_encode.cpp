// Control messages out: the form the negotiated flags ask for, as a tuple in a block or straight as bytes.
#include <cnode/protocol/control_message.hpp>

#include <cnode/protocol/atom_cache.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>

#include <cstring>
#include <initializer_list>
#include <string>
#include <type_traits>

#include "atom_entry.hpp"
#include "control_ops.hpp"
#include "etf_reader.hpp"
#include "terms/layout.hpp"

namespace cnode::dist {

using namespace detail;

namespace {

constexpr std::uint8_t version_magic = 131;

// Collects the elements and makes the tuple at the end.
class tuple_maker {
 public:
  explicit tuple_maker(block& b) : b_(b) {}
  void begin(op o, unsigned) { add(small(static_cast<int>(o))); }
  void add(term t) { elements_[n_++] = t; }
  void number(std::uint64_t v) { add(make_unsigned(b_, v)); }
  void mfa(term module, term function, std::uint32_t arity) { add(make_tuple_of(b_, module, function, small(arity))); }
  void message(term t) { payload_ = t; }
  encoded_control finish() { return {make_tuple(b_, elements_, n_), payload_}; }

 private:
  block& b_;
  term elements_[8];
  std::size_t n_ = 0;
  term payload_;
};

// Writes the elements as they come: no tuple is made on the way to the wire. They are gathered here and go to `out` in one piece.
class byte_writer {
 public:
  byte_writer(etf::output& out, const control_style& style) : out_(out), style_(style), start_(out.size()) {}
  void begin(op o, unsigned arity) {
    if (!style_.before.empty()) out_.put(style_.before.data(), style_.before.size());
    magic();
    auto* p = room(4);
    p[0] = static_cast<std::uint8_t>(etf::tag::small_tuple_ext);
    p[1] = static_cast<std::uint8_t>(arity);
    p[2] = static_cast<std::uint8_t>(etf::tag::small_integer_ext);
    p[3] = static_cast<std::uint8_t>(o);
    at_ += 4;
  }
  // Most fields are pids, references and atoms; they are written here without a walk over a term.
  void add(term t) {
    if (t.is_atom()) {
      spell(t);
    } else if (t.is_local_pid()) {
      const auto& us = this_node();
      pid(us.name, us.creation, cnode_local_pid_id(t.word()), cnode_local_pid_serial(t.word()));
    } else if (t.kind() == CNODE_PID) {
      const auto* p = t.box();
      pid(node_in(p), creation_in(p), static_cast<std::uint32_t>(p[2]), static_cast<std::uint32_t>(p[2] >> 32));
    } else if (t.is_ref()) {
      ref(t);
    } else {
      any(t);
    }
  }
  void number(std::uint64_t v) {
    auto* p = room(11);
    if (v < 256) {
      p[0] = static_cast<std::uint8_t>(etf::tag::small_integer_ext);
      p[1] = static_cast<std::uint8_t>(v);
      at_ += 2;
    } else if (v < 1u << 31) {
      p[0] = static_cast<std::uint8_t>(etf::tag::integer_ext);
      etf::store32(p + 1, static_cast<std::uint32_t>(v));
      at_ += 5;
    } else {
      p[0] = static_cast<std::uint8_t>(etf::tag::small_big_ext);
      p[1] = p[2] = 0;
      for (; v != 0; v >>= 8) p[3 + p[1]++] = static_cast<std::uint8_t>(v);
      at_ += 3u + p[1];
    }
  }
  void mfa(term module, term function, std::uint32_t arity) {
    auto* p = room(2);
    p[0] = static_cast<std::uint8_t>(etf::tag::small_tuple_ext);
    p[1] = 3;
    at_ += 2;
    add(module);
    add(function);
    number(arity);
  }
  void message(term t) {
    written_ = {out_.size() + at_ - start_, true};
    magic();
    any(t);
  }
  const written_control& finish() {
    flush();
    return written_;
  }

 private:
  // The longest atom has 1020 bytes, and what stands around it in a reference less than 40.
  static constexpr std::size_t most = 1280;

  std::uint8_t* room(std::size_t n) {
    if (most - at_ < n) flush();
    return bytes_ + at_;
  }
  void flush() {
    out_.put(bytes_, at_);
    at_ = 0;
  }
  void any(term t) {
    flush();
    etf::encode(out_, t, style_.atoms);
  }
  void magic() {
    if (!style_.magic) return;
    *room(1) = version_magic;
    ++at_;
  }
  static term node_in(const cnode_term* box) { return term{cnode_make_atom(static_cast<std::uint32_t>(box[1]))}; }
  static std::uint32_t creation_in(const cnode_term* box) { return static_cast<std::uint32_t>(box[1] >> 32); }

  void spell(term a) {
    if (style_.atoms) {
      if (const int i = style_.atoms->reference(a); i >= 0) {
        auto* p = room(2);
        p[0] = static_cast<std::uint8_t>(etf::tag::atom_cache_ref);
        p[1] = static_cast<std::uint8_t>(i);
        at_ += 2;
        return;
      }
    }
    const auto& e = atom_at(a.atom_index());
    auto* p = room(3 + e.size);
    const bool small = e.size < 256;
    *p++ = static_cast<std::uint8_t>(small ? etf::tag::small_atom_utf8_ext : etf::tag::atom_utf8_ext);
    if (!small) *p++ = static_cast<std::uint8_t>(e.size >> 8);
    *p++ = static_cast<std::uint8_t>(e.size);
    std::memcpy(p, e.text, e.size);
    at_ += (small ? 2u : 3u) + e.size;
  }
  void pid(term node, std::uint32_t creation, std::uint32_t id, std::uint32_t serial) {
    *room(1) = static_cast<std::uint8_t>(etf::tag::new_pid_ext);
    ++at_;
    spell(node);
    auto* p = room(12);
    etf::store32(p, id);
    etf::store32(p + 4, serial);
    etf::store32(p + 8, creation);
    at_ += 12;
  }
  void ref(term t) {
    const auto* box = t.box();
    const auto n = t.size();
    auto* p = room(3);
    p[0] = static_cast<std::uint8_t>(etf::tag::newer_reference_ext);
    etf::store16(p + 1, static_cast<std::uint16_t>(n));
    at_ += 3;
    spell(node_in(box));
    p = room(4 + 4 * n);
    etf::store32(p, creation_in(box));
    for (std::uint64_t i = 0; i < n; ++i) etf::store32(p + 4 + 4 * i, ref_id(box, i));
    at_ += 4 + 4 * n;
  }

  etf::output& out_;
  const control_style& style_;
  std::size_t start_;
  written_control written_;
  std::size_t at_ = 0;
  std::uint8_t bytes_[most];
};

failure lacks(const char* what, dist_flags flag) {
  return {errc::unsupported, std::string(what) + ": the peer lacks " + flag_names(flag)};
}
failure without(const char* what, const char* field) { return {errc::bad_control, std::string(what) + ": no " + field}; }

term no_cookie() {
  static const term empty = atom("");
  return empty;
}

// Everything that can go wrong is asked before the first begin().
template <class Sink>
class writer {
 public:
  writer(Sink& sink, term message, dist_flags flags) : sink_(sink), message_(message), flags_(flags) {}
  using outcome = result<unit>;

  outcome operator()(const link& m) { return elements("LINK", op::link, {m.from, m.to}); }
  outcome operator()(const send& m) {
    if (!message_) return without("SEND", "message");
    if (m.from && has(dist_flag::send_sender))
      return elements("SEND", pick(m.token, op::send_sender, op::send_sender_tt), {m.from, m.to}, m.token, message_);
    return elements("SEND", pick(m.token, op::send, op::send_tt), {no_cookie(), m.to}, m.token, message_);
  }
  outcome operator()(const exit& m) {
    return exit_signal("EXIT", m, pick(m.token, op::payload_exit, op::payload_exit_tt), pick(m.token, op::exit, op::exit_tt));
  }
  outcome operator()(const unlink& m) {
    // Sent to a peer that speaks of unlink ids it closes the connection.
    if (has(dist_flag::unlink_id)) return {errc::unsupported, "UNLINK: the peer expects UNLINK_ID"};
    return elements("UNLINK", op::unlink, {m.from, m.to});
  }
  outcome operator()(const node_link&) { return elements("NODE_LINK", op::node_link, {}); }
  outcome operator()(const reg_send& m) {
    if (!message_) return without("REG_SEND", "message");
    return elements("REG_SEND", pick(m.token, op::reg_send, op::reg_send_tt), {m.from, no_cookie(), m.to_name}, m.token, message_);
  }
  outcome operator()(const group_leader& m) { return elements("GROUP_LEADER", op::group_leader, {m.from, m.to}); }
  outcome operator()(const exit2& m) {
    return exit_signal("EXIT2", m, pick(m.token, op::payload_exit2, op::payload_exit2_tt),
                       pick(m.token, op::exit2, op::exit2_tt));
  }
  // A peer without the flag drops these without a word: the monitor would never fire.
  outcome operator()(const monitor_p& m) {
    const auto flag = m.target.is_atom() ? dist_flag::dist_monitor_name : dist_flag::dist_monitor;
    if (!has(flag)) return lacks("MONITOR_P", flag);
    return elements("MONITOR_P", op::monitor_p, {m.from, m.target, m.ref});
  }
  outcome operator()(const demonitor_p& m) {
    const auto flag = m.target.is_atom() ? dist_flag::dist_monitor_name : dist_flag::dist_monitor;
    if (!has(flag)) return lacks("DEMONITOR_P", flag);
    return elements("DEMONITOR_P", op::demonitor_p, {m.from, m.target, m.ref});
  }
  outcome operator()(const monitor_p_exit& m) {
    if (!m.reason) return without("MONITOR_P_EXIT", "reason");
    if (has(dist_flag::exit_payload))
      return elements("MONITOR_P_EXIT", op::payload_monitor_p_exit, {m.from, m.to, m.ref}, {}, m.reason);
    return elements("MONITOR_P_EXIT", op::monitor_p_exit, {m.from, m.to, m.ref, m.reason});
  }
  outcome operator()(const spawn_request& m) {
    if (!has(dist_flag::spawn)) return lacks("SPAWN_REQUEST", dist_flag::spawn);
    if (!message_) return without("SPAWN_REQUEST", "argument list");
    for (const auto t : {m.req_id, m.from, m.group_leader, m.module, m.function, m.options})
      if (!t) return without("SPAWN_REQUEST", "value for a field");
    sink_.begin(pick(m.token, op::spawn_request, op::spawn_request_tt), m.token ? 7 : 6);
    for (const auto t : {m.req_id, m.from, m.group_leader}) sink_.add(t);
    sink_.mfa(m.module, m.function, m.arity);
    sink_.add(m.options);
    if (m.token) sink_.add(m.token);
    sink_.message(message_);
    return unit{};
  }
  outcome operator()(const spawn_reply& m) {
    if (!has(dist_flag::spawn)) return lacks("SPAWN_REPLY", dist_flag::spawn);
    return elements("SPAWN_REPLY", pick(m.token, op::spawn_reply, op::spawn_reply_tt),
                    {m.req_id, m.to, small(m.flags), m.result}, m.token);
  }
  outcome operator()(const alias_send& m) {
    if (!has(dist_flag::alias)) return lacks("ALIAS_SEND", dist_flag::alias);
    if (!message_) return without("ALIAS_SEND", "message");
    return elements("ALIAS_SEND", pick(m.token, op::alias_send, op::alias_send_tt), {m.from, m.alias}, m.token, message_);
  }
  outcome operator()(const unlink_id& m) {
    // OTP 25 may come without the flag: then an unlink is final when it is sent.
    if (!has(dist_flag::unlink_id) && m.id != 0) return elements("UNLINK", op::unlink, {m.from, m.to});
    return with_id("UNLINK_ID", op::unlink_id, m.id, m.from, m.to);
  }
  outcome operator()(const unlink_id_ack& m) { return with_id("UNLINK_ID_ACK", op::unlink_id_ack, m.id, m.from, m.to); }
  outcome operator()(const altact_sig_send& m) {
    if (!has(dist_flag::altact_sig)) return lacks("ALTACT_SIG_SEND", dist_flag::altact_sig);
    const auto payload = m.flags & altact_exit ? m.reason : message_;
    if (!payload) return without("ALTACT_SIG_SEND", m.flags & altact_exit ? "reason" : "message");
    const auto flags = m.token ? m.flags | altact_token : m.flags & ~altact_token;
    return elements("ALTACT_SIG_SEND", op::altact_sig_send, {small(flags), m.from, m.to}, m.token, payload);
  }

 private:
  bool has(dist_flags flag) const { return (flags_ & flag) != 0; }
  static op pick(term token, op plain, op traced) { return token ? traced : plain; }

  outcome elements(const char* what, op o, std::initializer_list<term> list, term token = {}, term payload = {}) {
    for (const auto t : list)
      if (!t) return without(what, "value for a field");
    sink_.begin(o, static_cast<unsigned>(1 + list.size() + (token ? 1 : 0)));
    for (const auto t : list) sink_.add(t);
    if (token) sink_.add(token);
    if (payload) sink_.message(payload);
    return unit{};
  }

  // In the forms without payload the reason follows the token.
  template <class Exit>
  outcome exit_signal(const char* what, const Exit& m, op with_payload, op whole) {
    if (!m.reason) return without(what, "reason");
    if (has(dist_flag::exit_payload)) return elements(what, with_payload, {m.from, m.to}, m.token, m.reason);
    if (m.token) return elements(what, whole, {m.from, m.to, m.token, m.reason});
    return elements(what, whole, {m.from, m.to, m.reason});
  }

  outcome with_id(const char* what, op o, std::uint64_t id, term from, term to) {
    if (!has(dist_flag::unlink_id)) return lacks(what, dist_flag::unlink_id);
    if (id == 0 || !from || !to) return without(what, "value for a field");
    sink_.begin(o, 4);
    sink_.number(id);
    sink_.add(from);
    sink_.add(to);
    return unit{};
  }

  Sink& sink_;
  term message_;
  dist_flags flags_;
};

}  // namespace

bool has_payload(const control_message& m, dist_flags negotiated) {
  return std::visit(
      [&](const auto& v) {
        using T = std::decay_t<decltype(v)>;
        if constexpr (std::is_same_v<T, exit> || std::is_same_v<T, exit2> || std::is_same_v<T, monitor_p_exit>)
          return (negotiated & dist_flag::exit_payload) != 0;
        else
          return std::is_same_v<T, send> || std::is_same_v<T, reg_send> || std::is_same_v<T, alias_send> ||
              std::is_same_v<T, spawn_request> || std::is_same_v<T, altact_sig_send>;
      },
      m);
}

result<encoded_control> encode_control(block& b, const control_message& m, term message, dist_flags negotiated) {
  tuple_maker sink(b);
  const auto r = std::visit(writer<tuple_maker>(sink, message, negotiated), m);
  if (!r) return r.error();
  return sink.finish();
}

result<written_control> write_control(etf::output& out, const control_message& m, term message, dist_flags negotiated,
                                      const control_style& style) {
  byte_writer sink(out, style);
  if (const auto r = std::visit(writer<byte_writer>(sink, message, negotiated), m); !r) return r.error();
  return sink.finish();
}

}  // namespace cnode::dist
