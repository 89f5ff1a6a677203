#include "handshake_session.hpp"

#include <fcntl.h>

#include <utility>

#include <boost/asio/buffer.hpp>
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
                                     handlers h)
    : socket_(std::move(socket)),
      timer_(socket_.get_executor()),
      handshake_(std::move(handshake)),
      challenge_(challenge),
      handlers_(std::move(h)),
      address_(remote_address(socket_)) {
  error_code ignored;
  socket_.set_option(asio::ip::tcp::no_delay(true), ignored);
  set_close_on_exec(socket_.native_handle());
}

void handshake_session::start(std::chrono::milliseconds limit) {
  timer_.expires_after(limit);
  timer_.async_wait([self = shared_from_this(), limit](const error_code& e) {
    if (!e && !self->over_) self->fail("no answer within " + std::to_string(limit.count()) + " ms");
  });
  step();
}

void handshake_session::cancel() {
  over_ = true;
  timer_.cancel();
  error_code ignored;
  socket_.close(ignored);
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
  out_ = handshake_.take_output();
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
    handlers_.decide(handshake_);
    return step();
  }
  read();
}

void handshake_session::read() {
  socket_.async_read_some(asio::buffer(in_), [self = shared_from_this()](const error_code& e, std::size_t n) {
    if (self->over_) return;
    if (e) return self->fail(e == asio::error::eof ? "the connection was closed" : e.message());
    self->received(n);
  });
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
