// Handshake, frames and control messages against a real erl over loopback, in both roles.
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>

#include <cnode/protocol/epmd.hpp>

#include "dist_terms.hpp"
#include "erl.hpp"

namespace cnode::test {
namespace {

using namespace dist;
using namespace std::literals;

constexpr dist_flags hidden_flags = needed_flags | wanted_flags;
constexpr int patience = 20'000;  // milliseconds for any one answer

// A blocking socket that gives up after a while.
class tcp {
 public:
  explicit tcp(int fd) : fd_(fd) {}
  static tcp to(std::uint16_t port) {
    tcp s(::socket(AF_INET, SOCK_STREAM, 0));
    const auto a = address(port);
    if (::connect(s.fd_, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0) s = tcp(-1);
    return s;
  }
  static tcp listener(std::uint16_t& port) {
    tcp s(::socket(AF_INET, SOCK_STREAM, 0));
    auto a = address(0);
    socklen_t size = sizeof a;
    if (::bind(s.fd_, reinterpret_cast<sockaddr*>(&a), size) != 0 || ::listen(s.fd_, 4) != 0 ||
        ::getsockname(s.fd_, reinterpret_cast<sockaddr*>(&a), &size) != 0)
      return tcp(-1);
    port = ntohs(a.sin_port);
    return s;
  }
  tcp accept() const { return tcp(readable() ? ::accept(fd_, nullptr, nullptr) : -1); }
  tcp(tcp&& o) noexcept : fd_(std::exchange(o.fd_, -1)) {}
  tcp& operator=(tcp o) noexcept { std::swap(fd_, o.fd_); return *this; }
  ~tcp() { if (fd_ >= 0) ::close(fd_); }

  bool open() const { return fd_ >= 0; }
  void write(const std::string& bytes) const {
    for (std::size_t at = 0; at < bytes.size();) {
      const auto n = ::send(fd_, bytes.data() + at, bytes.size() - at, MSG_NOSIGNAL);
      if (n <= 0) return;
      at += static_cast<std::size_t>(n);
    }
  }
  // Empty at the end of the stream.
  std::string read() const {
    char bytes[4096];
    const auto n = readable() ? ::recv(fd_, bytes, sizeof bytes, 0) : -1;
    return n > 0 ? std::string(bytes, static_cast<std::size_t>(n)) : std::string();
  }

 private:
  static sockaddr_in address(std::uint16_t port) {
    sockaddr_in a{};
    a.sin_family = AF_INET;
    a.sin_port = htons(port);
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    return a;
  }
  bool readable() const {
    pollfd p{fd_, POLLIN, 0};
    return ::poll(&p, 1, patience) == 1;
  }
  int fd_;
};

std::uint16_t epmd_port() {
  const char* named = std::getenv("ERL_EPMD_PORT");
  return named ? static_cast<std::uint16_t>(std::atoi(named)) : epmd::default_port;
}

// An erl that evaluates `expressions`; its output is read line by line.
class erl_node {
 public:
  erl_node(const std::string& name, const std::string& expressions, const std::string& options = "") {
    const auto command = "exec " + erl_command() + " -noinput " + options + " -setcookie secret -kernel logger_level none" +
        (name.empty() ? "" : " -sname " + name) + " -eval '" + expressions + "' 2>&1";
    out_ = ::popen(command.c_str(), "r");
  }
  ~erl_node() { if (out_) ::pclose(out_); }
  erl_node(const erl_node&) = delete;
  std::string line() {
    char text[512] = "";
    return out_ && std::fgets(text, sizeof text, out_) ? std::string(text) : std::string();
  }

 private:
  std::FILE* out_ = nullptr;
};

struct ErlPeer : testing::Test {
  const std::string unique = std::to_string(::getpid());
  const std::string erl_name = "erl" + unique + "@localhost", our_name = "cpp" + unique + "@localhost";
  block_ptr heap = block::make(64);

  void SetUp() override {
    ASSERT_TRUE(erl_has("net_kernel"));
    set_this_node(atom(our_name), 5);
  }
  handshake_config config(std::string cookie = "secret") {
    auto c = test::config(our_name, 4711, std::move(cookie));
    c.creation = 5;
    c.offered = hidden_flags;
    return c;
  }
  term echo_pid() { return term{cnode_make_local_pid(1, 0)}; }

