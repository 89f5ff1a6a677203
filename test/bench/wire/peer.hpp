// One end of a connection to a node under measurement: the protocol layer of the tree on a socket that does not wait. Failures end the
// program with a message: a benchmark that lost a reply has no figure.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <optional>
#include <string>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/connection.hpp>
#include <cnode/protocol/handshake.hpp>

namespace cnode::bench {

[[noreturn]] inline void fail(const std::string& what) {
  std::fprintf(stderr, "bench_client: %s\n", what.c_str());
  std::exit(1);
}

struct address_of_server {
  std::uint16_t port = 0;
  std::string node, cookie;
};

inline int connect_to(std::uint16_t port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(port);
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  if (fd < 0 || ::connect(fd, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) fail(std::string("connect: ") + std::strerror(errno));
  const int on = 1;
  ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  return fd;
}

class peer {
 public:
  // Connects and shakes hands as `name`, which the server must not know already. Hidden, as erl_interface is.
  peer(const address_of_server& server, const std::string& name, bool atom_cache, std::uint32_t creation) : fd_(connect_to(server.port)) {
    using namespace dist;
    handshake_config config;
    config.our_name = name;
    config.creation = creation;
    config.offered = needed_flags | wanted_flags;
    if (!atom_cache) config.offered &= ~(dist_flag::dist_hdr_atom_cache | dist_flag::fragments);
    config.cookie = [&](const std::string&) { return server.cookie; };
    config.challenge = creation * 7919 + 1;
    auto shaking = handshake::we_started(std::move(config), server.node);
    std::string rest;
    while (!shaking.done()) {
      const auto out = shaking.take_output();
      if (!out.empty() && ::send(fd_, out.data(), out.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(out.size())) fail("handshake: send");
      if (shaking.done()) break;
      std::uint8_t bytes[1024];
      const auto n = ::recv(fd_, bytes, sizeof bytes, 0);
      if (n <= 0) fail("handshake: the server closed");
      const auto took = shaking.receive({bytes, static_cast<std::size_t>(n)});
      if (!took || shaking.failed()) fail("handshake: " + (took ? shaking.status() : to_string(took.error())));
      rest.assign(reinterpret_cast<char*>(bytes) + *took, static_cast<std::size_t>(n) - *took);
    }
    const auto out = shaking.take_output();
    if (!out.empty()) (void)!::send(fd_, out.data(), out.size(), MSG_NOSIGNAL);
    flags_ = shaking.done()->negotiated;
    connection_.emplace(flags_, connection_limits{.max_frame = 0xffffffff, .max_unfinished_messages = 65'536,
                                                  .max_unfinished_bytes = std::size_t{3} << 30});
    if (!rest.empty()) connection_->receive({reinterpret_cast<const std::uint8_t*>(rest.data()), rest.size()});
    ::fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  peer(peer&& o) noexcept : fd_(std::exchange(o.fd_, -1)), flags_(o.flags_), connection_(std::move(o.connection_)) {}
  ~peer() { if (fd_ >= 0) ::close(fd_); }

  int fd() const { return fd_; }
  dist::dist_flags flags() const { return flags_; }
  void send(const dist::control_message& m, term message = {}) {
    if (const auto sent = connection_->send(m, message); !sent) fail("send: " + to_string(sent.error()));
  }
  bool output_waits() { return connection_->output().size() + connection_->waiting() > 0; }

  // Writes as much as the socket takes.
  void flush() {
    for (;;) {
      if (connection_->output().size() < 256 * 1024) connection_->fill_output(8);
      const auto pieces = connection_->output().pieces();
      if (pieces.empty()) return;
      iovec v[64];
      std::size_t n = 0;
      for (const auto& p : pieces) {
        if (n == 64) break;
        v[n++] = {const_cast<std::uint8_t*>(p.data), p.size};
      }
      msghdr m{};
      m.msg_iov = v;
      m.msg_iovlen = n;
      const auto sent = ::sendmsg(fd_, &m, MSG_NOSIGNAL);
      if (sent < 0) {
        if (errno == EAGAIN) return;
        fail(std::string("send: ") + std::strerror(errno));
      }
      connection_->output().consume(static_cast<std::size_t>(sent));
    }
  }
  // One read, if there is something. Answers ticks.
  void read() {
    iovec v[64];
    std::size_t pieces = 0;
    for (const auto& room : connection_->prepare_pieces(64 * 1024, 1 << 20))
      if (pieces < 64) v[pieces++] = {room.data(), room.size()};
    const auto n = ::readv(fd_, v, static_cast<int>(pieces));
    if (n == 0) fail("the server closed the connection");
    if (n < 0) {
      if (errno == EAGAIN) return;
      fail(std::string("recv: ") + std::strerror(errno));
    }
    connection_->commit(static_cast<std::size_t>(n));
    if (connection_->ticks() != ticks_) {
      ticks_ = connection_->ticks();
      connection_->tick();
    }
  }
  std::optional<dist::frame_event> next() {
    auto event = connection_->next_event();
    if (!event) fail("what the server sent: " + to_string(event.error()));
    return std::move(*event);
  }
  // Waits until the socket can be read, or written when something waits; then does both.
  void turn() {
    pollfd p{fd_, static_cast<short>(POLLIN | (output_waits() ? POLLOUT : 0)), 0};
    if (::poll(&p, 1, 60'000) <= 0) fail("no answer within 60 s");
    if (p.revents & POLLOUT) flush();
    if (p.revents & (POLLIN | POLLHUP | POLLERR)) read();
  }

 private:
  int fd_;
  dist::dist_flags flags_ = 0;
  std::optional<dist::connection> connection_;
  std::uint64_t ticks_ = 0;
};

}  // namespace cnode::bench
