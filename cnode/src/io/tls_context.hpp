// What the TLS connections of a node share: certificates, keys and rules of either role, as OpenSSL holds them. Immutable.
#pragma once

#include <openssl/ssl.h>

#include <memory>
#include <optional>
#include <string>

#include <cnode/node/node_config.hpp>

#include "tls_options.hpp"

namespace cnode::node {

class tls_context {
 public:
  // Loads what the options name. The error names the options' file, the section and the file or option at fault.
  static std::optional<start_error> make(const tls_options& options, std::shared_ptr<const tls_context>& out);

  SSL_CTX* side(bool server) const { return (server ? server_ : client_).get(); }
  const tls_role& role(bool server) const { return server ? options_.server : options_.client; }

 private:
  struct free_context {
    void operator()(SSL_CTX* c) const { SSL_CTX_free(c); }
  };
  using context_ptr = std::unique_ptr<SSL_CTX, free_context>;

  tls_options options_;
  context_ptr server_, client_;
};

}  // namespace cnode::node
