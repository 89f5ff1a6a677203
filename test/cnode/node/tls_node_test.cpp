// A node behind TLS, and strangers at its door who do not speak it, or not to the end.
#include <gtest/gtest.h>
#include <poll.h>

#include <thread>

#include "io/tls_context.hpp"
#include "io/tls_stream.hpp"
#include "running_node.hpp"
#include "test_certificates.hpp"

namespace cnode::test {
namespace {

using namespace std::chrono_literals;

// A peer whose bytes go through TLS on their way to the node: a thread carries them between a pair of sockets and the node's port.
class tls_peer {
 public:
  tls_peer(std::uint16_t port, const std::string& optfile) {
    node::tls_options options;
    std::shared_ptr<const node::tls_context> context;
    auto error = node::read_tls_options(optfile, options);
    if (!error) error = node::tls_context::make(options, context);
    EXPECT_FALSE(error);
    int fds[2];
    ::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds);
    inside_ = fds[1];
    plain_.emplace(fds[0]);
    plain_->four_byte_frames = true;
    outside_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::connect(outside_, reinterpret_cast<sockaddr*>(&a), sizeof a);
    tls_ = std::make_unique<node::tls_stream>(context, false, outside_, "localhost");
    carrier_ = std::thread([this] { carry(); });
  }
  ~tls_peer() {
    plain_.reset();
    carrier_.join();
    ::close(inside_);
    ::close(outside_);
  }
  fake_peer& operator*() { return *plain_; }
  fake_peer* operator->() { return &*plain_; }

 private:
  using state = node::tls_stream::state;

  void wait(bool to_write, bool inside_too) {
    pollfd p[2] = {{outside_, static_cast<short>(POLLIN | (to_write ? POLLOUT : 0)), 0}, {inside_, POLLIN, 0}};
    ::poll(p, inside_too ? 2 : 1, 100);
  }
  void carry() {
    auto now = state::would_block;
    while (now == state::would_block) {
      now = tls_->handshake().now;
      if (now == state::would_block) wait(tls_->unsent() > 0, false);
    }
    std::vector<std::uint8_t> in(65536), out;
    for (bool inside_open = true; now != state::failed && now != state::closed;) {
      const auto got = tls_->read(in);
      if (got.size > 0 && ::send(inside_, in.data(), got.size, MSG_NOSIGNAL) < 0) break;
      now = got.now;
      if (out.empty() && inside_open) {
        out.resize(65536);
        const auto n = ::recv(inside_, out.data(), out.size(), MSG_DONTWAIT);
        inside_open = n != 0;
        out.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
      }
      if (!inside_open && out.empty()) {
        tls_->shutdown();
        break;
      }
      const etf::output::piece piece{out.data(), out.size()};
      const auto sent = tls_->write({&piece, 1});
      out.erase(out.begin(), out.begin() + static_cast<std::ptrdiff_t>(sent.size));
      if (now == state::would_block && sent.size == 0) wait(tls_->unsent() > 0, out.empty());
    }
    ::shutdown(inside_, SHUT_RDWR);
    ::shutdown(outside_, SHUT_RDWR);
  }

