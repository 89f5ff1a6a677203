// The listening socket and its accept loop. Runs on the control thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cnode/node/node_config.hpp>

namespace cnode::node {

class listener {
 public:
  using accepted_function = std::function<void(boost::asio::ip::tcp::socket)>;
  using trouble_function = std::function<void(std::string text)>;

  explicit listener(boost::asio::io_context& io);
  // Binds the first free port of the range.
  std::optional<start_error> open(const node_config& config);
  // Endless: a shortage (EMFILE and its kin) is reported and tried again a little later.
  void accept(accepted_function accepted, trouble_function trouble);
  void close();
  std::uint16_t port() const { return port_; }

 private:
  void next();

  boost::asio::ip::tcp::acceptor acceptor_;
  boost::asio::steady_timer pause_;
  accepted_function accepted_;
  trouble_function trouble_;
  std::uint16_t port_ = 0;
};

}  // namespace cnode::node
