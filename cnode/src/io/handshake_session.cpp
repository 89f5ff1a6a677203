#include "handshake_session.hpp"

#include <fcntl.h>
#include <sys/socket.h>

#include <utility>

#include <boost/asio/buffer.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/write.hpp>

#include "text.hpp"

namespace cnode::node {

namespace asio = boost::asio;
using error_code = boost::system::error_code;

std::string remote_address(const asio::ip::tcp::socket& socket) {
  error_code e;
  const auto end = socket.remote_endpoint(e);
  if (e) return "?";
  const auto address = end.address().to_string();
  return (end.address().is_v6() ? "[" + address + "]" : address) + ":" + std::to_string(end.port());
}

void set_close_on_exec(int descriptor) { ::fcntl(descriptor, F_SETFD, ::fcntl(descriptor, F_GETFD) | FD_CLOEXEC); }

handshake_session::handshake_session(asio::ip::tcp::socket socket, dist::handshake handshake, std::uint32_t challenge,
                                     handlers h, std::unique_ptr<tls_stream> tls)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      handshake_(std::move(handshake)),
      challenge_(challenge),
      handlers_(std::move(h)),
      address_(remote_address(socket_)),
      tls_(std::move(tls)) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  set_close_on_exec(socket_.native_handle());
}

void handshake_session::start(std::chrono::milliseconds limit) {
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this(), limit](const error_code& e) {
    if (e || self->over_) return;
    self->failed_in_tls_ = self->tls_ && !self->tls_ready_;
    const auto text = "no answer within " + std::to_string(limit.count()) + " ms";
    // Plain BEAM nodes take the greeting for the beginning of a long message.
    self->fail(self->failed_in_tls_ ? "TLS: " + text + "; does the peer speak TLS? (erl needs -proto_dist inet_tls)" : text);
  });
  step();
}

void handshake_session::cancel() {
  over_ = true;
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
  tls_.reset();
  handlers_ = {};
}

void handshake_session::fail(std::string text) {
  if (over_) return;
  const auto keep = shared_from_this();
  const auto failed = std::move(handlers_.failed);
  cancel();
  if (failed) failed(*this, std::move(text));
}

void handshake_session::step() {
  if (over_) return;
  if (tls_ && !tls_ready_) return shake_tls();
  out_ = handshake_.take_output();
  if (!out_.empty() && tls_) return write_tls();
  if (!out_.empty()) {
    asio::async_write(socket_, asio::buffer(out_), [self = shared_from_this()](const error_code& e, std::size_t) {
      if (self->over_) return;
      if (e) return self->fail(e.message());
      self->step();
    });
    return;
  }
  if (handshake_.failed()) return fail(to_string(*handshake_.failed()));
  if (handshake_.done()) {
    over_ = true;
    timer_.cancel();
    const auto keep = shared_from_this();
    const auto done = std::move(handlers_.done);
    handlers_ = {};
    return done(*this, std::move(rest_));
  }
  if (handshake_.wants_decision()) {
    handlers_.decide(*this);
    return step();
  }
  read();
}

void handshake_session::read() {
  if (tls_) return read_tls();
  socket_.async_read_some(asio::buffer(in_), [self = shared_from_this()](const error_code& e, std::size_t n) {
    if (self->over_) return;
    if (e) return self->fail(e == asio::error::eof ? "the connection was closed" : e.message());
    // A TLS record, a handshake or an alert, where two bytes of length are due.
    if (!std::exchange(self->heard_, true) && n >= 2 && (self->in_[0] == 0x16 || self->in_[0] == 0x15) && self->in_[1] == 0x03) {
      self->failed_in_tls_ = true;
      return self->fail("TLS: the peer speaks it, this node does not (--proto-dist inet_tls)");
    }
    self->received(n);
  });
}

// ---- TLS

void handshake_session::wait_for_tls(void (handshake_session::*again)(), bool to_write) {
  const auto what = to_write ? asio::ip::tcp::socket::wait_write : asio::ip::tcp::socket::wait_read;
  socket_.async_wait(what, [self = shared_from_this(), again](const error_code& e) {
    if (self->over_) return;
    if (e) return self->fail(e.message());
    ((*self).*again)();
  });
}

void handshake_session::fail_tls() {
  failed_in_tls_ = true;
  // The peer reads the alert only if nothing it has sent lies unread when the socket is closed.
  for (std::array<char, 4096> unread; ::recv(socket_.native_handle(), unread.data(), unread.size(), MSG_DONTWAIT) > 0;) {
  }
  fail("TLS: " + tls_->text());
}

void handshake_session::shake_tls() {
  const auto now = tls_->handshake().now;
  if (now == tls_stream::state::failed) return fail_tls();
  if (now == tls_stream::state::would_block) return wait_for_tls(&handshake_session::shake_tls, tls_->unsent() > 0);
  tls_ready_ = true;
  step();
}

void handshake_session::write_tls() {
  const etf::output::piece piece{reinterpret_cast<const std::uint8_t*>(out_.data()), out_.size()};
  const auto sent = tls_->write({&piece, 1});
  out_.erase(0, sent.size);
  if (sent.now == tls_stream::state::failed) return fail_tls();
  // Only a stranger who sends half a handshake message makes us wait for input here.
  if (sent.now == tls_stream::state::needs_input) return fail("TLS: a handshake inside the handshake");
  if (tls_->unsent() > 0 || !out_.empty()) return wait_for_tls(&handshake_session::write_tls, true);
  step();
}

void handshake_session::read_tls() {
  const auto got = tls_->read(in_);
  if (got.size > 0) return received(got.size);
  if (got.now == tls_stream::state::failed) return fail_tls();
  if (got.now == tls_stream::state::closed) return fail("the connection was closed");
  if (got.now == tls_stream::state::progress) return asio::post(socket_.get_executor(), [self = shared_from_this()] {
    if (!self->over_) self->read_tls();
  });
  wait_for_tls(&handshake_session::read_tls, tls_->unsent() > 0);
}

void handshake_session::received(std::size_t n) {
  std::size_t used = 0;
  // A decision comes between two messages of the peer only if it did not wait for our status, which the machine refuses.
  const auto taken = handshake_.receive({in_.data(), n});
  if (taken) used = *taken;
  if (handshake_.done()) rest_.assign(reinterpret_cast<const char*>(in_.data()) + used, n - used);
  step();
}

}  // namespace cnode::node
