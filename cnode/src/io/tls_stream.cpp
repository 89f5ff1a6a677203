#include "tls_stream.hpp"

#include <openssl/err.h>
#include <openssl/x509v3.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <new>

#include "text.hpp"
#include "tls_context.hpp"

namespace cnode::node {
namespace {

constexpr std::size_t record_size = SSL3_RT_MAX_PLAIN_LENGTH;
// Encrypted bytes that wait for the socket: from the first on nothing more is encrypted. Only a peer that renegotiates without
// reading what we answer comes to the second.
constexpr std::size_t enough_unsent = 128 * 1024, too_much_unsent = 1 << 20;

constexpr std::size_t most_at_once = 64 * 1024;  // a writer waits no longer than for this
constexpr unsigned char alert_record = 21, handshake_record = 22;

std::string name_of(X509* certificate) {
  char text[160] = {};
  X509_NAME_oneline(X509_get_subject_name(certificate), text, sizeof text);
  return printable(text);
}

}  // namespace

// ---- between OpenSSL and the socket

struct tls_stream::bio {
  static int write(BIO* b, const char* data, std::size_t size, std::size_t* written) {
    auto& s = *static_cast<tls_stream*>(BIO_get_data(b));
    s.out_.append(data, size);
    s.unsent_.fetch_add(size, std::memory_order_relaxed);
    *written = size;
    return 1;
  }
  static int read(BIO* b, char* data, std::size_t size, std::size_t* got) {
    auto& s = *static_cast<tls_stream*>(BIO_get_data(b));
    BIO_clear_retry_flags(b);
    *got = 0;
    s.drained_ = false;
    // A peer that sends nothing but handshake messages shall not keep its reader from coming back.
    if (s.turn_ == 0) {
      BIO_set_retry_read(b);
      return 0;
    }
    for (;;) {
      const auto n = ::recv(s.descriptor_, data, std::min(size, s.turn_), MSG_DONTWAIT);
      if (n > 0) {
        if (!std::exchange(s.first_byte_seen_, true)) s.first_byte_ = static_cast<unsigned char>(data[0]);
        *got = static_cast<std::size_t>(n);
        s.turn_ -= *got;
        return 1;
      }
      if (n == 0) {
        s.ended_ = true;
        return 0;
      }
      if (errno == EINTR) continue;
      s.drained_ = errno == EAGAIN || errno == EWOULDBLOCK;
      if (s.drained_) BIO_set_retry_read(b);
      return 0;
    }
  }
  static long control(BIO* b, int command, long, void*) {
    switch (command) {
      case BIO_CTRL_FLUSH: return 1;
      case BIO_CTRL_EOF: return static_cast<tls_stream*>(BIO_get_data(b))->ended_ ? 1 : 0;
      default: return 0;
    }
  }
  static BIO_METHOD* method() {
    static BIO_METHOD* const m = [] {
      auto* made = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "cnode socket");
      BIO_meth_set_write_ex(made, write);
      BIO_meth_set_read_ex(made, read);
      BIO_meth_set_ctrl(made, control);
      return made;
    }();
    return m;
  }
};

tls_stream::tls_stream(std::shared_ptr<const tls_context> context, bool server, int descriptor, const std::string& host)
    : context_(std::move(context)), server_(server), descriptor_(descriptor), host_(host), ssl_(SSL_new(context_->side(server))) {
  auto* b = BIO_new(bio::method());
  if (!ssl_ || !b) throw std::bad_alloc();
  BIO_set_data(b, this);
  BIO_set_init(b, 1);
  SSL_set_bio(ssl_, b, b);
  SSL_set_app_data(ssl_, this);
  const auto& role = context_->role(server);
  int mode = role.verify_peer ? SSL_VERIFY_PEER : SSL_VERIFY_NONE;
  if (role.fail_if_no_peer_cert) mode |= SSL_VERIFY_FAIL_IF_NO_PEER_CERT;
  SSL_set_verify(ssl_, mode, verified);
  if (server) SSL_set_accept_state(ssl_);
  else SSL_set_connect_state(ssl_);
  if (host.empty()) return;
  auto* parameters = SSL_get0_param(ssl_);
  // As public_key:pkix_verify_hostname/2: an address is looked for among the addresses, a name is no pattern.
  X509_VERIFY_PARAM_set_hostflags(parameters, X509_CHECK_FLAG_NO_WILDCARDS);
  if (X509_VERIFY_PARAM_set1_ip_asc(parameters, host.c_str()) == 1) return;
  SSL_set_tlsext_host_name(ssl_, host.c_str());
  X509_VERIFY_PARAM_set1_host(parameters, host.data(), host.size());
}

tls_stream::~tls_stream() { SSL_free(ssl_); }