  std::uint16_t port_of(const std::string& name) {
    const auto s = tcp::to(epmd_port());
    s.write(epmd::encode_port_please2_req(name.substr(0, name.find('@'))));
    std::string all;
    for (auto part = s.read(); !part.empty(); part = s.read()) all += part;
    const auto r = epmd::decode_port2_resp(bytes_of(all), true);
    return r && *r ? (**r).port : 0;
  }

  // Runs the handshake to its end; what came after it goes to the connection.
  std::optional<connection> shake(const tcp& s, handshake& hs, name_decision d = name_decision::ok, const std::string& give = {}) {
    for (;;) {
      s.write(hs.take_output());
      if (hs.failed()) return {};
      const auto bytes = s.read();
      if (bytes.empty()) return {};
      const auto used = hs.receive(bytes_of(bytes));
      if (hs.wants_decision()) hs.decide(d, give + "@" + hs.wanted_host(), 9);
      if (!hs.done()) continue;
      s.write(hs.take_output());
      connection c(hs.done()->negotiated);
      c.set_peer(atom(hs.done()->peer_name));
      c.receive(bytes_of(bytes).subspan(*used));
      return c;
    }
  }
  static void flush(const tcp& s, connection& c) {
    c.fill_output(SIZE_MAX);
    s.write(c.output().str());
    c.output().clear();
  }
  static std::optional<frame_event> next(const tcp& s, connection& c) {
    for (;;) {
      auto e = c.next_event();
      if (!e) {
        ADD_FAILURE() << to_string(e.error());
        return {};
      }
      if (*e) return std::move(*e);
      const auto bytes = s.read();
      if (bytes.empty()) return {};
      c.receive(bytes_of(bytes));
    }
  }
  // Answers net_adm:ping/1 as net_kernel does. True when it was asked.
  static bool answer_ping(const tcp& s, connection& c) {
    while (auto e = next(s, c)) {
      const auto* m = std::get_if<reg_send>(&e->control);
      if (m == nullptr || atom_text(m->to_name) != "net_kernel") continue;
      const auto from = e->message[1];  // {'$gen_call', {Pid, Tag}, {is_auth, Node}}
      const auto reply = make_tuple_of(*e->block, from[1], atom("yes"));
      const auto sent = from[1].is_cons() ? c.send(alias_send{term{cnode_make_local_pid(1, 0)}, from[1].tail(), {}}, reply)
                                          : c.send(send{term{cnode_make_local_pid(1, 0)}, from[0], {}}, reply);
      flush(s, c);
      return static_cast<bool>(sent);
    }
    return false;
  }
};

const std::string echo =
    "register(echo, spawn(fun F() -> receive {From, stop} -> From ! bye, timer:sleep(200), halt(); "
    "{From, M} -> From ! {echoed, M}, F() end end)), io:format(\"ready~n\").";

TEST_F(ErlPeer, LetsUsInAndTalksBothWays) {
  erl_node erl(erl_name, echo);
  ASSERT_EQ(erl.line(), "ready\n");
  const auto s = tcp::to(port_of(erl_name));
  ASSERT_TRUE(s.open());
  auto hs = handshake::we_started(config(), erl_name);
  auto c = shake(s, hs);
  ASSERT_TRUE(c) << (hs.failed() ? to_string(*hs.failed()) : "closed");
  EXPECT_EQ(hs.status(), "ok");
  EXPECT_EQ(c->flags() & needed_flags, needed_flags);

  const std::uint32_t ids[] = {1, 2, 3};
  const auto ref = make_ref(*heap, atom(our_name), 5, ids, 3);
  ASSERT_TRUE(c->send(monitor_p{echo_pid(), atom("nobody"), ref}, {}));
  ASSERT_TRUE(c->send(reg_send{echo_pid(), atom("echo"), {}}, make_tuple_of(*heap, echo_pid(), make_binary(*heap, std::string(100'000, 'b')))));
  ASSERT_TRUE(c->send(monitor_p{echo_pid(), atom("echo"), ref}, {}));
  ASSERT_TRUE(c->send(reg_send{echo_pid(), atom("echo"), {}}, make_tuple_of(*heap, echo_pid(), atom("stop"))));
  flush(s, *c);

  bool noproc = false, echoed = false, bye = false;
  while (!bye) {
    const auto e = next(s, *c);
    ASSERT_TRUE(e);
    if (const auto* down = std::get_if<monitor_p_exit>(&e->control)) {
      noproc = atom_text(down->from) == "nobody" && down->reason.is_atom() && atom_text(down->reason) == "noproc";
    } else if (std::holds_alternative<send>(e->control)) {
      EXPECT_TRUE(std::get<send>(e->control).to.same(echo_pid()));
      if (e->message.is_tuple(2)) echoed = e->message[1].bytes() == std::string(100'000, 'b');
      bye = e->message.is_atom() && atom_text(e->message) == "bye";
    }
  }
  EXPECT_TRUE(noproc);
  EXPECT_TRUE(echoed);
}

TEST_F(ErlPeer, RefusesAWrongCookie) {
  erl_node erl(erl_name, "io:format(\"ready~n\"), timer:apply_after(1500, erlang, halt, []).");
  ASSERT_EQ(erl.line(), "ready\n");
  const auto s = tcp::to(port_of(erl_name));
  auto hs = handshake::we_started(config("guess"), erl_name);
  EXPECT_FALSE(shake(s, hs));
  EXPECT_FALSE(hs.done());
}

struct ErlPeerComes : ErlPeer {
  std::uint16_t port = 0;
  tcp acceptor = tcp::listener(port), registration{-1};

  void SetUp() override {
    ErlPeer::SetUp();
    if (HasFatalFailure()) return;
    registration = tcp::to(epmd_port());
    if (!registration.open()) {
      ASSERT_EQ(std::system("epmd -daemon"), 0);
      registration = tcp::to(epmd_port());
    }
    epmd::alive2_req request;
    request.name = "cpp" + unique;
    request.port = port;
    request.hidden = true;
    registration.write(epmd::encode(request));
    const auto r = epmd::decode_alive2_resp(bytes_of(registration.read()));
    ASSERT_TRUE(r && *r && (**r).ok);
  }
  std::string ping() { return "io:format(\"~p~n\", [net_adm:ping(list_to_atom(\"" + our_name + "\"))]), halt()."; }
};

TEST_F(ErlPeerComes, AndPingsUs) {
  erl_node erl(erl_name, ping());
  const auto s = acceptor.accept();
  ASSERT_TRUE(s.open());
  auto hs = handshake::other_started(config());
  auto c = shake(s, hs);
  ASSERT_TRUE(c);
  EXPECT_EQ(hs.done()->peer_name, erl_name);
  EXPECT_TRUE(answer_ping(s, *c));
  EXPECT_EQ(erl.line(), "pong\n");
}

TEST_F(ErlPeerComes, AndConfirmsThatItIsAliveAgain) {
  erl_node erl(erl_name, ping());
  const auto s = acceptor.accept();
  auto hs = handshake::other_started(config());
  auto c = shake(s, hs, name_decision::alive);
  ASSERT_TRUE(c);
  EXPECT_TRUE(answer_ping(s, *c));
  EXPECT_EQ(erl.line(), "pong\n");
}

TEST_F(ErlPeerComes, AndTakesNokAndNotAllowedForANo) {
  for (const auto d : {name_decision::nok, name_decision::not_allowed}) {
    erl_node erl(erl_name, ping());
    {
      const auto s = acceptor.accept();
      auto hs = handshake::other_started(config());
      EXPECT_FALSE(shake(s, hs, d));
    }
    EXPECT_EQ(erl.line(), "pang\n");
  }
}

TEST_F(ErlPeerComes, AndTakesTheNameWeGiveIt) {
  erl_node erl("undefined", "net_kernel:connect_node(list_to_atom(\"" + our_name + "\")), io:format(\"~s~n\", [node()]), halt().");
  const auto s = acceptor.accept();
  ASSERT_TRUE(s.open());
  auto hs = handshake::other_started(config());
  auto c = shake(s, hs, name_decision::ok, "given" + unique);
  ASSERT_TRUE(c) << (hs.failed() ? to_string(*hs.failed()) : "closed");
  EXPECT_EQ(erl.line(), hs.done()->named + "\n");
}

}  // namespace
}  // namespace cnode::test
