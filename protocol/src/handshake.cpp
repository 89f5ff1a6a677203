#include <cnode/protocol/handshake.hpp>

#include <algorithm>
#include <string_view>
#include <utility>

#include "handshake_messages.hpp"
#include "md5.hpp"

namespace cnode::dist {

using namespace detail;

std::array<std::uint8_t, 16> gen_digest(std::uint32_t challenge, const std::string& cookie) {
  return cnode::detail::md5(cookie + std::to_string(challenge));
}

namespace {

// Takes the same time wherever the difference is.
bool same_digest(std::string_view theirs, const std::array<std::uint8_t, 16>& ours) {
  if (theirs.size() != ours.size()) return false;
  std::uint8_t difference = 0;
  for (std::size_t i = 0; i < ours.size(); ++i) difference |= static_cast<std::uint8_t>(theirs[i]) ^ ours[i];
  return difference == 0;
}

// dist_util:expand_mandatory_25_flag/1
dist_flags expand(dist_flags flags) {
  return flags & dist_flag::mandatory_25_digest ? flags | digest_25_flags : flags;
}

}  // namespace

struct handshake::impl {
  enum class step {
    recv_status,           // initiator
    recv_challenge,        // initiator
    recv_challenge_ack,    // initiator
    recv_name,             // acceptor
    deciding,              // acceptor: decide() is awaited
    recv_alive_answer,     // acceptor
    recv_complement,       // acceptor, when the old name came
    recv_challenge_reply,  // acceptor
    done,
    failed,
  };

  handshake_config config;
  step now = step::failed;
  std::string in;   // of the frame that is arriving: length and what is there of it
  std::string out;
  std::string peer_name, host, status;
  dist_flags offered = 0, peer_flags = 0;
  std::uint32_t peer_creation = 0;
  bool name_me = false, old_name = false;
  std::string named;
  std::optional<handshake_done> done;
  std::optional<failure> failed;

  std::size_t length_size() const { return config.four_byte_frames ? 4 : 2; }

  void send(const std::string& message) {
    for (auto i = length_size(); i-- > 0;) out.push_back(static_cast<char>(message.size() >> (8 * i)));
    out += message;
  }
  void send_status(std::string_view text) { send("s" + std::string(text)); }

  failure fail(errc code, std::string detail) {
    now = step::failed;
    failed = failure{code, std::move(detail)};
    return *failed;
  }
  failure bad_message(std::string detail) { return fail(errc::bad_handshake_message, std::move(detail)); }

  // ---- both roles

  std::string digest(std::uint32_t challenge) const {
    const auto d = gen_digest(challenge, config.cookie ? config.cookie(peer_name) : std::string{});
    return {d.begin(), d.end()};
  }
  bool is_ours(std::string_view theirs) const {
    return same_digest(theirs, gen_digest(config.challenge, config.cookie ? config.cookie(peer_name) : std::string{}));
  }
  bool reflected(std::uint32_t challenge) const {
    return challenge == config.challenge || (config.is_outstanding && config.is_outstanding(challenge));
  }
  dist_flags missing() const { return needed_flags & ~expand(peer_flags); }
  failure lacks_flags(dist_flags which) {
    return fail(errc::not_allowed, shown(peer_name.empty() ? host : peer_name) + " lacks " + flag_names(which));
  }
  void finish() {
    now = step::done;
    done = handshake_done{peer_name, peer_creation, peer_flags, offered & expand(peer_flags) & ~dist_flag::name_me, named};
  }

  // ---- initiator: dist_util:handshake_we_started/1

  std::optional<failure> recv_status(const message& m) {
    if (m.tag != 's') return bad_message("tag " + std::to_string(m.tag) + " where the status was due");
    status = m.status;
    if (status == "ok" || status == "ok_simultaneous") {
      now = step::recv_challenge;
    } else if (status == "alive") {
      // The peer still holds a connection to an earlier life of ours. Anything but true locks us out until it
      // notices by itself, up to its ticktime.
      send_status("true");
      now = step::recv_challenge;
    } else if (status == "nok") {
      return fail(errc::bad_status, "nok: " + shown(peer_name) + " is connecting to us already");
    } else if (status == "not_allowed") {
      return fail(errc::not_allowed, shown(peer_name) + " answers not_allowed");
    } else {
      return fail(errc::bad_status, "status \"" + shown(status) + "\"");
    }
    return {};
  }

