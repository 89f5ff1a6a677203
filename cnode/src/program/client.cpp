#include "client.hpp"

#include <ei.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <vector>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/epmd.hpp>
#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/term_text.hpp>

#include "client_socket.hpp"

namespace cnode::program {
namespace {

int complain(const std::string& text) {
  std::fprintf(stderr, "cnode: %s\n", text.c_str());
  return 1;
}

int epmd_port() {
  const char* text = std::getenv("ERL_EPMD_PORT");
  const int port = text ? std::atoi(text) : 0;
  return port > 0 && port < 65536 ? port : epmd::default_port;
}

// Asks epmd for the node's port. 0 and a sentence when there is none.
int look_up(const std::string& alive, const std::string& host, int timeout_ms, std::string& error) {
  const int port = epmd_port();
  const std::string where = "epmd at " + host + ":" + std::to_string(port);
  bool resolved = false;
  const int fd = connect_tcp(host, port, timeout_ms, resolved);
  if (fd < 0) {
    error = resolved ? where + " does not answer (" + std::strerror(errno) + "): no Erlang node runs there, or ERL_EPMD_PORT differs"
                     : "unknown host " + host;
    return 0;
  }
  const auto request = epmd::encode_port_please2_req(alive);
  std::vector<std::uint8_t> answer;
  bool end = ::send(fd, request.data(), request.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(request.size());
  for (;;) {
    auto response = epmd::decode_port2_resp(answer, end);
    if (!response) {
      error = where + " answers with something else than epmd would: " + to_string(response.error());
    } else if (*response) {
      const auto& r = **response;
      if (!r.found) error = "node " + alive + "@" + host + " is not registered with " + where + " (epmd -names lists those that are)";
      ::close(fd);
      return r.found ? r.port : 0;
    } else if (end) {
      error = where + " closed without an answer";
    }
    if (!error.empty()) {
      ::close(fd);
      return 0;
    }
    pollfd p{fd, POLLIN, 0};
    if (::poll(&p, 1, timeout_ms) != 1) {
      error = where + " is silent: is it an epmd?";
      continue;
    }
    std::uint8_t buffer[1024];
    const auto n = ::recv(fd, buffer, sizeof buffer, 0);
    if (n <= 0) {
      end = true;
    } else {
      answer.insert(answer.end(), buffer, buffer + n);
    }
  }
}

class link_to_node {
 public:
  ~link_to_node() {
    if (fd_ >= 0) ei_close_connection(fd_);
  }

  bool open(const client_options& o, std::string& error) {
    const auto at = o.node.find('@');
    if (at == std::string::npos || at == 0 || at + 1 == o.node.size()) {
      error = "'" + o.node + "' is no node name: write name@host";
      return false;
    }
    const std::string alive = o.node.substr(0, at), host = o.node.substr(at + 1);
    if (o.node.size() > MAXNODELEN) {
      error = "the node name is too long";
      return false;
    }
    const int port = o.dist_port ? o.dist_port : look_up(alive, host, o.timeout_ms, error);
    if (!port) return false;
    ei_init();
    if (!o.ssl_dist_optfile.empty()) {
      node::tls_options rules;
      auto wrong = node::read_tls_options(o.ssl_dist_optfile, rules);
      if (!wrong) wrong = node::tls_context::make(rules, socket_.context);
      if (wrong) {
        error = wrong->option + ": " + wrong->text;
        return false;
      }
    }
    // Our own name must be of the same kind (short or long) as the node's; its host need not be reachable.
    const std::string name = "cnode_" + std::to_string(::getpid());
    const std::string full = name + "@" + host;
    in_addr address{};
    address.s_addr = htonl(INADDR_LOOPBACK);
    const auto creation = static_cast<unsigned>(::getpid() & 0x3fff);
    socket_.host = host;
    socket_.port = port;
    const int ready = ei_connect_xinit_ussi(&ec_, host.c_str(), name.c_str(), full.c_str(), &address, o.cookie.c_str(), creation,
                                            client_socket::callbacks(), sizeof(ei_socket_callbacks), &socket_);
    if (ready < 0) {
      error = "libei does not accept the node name " + full;
      return false;
    }
    fd_ = ei_xconnect_host_port_tmo(&ec_, &address, port, static_cast<unsigned>(o.timeout_ms));
    if (fd_ < 0) {
      error = !socket_.error.empty() ? o.node + " is there, but no connection comes about: " + socket_.error
              : erl_errno == ETIMEDOUT ? o.node + " accepts no connection: it is silent"
                                     : o.node + " is there but refuses the connection: is the cookie the same, and is there TLS on both sides or on none?";
      return false;
    }
    timeout_ms_ = o.timeout_ms;
    return true;
  }

  // rpc through rex's old form; the answer is checked by our own decoder before anybody reads it.
  block_ptr rpc(const std::string& module, const std::string& function, term args, std::string& error) {
    ei_x_buff request;
    ei_x_new(&request);
    const auto encoded = term_to_binary_without_version(args);
    ei_x_append_buf(&request, encoded.data(), static_cast<int>(encoded.size()));
    const int sent = ei_rpc_to(&ec_, fd_, const_cast<char*>(module.c_str()), const_cast<char*>(function.c_str()),
                               request.buff, request.index);
    ei_x_free(&request);
    if (sent < 0) {
      error = "the connection broke while the request was sent";
      return nullptr;
    }
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(timeout_ms_);
    for (;;) {
      const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
      ei_x_buff answer;
      ei_x_new(&answer);
      erlang_msg message;
      const int got = left <= 0 ? ERL_ERROR : ei_xreceive_msg_tmo(fd_, &message, &answer, static_cast<unsigned>(left));
      if (got == ERL_TICK) {
        ei_x_free(&answer);
        continue;
      }
      if (got == ERL_ERROR) {
        error = left <= 0 || erl_errno == ETIMEDOUT ? "no answer within " + std::to_string(timeout_ms_) + " ms (--timeout)"
                                                    : "the node closed the connection";
        ei_x_free(&answer);
        return nullptr;
      }
      block_ptr reply;
      if (message.msgtype == ERL_SEND || message.msgtype == ERL_REG_SEND) {
        auto decoded = etf::binary_to_term({reinterpret_cast<const std::uint8_t*>(answer.buff), static_cast<std::size_t>(answer.index)});
        if (decoded) reply = std::move(*decoded);
        else error = "the answer is no term: " + to_string(decoded.error());
      }
      ei_x_free(&answer);
      if (!error.empty()) return nullptr;
      if (!reply) continue;
      const term t = reply->root;
      if (t.is_tuple(2) && t[0].same(atom("rex"))) {
        reply->root = t[1];
        return reply;
      }
    }
  }

  int fd() const { return fd_; }

 private:
  static std::string term_to_binary_without_version(term t) { return etf::term_to_binary(t).substr(1); }

  client_socket socket_;
  ei_cnode ec_{};
  int fd_ = -1;
  int timeout_ms_ = 0;
};

}  // namespace

int ping(const client_options& options) {
  link_to_node link;
  std::string error;
  if (!link.open(options, error)) {
    std::puts("pang");
    return complain(error);
  }
  std::puts("pong");
  return 0;
}

int call(const client_options& options, const std::string& module, const std::string& function, const std::string& args) {
  auto parsed = parse_term(args);
  if (!parsed) return complain("the arguments " + args + " are no term: " + to_string(parsed.error()));
  if (list_length((*parsed)->root) < 0) return complain("the arguments must be a list, as in '[1, foo]'; got " + args);
  link_to_node link;
  std::string error;
  if (!link.open(options, error)) return complain(error);
  auto reply = link.rpc(module, function, (*parsed)->root, error);
  if (!reply) return complain(error);
  std::printf("%s\n", to_text(reply->root).c_str());
  const term t = reply->root;
  return t.is_tuple(2) && t[0].same(atom("badrpc")) ? 1 : 0;
}

int stop(const client_options& options) {
  link_to_node link;
  std::string error;
  if (!link.open(options, error)) return complain(error);
  auto reply = link.rpc("init", "stop", nil, error);
  if (reply && !reply->root.same(atom("ok"))) return complain("init:stop() answered " + to_text(reply->root));
  // The node has stopped when it closes the connection.
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::milliseconds(options.timeout_ms);
  while (std::chrono::steady_clock::now() < deadline) {
    ei_x_buff ignored;
    ei_x_new(&ignored);
    erlang_msg message;
    const int got = ei_xreceive_msg_tmo(link.fd(), &message, &ignored, 1000);
    const bool timed_out = got == ERL_ERROR && erl_errno == ETIMEDOUT;
    ei_x_free(&ignored);
    if (got == ERL_ERROR && !timed_out) return 0;
  }
  return complain(options.node + " did not stop within " + std::to_string(options.timeout_ms) + " ms");
}

}  // namespace cnode::program
