#include "tls_context.hpp"

#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>

#include <cerrno>
#include <cstring>
#include <fstream>

namespace cnode::node {
namespace {

// What OpenSSL says last, which is the cause; nothing of it stays behind.
std::string openssl_says() {
  const auto error = ERR_peek_last_error();
  ERR_clear_error();
  const char* reason = ERR_reason_error_string(error);
  return reason ? reason : "error " + std::to_string(error);
}

// OpenSSL names a missing file badly.
std::string unreadable(const std::string& file) {
  std::ifstream in(file);
  if (!in) return std::strerror(errno);
  in.peek();
  return in.bad() ? "cannot be read" : "";
}

bool mentions(const std::string& file, const std::string& text) {
  std::ifstream in(file);
  for (std::string line; std::getline(in, line);)
    if (line.find(text) != line.npos) return true;
  return false;
}

int give_password(char* buffer, int size, int, void* given) {
  const auto& password = *static_cast<const std::string*>(given);
  if (static_cast<int>(password.size()) > size) return -1;
  std::memcpy(buffer, password.data(), password.size());
  return static_cast<int>(password.size());
}

std::string load_pair(SSL_CTX* ctx, const tls_key_pair& pair) {
  if (auto why = unreadable(pair.certfile); !why.empty()) return "certfile " + pair.certfile + ": " + why;
  // A password is asked for on the terminal unless there is a callback.
  SSL_CTX_set_default_passwd_cb(ctx, give_password);
  SSL_CTX_set_default_passwd_cb_userdata(ctx, const_cast<std::string*>(&pair.password));
  if (SSL_CTX_use_certificate_chain_file(ctx, pair.certfile.c_str()) != 1)
    return "certfile " + pair.certfile + ": holds no certificate that can be used: " + openssl_says();
  const auto& key = pair.keyfile.empty() ? pair.certfile : pair.keyfile;
  const std::string what = (pair.keyfile.empty() ? "certfile " : "keyfile ") + key + ": ";
  if (auto why = unreadable(key); !why.empty()) return what + why;
  std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_file(key.c_str(), "r"), BIO_free);
  std::unique_ptr<EVP_PKEY, decltype(&EVP_PKEY_free)> loaded(
      PEM_read_bio_PrivateKey(in.get(), nullptr, give_password, const_cast<std::string*>(&pair.password)), EVP_PKEY_free);
  if (!loaded) {
    if (!mentions(key, "PRIVATE KEY-----")) return ERR_clear_error(), what + "holds no private key";
    return what + (pair.password.empty() ? "the key cannot be read without a password: " : "the key cannot be read; is the password right? ") +
           openssl_says();
  }
  auto* certificate = SSL_CTX_get0_certificate(ctx);
  if (X509_check_private_key(certificate, loaded.get()) != 1)
    return ERR_clear_error(), what + "the key does not match the certificate in " + pair.certfile;
  if (SSL_CTX_use_PrivateKey(ctx, loaded.get()) != 1) return what + openssl_says();
  SSL_CTX_set_default_passwd_cb_userdata(ctx, nullptr);
  return {};
}

std::string load_ciphers(SSL_CTX* ctx, const std::vector<std::string>& names) {
  std::string old_list, new_list;
  for (const auto& name : names) {
    const bool is_13 = name.starts_with("TLS_AES_") || name.starts_with("TLS_CHACHA20_");
    std::string own = name;
    // TLS 1.2's standard names differ from OpenSSL's.
    if (!is_13 && name.starts_with("TLS_")) own = OPENSSL_cipher_name(name.c_str());
    auto& list = is_13 ? new_list : old_list;
    list += (list.empty() ? "" : ":") + own;
    const int known = is_13 ? SSL_CTX_set_ciphersuites(ctx, own.c_str()) : SSL_CTX_set_cipher_list(ctx, own.c_str());
    if (known != 1) return ERR_clear_error(), "ciphers: OpenSSL does not know, or does not allow, " + name;
  }
  if (SSL_CTX_set_ciphersuites(ctx, new_list.c_str()) != 1) return "ciphers: " + openssl_says();
  if (!old_list.empty() && SSL_CTX_set_cipher_list(ctx, old_list.c_str()) != 1) return "ciphers: " + openssl_says();
  if (old_list.empty()) SSL_CTX_set_min_proto_version(ctx, TLS1_3_VERSION);
  if (new_list.empty()) SSL_CTX_set_max_proto_version(ctx, TLS1_2_VERSION);
  return {};
}

std::string joined(const std::vector<std::string>& names) {
  std::string all;
  for (const auto& n : names) all += (all.empty() ? "" : ":") + n;
  return all;
}

std::string load_trusted(SSL_CTX* ctx, const tls_role& role) {
  const auto& file = role.cacertfile;
  if (file.empty()) return {};
  if (auto why = unreadable(file); !why.empty()) return "cacertfile " + file + ": " + why;
  if (SSL_CTX_load_verify_file(ctx, file.c_str()) != 1) return "cacertfile " + file + ": holds no certificates: " + openssl_says();
  if (!role.certificate_authorities) return {};
  auto* names = SSL_load_client_CA_file(file.c_str());
  if (!names) return "cacertfile " + file + ": " + openssl_says();
  SSL_CTX_set0_CA_list(ctx, names);
  return {};
}

std::string load_dh(SSL_CTX* ctx, const std::string& file) {
  if (file.empty()) return SSL_CTX_set_dh_auto(ctx, 1) == 1 ? "" : "dhfile: " + openssl_says();
  if (auto why = unreadable(file); !why.empty()) return "dhfile " + file + ": " + why;
  std::unique_ptr<BIO, decltype(&BIO_free)> in(BIO_new_file(file.c_str(), "r"), BIO_free);
  auto* parameters = PEM_read_bio_Parameters(in.get(), nullptr);
  if (!parameters) return "dhfile " + file + ": holds no parameters: " + openssl_says();
  if (SSL_CTX_set0_tmp_dh_pkey(ctx, parameters) == 1) return {};
  EVP_PKEY_free(parameters);
  return "dhfile " + file + ": " + openssl_says();
}

std::string configure(SSL_CTX* ctx, const tls_role& role, bool server) {
  if (!ctx) return openssl_says();
  ERR_clear_error();
  SSL_CTX_set_min_proto_version(ctx, role.tls12 ? TLS1_2_VERSION : TLS1_3_VERSION);
  SSL_CTX_set_max_proto_version(ctx, role.tls13 ? TLS1_3_VERSION : TLS1_2_VERSION);
  SSL_CTX_set_mode(ctx, SSL_MODE_ENABLE_PARTIAL_WRITE | SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
  // Connections live long and are few: nothing is resumed. What follows close_notify or its lack is the same to us: nodedown.
  SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_num_tickets(ctx, 0);
  SSL_CTX_set_options(ctx, SSL_OP_NO_TICKET | SSL_OP_IGNORE_UNEXPECTED_EOF | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  if (role.honor_cipher_order) SSL_CTX_set_options(ctx, SSL_OP_CIPHER_SERVER_PREFERENCE);
  SSL_CTX_set_read_ahead(ctx, 1);
  SSL_CTX_set_default_read_buffer_len(ctx, 64 * 1024);
  SSL_CTX_set_max_cert_list(ctx, role.max_handshake_size);
  SSL_CTX_set_verify_depth(ctx, static_cast<int>(role.depth));
  for (const auto& pair : role.keys)
    if (auto wrong = load_pair(ctx, pair); !wrong.empty()) return wrong;
  if (auto wrong = load_trusted(ctx, role); !wrong.empty()) return wrong;
  if (role.ciphers)
    if (auto wrong = load_ciphers(ctx, *role.ciphers); !wrong.empty()) return wrong;
  if (!role.groups.empty() && SSL_CTX_set1_groups_list(ctx, joined(role.groups).c_str()) != 1)
    return "supported_groups: " + openssl_says();
  for (const auto& one : role.signature_algs)
    if (SSL_CTX_set1_sigalgs_list(ctx, one.c_str()) != 1) return ERR_clear_error(), "signature_algs: OpenSSL does not know " + one;
  if (!role.signature_algs.empty()) SSL_CTX_set1_sigalgs_list(ctx, joined(role.signature_algs).c_str());
  if (server)
    if (auto wrong = load_dh(ctx, role.dhfile); !wrong.empty()) return wrong;
  const unsigned char id[] = "cnode";
  SSL_CTX_set_session_id_context(ctx, id, sizeof id - 1);
  if (SSL_CTX_get_min_proto_version(ctx) > SSL_CTX_get_max_proto_version(ctx)) return "versions and ciphers leave nothing to speak";
  return {};
}

}  // namespace

std::optional<start_error> tls_context::make(const tls_options& options, std::shared_ptr<const tls_context>& out) {
  auto made = std::make_shared<tls_context>();
  made->options_ = options;
  made->server_.reset(SSL_CTX_new(TLS_server_method()));
  made->client_.reset(SSL_CTX_new(TLS_client_method()));
  for (const bool server : {true, false})
    if (auto wrong = configure(made->side(server), made->role(server), server); !wrong.empty())
      return start_error{"--ssl-dist-optfile", options.file + ": " + (server ? "server: " : "client: ") + wrong};
  out = std::move(made);
  return {};
}

}  // namespace cnode::node