  std::optional<failure> recv_challenge(const message& m) {
    if (m.tag != 'N') return bad_message("tag " + std::to_string(m.tag) + " where the challenge was due");
    if (m.name != peer_name)
      return fail(errc::bad_name, "the node at " + shown(peer_name) + " calls itself " + shown(m.name));
    peer_flags = m.flags;
    peer_creation = m.creation;
    if (missing() != 0) return lacks_flags(missing());
    if (reflected(m.challenge)) return fail(errc::bad_cookie, "the challenge is one of our own");
    std::string reply = "r";
    put(reply, config.challenge, 4);
    send(reply + digest(m.challenge));
    now = step::recv_challenge_ack;
    return {};
  }

  std::optional<failure> recv_challenge_ack(const message& m) {
    if (m.tag != 'a') return bad_message("tag " + std::to_string(m.tag) + " where the challenge ack was due");
    if (!is_ours(m.digest)) return fail(errc::bad_cookie, "the challenge ack of " + shown(peer_name) + " does not match");
    finish();
    return {};
  }

  // ---- acceptor: dist_util:handshake_other_started/1

  std::optional<failure> recv_name(const message& m) {
    if (m.tag != 'N' && m.tag != 'n') return bad_message("tag " + std::to_string(m.tag) + " where the name was due");
    old_name = m.tag == 'n';
    peer_flags = m.flags;
    peer_creation = m.creation;
    name_me = !old_name && (m.flags & dist_flag::name_me) != 0;
    if (name_me) {
      if (!is_host(m.name)) return fail(errc::bad_name, "host \"" + shown(m.name) + "\" of a node that asks for a name");
      host = m.name;
    } else {
      if (!is_node_name(m.name)) return fail(errc::bad_name, "node name \"" + shown(m.name) + "\"");
      peer_name = m.name;
    }
    if (missing() != 0) {
      send_status("not_allowed");
      return lacks_flags(missing());
    }
    // Its pids could not be told from ours.
    if (peer_name == config.our_name) {
      send_status("not_allowed");
      return fail(errc::bad_name, shown(peer_name) + " is our own name");
    }
    now = step::deciding;
    return {};
  }

  void decide(name_decision d, std::string dynamic_name, std::uint32_t dynamic_creation) {
    const auto who = shown(name_me ? host : peer_name);
    switch (d) {
      case name_decision::ok:
        if (name_me) return give_name(std::move(dynamic_name), dynamic_creation);
        send_status("ok");
        return send_challenge();
      case name_decision::ok_simultaneous:
        send_status("ok_simultaneous");
        return send_challenge();
      case name_decision::nok:
        send_status("nok");
        fail(errc::bad_status, "nok: we are connecting to " + who + " ourselves");
        return;
      case name_decision::not_allowed:
        send_status("not_allowed");
        fail(errc::not_allowed, who + " is not allowed");
        return;
      case name_decision::alive:
        send_status("alive");
        now = step::recv_alive_answer;
        return;
    }
  }

  void give_name(std::string name, std::uint32_t creation) {
    // A BEAM dies of a name at another host than it asked for.
    if (!is_node_name(name) || name.substr(name.find('@') + 1) != host) {
      send_status("not_allowed");
      fail(errc::bad_name, "the name \"" + shown(name) + "\" given to a node at " + shown(host));
      return;
    }
    named = peer_name = std::move(name);
    peer_creation = creation;
    const auto on_wire = to_latin1(named);
    std::string text = "named:";
    put(text, on_wire.size(), 2);
    text += on_wire;
    put(text, creation, 4);
    send_status(text);
    // Without NAME_ME echoed, and with PUBLISHED, the peer dies of {badmatch,static}.
    offered = (offered | dist_flag::name_me) & ~dist_flag::published;
    send_challenge();
  }

  std::optional<failure> recv_alive_answer(const message& m) {
    if (m.tag != 's') return bad_message("tag " + std::to_string(m.tag) + " where the answer to alive was due");
    if (m.status == "false") return fail(errc::bad_status, shown(peer_name) + " no longer wants the connection");
    if (m.status != "true") return fail(errc::bad_status, "answer \"" + shown(m.status) + "\" to alive");
    send_challenge();
    return {};
  }

  void send_challenge() {
    std::string text = "N";
    put(text, offered, 8);
    put(text, config.challenge, 4);
    put(text, config.creation, 4);
    const auto name = to_latin1(config.our_name);
    put(text, name.size(), 2);
    send(text + name);
    now = old_name ? step::recv_complement : step::recv_challenge_reply;
  }

  std::optional<failure> recv_complement(const message& m) {
    if (m.tag != 'c') return bad_message("tag " + std::to_string(m.tag) + " where the complement was due");
    peer_flags |= m.flags;
    peer_creation = m.creation;
    now = step::recv_challenge_reply;
    return {};
  }

