// The addresses of a host, tried in turn. What a resolver would find is given outright.
#include <gtest/gtest.h>

#include "fake_epmd.hpp"
#include "io/connector.hpp"

namespace cnode::node {
namespace {

using namespace std::chrono_literals;
using boost::asio::ip::tcp;
using boost::asio::ip::make_address;
using test::listen_on_loopback;

struct attempt {
  boost::asio::io_context io{1};
  node_config config;
  bool connected = false;  // so far that the handshake would begin
  std::string failed;

  // Runs until one or the other.
  void run(std::vector<tcp::endpoint> epmds) {
    std::shared_ptr<connect_attempt> a;
    a = std::make_shared<connect_attempt>(io, config, "other@host", connect_attempt::handlers{
        .make_handshake =
            [&] {
              connected = true;
              io.stop();
              dist::handshake_config c;
              c.our_name = "cpp@host";
              return std::pair{dist::handshake::we_started(c, "other@host"), std::uint32_t{1}};
            },
        .make_tls = {},
        .challenge_over = [](std::uint32_t) {},
        .done = [](handshake_session&, const std::string&) {},
        .failed = [&](const std::string& text) { failed = text, io.stop(); }});
    a->start_at(std::move(epmds));
    io.run();
    a->cancel();
  }
};

struct listening {
  std::uint16_t port = 0;
  int descriptor = listen_on_loopback(port);
  ~listening() { ::close(descriptor); }
};

// A port nobody listens on: it was free a moment ago.
std::uint16_t closed_port() { return listening().port; }

TEST(AddressesOfAHost, TheSecondIsTakenWhenNoEpmdRunsAtTheFirst) {
  listening other;
  test::fake_epmd epmd;
  epmd.knows("other", other.port);
  attempt a;
  a.run({{make_address("127.0.0.2"), closed_port()}, {make_address("127.0.0.1"), epmd.port()}});
  EXPECT_TRUE(a.connected) << a.failed;
}

TEST(AddressesOfAHost, TheSecondIsTakenWhenTheFirstKnowsNoSuchNode) {
  listening other;
  test::fake_epmd first, second;
  second.knows("other", other.port);
  attempt a;
  a.run({{make_address("127.0.0.1"), first.port()}, {make_address("127.0.0.1"), second.port()}});
  EXPECT_TRUE(a.connected) << a.failed;
}

TEST(AddressesOfAHost, ASilentOneLeavesTimeToThoseBehindIt) {
  listening silent, other;
  test::fake_epmd epmd;
  epmd.knows("other", other.port);
  attempt a;
  a.run({{make_address("127.0.0.1"), silent.port}, {make_address("127.0.0.1"), epmd.port()}});
  EXPECT_TRUE(a.connected) << a.failed;
}

TEST(AddressesOfAHost, WithoutEpmdTheNodesPortIsTriedAtEach) {
  listening other;
  attempt a;
  a.config.no_epmd = true;
  a.config.dist_port = other.port;
  a.run({{make_address("127.0.0.2"), 1}, {make_address("127.0.0.3"), 1}, {make_address("127.0.0.1"), 1}});
  EXPECT_TRUE(a.connected) << a.failed;
}

TEST(AddressesOfAHost, WhatWentWrongIsToldOfEach) {
  test::fake_epmd epmd;
  attempt a;
  a.run({{make_address("127.0.0.2"), closed_port()}, {make_address("127.0.0.1"), epmd.port()}});
  EXPECT_FALSE(a.connected);
  EXPECT_EQ(a.failed, "127.0.0.2: epmd: Connection refused; 127.0.0.1: epmd knows no node other");
}

}  // namespace
}  // namespace cnode::node
