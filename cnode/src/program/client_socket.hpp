// The sockets of libei's connections: the callbacks it calls instead of the system, which knows IPv4 alone and no TLS. Blocking, with
// the timeouts libei gives.
#pragma once

#include <ei.h>

#include <memory>
#include <string>

#include "io/tls_context.hpp"

namespace cnode::program {

struct client_socket {
  std::string host;   // of the node that is called: each of its addresses is tried; under TLS its certificate must be for it
  int port = 0;
  std::shared_ptr<const node::tls_context> context;  // null: plain TCP
  std::string error;  // why the last connection did not come about, or ended; empty when TLS had no part in it

  // The setup context libei is given is the client_socket; it must live as long as the connection. The address libei connects to does
  // not matter.
  static ei_socket_callbacks* callbacks();
};

// A TCP connection within the time, not blocking, or -1 and errno. `resolved` tells an unknown host from a silent one.
int connect_tcp(const std::string& host, int port, int timeout_ms, bool& resolved);

}  // namespace cnode::program
