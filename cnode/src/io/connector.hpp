// One attempt to connect to a node: resolve the host, ask its epmd, connect, shake hands. Runs on the control thread.
//
// The addresses of a host are tried in turn, until one of them lets us connect; net_setuptime is for all of them together.
// What goes wrong afterwards, in the handshake, ends the attempt.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cnode/node/node_config.hpp>

#include "epmd_client.hpp"
#include "handshake_session.hpp"

namespace cnode::node {

class connect_attempt : public std::enable_shared_from_this<connect_attempt> {
 public:
  struct handlers {
    // The initiator's machine and the challenge it was made with.
    std::function<std::pair<dist::handshake, std::uint32_t>()> make_handshake;
    // TLS on a connected socket, for the name of the peer's host; empty: plain TCP.
    std::function<std::unique_ptr<tls_stream>(int descriptor, const std::string& host)> make_tls;
    // A handshake has ended, well or not: its challenge is no longer outstanding.
    std::function<void(std::uint32_t challenge)> challenge_over;
    // One of the two is called, once, unless cancel() comes first.
    std::function<void(handshake_session&, std::string rest)> done;
    std::function<void(std::string text)> failed;
  };

  connect_attempt(boost::asio::io_context& io, const node_config& config, std::string node, handlers h);
  void start();
  // What start() does once it knows the addresses: for a name that resolves otherwise than by the resolver.
  void start_at(std::vector<boost::asio::ip::tcp::endpoint> epmds);
  void cancel();

 private:
  void next_address();
  void address_failed(const std::string& text);
  std::chrono::milliseconds share() const;  // what the address being tried may take of the time that is left
  void connect(std::uint16_t port);
  void connected();
  void session_failed(handshake_session& session, const std::string& text);
  void limit(const char* what);    // net_setuptime for the step that begins
  void fail(std::string text);

  boost::asio::io_context& io_;
  const node_config& config_;
  const std::string node_;
  handlers handlers_;
  std::string name_, host_;
  boost::asio::ip::tcp::resolver resolver_;
  boost::asio::steady_timer timer_;
  boost::asio::ip::tcp::socket socket_;
  std::vector<boost::asio::ip::tcp::endpoint> ends_;
  std::size_t tried_ = 0;                   // of ends_, the present one included
  std::chrono::steady_clock::time_point deadline_;  // for all of ends_
  std::string trouble_;                     // of the addresses tried, in their order
  std::shared_ptr<epmd_exchange> epmd_;
  std::shared_ptr<handshake_session> session_;
  bool over_ = false;
};

}  // namespace cnode::node
