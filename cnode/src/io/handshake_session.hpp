// A handshake over a socket, either role, TLS's before that of the distribution. Runs on the control thread. Costs a socket, a timer and a
// few hundred bytes; under TLS some 100 KB, and the certificates of the peer up to max_handshake_size.
#pragma once

#include <array>
#include <chrono>
#include <functional>
#include <memory>
#include <string>

#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cnode/protocol/handshake.hpp>

#include "dynamic_names.hpp"
#include "tls_stream.hpp"

namespace cnode::node {

class handshake_session : public std::enable_shared_from_this<handshake_session> {
 public:
  // Exactly one of them is called, once, unless cancel() comes first.
  struct handlers {
    // Acceptor: answers handshake::wants_decision() by calling decide().
    std::function<void(handshake_session&)> decide;
    // The handshake is over; `rest` came behind it. The socket may be taken.
    std::function<void(handshake_session&, std::string rest)> done;
    // `text` is fit for a log line. The socket is closed.
    std::function<void(handshake_session&, std::string text)> failed;
  };

  handshake_session(boost::asio::ip::tcp::socket socket, dist::handshake handshake, std::uint32_t challenge,
                    handlers h, std::unique_ptr<tls_stream> tls = {});
  void start(std::chrono::milliseconds limit);
  void cancel();

  boost::asio::ip::tcp::socket& socket() { return socket_; }
  dist::handshake& machine() { return handshake_; }
  // Null without TLS. Taken along with the socket, whose descriptor it uses.
  std::unique_ptr<tls_stream>& tls() { return tls_; }
  // It was TLS that failed, or it is missing on one side.
  bool failed_in_tls() const { return failed_in_tls_; }
  const std::string& address() const { return address_; }  // of the other end
  std::uint32_t challenge() const { return challenge_; }
  std::shared_ptr<dynamic_names::lease> lease;  // acceptor: of the name the other end was given

 private:
  void step();                      // sends what there is to send, then goes on as the machine stands
  void read();
  void received(std::size_t n);
  void fail(std::string text);
  void fail_tls();
  void shake_tls();
  void write_tls();
  void read_tls();
  // Calls again when the socket is ready for what TLS waits for.
  void wait_for_tls(void (handshake_session::*again)(), bool to_write);

  boost::asio::ip::tcp::socket socket_;
  boost::asio::steady_timer timer_;
  dist::handshake handshake_;
  const std::uint32_t challenge_;
  handlers handlers_;
  std::string address_;
  std::array<std::uint8_t, 512> in_;
  std::string out_, rest_;
  std::unique_ptr<tls_stream> tls_;
  bool tls_ready_ = false, failed_in_tls_ = false, heard_ = false;
  bool over_ = false;
};

// "127.0.0.1:4711"; "?" when the socket has no other end any more.
std::string remote_address(const boost::asio::ip::tcp::socket& socket);
// Children (epmd, compilers) must not inherit it.
void set_close_on_exec(int descriptor);

}  // namespace cnode::node
