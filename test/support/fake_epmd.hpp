// An epmd in the test: registers any name, answers for the ports it was told, or misbehaves on demand.
#pragma once

#include <arpa/inet.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <condition_variable>
#include <list>
#include <map>
#include <mutex>
#include <string>
#include <thread>

namespace cnode::test {

inline int listen_on_loopback(std::uint16_t& port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  socklen_t size = sizeof a;
  ::bind(fd, reinterpret_cast<sockaddr*>(&a), size);
  ::listen(fd, 16);
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&a), &size);
  port = ntohs(a.sin_port);
  return fd;
}

class fake_epmd {
 public:
  enum class manner { normal, taken, garbage, hangs_up };
  explicit fake_epmd(manner m = manner::normal) : manner_(m), listener_(listen_on_loopback(port_)) {
    thread_ = std::thread([this] { run(); });
  }
  ~fake_epmd() {
    over_ = true;
    ::shutdown(listener_, SHUT_RDWR);
    thread_.join();
    ::close(listener_);
    for (const int fd : kept_) ::close(fd);
  }
  std::uint16_t port() const { return port_; }
  void knows(const std::string& name, std::uint16_t port) {
    std::lock_guard lock(mutex_);
    ports_[name] = port;
  }
  int registrations() {
    std::lock_guard lock(mutex_);
    return registrations_;
  }
  // Forgets everybody, as a restart does.
  void drop_all() {
    std::lock_guard lock(mutex_);
    for (const int fd : kept_) ::close(fd);
    kept_.clear();
  }

 private:
  void run() {
    while (!over_) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) continue;
      std::string request(2, '\0');
      if (::recv(fd, request.data(), 2, MSG_WAITALL) == 2) {
        request.resize(static_cast<unsigned char>(request[0]) << 8 | static_cast<unsigned char>(request[1]));
        if (::recv(fd, request.data(), request.size(), MSG_WAITALL) == static_cast<ssize_t>(request.size()))
          answer(fd, request);
      }
    }
  }
  void answer(int fd, const std::string& request) {
    std::lock_guard lock(mutex_);
    std::string reply;
    bool keep = false;
    if (manner_ == manner::garbage) {
      reply = "SSH-2.0-OpenSSH";
    } else if (manner_ == manner::hangs_up) {
    } else if (request[0] == 120) {  // ALIVE2_REQ -> ALIVE2_X_RESP, creation 77
      ++registrations_;
      keep = manner_ == manner::normal;
      reply = keep ? std::string("\x76\0\0\0\0\x4d", 6) : std::string("\x76\1\0\0\0\x63", 6);
    } else if (request[0] == 122) {  // PORT_PLEASE2_REQ
      const auto it = ports_.find(request.substr(1));
      reply = "\x77\1";
      if (it != ports_.end()) {
        reply = std::string("\x77\0", 2);
        reply += static_cast<char>(it->second >> 8);
        reply += static_cast<char>(it->second);
        reply += std::string("\x4d\0\0\6\0\5\0", 7);
        reply += static_cast<char>(it->first.size());
        reply += it->first + std::string(2, '\0');
      }
    }
    if (::send(fd, reply.data(), reply.size(), MSG_NOSIGNAL) < 0) keep = false;
    if (keep) kept_.push_back(fd);
    else ::close(fd);
  }

  manner manner_;
  std::uint16_t port_ = 0;
  int listener_;
  std::atomic<bool> over_{false};
  std::mutex mutex_;
  std::map<std::string, std::uint16_t> ports_;
  std::list<int> kept_;
  int registrations_ = 0;
  std::thread thread_;
};

}  // namespace cnode::test