  std::optional<failure> recv_challenge_reply(const message& m) {
    if (m.tag != 'r') return bad_message("tag " + std::to_string(m.tag) + " where the challenge reply was due");
    if (!is_ours(m.digest))
      return fail(errc::bad_cookie, "the challenge reply of " + shown(peer_name) + " does not match");
    if (reflected(m.challenge)) return fail(errc::bad_cookie, "the challenge is one of our own");
    send("a" + digest(m.challenge));
    finish();
    return {};
  }

  std::optional<failure> handle(std::string_view frame) {
    const auto parsed = parse_message(frame, now == step::recv_challenge);
    if (!parsed) return fail(parsed.error().code, parsed.error().detail);
    switch (now) {
      case step::recv_status: return recv_status(*parsed);
      case step::recv_challenge: return recv_challenge(*parsed);
      case step::recv_challenge_ack: return recv_challenge_ack(*parsed);
      case step::recv_name: return recv_name(*parsed);
      case step::recv_alive_answer: return recv_alive_answer(*parsed);
      case step::recv_complement: return recv_complement(*parsed);
      case step::recv_challenge_reply: return recv_challenge_reply(*parsed);
      case step::deciding: return bad_message("a message before our status");
      case step::done:
      case step::failed: break;
    }
    return {};
  }
};

handshake::handshake(std::unique_ptr<impl> i) : impl_(std::move(i)) {}
handshake::handshake(handshake&&) noexcept = default;
handshake& handshake::operator=(handshake&&) noexcept = default;
handshake::~handshake() = default;

handshake handshake::we_started(handshake_config config, std::string peer_name) {
  auto i = std::make_unique<impl>();
  i->config = std::move(config);
  i->offered = i->config.offered;
  i->peer_name = std::move(peer_name);
  if (!is_node_name(i->peer_name)) {
    i->fail(errc::bad_name, "node name \"" + shown(i->peer_name) + "\"");
    return handshake(std::move(i));
  }
  std::string text = "N";
  put(text, i->offered, 8);
  put(text, i->config.creation, 4);
  const auto name = to_latin1(i->config.our_name);
  put(text, name.size(), 2);
  i->send(text + name);
  i->now = impl::step::recv_status;
  return handshake(std::move(i));
}

handshake handshake::other_started(handshake_config config) {
  auto i = std::make_unique<impl>();
  i->config = std::move(config);
  i->offered = i->config.offered;
  i->now = impl::step::recv_name;
  return handshake(std::move(i));
}

result<std::size_t> handshake::receive(std::span<const std::uint8_t> bytes) {
  auto& s = *impl_;
  const auto length_size = s.length_size();
  std::size_t used = 0;
  while (s.now != impl::step::done) {
    if (s.failed) return *s.failed;
    if (used == bytes.size()) break;
    if (s.now == impl::step::deciding) return s.bad_message("bytes before our status");
    if (s.in.size() < length_size) {
      s.in.push_back(static_cast<char>(bytes[used++]));
      if (s.in.size() < length_size) continue;
    }
    std::size_t size = 0;
    for (std::size_t i = 0; i < length_size; ++i) size = size << 8 | static_cast<std::uint8_t>(s.in[i]);
    if (size == 0) return s.bad_message("an empty message");
    if (size > max_message) return s.bad_message("a message of " + std::to_string(size) + " bytes");
    const auto take = std::min(length_size + size - s.in.size(), bytes.size() - used);
    s.in.append(reinterpret_cast<const char*>(bytes.data()) + used, take);
    used += take;
    if (s.in.size() < length_size + size) continue;
    const auto frame = std::exchange(s.in, {});
    if (auto f = s.handle(std::string_view(frame).substr(length_size))) return *f;
  }
  return used;
}

bool handshake::wants_decision() const { return impl_->now == impl::step::deciding; }
const std::string& handshake::peer_name() const { return impl_->peer_name; }
bool handshake::wants_name() const { return wants_decision() && impl_->name_me; }
const std::string& handshake::wanted_host() const { return impl_->host; }
void handshake::decide(name_decision d, std::string dynamic_name, std::uint32_t dynamic_creation) {
  if (wants_decision()) impl_->decide(d, std::move(dynamic_name), dynamic_creation);
}
std::string handshake::take_output() { return std::exchange(impl_->out, {}); }
const std::optional<handshake_done>& handshake::done() const { return impl_->done; }
const std::optional<failure>& handshake::failed() const { return impl_->failed; }
const std::string& handshake::status() const { return impl_->status; }

}  // namespace cnode::dist