  std::optional<fake_peer> plain_;
  int inside_ = -1, outside_ = -1;
  std::unique_ptr<node::tls_stream> tls_;
  std::thread carrier_;
};

struct tls_node {
  certificates files;
  running_node r;
  explicit tls_node(std::chrono::milliseconds setuptime = 300ms)
      : r(fake_epmd::manner::normal, [this, setuptime](node::node_config& c) {
          files.certificate("node");
          c.proto_dist = node::proto_dist::inet_tls;
          c.ssl_dist_optfile = optfile("tls.conf");
          c.net_setuptime = setuptime;
        }) {}
  std::string optfile(const std::string& name, const std::string& more = "") {
    return files.optfile(files.options("node", "ca", more), files.options("node", "ca", more), name);
  }
};

// The echo answers; `size` bytes each time.
void talk(tls_peer& p, const std::string& name, int times, std::size_t size) {
  for (int i = 0; i < times; ++i) {
    const auto b = block::make(32);
    const auto me = make_pid(*b, atom(name), 5, 7, 0);
    const auto bytes = std::string(size, static_cast<char>('a' + i % 26));
    p->send(dist::reg_send{me, atom("echo"), {}}, make_tuple_of(*b, me, make_binary(*b, bytes)));
    for (;;) {
      const auto answer = p->next();
      ASSERT_TRUE(answer) << i;
      if (!answer->message.is_binary()) continue;
      ASSERT_EQ(answer->message.bytes(), bytes);
      break;
    }
  }
}

TEST(TlsNode, LetsAPeerInAndAnswersIt) {
  for (const std::string more : {"{versions, ['tlsv1.2']}", "{versions, ['tlsv1.3']}", "{key_update_at, 5000}"}) {
    tls_node t(5s);
    ASSERT_FALSE(t.r.error) << t.r.error->text;
    tls_peer p(t.r.n->port(), t.optfile("peer.conf", more));
    ASSERT_TRUE(p->call("peer@localhost", "cpp@localhost", "secret"));
    talk(p, "peer@localhost", 200, 100);
    talk(p, "peer@localhost", 3, 3 << 20);
  }
}

TEST(TlsNode, ServesSeveralPeersAtOnceAndNoticesTheirEnd) {
  tls_node t(5s);
  const auto file = t.optfile("peer.conf");
  std::vector<std::thread> all;
  for (int i = 0; i < 4; ++i)
    all.emplace_back([&, i] {
      const auto name = "peer" + std::to_string(i) + "@localhost";
      tls_peer p(t.r.n->port(), file);
      ASSERT_TRUE(p->call(name, "cpp@localhost", "secret"));
      talk(p, name, 50, 20'000);
    });
  for (auto& one : all) one.join();
  for (int i = 0; i < 4; ++i) EXPECT_TRUE(t.r.events.wait_for("down peer" + std::to_string(i) + "@localhost connection_closed"));
}

TEST(TlsNode, RefusesAWrongCookieBehindAGoodCertificate) {
  tls_node t(5s);
  tls_peer p(t.r.n->port(), t.optfile("peer.conf"));
  EXPECT_FALSE(p->call("peer@localhost", "cpp@localhost", "wrong"));
  EXPECT_TRUE(t.r.events.wait_for("invalid challenge reply (wrong cookie?)"));
}

// inet_tls_dist:allowed_nodes/2
TEST(TlsNode, AllowsANameOnlyWithACertificateForItsHost) {
  tls_node t(5s);
  t.r.n->allow({"peer@localhost", "peer@elsewhere"});
  tls_peer p(t.r.n->port(), t.optfile("peer.conf"));
  EXPECT_TRUE(p->call("peer@localhost", "cpp@localhost", "secret"));
  tls_peer q(t.r.n->port(), t.optfile("peer.conf"));
  EXPECT_FALSE(q->call("peer@elsewhere", "cpp@localhost", "secret"));
}

TEST(TlsNode, RefusesAPeerThatSpeaksPlainTcpAndSaysSo) {
  tls_node t;
  ASSERT_FALSE(t.r.error) << t.r.error->text;
  auto p = t.r.peer();
  EXPECT_FALSE(p.call("peer@localhost", "cpp@localhost", "secret"));
  EXPECT_TRUE(t.r.events.wait_for("rejected: TLS: the peer does not speak TLS (erl needs -proto_dist inet_tls)"));
}

TEST(TlsNode, GivesASilentStrangerNoMoreThanTheSetupTime) {
  tls_node t;
  auto p = t.r.peer();
  EXPECT_EQ(p.read(), "");
  EXPECT_TRUE(t.r.events.wait_for("rejected: TLS: no answer within 300 ms"));
}

TEST(TlsNode, GivesAStrangerInTheMiddleOfAHandshakeNoMoreThanTheSetupTime) {
  tls_node t;
  auto p = t.r.peer();
  p.send(std::string("\x16\x03\x01\x02", 4));
  EXPECT_EQ(p.read(), "");
  EXPECT_TRUE(t.r.events.wait_for("rejected: TLS: no answer within 300 ms"));
}

TEST(TlsNode, SaysWhenAPlainNodeIsCalledOverTls) {
  running_node r;
  auto p = r.peer();
  p.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_EQ(p.read(), "");
  EXPECT_TRUE(r.events.wait_for("rejected: TLS: the peer speaks it, this node does not (--proto-dist inet_tls)"));
}

TEST(TlsNode, DoesNotStartWithoutItsCertificates) {
  running_node r(fake_epmd::manner::normal, [](node::node_config& c) {
    c.proto_dist = node::proto_dist::inet_tls;
    c.ssl_dist_optfile = "/no/such/file";
  });
  ASSERT_TRUE(r.error);
  EXPECT_EQ(r.error->option, "--ssl-dist-optfile");
  EXPECT_EQ(r.error->text, "/no/such/file: No such file or directory");
}

}  // namespace
}  // namespace cnode::test
