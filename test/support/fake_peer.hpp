// Another node, played by the test over a blocking socket.
#pragma once

#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <optional>
#include <string>

#include <gtest/gtest.h>

#include <cnode/protocol/connection.hpp>
#include <cnode/protocol/dist_flags.hpp>
#include <cnode/protocol/handshake.hpp>

namespace cnode::test {

class fake_peer {
 public:
  explicit fake_peer(int fd) : fd_(fd) {
    // A test that waits for ever is no test.
    const timeval patience{10, 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  }
  // `receive_buffer` in bytes; 0: as large as the kernel likes, which may be tens of megabytes.
  static fake_peer connect(std::uint16_t port, int receive_buffer = 0) {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (receive_buffer) ::setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(fd, reinterpret_cast<sockaddr*>(&a), sizeof a);
    return fake_peer(fd);
  }
  fake_peer(fake_peer&& o) noexcept : fd_(std::exchange(o.fd_, -1)), status_(std::move(o.status_)), link_(std::move(o.link_)) {}
  ~fake_peer() {
    if (fd_ >= 0) ::close(fd_);
  }

  static dist::handshake_config settings(const std::string& name, const std::string& cookie) {
    dist::handshake_config c;
    c.our_name = name;
    c.creation = 5;
    c.offered = dist::needed_flags | dist::wanted_flags | dist::dist_flag::published;
    c.cookie = [cookie](const std::string&) { return cookie; };
    c.challenge = 4242;
    return c;
  }
  // We call. False: refused.
  bool call(const std::string& name, const std::string& node, const std::string& cookie) {
    auto c = settings(name, cookie);
    c.four_byte_frames = four_byte_frames;
    return shake(dist::handshake::we_started(std::move(c), node));
  }
  // We are called.
  bool answer(const std::string& name, const std::string& cookie) {
    return shake(dist::handshake::other_started(settings(name, cookie)));
  }
  const std::string& status() const { return status_; }
  bool four_byte_frames = false;  // in the handshake, as under TLS; before call()

  void send(const std::string& bytes) { (void)!::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL); }
  void send(const dist::control_message& m, term message) {
    if (link_->send(m, message)) {
      link_->fill_output(SIZE_MAX);
      send(link_->output().str());
      link_->output().clear();
    }
  }
  // The next message; nothing when the node hangs up.
  std::optional<dist::frame_event> next() {
    for (;;) {
      auto event = link_->next_event();
      if (!event) return {};
      if (*event) return std::move(**event);
      const auto bytes = read();
      if (bytes.empty()) return {};
      link_->receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
    }
  }
  std::uint64_t ticks() const { return link_->ticks(); }
  // What comes next; empty when the node has hung up. Silence is a failure, never taken for an end.
  std::string read() {
    std::string bytes(65536, '\0');
    const auto n = ::recv(fd_, bytes.data(), bytes.size(), 0);
    if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK)) ADD_FAILURE() << "the node neither said anything nor hung up within ten seconds";
    bytes.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
    return bytes;
  }

 private:
  bool shake(dist::handshake h) {
    for (;;) {
      if (h.wants_decision()) h.decide(dist::name_decision::ok);
      send(h.take_output());
      status_ = h.status();
      if (h.done()) break;
      if (h.failed()) return false;
      const auto bytes = read();
      if (bytes.empty()) return false;
      const auto used = h.receive({reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()});
      if (h.done()) {
        send(h.take_output());
        link_.emplace(h.done()->negotiated);
        link_->receive({reinterpret_cast<const std::uint8_t*>(bytes.data()) + *used, bytes.size() - *used});
        return true;
      }
    }
    link_.emplace(h.done()->negotiated);
    return true;
  }

  int fd_;
  std::string status_;
  std::optional<dist::connection> link_;
};

}  // namespace cnode::test
