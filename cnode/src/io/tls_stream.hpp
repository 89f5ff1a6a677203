// TLS on one socket, without waiting: bytes in and out, which the caller asks for whenever the socket is ready.
//
// Any thread may call; reading and writing may happen at once. The lock is held over encryption and calls of the socket that do not
// wait, never longer. What is encrypted waits in a buffer of ours and not inside OpenSSL, so that a renegotiation or a key update finds
// no half-sent record, and several records leave with one call.
//
// A failure's text() is fit for a log line. The peer's alerts and the certificate at fault are named in it.
#pragma once

#include <openssl/ssl.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include <cnode/protocol/etf.hpp>

namespace cnode::node {

class tls_context;

class tls_stream {
 public:
  enum class state {
    progress,     // handshake: done; read: more may be there, also when nothing was for us yet
    would_block,  // handshake, read: wait until the socket can be read; write: written. While unsent() > 0, written
    needs_input,  // write: the peer and the reader are in the middle of a handshake; go on when the reader has read
    closed,       // the peer has ended the connection
    failed,       // text() says why
  };
  struct outcome {
    std::size_t size;
    state now;
  };

  // `host`: what the peer's certificate must be for; empty: any. Borrows the descriptor.
  tls_stream(std::shared_ptr<const tls_context> context, bool server, int descriptor, const std::string& host);
  ~tls_stream();
  tls_stream(const tls_stream&) = delete;
  tls_stream& operator=(const tls_stream&) = delete;

  outcome handshake();
  outcome read(std::span<std::uint8_t> room);
  // Takes bytes from the front of `pieces` as long as not too much is unsent, and sends.
  outcome write(std::span<const etf::output::piece> pieces);
  // Ends our direction: the peer is told (close_notify), as far as the socket takes it.
  void shutdown();

  // The peer may start a renegotiation (TLS 1.2) from now on. Strangers may not.
  void allow_renegotiation();
  // In the middle of a handshake: nothing can be written until the reader has taken part in it.
  bool renegotiating() const;
  std::size_t unsent() const { return unsent_.load(std::memory_order_relaxed); }  // encrypted bytes the socket has not taken yet
  bool holds_input() const;                                                       // received, not read
  std::string text() const;
  bool has_peer_certificate() const;
  // The host or IP address is among the names of the peer's certificate.
  bool peer_certificate_is_for(const std::string& host) const;

 private:
  struct bio;
  friend struct bio;
  state result(int returned, const char* during);
  bool flush();        // true: all sent
  void explain(const char* during);
  static int verified(int ok, X509_STORE_CTX* store);

  const std::shared_ptr<const tls_context> context_;
  const bool server_;
  const int descriptor_;
  const std::string host_;
  mutable std::mutex mutex_;  // guards what follows
  SSL* ssl_ = nullptr;
  std::string out_;
  std::size_t sent_ = 0;      // of out_
  std::atomic<std::size_t> unsent_{0};
  std::string staging_;       // small pieces gathered for one record
  std::uint64_t written_ = 0; // plain bytes since the last key of ours
  bool established_ = false, ended_ = false, first_byte_seen_ = false;
  bool drained_ = false;      // the socket had no more
  std::size_t turn_ = 0;      // bytes OpenSSL may still take in this turn
  unsigned char first_byte_ = 0;
  std::string trouble_, refused_;
};

}  // namespace cnode::node
