#include "listener.hpp"

#include <chrono>

#include "handshake_session.hpp"

namespace cnode::node {

namespace asio = boost::asio;
using asio::ip::tcp;
using error_code = boost::system::error_code;

namespace {

// As inet_tcp_dist.
constexpr int backlog = 128;
constexpr std::chrono::milliseconds pause_when_short{200};

}  // namespace

listener::listener(asio::io_context& io) : acceptor_(io), pause_(io) {}

std::optional<start_error> listener::open(const node_config& config) {
  const bool v6 = over_ipv6(config.proto_dist);
  asio::ip::address address = v6 ? asio::ip::address(asio::ip::address_v6::any()) : asio::ip::address_v4::any();
  error_code e;
  if (!config.address.empty()) {
    address = asio::ip::make_address(config.address, e);
    if (e) return start_error{"--address", "\"" + config.address + "\" is no IP address"};
    if (address.is_v6() != v6)
      return start_error{"--address", config.address + (v6 ? " is an IPv4 address: connections over --proto-dist inet6_tcp need one of IPv6"
                                                           : " is an IPv6 address: it needs --proto-dist inet6_tcp")};
  }
  unsigned first = config.listen_min, last = config.listen_max == 0 ? config.listen_min : config.listen_max;
  std::string option = "--dist-listen-min";
  if (config.no_epmd) {
    if (config.dist_port == 0)
      return start_error{"--dist-port", "without epmd other nodes must know our port: --no-epmd needs --dist-port"};
    first = last = config.dist_port;
    option = "--dist-port";
  }
  if (first > last)
    return start_error{"--dist-listen-max",
                       "the port range " + std::to_string(first) + " to " + std::to_string(last) + " is empty"};
  for (auto port = first; port <= last; ++port) {
    const tcp::endpoint end(address, static_cast<std::uint16_t>(port));
    error_code ignored;
    acceptor_.close(ignored);
    acceptor_.open(end.protocol(), e);
    if (!e) {
      set_close_on_exec(acceptor_.native_handle());
      acceptor_.set_option(tcp::acceptor::reuse_address(true), e);
    }
    if (!e) acceptor_.bind(end, e);
    if (!e) acceptor_.listen(backlog, e);
    if (!e) {
      port_ = acceptor_.local_endpoint().port();
      return {};
    }
    if (e != asio::error::address_in_use) break;
  }
  acceptor_.close();
  const auto where = first == last ? "port " + std::to_string(first)
                                   : "ports " + std::to_string(first) + " to " + std::to_string(last);
  return start_error{e == asio::error::address_in_use || config.address.empty() ? option : "--address",
                     "cannot listen on " + address.to_string() + ", " + where + ": " + e.message()};
}

void listener::accept(accepted_function accepted, trouble_function trouble) {
  accepted_ = std::move(accepted);
  trouble_ = std::move(trouble);
  next();
}

void listener::next() {
  acceptor_.async_accept([this](const error_code& e, tcp::socket socket) {
    if (e == asio::error::operation_aborted || !acceptor_.is_open()) return;
    if (!e) {
      accepted_(std::move(socket));
      return next();
    }
    // A stranger who hung up before we came to it is no trouble of ours; no descriptors or no memory is.
    if (e == asio::error::connection_aborted) return next();
    trouble_("cannot accept connections: " + e.message());
    pause_.expires_after(pause_when_short);
    pause_.async_wait([this](const error_code& stopped) {
      if (!stopped) next();
    });
  });
}

void listener::close() {
  pause_.cancel();
  error_code ignored;
  acceptor_.close(ignored);
}

}  // namespace cnode::node
