// A node behind TLS, and strangers at its door who do not speak it, or not to the end.
#include <gtest/gtest.h>

#include "running_node.hpp"
#include "test_certificates.hpp"

namespace cnode::test {
namespace {

using namespace std::chrono_literals;

struct tls_node {
  certificates files;
  running_node r;
  tls_node()
      : r(fake_epmd::manner::normal, [this](node::node_config& c) {
          files.certificate("node");
          c.proto_dist = node::proto_dist::inet_tls;
          c.ssl_dist_optfile = files.optfile(files.options("node", "ca"), files.options("node", "ca"));
          c.net_setuptime = 300ms;
        }) {}
};

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