// ---- bytes

bool tls_stream::flush() {
  while (sent_ < out_.size()) {
    const auto n = ::send(descriptor_, out_.data() + sent_, out_.size() - sent_, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n < 0) {
      if (errno == EINTR) continue;
      if (errno != EAGAIN && errno != EWOULDBLOCK) {
        // The reader learns why. What is left is for nobody.
        unsent_.fetch_sub(out_.size() - sent_, std::memory_order_relaxed);
        out_.clear(), sent_ = 0;
        return true;
      }
      return false;
    }
    sent_ += static_cast<std::size_t>(n);
    unsent_.fetch_sub(static_cast<std::size_t>(n), std::memory_order_relaxed);
  }
  out_.clear();
  sent_ = 0;
  return true;
}

tls_stream::state tls_stream::result(int returned, const char* during) {
  const int error = SSL_get_error(ssl_, returned);
  flush();
  switch (error) {
    case SSL_ERROR_NONE: return state::progress;
    case SSL_ERROR_WANT_READ:
      if (out_.size() - sent_ <= too_much_unsent) return state::would_block;
      trouble_ = "the peer does not read the answers to its handshakes";
      return state::failed;
    case SSL_ERROR_WANT_WRITE: return state::would_block;
    case SSL_ERROR_ZERO_RETURN: return state::closed;
    default: break;
  }
  if (established_ && ended_) return state::closed;
  explain(during);
  return established_ && error == SSL_ERROR_SYSCALL ? state::closed : state::failed;
}

tls_stream::outcome tls_stream::handshake() {
  std::lock_guard lock(mutex_);
  ERR_clear_error();
  turn_ = most_at_once;
  const auto now = result(SSL_do_handshake(ssl_), "the handshake");
  if (now == state::progress) established_ = true;
  // A socket that ends before anything is agreed on is a failure with a reason, not an end.
  if (now == state::closed) {
    explain("the handshake");
    return {0, state::failed};
  }
  return {0, now};
}

tls_stream::outcome tls_stream::read(std::span<std::uint8_t> room) {
  std::lock_guard lock(mutex_);
  std::size_t size = 0;
  room = room.first(std::min(room.size(), most_at_once));
  turn_ = most_at_once;
  while (size < room.size()) {
    std::size_t got = 0;
    ERR_clear_error();
    const int returned = SSL_read_ex(ssl_, room.data() + size, room.size() - size, &got);
    if (returned != 1) {
      auto now = result(returned, "the connection");
      if (now == state::would_block && !drained_) now = state::progress;
      // An end is told again to who asks again.
      return {size, size > 0 && now != state::would_block ? state::progress : now};
    }
    size += got;
  }
  return {size, state::progress};
}

tls_stream::outcome tls_stream::write(std::span<const etf::output::piece> pieces) {
  std::lock_guard lock(mutex_);
  std::size_t taken = 0, piece = 0, offset = 0;
  turn_ = 0;  // reading is the reader's
  auto now = state::progress;
  // OpenSSL would read for us, and choke on data of the peer that comes before its handshake messages; the reader does not.
  const bool busy = SSL_in_init(ssl_) != 0;
  while (!busy && piece < pieces.size() && out_.size() - sent_ < enough_unsent) {
    const std::uint8_t* data = pieces[piece].data + offset;
    std::size_t size = std::min(pieces[piece].size - offset, record_size);
    if (size < record_size && piece + 1 < pieces.size()) {
      staging_.assign(reinterpret_cast<const char*>(data), size);
      for (auto next = piece + 1; next < pieces.size() && staging_.size() < record_size; ++next)
        staging_.append(reinterpret_cast<const char*>(pieces[next].data), std::min(pieces[next].size, record_size - staging_.size()));
      data = reinterpret_cast<const std::uint8_t*>(staging_.data());
      size = staging_.size();
    }
    if (size > 0) {
      if (written_ >= context_->role(server_).key_update_at && SSL_version(ssl_) >= TLS1_3_VERSION) {
        SSL_key_update(ssl_, SSL_KEY_UPDATE_REQUESTED);
        written_ = 0;
      }
      std::size_t done = 0;
      ERR_clear_error();
      const int returned = SSL_write_ex(ssl_, data, size, &done);
      if (returned != 1) {
        now = result(returned, "the connection");
        if (now == state::would_block) now = state::needs_input;
        break;
      }
      taken += done;
      written_ += done;
      size = done;
    }
    for (; piece < pieces.size() && size >= pieces[piece].size - offset; offset = 0, ++piece) size -= pieces[piece].size - offset;
    offset += size;
  }
  if (busy) now = state::needs_input;
  if (!flush() && (now == state::progress || now == state::needs_input)) now = state::would_block;
  return {taken, now};
}

