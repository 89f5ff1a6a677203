// The controller's control thread: strangers at the door, calls to others, connections that come up and go.
#include <unistd.h>

#include <algorithm>

#include <boost/asio/post.hpp>

#include <cnode/actors/output_wait.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/dist_flags.hpp>

#include "dist_controller.hpp"
#include "text.hpp"

namespace cnode::node {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

dist::handshake_config dist_controller::handshake_settings(bool hidden, std::uint32_t& challenge) {
  challenge = random_u32();
  outstanding_.insert(challenge);
  dist::handshake_config c;
  c.our_name = config_.name;
  c.creation = creation_;
  c.offered = dist::needed_flags | dist::wanted_flags;
  if (!hidden) c.offered |= dist::dist_flag::published;
  c.cookie = [this](const std::string& peer) { return cookie(peer); };
  c.challenge = challenge;
  c.four_byte_frames = tls_ != nullptr;
  // Its own challenge is outstanding as well, once.
  c.is_outstanding = [this, challenge](std::uint32_t theirs) {
    return theirs != challenge && outstanding_.contains(theirs);
  };
  return c;
}

void dist_controller::challenge_over(std::uint32_t challenge) {
  if (const auto it = outstanding_.find(challenge); it != outstanding_.end()) outstanding_.erase(it);
}

// ---- those who come

void dist_controller::accepted(asio::ip::tcp::socket socket) {
  if (doors_closed_) return;
  if (strangers_.size() >= config_.limits.max_strangers) {
    // The newest may be the owner of a name, the oldest has had its time.
    const auto oldest = strangers_.front();
    strangers_.pop_front();
    challenge_over(oldest->challenge());
    if (auto line = strangers_log_.admit("too many connections without handshake, closed that of " + oldest->address()))
      runtime_.log(actors::log_level::warning, *line);
    oldest->cancel();
  }
  std::uint32_t challenge = 0;
  auto machine = dist::handshake::other_started(handshake_settings(config_.hidden, challenge));
  auto forget = [this](handshake_session& s) {
    challenge_over(s.challenge());
    strangers_.remove_if([&](const auto& other) { return other.get() == &s; });
  };
  auto tls = tls_ ? std::make_unique<tls_stream>(tls_, true, socket.native_handle(), "") : nullptr;
  auto session = std::make_shared<handshake_session>(
      std::move(socket), std::move(machine), challenge,
      handshake_session::handlers{
          .decide = [this](handshake_session& s) { decide(s); },
          .done =
              [this, forget](handshake_session& s, std::string rest) {
                forget(s);
                handshake_over(s, std::move(rest), false);
              },
          .failed =
              [this, forget](handshake_session& s, const std::string& text) {
                forget(s);
                const auto& name = s.machine().peer_name();
                const auto& why = s.machine().failed();
                std::string line = name.empty() ? "connection attempt from " + s.address()
                                                : "connection attempt from node " + printable(name) + " (" +
                                                      s.address() + ")";
                line += " rejected: ";
                line += why && why->code == errc::bad_cookie && !name.empty() ? "invalid challenge reply (wrong cookie?)"
                                                                              : s.failed_in_tls() ? text : printable(text);
                // nok is no refusal but the answer to two calls that crossed.
                const bool crossed = why && why->code == errc::bad_status && why->detail.starts_with("nok");
                if (crossed) return;
                if (auto admitted = strangers_log_.admit(std::move(line)))
                  runtime_.log(actors::log_level::error, *admitted);
              }},
      std::move(tls));
  strangers_.push_back(session);
  session->start(config_.net_setuptime);
}

// net_kernel's accept_pending. Nothing a stranger says here makes an atom or changes anything but its own handshake.
void dist_controller::decide(handshake_session& session) {
  using dist::name_decision;
  auto& machine = session.machine();
  if (machine.wants_name()) {
    if (!is_allowed("@" + machine.wanted_host(), session)) return machine.decide(name_decision::not_allowed);
    const auto fresh = [] { return std::pair{std::uint64_t{random_u32()} << 32 | random_u32(), random_creation()}; };
    std::vector<std::shared_ptr<const void>> taken;  // by nodes that chose such a name themselves
    auto lease = names_->take(machine.wanted_host(), fresh);
    for (auto node = find_atom(lease->name); node && find(node); node = find_atom(lease->name)) {
      taken.push_back(lease);
      lease = names_->take(machine.wanted_host(), fresh);
    }
    session.lease = lease;
    return machine.decide(name_decision::ok, lease->name, lease->creation);
  }
  const auto& name = machine.peer_name();
  if (!is_allowed(name, session)) return machine.decide(name_decision::not_allowed);
  const auto node = find_atom(name);
  // Nodes that call one after the other under one name (erl_call) need not wait until we have read that the one before has gone; libei
  // does not know `alive`.
  if (const auto old = node ? find(node) : nullptr; old && (!old->ended() || next_.contains(node.word())))
    return machine.decide(name_decision::alive);
  if (node && attempts_.contains(node.word()))
    // The greater name calls. Our own attempt goes on until the other has proved the cookie.
    return machine.decide(config_.name > name ? name_decision::nok : name_decision::ok_simultaneous);
  machine.decide(name_decision::ok);
}

// dist_util:is_allowed/2. A node that asks for a name is "@host". Under TLS only such entries count as the peer's certificate is for
// (inet_tls_dist:allowed_nodes/2).
bool dist_controller::is_allowed(const std::string& name, handshake_session& session) const {
  std::lock_guard lock(settings_mutex_);
  if (allowed_.empty()) return true;
  const auto at = name.find('@');
  const auto head = name.substr(0, at), host = name.substr(at + 1);
  const auto* tls = session.tls() && session.tls()->has_peer_certificate() ? session.tls().get() : nullptr;
  return std::any_of(allowed_.begin(), allowed_.end(), [&](const std::string& entry) {
    const auto split = entry.find('@');
    if (tls && !tls->peer_certificate_is_for(split == entry.npos ? entry : entry.substr(split + 1))) return false;
    if (split == entry.npos) return entry == host;
    if (split + 1 == entry.size()) return entry.substr(0, split) == head;
    return entry == name;
  });
}

// ---- those we call

void dist_controller::start_attempt(term node, bool hidden) {
  {
    // A connection of the other's making may have come up meanwhile.
    std::lock_guard lock(pending_mutex_);
    if (!pending_.contains(node.word())) return;
  }
  // The one before has ended; when that has been told the next begins.
  if (find(node)) return;
  if (doors_closed_) return attempt_failed(node, "this node is stopping");
  auto& attempt = attempts_[node.word()];
  if (attempt) return;
  attempt = std::make_shared<connect_attempt>(
      control_, config_, std::string(atom_text(node)),
      connect_attempt::handlers{
          .make_handshake =
              [this, node, hidden] {
                std::uint32_t challenge = 0;
                auto settings = handshake_settings(hidden || config_.hidden, challenge);
                return std::pair{dist::handshake::we_started(std::move(settings), std::string(atom_text(node))),
                                 challenge};
              },
          .make_tls = tls_ ? [this](int descriptor, const std::string& host) { return call_tls(descriptor, host); }
                           : std::function<std::unique_ptr<tls_stream>(int, const std::string&)>(),
          .challenge_over = [this](std::uint32_t challenge) { challenge_over(challenge); },
          .done = [this](handshake_session& s, std::string rest) { handshake_over(s, std::move(rest), true); },
          .failed = [this, node](const std::string& text) { attempt_failed(node, text); }});
  const auto started = attempt;
  started->start();
}

std::unique_ptr<tls_stream> dist_controller::call_tls(int descriptor, const std::string& host) const {
  const auto& rules = tls_->role(false);
  return std::make_unique<tls_stream>(tls_, false, descriptor, !rules.check_host ? "" : rules.server_name.empty() ? host : rules.server_name);
}

void dist_controller::drop_attempt(term node) {
  if (const auto it = attempts_.find(node.word()); it != attempts_.end()) {
    const auto attempt = it->second;
    attempts_.erase(it);
    attempt->cancel();
  }
}

void dist_controller::attempt_failed(term node, const std::string& text) {
  drop_attempt(node);
  pending lost;
  {
    std::lock_guard lock(pending_mutex_);
    const auto it = pending_.find(node.word());
    if (it == pending_.end()) return;
    lost = std::move(it->second);
    pending_.erase(it);
  }
  // A certificate is something that somebody has to mend; everything else is the weather.
  const bool tls = text.starts_with("TLS:");
  runtime_.log(tls ? actors::log_level::error : actors::log_level::info,
               "no connection to node " + printable(atom_text(node)) + ": " + (tls ? text : printable(text)));
  runtime_.node_down(node, atom("connection_setup_failed"));
  for (const auto pid : lost.suspended) actors::resume_process(runtime_, pid);
  for (const auto& done : lost.waiting) done(false);
}

// ---- connections

void dist_controller::handshake_over(handshake_session& session, std::string rest, bool outgoing) {
  established e;
  e.handshake = *session.machine().done();
  e.rest = std::move(rest);
  e.outgoing = outgoing;
  e.address = session.address();
  if (session.lease) session.lease->proved = true;
  e.lease = session.lease;
  const auto node = find_or_make_atom(e.handshake.peer_name);
  if (!node) {
    runtime_.log(actors::log_level::error,
                 "no place left for the name of node " + printable(e.handshake.peer_name) + ": atom table full");
    session.cancel();
    return;
  }
  e.tls = std::move(session.tls());
  error_code failed;
  e.descriptor = session.socket().release(failed);
  if (failed) {
    if (outgoing) attempt_failed(node, failed.message());
    return;
  }
  bring_up(node, std::move(e));
}

void dist_controller::bring_up(term node, established e) {
  drop_attempt(node);
  if (const auto old = find(node)) {
    // The peer has lost or given up the older one (`alive`, answered with true). Its end is told first.
    if (const auto it = next_.find(node.word()); it != next_.end()) ::close(it->second.descriptor);
    next_[node.word()] = std::move(e);
    // One whose peer has gone is read to its end.
    if (!old->ended()) old->close(atom("connection_closed"));
    return;
  }
  peer_connection::settings s;
  s.node = node;
  s.handshake = std::move(e.handshake);
  s.outgoing = e.outgoing;
  s.address = std::move(e.address);
  s.lease = std::move(e.lease);
  s.max_frame = config_.limits.max_frame;
  s.max_queued_output = config_.limits.max_queued_output;
  s.busy_limit = config_.limits.busy_limit;
  const auto peer = std::make_shared<peer_connection>(
      poller_, e.descriptor, runtime_, std::move(s), [this](const peer_ptr& p, term reason) {
        asio::post(control_, [this, p, reason] { gone(p, reason); });
      },
      std::move(e.tls));
  pending waited;
  {
    std::lock_guard lock(pending_mutex_);
    if (const auto it = pending_.find(node.word()); it != pending_.end()) {
      waited = std::move(it->second);
      pending_.erase(it);
    }
    for (const auto& q : waited.messages) peer->send(q.control, q.message);
    std::unique_lock table(peers_mutex_);
    peers_[node.word()] = peer;
  }
  runtime_.node_up(node, peer->visible());
  peer->start(e.rest);
  for (const auto pid : waited.suspended) actors::resume_process(runtime_, pid);
  for (const auto& done : waited.waiting) done(true);
}

void dist_controller::gone(const peer_ptr& peer, term reason) {
  const auto node = peer->about().node;
  if (find(node) != peer) return;
  // Told while it is in the table, where what is sent goes nowhere: who sends over the next connection has the nodedown behind him.
  if (running_) runtime_.node_down(node, reason);
  {
    std::unique_lock table(peers_mutex_);
    peers_.erase(node.word());
  }
  if (!running_) return;
  // Links and monitors that were made meanwhile went nowhere, too.
  runtime_.node_down(node, reason);
  if (auto next = next_.extract(node.word())) return bring_up(node, std::move(next.mapped()));
  bool wanted = false, hidden = false;
  {
    std::lock_guard lock(pending_mutex_);
    if (const auto it = pending_.find(node.word()); it != pending_.end()) wanted = true, hidden = it->second.hidden;
  }
  if (wanted) start_attempt(node, hidden);
}

}  // namespace cnode::node
