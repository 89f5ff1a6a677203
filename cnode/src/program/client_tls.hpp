// TLS for the connections of libei: the socket callbacks it calls instead of the system. Blocking, with the timeouts libei gives.
#pragma once

#include <ei.h>

#include <memory>
#include <string>

#include "io/tls_context.hpp"

namespace cnode::program {

struct client_tls {
  std::shared_ptr<const node::tls_context> context;
  std::string host;   // of the node that is called: its certificate must be for it
  std::string error;  // why the last connection did not come about, or ended; empty when TLS had no part in it

  // The setup context libei is given is the client_tls; it must live as long as the connection.
  static ei_socket_callbacks* callbacks();
};

}  // namespace cnode::program
