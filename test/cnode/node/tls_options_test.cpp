// The file of --ssl-dist-optfile and what it names.
#include <gtest/gtest.h>

#include "io/tls_context.hpp"
#include "io/tls_options.hpp"
#include "test_certificates.hpp"

namespace cnode::test {
namespace {

using node::tls_context;
using node::tls_options;

struct TlsOptions : testing::Test {
  static const certificates& files() {
    static const certificates c;
    static const bool made = (c.authority("other"), c.certificate("node"), c.certificate("second"), c.certificate("locked", "ca", "localhost", 3600, "open"), true);
    (void)made;
    return c;
  }
  // What is wrong with a file; empty when it is well and what it names can be loaded.
  static std::string wrong(const std::string& content, tls_options* out = nullptr) {
    tls_options options;
    const auto file = files().write("options.conf", content);
    auto error = node::read_tls_options(file, options);
    std::shared_ptr<const tls_context> context;
    if (!error) error = tls_context::make(options, context);
    if (out) *out = options;
    if (!error) return {};
    EXPECT_EQ(error->option, "--ssl-dist-optfile");
    EXPECT_TRUE(error->text.starts_with(file + ": ")) << error->text;
    return error->text.substr(file.size() + 2);
  }
  static std::string own() { return "{certfile, \"" + files().path("node.pem") + "\"}, {keyfile, \"" + files().path("node.key") + "\"}"; }
  static std::string with_server(const std::string& options) {
    return "[{server, [" + own() + (options.empty() ? "" : ", ") + options + "]}, {client, [{verify, verify_none}]}].";
  }
  static std::string with_client(const std::string& options) { return "[{server, [" + own() + "]}, {client, [" + options + "]}]."; }
  static std::string ca() { return "{cacertfile, \"" + files().path("ca.pem") + "\"}"; }
};

TEST_F(TlsOptions, HaveTheDefaultsOfTheNewestOtp) {
  tls_options o;
  ASSERT_EQ(wrong("%% comment\n[{client, [" + ca() + "]}, {server, [{verify, verify_peer}, " + own() + ", " + ca() + "]}].", &o), "");
  EXPECT_TRUE(o.client.verify_peer);
  EXPECT_TRUE(o.client.check_host);
  EXPECT_TRUE(o.server.fail_if_no_peer_cert);
  EXPECT_TRUE(o.server.tls12 && o.server.tls13);
  EXPECT_EQ(o.server.depth, 10u);
  ASSERT_EQ(wrong(with_server(""), &o), "");
  EXPECT_FALSE(o.server.verify_peer || o.server.fail_if_no_peer_cert);
}

TEST_F(TlsOptions, TakeWhatOtpUsersWrite) {
  EXPECT_EQ(wrong(with_server("{verify, verify_peer}, {fail_if_no_peer_cert, false}, {depth, 2}, {secure_renegotiate, true}, " + ca() +
                              ", {versions, ['tlsv1.3', 'tlsv1.2']}, {honor_cipher_order, true}, {reuse_sessions, false}, {hibernate_after, 600}"
                              ", {verify_fun, {fun inet_tls_dist:verify_client/3, []}}, {session_tickets, stateless}, {ktls, true}")), "");
  EXPECT_EQ(wrong(with_server("{ciphers, \"ECDHE-ECDSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384\"}")), "");
  EXPECT_EQ(wrong(with_server("{ciphers, [\"TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256\"]}")), "");
  EXPECT_EQ(wrong(with_server("{supported_groups, [x25519, secp256r1]}, {signature_algs, [ecdsa_secp256r1_sha256, {sha256, rsa}]}")), "");
  EXPECT_EQ(wrong(with_client("{verify, verify_none}, {server_name_indication, disable}, {key_update_at, 1000}")), "");
  EXPECT_EQ(wrong("[{server, [{certs_keys, [#{certfile => \"" + files().path("node.pem") + "\", keyfile => \"" + files().path("node.key") +
                  "\"}]}]}, {client, [{verify, verify_none}]}]."), "");
}

TEST_F(TlsOptions, AreRefusedByNameWithTheSection) {
  const std::pair<std::string, std::string> cases[] = {
      {with_server("{psk_identity, \"me\"}"), "server: the option psk_identity is not supported here"},
      {with_server("{crl_check, true}"), "server: {crl_check,true}: can be false only"},
      {with_server("{verify, maybe}"), "server: {verify,maybe}: must be verify_peer or verify_none"},
      {with_server("{versions, ['tlsv1.1']}"), "may name 'tlsv1.3' and 'tlsv1.2' only"},
      {with_server("{depth, -1}"), "must be a number from 0 to 255"},
      {with_server("{verify_fun, {fun lists:map/2, []}}"), "only fun inet_tls_dist:verify_client/3 is known here"},
      {with_server("{fail_if_no_peer_cert, true}"), "server: {fail_if_no_peer_cert, true} needs {verify, verify_peer}"},
      {with_server("{verify, verify_peer}"), "server: {verify, verify_peer} needs {cacertfile, File}"},
      {with_server("{server_name_indication, disable}"), "is for the client only"},
      {with_server("{ciphers, [\"NO-SUCH-CIPHER\"]}"), "ciphers: OpenSSL does not know, or does not allow, NO-SUCH-CIPHER"},
      {with_server("{ciphers, [#{cipher => aes_256_gcm}]}"), "must be a list of names"},
      {with_server("{signature_algs, [no_such]}"), "signature_algs: OpenSSL does not know no_such"},
      {with_server("nodelay"), "server: nodelay is no {Option, Value}"},
      {with_client(""), "client: {verify, verify_peer}, the default, needs {cacertfile, File}"},
      {with_client("{fail_if_no_peer_cert, true}"), "is for the server only"},
      {"[{server, [" + own() + "]}].", "there is no {client, Options}"},
      {"[{client, [{verify, verify_none}]}].", "there is no {server, Options}"},
      {"[{server, []}, {client, [{verify, verify_none}]}].", "server: a server needs a certificate"},
      {"[{servers, []}].", "{servers,[]} is neither {server, Options} nor {client, Options}"},
      {"", "must hold one list"},
      {"[{server, []}", "line 1"},
      {"[{server,\n [{certfile, }]}].", "line 2"},
  };
  for (const auto& [content, message] : cases) EXPECT_NE(wrong(content).find(message), std::string::npos) << content << "\n  " << wrong(content);
}

TEST_F(TlsOptions, NameTheFileThatCannotBeUsed) {
  const auto server = [](const std::string& cert, const std::string& key, const std::string& more = "") {
    return wrong("[{server, [{certfile, \"" + files().path(cert) + "\"}, {keyfile, \"" + files().path(key) + "\"}" + more +
                 "]}, {client, [{verify, verify_none}]}].");
  };
  EXPECT_EQ(server("none.pem", "node.key"), "server: certfile " + files().path("none.pem") + ": No such file or directory");
  EXPECT_EQ(server("node.pem", "none.key"), "server: keyfile " + files().path("none.key") + ": No such file or directory");
  EXPECT_EQ(server("node.pem", "second.key"),
            "server: keyfile " + files().path("second.key") + ": the key does not match the certificate in " + files().path("node.pem"));
  EXPECT_EQ(server("node.pem", "node.pem"), "server: keyfile " + files().path("node.pem") + ": holds no private key");
  EXPECT_TRUE(server("node.key", "node.key").starts_with("server: certfile " + files().path("node.key") + ": holds no certificate"));
  EXPECT_NE(server("locked.pem", "locked.key").find("the key cannot be read without a password"), std::string::npos);
  EXPECT_NE(server("locked.pem", "locked.key", ", {password, \"wrong\"}").find("is the password right?"), std::string::npos);
  EXPECT_EQ(server("locked.pem", "locked.key", ", {password, \"open\"}"), "");
  EXPECT_NE(server("node.pem", "node.key", ", {verify, verify_peer}, {cacertfile, \"" + files().path("none") + "\"}").find("cacertfile " + files().path("none")),
            std::string::npos);
}

TEST_F(TlsOptions, SayWhenTheFileItselfIsNotThere) {
  tls_options options;
  EXPECT_EQ(node::read_tls_options("/no/such/file", options)->text, "/no/such/file: No such file or directory");
  EXPECT_NE(node::read_tls_options("/tmp", options), std::nullopt);
  EXPECT_NE(node::read_tls_options("", options), std::nullopt);
}

TEST_F(TlsOptions, NeverShowAPassword) {
  const auto text = wrong(with_server("{password, {secret, word}}"));
  EXPECT_EQ(text, "server: password: must be a string");
}

}  // namespace
}  // namespace cnode::test
