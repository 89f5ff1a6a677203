// Two ends of TLS on a pair of sockets; OpenSSL itself, blocking, where the other end must do what ours never does.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <thread>

#include "io/tls_context.hpp"
#include "io/tls_stream.hpp"
#include "test_certificates.hpp"

namespace cnode::test {
namespace {

using node::tls_context;
using node::tls_stream;
using state = tls_stream::state;

struct pair_of_sockets {
  int a = -1, b = -1;
  pair_of_sockets() {
    int fds[2];
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    a = fds[0], b = fds[1];
  }
  ~pair_of_sockets() {
    ::close(a);
    if (b >= 0) ::close(b);
  }
  void hang_up() { ::close(std::exchange(b, -1)); }
};

void wait_for(int fd, bool to_write) {
  pollfd p{fd, static_cast<short>(to_write ? POLLOUT : POLLIN), 0};
  ::poll(&p, 1, 100);
}

struct Tls : testing::Test {
  static const certificates& files() {
    static const certificates c;
    static const bool made = (c.authority("other"), c.certificate("node"), c.certificate("stranger", "other"),
                              c.certificate("expired", "ca", "localhost", 60), c.certificate("elsewhere", "ca", "elsewhere"), true);
    (void)made;
    return c;
  }
  static std::shared_ptr<const tls_context> context(const std::string& server, const std::string& client) {
    node::tls_options options;
    std::shared_ptr<const tls_context> made;
    auto error = node::read_tls_options(files().optfile(server, client), options);
    if (!error) error = tls_context::make(options, made);
    EXPECT_FALSE(error) << error->text;
    return made;
  }
  static std::shared_ptr<const tls_context> good(const std::string& more = "") {
    return context(files().options("node", "ca", more), files().options("node", "ca", more));
  }

