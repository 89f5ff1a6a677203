#include "connector.hpp"

#include <algorithm>

#include <boost/asio/post.hpp>

#include "text.hpp"

namespace cnode::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using error_code = boost::system::error_code;

connect_attempt::connect_attempt(asio::io_context& io, const node_config& config, std::string node, handlers h)
    : io_(io), config_(config), node_(std::move(node)), handlers_(std::move(h)), resolver_(io), timer_(io), socket_(io) {}

void connect_attempt::fail(std::string text) {
  if (over_) return;
  const auto keep = shared_from_this();
  const auto failed = std::move(handlers_.failed);
  cancel();
  failed(std::move(text));
}

void connect_attempt::cancel() {
  over_ = true;
  timer_.cancel();
  resolver_.cancel();
  if (epmd_) epmd_->cancel();
  if (session_) {
    if (handlers_.challenge_over) handlers_.challenge_over(session_->challenge());
    session_->cancel();
    session_.reset();
  }
  error_code ignored;
  socket_.close(ignored);
  handlers_ = {};
}

void connect_attempt::limit(const char* what) {
  timer_.expires_after(config_.net_setuptime);
  timer_.async_wait([self = shared_from_this(), what](const error_code& e) {
    if (!e) self->fail(std::string("timeout: ") + what);
  });
}

// inet_tcp_dist:splitnode/3
void connect_attempt::start() {
  const auto at = node_.find('@');
  name_ = node_.substr(0, at);
  host_ = node_.substr(at + 1);
  error_code not_an_address;
  asio::ip::make_address(host_, not_an_address);
  const bool dotted = host_.find('.') != host_.npos;
  if (config_.long_names && !dotted && not_an_address)
    return fail("system running to use fully qualified hostnames, hostname " + printable(host_) + " is illegal");
  if (!config_.long_names && dotted)
    return fail("system NOT running to use fully qualified hostnames, hostname " + printable(host_) + " is illegal");
  limit("the host's name is not resolved");
  resolver_.async_resolve(over_ipv6(config_.proto_dist) ? tcp::v6() : tcp::v4(), host_, std::to_string(config_.epmd_port),
                          [self = shared_from_this()](const error_code& e, const tcp::resolver::results_type& ends) {
                            if (self->over_) return;
                            if (e || ends.empty())
                              return self->fail("host " + printable(self->host_) + ": " + e.message());
                            self->start_at({ends.begin(), ends.end()});
                          });
}

void connect_attempt::start_at(std::vector<tcp::endpoint> epmds) {
  const auto at = node_.find('@');
  name_ = node_.substr(0, at);
  ends_ = std::move(epmds);
  deadline_ = std::chrono::steady_clock::now() + config_.net_setuptime;
  next_address();
}

std::chrono::milliseconds connect_attempt::share() const {
  const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline_ - std::chrono::steady_clock::now());
  const auto addresses = static_cast<std::int64_t>(ends_.size() - tried_ + 1);
  return std::max(left / addresses, std::chrono::milliseconds(1));
}

void connect_attempt::address_failed(const std::string& text) {
  error_code ignored;
  socket_.close(ignored);
  timer_.cancel();
  if (!trouble_.empty()) trouble_ += "; ";
  if (ends_.size() > 1) trouble_ += ends_[tried_ - 1].address().to_string() + ": ";
  trouble_ += text;
  next_address();
}

void connect_attempt::next_address() {
  if (tried_ == ends_.size()) return fail(trouble_);
  const auto& end = ends_[tried_++];
  if (config_.no_epmd) return connect(config_.dist_port);
  timer_.cancel();
  epmd_ = port_please(io_, end, name_, share(), [self = shared_from_this()](std::uint16_t port, const std::string& text) {
    if (self->over_) return;
    self->epmd_.reset();
    if (port == 0) return self->address_failed(text);
    self->connect(port);
  });
}

void connect_attempt::connect(std::uint16_t port) {
  const tcp::endpoint end(ends_[tried_ - 1].address(), port);
  const auto turn = tried_;
  timer_.expires_after(share());
  timer_.async_wait([self = shared_from_this(), turn](const error_code& e) {
    if (!e && !self->over_ && !self->session_ && turn == self->tried_) self->address_failed("timeout: no connection");
  });
  socket_.async_connect(end, [self = shared_from_this(), port, turn](const error_code& e) {
    if (self->over_ || turn != self->tried_) return;
    if (e) return self->address_failed("port " + std::to_string(port) + ": " + e.message());
    self->connected();
  });
}

void connect_attempt::connected() {
  timer_.cancel();
  auto [machine, challenge] = handlers_.make_handshake();
  auto tls = handlers_.make_tls ? handlers_.make_tls(socket_.native_handle(), node_.substr(node_.find('@') + 1)) : nullptr;
  session_ = std::make_shared<handshake_session>(
      std::move(socket_), std::move(machine), challenge,
      handshake_session::handlers{
          .decide = {},
          .done =
              [self = shared_from_this()](handshake_session& s, std::string rest) {
                if (self->over_) return;
                self->over_ = true;
                const auto handlers = std::move(self->handlers_);
                self->handlers_ = {};
                handlers.challenge_over(s.challenge());
                const auto keep = std::move(self->session_);
                handlers.done(s, std::move(rest));
              },
          .failed = [self = shared_from_this()](handshake_session& s,
                                                const std::string& text) { self->session_failed(s, text); }},
      std::move(tls));
  session_->start(config_.net_setuptime);
}

void connect_attempt::session_failed(handshake_session& session, const std::string& text) {
  if (over_) return;
  handlers_.challenge_over(session.challenge());
  const auto keep = std::move(session_);
  if (session.failed_in_tls()) return fail(text);
  // The peer is connecting to us and has the greater name: its connection will end this attempt.
  if (session.machine().status() == "nok") return limit("the peer that said nok did not connect");
  const auto& failed = session.machine().failed();
  if (failed && failed->code == errc::bad_cookie) return fail("invalid challenge ack (wrong cookie?)");
  if (!session.machine().status().empty() && !failed)
    return fail(text + " (the peer ends a connection like this when the cookie is wrong)");
  fail(text);
}

}  // namespace cnode::node