void tls_stream::shutdown() {
  std::lock_guard lock(mutex_);
  if (!established_) return;
  ERR_clear_error();
  if (!SSL_in_init(ssl_)) SSL_shutdown(ssl_);
  ERR_clear_error();
  flush();
}

// ---- questions

void tls_stream::allow_renegotiation() {
  std::lock_guard lock(mutex_);
  SSL_clear_options(ssl_, SSL_OP_NO_RENEGOTIATION);
  if (!server_) return;
  if (context_->role(true).client_renegotiation) SSL_set_options(ssl_, SSL_OP_ALLOW_CLIENT_RENEGOTIATION);
}

bool tls_stream::renegotiating() const {
  std::lock_guard lock(mutex_);
  return SSL_in_init(ssl_) != 0;
}

bool tls_stream::holds_input() const {
  std::lock_guard lock(mutex_);
  return SSL_has_pending(ssl_) == 1;
}

std::string tls_stream::text() const {
  std::lock_guard lock(mutex_);
  return trouble_;
}

bool tls_stream::has_peer_certificate() const {
  std::lock_guard lock(mutex_);
  return SSL_get0_peer_certificate(ssl_) != nullptr;
}

bool tls_stream::peer_certificate_is_for(const std::string& host) const {
  std::lock_guard lock(mutex_);
  auto* certificate = SSL_get0_peer_certificate(ssl_);
  return certificate && (X509_check_ip_asc(certificate, host.c_str(), 0) == 1 ||
                         X509_check_host(certificate, host.data(), host.size(), X509_CHECK_FLAG_NO_WILDCARDS, nullptr) == 1);
}

// ---- why it failed

int tls_stream::verified(int ok, X509_STORE_CTX* store) {
  if (ok) return ok;
  auto* ssl = static_cast<SSL*>(X509_STORE_CTX_get_ex_data(store, SSL_get_ex_data_X509_STORE_CTX_idx()));
  auto& s = *static_cast<tls_stream*>(SSL_get_app_data(ssl));
  const int error = X509_STORE_CTX_get_error(store);
  auto* certificate = X509_STORE_CTX_get0_cert(store);  // the peer's own, wherever in the chain the fault is
  s.refused_ = "the certificate " + (certificate ? name_of(certificate) : std::string("of the peer")) + " is not accepted: ";
  if (error == X509_V_ERR_HOSTNAME_MISMATCH || error == X509_V_ERR_IP_ADDRESS_MISMATCH)
    s.refused_ += "it is not for the host " + printable(s.host_);
  else
    s.refused_ += X509_verify_cert_error_string(error);
  if (error == X509_V_ERR_UNABLE_TO_GET_ISSUER_CERT_LOCALLY || error == X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN ||
      error == X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT)
    s.refused_ += " (its issuer is not in cacertfile)";
  // With verify_none nobody minds.
  return SSL_get_verify_mode(ssl) == SSL_VERIFY_NONE ? 1 : 0;
}

void tls_stream::explain(const char* during) {
  const bool silent = !established_ && !first_byte_seen_;
  const bool foreign = !established_ && first_byte_seen_ && first_byte_ != handshake_record && first_byte_ != alert_record;
  const auto error = ERR_peek_error();
  const int reason = ERR_GET_REASON(error);
  const bool from_tls = error != 0 && ERR_GET_LIB(error) == ERR_LIB_SSL;
  const bool cut = error == 0 || (from_tls && reason == SSL_R_UNEXPECTED_EOF_WHILE_READING);
  ERR_clear_error();
  if (foreign) {
    trouble_ = "the peer does not speak TLS (erl needs -proto_dist inet_tls)";
  } else if (!refused_.empty() && from_tls && reason == SSL_R_CERTIFICATE_VERIFY_FAILED) {
    trouble_ = refused_;
  } else if (from_tls && reason == SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE) {
    trouble_ = "the peer shows no certificate, which {fail_if_no_peer_cert, true} demands";
  } else if (from_tls && reason > SSL_AD_REASON_OFFSET) {
    trouble_ = std::string("the peer refuses ") + during + " with the alert \"" + SSL_alert_desc_string_long(reason - SSL_AD_REASON_OFFSET) + "\"";
  } else if (!cut) {
    const char* text = ERR_reason_error_string(error);
    trouble_ = std::string("in ") + during + ": " + (text ? text : "error " + std::to_string(error));
  } else if (silent && !server_) {
    trouble_ = "the peer ended the connection without a word of TLS (erl needs -proto_dist inet_tls)";
  } else {
    trouble_ = std::string("the peer ended ") + (established_ ? during : "the connection in the handshake");
  }
}

}  // namespace cnode::node
