#include "client_socket.hpp"

#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>

#include "io/tls_stream.hpp"

namespace cnode::program {
namespace {

using node::tls_stream;
using state = tls_stream::state;

struct connection {
  client_socket* setup;
  int fd;
  std::unique_ptr<tls_stream> tls;
};

class deadline {
 public:
  explicit deadline(unsigned milliseconds)
      : endless_(milliseconds == EI_SCLBK_INF_TMO || milliseconds == 0), end_(std::chrono::steady_clock::now() + std::chrono::milliseconds(endless_ ? 0 : milliseconds)) {}
  // False when the time is over.
  bool wait(int fd, bool to_write) const {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(end_ - std::chrono::steady_clock::now()).count();
    if (!endless_ && left <= 0) return false;
    pollfd p{fd, static_cast<short>(to_write ? POLLOUT : POLLIN), 0};
    const int ready = ::poll(&p, 1, endless_ ? -1 : static_cast<int>(left));
    return ready > 0 || (ready < 0 && errno == EINTR);
  }

 private:
  bool endless_;
  std::chrono::steady_clock::time_point end_;
};

int failed(connection& c) {
  c.setup->error = "TLS: " + c.tls->text();
  return EPROTO;
}

int open_socket(void** ctx, void* setup) {
  *ctx = new connection{static_cast<client_socket*>(setup), -1, nullptr};
  return 0;
}

int close_socket(void* ctx) {
  const std::unique_ptr<connection> c(static_cast<connection*>(ctx));
  if (c->tls) c->tls->shutdown();
  if (c->fd >= 0) ::close(c->fd);
  return 0;
}

int connect_socket(void* ctx, void*, int, unsigned limit) {
  auto& c = *static_cast<connection*>(ctx);
  const deadline end(limit);
  bool resolved = false;
  c.fd = connect_tcp(c.setup->host, c.setup->port, limit == EI_SCLBK_INF_TMO ? -1 : static_cast<int>(limit), resolved);
  if (c.fd < 0) return errno;
  const int on = 1;
  ::setsockopt(c.fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  if (!c.setup->context) return 0;
  const auto& rules = c.setup->context->role(false);
  c.tls = std::make_unique<tls_stream>(c.setup->context, false, c.fd,
                                       !rules.check_host ? "" : rules.server_name.empty() ? c.setup->host : rules.server_name);
  for (;;) {
    const auto now = c.tls->handshake().now;
    if (now == state::failed) return failed(c);
    if (now == state::progress) break;
    if (!end.wait(c.fd, c.tls->unsent() > 0)) {
      c.setup->error = "TLS: no answer; does the node speak TLS?";
      return ETIMEDOUT;
    }
  }
  c.tls->allow_renegotiation();
  return 0;
}

int write_plain(int fd, const char* bytes, std::size_t size, const deadline& end) {
  for (std::size_t sent = 0; sent < size;) {
    const auto n = ::send(fd, bytes + sent, size - sent, MSG_NOSIGNAL);
    if (n >= 0) sent += static_cast<std::size_t>(n);
    else if (errno != EAGAIN && errno != EINTR) return errno;
    else if (!end.wait(fd, true)) return ETIMEDOUT;
  }
  return 0;
}

int read_plain(int fd, char* room, ssize_t* size, const deadline& end) {
  for (;;) {
    const auto n = ::recv(fd, room, static_cast<std::size_t>(*size), 0);
    if (n >= 0) return *size = n, 0;
    if (errno != EAGAIN && errno != EINTR) return errno;
    if (!end.wait(fd, false)) return ETIMEDOUT;
  }
}

int write_bytes(void* ctx, const char* bytes, ssize_t* size, unsigned limit) {
  auto& c = *static_cast<connection*>(ctx);
  const deadline end(limit);
  const auto all = static_cast<std::size_t>(*size);
  if (!c.tls) return write_plain(c.fd, bytes, all, end);
  for (std::size_t sent = 0; sent < all || c.tls->unsent() > 0;) {
    const etf::output::piece piece{reinterpret_cast<const std::uint8_t*>(bytes) + sent, all - sent};
    const auto done = c.tls->write({&piece, 1});
    sent += done.size;
    if (done.now == state::failed || done.now == state::closed) return failed(c);
    // The node renegotiates before it reads on; libei cannot read for us while it writes.
    if (done.now == state::needs_input) return EIO;
    if (done.now == state::would_block && !end.wait(c.fd, true)) return ETIMEDOUT;
  }
  return 0;
}

int read_bytes(void* ctx, char* room, ssize_t* size, unsigned limit) {
  auto& c = *static_cast<connection*>(ctx);
  const deadline end(limit);
  if (!c.tls) return read_plain(c.fd, room, size, end);
  for (;;) {
    const auto got = c.tls->read({reinterpret_cast<std::uint8_t*>(room), static_cast<std::size_t>(*size)});
    if (got.size > 0 || got.now == state::closed) {
      *size = static_cast<ssize_t>(got.size);
      return 0;
    }
    if (got.now == state::failed) return failed(c);
    if (!end.wait(c.fd, c.tls->unsent() > 0)) return ETIMEDOUT;
  }
}

int length_bytes(void* ctx, int* size) {
  *size = static_cast<connection*>(ctx)->tls ? 4 : 2;
  return 0;
}
int nothing(void*) { return 0; }
int descriptor(void* ctx, int* fd) {
  *fd = static_cast<connection*>(ctx)->fd;
  return 0;
}
// This node calls, nobody calls it.
int no_listen(void*, void*, int*, int) { return ENOTSUP; }
int no_accept(void**, void*, int*, unsigned) { return ENOTSUP; }

}  // namespace

int connect_tcp(const std::string& host, int port, int timeout_ms, bool& resolved) {
  addrinfo hints{};
  hints.ai_socktype = SOCK_STREAM;
  addrinfo* list = nullptr;
  resolved = ::getaddrinfo(host.c_str(), std::to_string(port).c_str(), &hints, &list) == 0;
  if (!resolved) return -1;
  int fd = -1;
  int error = ECONNREFUSED;
  for (auto* a = list; a && fd < 0; a = a->ai_next) {
    fd = ::socket(a->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) continue;
    if (::connect(fd, a->ai_addr, a->ai_addrlen) == 0) break;
    error = errno;
    if (error == EINPROGRESS) {
      pollfd p{fd, POLLOUT, 0};
      socklen_t size = sizeof error;
      if (::poll(&p, 1, timeout_ms) == 1) {
        ::getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
        if (error == 0) break;
      } else {
        error = ETIMEDOUT;
      }
    }
    ::close(fd);
    fd = -1;
  }
  ::freeaddrinfo(list);
  errno = error;
  return fd;
}

ei_socket_callbacks* client_socket::callbacks() {
  static ei_socket_callbacks table = {EI_SCLBK_FLG_FULL_IMPL, open_socket, close_socket, no_listen,  no_accept, connect_socket, nullptr,
                                      write_bytes,            read_bytes,  length_bytes,   nothing,    nothing,   descriptor};
  return &table;
}

}  // namespace cnode::program
