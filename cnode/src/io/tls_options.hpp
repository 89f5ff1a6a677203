// The file of --ssl-dist-optfile: [{server, Options}, {client, Options}], the options those of OTP's ssl application ("Using TLS for
// Erlang Distribution"; ssl_dist_sup:consult/1). Defaults are OTP 29's: the client verifies its peer, a server that verifies wants a
// certificate, TLS 1.3 and 1.2. An option that we cannot honour is refused by name, one that changes nothing here is taken.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <cnode/node/node_config.hpp>

namespace cnode::node {

struct tls_key_pair {
  std::string certfile, keyfile, password;  // keyfile empty: the key lies in certfile
};

struct tls_role {
  std::vector<tls_key_pair> keys;
  std::string cacertfile, dhfile;
  bool verify_peer = false, fail_if_no_peer_cert = false;
  bool tls12 = true, tls13 = true;
  unsigned depth = 10;
  std::optional<std::vector<std::string>> ciphers;  // names of OpenSSL or of the standard, TLS 1.3's among them
  std::vector<std::string> groups, signature_algs;  // in OpenSSL's spelling
  bool honor_cipher_order = false, client_renegotiation = true, certificate_authorities = false;
  bool check_host = true;                // client: {server_name_indication, disable} turns it off
  std::string server_name;               // client: instead of the node's host
  std::uint64_t key_update_at = 388'736'063'997;  // bytes sent under one key of TLS 1.3
  std::uint32_t max_handshake_size = 256 * 1024;
};

struct tls_options {
  std::string file;
  tls_role server, client;
};

// Reads and checks the file; the certificates it names are read by tls_context. The error names file, section and option.
std::optional<start_error> read_tls_options(const std::string& file, tls_options& out);

}  // namespace cnode::node