  // Shakes hands, whole; what each end says about it.
  struct end_of {
    state server, client;
    std::string server_text, client_text;
  };
  static end_of shake(tls_stream& server, tls_stream& client) {
    end_of e{state::would_block, state::would_block, {}, {}};
    for (int i = 0; i < 100 && (e.server == state::would_block || e.client == state::would_block); ++i) {
      if (e.client == state::would_block) e.client = client.handshake().now;
      if (e.server == state::would_block) e.server = server.handshake().now;
    }
    std::uint8_t byte;
    // TLS 1.3 tells the client afterwards that it was refused.
    if (e.client == state::progress && e.server == state::failed) e.client = client.read({&byte, 1}).now;
    e.server_text = server.text(), e.client_text = client.text();
    return e;
  }
  static end_of shake(const std::shared_ptr<const tls_context>& server, const std::shared_ptr<const tls_context>& client,
                      const std::string& host = "localhost") {
    const pair_of_sockets sockets;
    tls_stream s(server, true, sockets.a, ""), c(client, false, sockets.b, host);
    return shake(s, c);
  }
};

// Sends `size` bytes that can be checked, and takes as many, on two threads at once, as peer_connection does.
void exchange(tls_stream& tls, int fd, std::size_t size, std::atomic<int>& wrong) {
  const auto byte = [](std::size_t i) { return static_cast<std::uint8_t>(i * 2654435761u >> 13); };
  std::thread writer([&] {
    std::vector<std::uint8_t> all(size);
    for (std::size_t i = 0; i < size; ++i) all[i] = byte(i);
    std::size_t sent = 0;
    while (sent < size || tls.unsent() > 0) {
      // Pieces of every size, as an output has them.
      std::vector<etf::output::piece> pieces;
      for (std::size_t at = sent, n = 1; at < size && pieces.size() < 40; n = n * 3 % 40'009) {
        const auto length = std::min(n, size - at);
        pieces.push_back({all.data() + at, length});
        at += length;
      }
      const auto done = tls.write(pieces);
      sent += done.size;
      if (done.now == state::failed || done.now == state::closed) return void(++wrong);
      if (done.now == state::would_block) wait_for(fd, true);
      if (done.now == state::needs_input) std::this_thread::yield();
    }
  });
  std::vector<std::uint8_t> room(100'000);
  for (std::size_t got = 0; got < size;) {
    const auto n = tls.read({room.data(), std::min(room.size(), size - got)});
    for (std::size_t i = 0; i < n.size; ++i) wrong += room[i] != byte(got + i);
    got += n.size;
    if (n.now == state::failed || n.now == state::closed) {
      ++wrong;
      break;
    }
    if (n.now == state::would_block) wait_for(fd, tls.unsent() > 0);
  }
  writer.join();
}

TEST_F(Tls, CarriesBytesBothWaysAtOnce) {
  for (const std::string version : {"'tlsv1.2'", "'tlsv1.3'"}) {
    const auto rules = good("{versions, [" + version + "]}");
    const pair_of_sockets sockets;
    tls_stream server(rules, true, sockets.a, ""), client(rules, false, sockets.b, "localhost");
    const auto e = shake(server, client);
    ASSERT_EQ(e.server, state::progress) << e.server_text;
    ASSERT_EQ(e.client, state::progress) << e.client_text;
    EXPECT_TRUE(server.peer_certificate_is_for("localhost"));
    EXPECT_FALSE(server.peer_certificate_is_for("elsewhere"));
    std::atomic<int> wrong = 0;
    std::thread other([&] { exchange(client, sockets.b, 4 << 20, wrong); });
    exchange(server, sockets.a, 4 << 20, wrong);
    other.join();
    EXPECT_EQ(wrong, 0) << version;
  }
}

TEST_F(Tls, ChangesKeysWhileBytesFlow) {
  const auto rules = good("{versions, ['tlsv1.3']}, {key_update_at, 20000}");
  const pair_of_sockets sockets;
  tls_stream server(rules, true, sockets.a, ""), client(rules, false, sockets.b, "localhost");
  ASSERT_EQ(shake(server, client).client, state::progress);
  std::atomic<int> wrong = 0;
  std::thread other([&] { exchange(client, sockets.b, 2 << 20, wrong); });
  exchange(server, sockets.a, 2 << 20, wrong);
  other.join();
  EXPECT_EQ(wrong, 0);
}

TEST_F(Tls, TellsThePeerOfItsEnd) {
  const pair_of_sockets sockets;
  tls_stream server(good(), true, sockets.a, ""), client(good(), false, sockets.b, "localhost");
  ASSERT_EQ(shake(server, client).client, state::progress);
  server.shutdown();
  std::uint8_t byte;
  EXPECT_EQ(client.read({&byte, 1}).now, state::closed);
  EXPECT_EQ(client.read({&byte, 1}).now, state::closed);
}

TEST_F(Tls, RefusesACertificateOfAnotherAuthority) {
  for (const std::string version : {"'tlsv1.2'", "'tlsv1.3'"}) {
    const auto only = "{versions, [" + version + "]}";
    const auto stranger = context(files().options("stranger", "other", only), files().options("stranger", "", only));
    auto e = shake(good(only), stranger);
    EXPECT_EQ(e.server, state::failed);
    EXPECT_EQ(e.server_text,
              "the certificate /CN=stranger is not accepted: unable to get local issuer certificate (its issuer is not in cacertfile)");
    EXPECT_EQ(e.client, state::failed);
    EXPECT_NE(e.client_text.find("with the alert \"unknown CA\""), std::string::npos) << e.client_text;
    e = shake(stranger, good(only));
    EXPECT_EQ(e.client, state::failed);
    EXPECT_NE(e.client_text.find("/CN=stranger is not accepted"), std::string::npos) << e.client_text;
  }
}

TEST_F(Tls, RefusesAnExpiredCertificate) {
  const auto late = context(files().options("expired", "ca"), files().options("expired", "ca"));
  EXPECT_EQ(shake(good(), late).server_text, "the certificate /CN=expired is not accepted: certificate has expired");
  EXPECT_EQ(shake(late, good()).client_text, "the certificate /CN=expired is not accepted: certificate has expired");
}

TEST_F(Tls, RefusesAPeerWithoutACertificateOnlyWhereOneIsDemanded) {
  const auto bare = context(files().options("node", ""), files().options("", "ca"));
  EXPECT_EQ(shake(good(), bare).server_text, "the peer shows no certificate, which {fail_if_no_peer_cert, true} demands");
  const auto lenient = context(files().options("node", "ca", "{fail_if_no_peer_cert, false}"), files().options("node", "ca"));
  EXPECT_EQ(shake(lenient, bare).server, state::progress);
}

TEST_F(Tls, RefusesACertificateForAnotherHostUnlessToldNotToLook) {
  const auto elsewhere = context(files().options("elsewhere", "ca"), files().options("elsewhere", "ca"));
  EXPECT_EQ(shake(elsewhere, good()).client_text, "the certificate /CN=elsewhere is not accepted: it is not for the host localhost");
  EXPECT_EQ(shake(elsewhere, good(), "").client, state::progress);
}

TEST_F(Tls, AcceptsAnyCertificateWithVerifyNone) {
  const auto careless = context(files().options("stranger", ""), files().options("stranger", ""));
  const auto e = shake(careless, careless);
  EXPECT_EQ(e.server, state::progress) << e.server_text;
  EXPECT_EQ(e.client, state::progress) << e.client_text;
}

TEST_F(Tls, TellsAPeerThatDoesNotSpeakIt) {
  const pair_of_sockets sockets;
  tls_stream server(good(), true, sockets.a, "");
  EXPECT_EQ(server.handshake().now, state::would_block);
  ASSERT_EQ(::write(sockets.b, "\0\x10N2345678901234567890", 21), 21);
  EXPECT_EQ(server.handshake().now, state::failed);
  EXPECT_EQ(server.text(), "the peer does not speak TLS (erl needs -proto_dist inet_tls)");
}

TEST_F(Tls, TellsAPeerThatHangsUp) {
  pair_of_sockets sockets;
  tls_stream client(good(), false, sockets.a, "localhost");
  EXPECT_EQ(client.handshake().now, state::would_block);
  sockets.hang_up();
  EXPECT_EQ(client.handshake().now, state::failed);
  EXPECT_EQ(client.text(), "the peer ended the connection without a word of TLS (erl needs -proto_dist inet_tls)");
}

TEST_F(Tls, EndsWellWhereverTheHandshakeIsCut) {
  // The client's first flight, as it goes over the wire.
  const pair_of_sockets wire;
  tls_stream client(good(), false, wire.a, "localhost");
  EXPECT_EQ(client.handshake().now, state::would_block);
  std::string hello(4096, '\0');
  const auto size = ::read(wire.b, hello.data(), hello.size());
  ASSERT_GT(size, 100);
  for (ssize_t n = 0; n < size; n += 3) {
    pair_of_sockets sockets;
    tls_stream server(good(), true, sockets.a, "");
    ASSERT_EQ(::write(sockets.b, hello.data(), static_cast<std::size_t>(n)), n);
    EXPECT_EQ(server.handshake().now, state::would_block) << n;
    sockets.hang_up();
    EXPECT_EQ(server.handshake().now, state::failed) << n;
    EXPECT_FALSE(server.text().empty());
  }
}

// OpenSSL itself as the client, which may do what a node of OTP does: begin a handshake in the middle of everything.
struct blocking_client {
  SSL_CTX* rules = SSL_CTX_new(TLS_client_method());
  SSL* ssl = nullptr;
  blocking_client(const certificates& files, int fd, int version = TLS1_2_VERSION) {
    SSL_CTX_set_max_proto_version(rules, version);
    SSL_CTX_use_certificate_chain_file(rules, files.path("node.pem").c_str());
    SSL_CTX_use_PrivateKey_file(rules, files.path("node.key").c_str(), SSL_FILETYPE_PEM);
    ssl = SSL_new(rules);
    SSL_set_fd(ssl, fd);
  }
  ~blocking_client() {
    SSL_free(ssl);
    SSL_CTX_free(rules);
  }
};

TEST_F(Tls, TakesPartInARenegotiationWhileItWrites) {
  const pair_of_sockets sockets;
  tls_stream server(good(), true, sockets.a, "");
  std::atomic<bool> over = false;
  std::atomic<std::size_t> got = 0;
  int renegotiations = 0;
  std::thread other([&] {
    blocking_client client(files(), sockets.b);
    std::vector<char> room(8192);
    if (SSL_connect(client.ssl) != 1) return;
    while (!over) {
      const int n = SSL_read(client.ssl, room.data(), static_cast<int>(room.size()));
      if (n <= 0) return;
      if ((got += static_cast<std::size_t>(n)) > (renegotiations + 1) * 100'000u && renegotiations < 5 && !SSL_renegotiate_pending(client.ssl)) {
        SSL_renegotiate(client.ssl);
        ++renegotiations;
      }
    }
  });
  auto now = state::would_block;
  for (int i = 0; i < 100 && now == state::would_block; ++i) wait_for(sockets.a, false), now = server.handshake().now;
  ASSERT_EQ(now, state::progress) << server.text();
  server.allow_renegotiation();
  const std::vector<std::uint8_t> bytes(50'000, 7);
  const etf::output::piece piece{bytes.data(), bytes.size()};
  std::uint8_t room[512];
  bool failed = false;
  for (std::size_t sent = 0; sent < 2'000'000 && !failed;) {
    const auto done = server.write({&piece, 1});
    sent += done.size;
    const auto n = server.read(room);
    failed = done.now == state::failed || n.now == state::failed || n.now == state::closed;
    if (done.now == state::would_block && n.now == state::would_block) wait_for(sockets.a, true);
    if (done.now == state::needs_input) wait_for(sockets.a, false);
  }
  EXPECT_FALSE(failed) << server.text();
  over = true;
  server.shutdown();
  ::shutdown(sockets.a, SHUT_WR);
  other.join();
  EXPECT_EQ(renegotiations, 5);
  EXPECT_GT(got, 500'000u);
}

TEST_F(Tls, ComesBackFromAPeerThatSendsNothingButKeyUpdates) {
  const pair_of_sockets sockets;
  tls_stream server(good(), true, sockets.a, "");
  blocking_client client(files(), sockets.b, TLS1_3_VERSION);
  std::thread other([&] { SSL_connect(client.ssl); });
  auto now = state::would_block;
  for (int i = 0; i < 100 && now == state::would_block; ++i) wait_for(sockets.a, false), now = server.handshake().now;
  other.join();
  ASSERT_EQ(now, state::progress) << server.text();
  // More of them than one buffer holds, with one call; then a byte for us.
  SSL_set0_wbio(client.ssl, BIO_new(BIO_s_mem()));
  for (int i = 0; i < 4000; ++i) {
    ASSERT_EQ(SSL_key_update(client.ssl, SSL_KEY_UPDATE_NOT_REQUESTED), 1);
    ASSERT_EQ(SSL_do_handshake(client.ssl), 1);
  }
  ASSERT_EQ(SSL_write(client.ssl, "!", 1), 1);
  char* flood = nullptr;
  const auto size = BIO_get_mem_data(SSL_get_wbio(client.ssl), &flood);
  ASSERT_EQ(::write(sockets.b, flood, static_cast<std::size_t>(size)), size);
  std::uint8_t room[64];
  auto got = server.read(room);
  EXPECT_EQ(got.size, 0u);
  EXPECT_EQ(got.now, state::progress);
  for (int i = 0; i < 10 && got.size == 0 && got.now == state::progress; ++i) got = server.read(room);
  EXPECT_EQ(got.size, 1u);
}

TEST_F(Tls, RenegotiatesWithNobodyBeforeItIsAllowed) {
  const pair_of_sockets sockets;
  tls_stream server(good(), true, sockets.a, "");
  std::thread other([&] {
    blocking_client client(files(), sockets.b);
    char byte;
    if (SSL_connect(client.ssl) != 1) return;
    SSL_renegotiate(client.ssl);
    SSL_do_handshake(client.ssl);
    SSL_read(client.ssl, &byte, 1);
  });
  auto now = state::would_block;
  for (int i = 0; i < 100 && now == state::would_block; ++i) wait_for(sockets.a, false), now = server.handshake().now;
  ASSERT_EQ(now, state::progress) << server.text();
  std::uint8_t room[64];
  for (int i = 0; i < 20; ++i) {
    const auto n = server.read(room);
    EXPECT_EQ(n.size, 0u);
    if (n.now != state::would_block) break;  // OpenSSL's client insists and leaves
    EXPECT_FALSE(server.renegotiating());
    wait_for(sockets.a, false);
  }
  ::shutdown(sockets.a, SHUT_RDWR);
  other.join();
}

}  // namespace
}  // namespace cnode::test
