// Receives a length and that many bytes, sends the bytes back, again and again: store and forward without a protocol.
// Prints its port; one client at a time.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstdint>
#include <cstdio>
#include <vector>

static bool all(ssize_t (*f)(int, char*, std::size_t), int fd, char* data, std::size_t n) {
  while (n > 0) {
    const auto did = f(fd, data, n);
    if (did <= 0) return false;
    data += did;
    n -= static_cast<std::size_t>(did);
  }
  return true;
}
static ssize_t in(int fd, char* data, std::size_t n) { return ::recv(fd, data, n, 0); }
static ssize_t out(int fd, char* data, std::size_t n) { return ::send(fd, data, n, MSG_NOSIGNAL); }

int main() {
  const int listener = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  if (::bind(listener, reinterpret_cast<sockaddr*>(&a), size) != 0 || ::listen(listener, 4) != 0 ||
      ::getsockname(listener, reinterpret_cast<sockaddr*>(&a), &size) != 0)
    return 1;
  std::printf("%d\n", ntohs(a.sin_port));
  std::fflush(stdout);
  std::vector<char> message;
  for (;;) {
    const int fd = ::accept(listener, nullptr, nullptr);
    std::uint64_t length = 0;
    while (all(in, fd, reinterpret_cast<char*>(&length), sizeof length)) {
      message.resize(length);
      if (!all(in, fd, message.data(), length) || !all(out, fd, message.data(), length)) break;
    }
    ::close(fd);
  }
}
