// A node and a peer that has come in, for tests named after what is known of the wire. W is a process of the node that traps exits and keeps what it
// gets; V another that does what processes do; both are registered, as witness and victim.
#pragma once

#include <gtest/gtest.h>

#include <future>

#include <cnode/actors/process.hpp>

#include "running_node.hpp"
#include "wire_peer.hpp"

namespace cnode::test {

using namespace std::chrono_literals;
using dist::dist_flag::alias;
namespace flag = dist::dist_flag;

struct witness final : actors::behaviour {
  witness(journal& events, bool traps) : events(events), traps(traps) {}
  void start(actors::process& self) override { self.set_trap_exit(traps); }
  void receive(actors::process&, block_ptr& message) override {
    const auto m = std::move(message);
    events.add("got " + to_text(m->root));
  }
  void returned(actors::process&, actors::outcome) override {}
  journal& events;
  bool traps;
};

// Calls M:F(Args) in a process of its own; the text of {value, V} or {Class, Reason} goes to the journal.
struct caller final : actors::behaviour {
  caller(journal& events, std::string m, std::string f, block_ptr args) : events(events), m(std::move(m)), f(std::move(f)), args(std::move(args)) {}
  void start(actors::process& self) override { self.call(atom(m), atom(f), args->root); }
  void receive(actors::process&, block_ptr&) override {}
  void returned(actors::process& self, actors::outcome o) override {
    events.add("ended " + (o.kind == actors::outcome::value ? to_text(o.result) : to_text(o.error_class) + " " + to_text(o.reason)));
    self.exit(atom("normal"));
  }
  journal& events;
  std::string m, f;
  block_ptr args;
};

struct meeting {
  using services = running_node::services;
  running_node r;
  wire_peer peer;
  term w, v;

  explicit meeting(dist::dist_flags flags = all_flags, services s = running_node::alone, std::function<void(node::node_config&)> adjust = {})
      : r(fake_epmd::manner::normal, std::move(adjust), s), peer(r.n->port()) {
    w = r.n->runtime().spawn(std::make_unique<witness>(r.events, true));
    v = r.n->runtime().spawn(std::make_unique<witness>(r.events, false));
    r.n->runtime().register_name(atom("witness"), w);
    r.n->runtime().register_name(atom("victim"), v);
    peer.says("W", w);
    peer.says("V", v);
    // Of an earlier life of the node.
    auto b = block::make(16);
    peer.says("OLD", make_pid(*b, atom("cpp@localhost"), r.n->creation() + 1, 5, 0));
    EXPECT_TRUE(peer.comes(flags));
    EXPECT_TRUE(r.events.wait_for("up one@localhost"));
  }

  ~meeting() { r.n->runtime().exit_signal({}, w, atom("kill")); }  // the node would wait for one that traps exits

  // Runs f in the process and waits until it has run.
  void in(term pid, std::function<void(actors::process&)> f) {
    std::promise<void> over;
    ASSERT_TRUE(r.n->runtime().run_in(pid, [&](actors::process& p) {
      f(p);
      over.set_value();
    }));
    over.get_future().wait();
  }
  // W has got this message.
  bool got(const std::string& message) { return r.events.wait_for("got " + to_text(peer.read(message)->root) + "\n"); }
  std::size_t times_got(const std::string& message) { return r.events.count("got " + to_text(peer.read(message)->root) + "\n"); }
  bool alive(term pid) { return r.n->runtime().alive(pid); }
  bool dies(term pid) {
    for (const auto end = std::chrono::steady_clock::now() + 10s; alive(pid); std::this_thread::yield())
      if (std::chrono::steady_clock::now() > end) return false;
    return true;
  }
  void calls(const std::string& m, const std::string& f, const std::string& args) {
    r.n->runtime().spawn(std::make_unique<caller>(r.events, m, f, peer.read(args)));
  }
  bool ended(const std::string& how) { return r.events.wait_for("ended " + how + "\n"); }
  void ends(term pid, const std::string& reason) {
    in(pid, [&](actors::process& p) { p.exit(atom(reason)); });
  }
  // What the peer hears when V ends, and that it has heard nothing before.
  std::string heard_of_the_end() {
    EXPECT_EQ(peer.hears_nothing(), "nothing");
    ends(v, "over");
    return peer.hears();
  }
  // The next two things the peer hears are these, in whatever order.
  testing::AssertionResult hears_both(const std::string& one, const std::string& other) {
    const auto first = peer.hears(), second = peer.hears();
    if ((first == one && second == other) || (first == other && second == one)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << first << " and " << second;
  }
  // One of the next two things the peer hears is this.
  testing::AssertionResult hears_soon(const std::string& what) {
    const auto first = peer.hears(), second = peer.hears();
    if (first == what || second == what) return testing::AssertionSuccess();
    return testing::AssertionFailure() << first << " and " << second;
  }
};

// A node that calls a peer of that name.
struct outgoing {
  running_node r;
  std::uint16_t port = 0;
  int listener = listen_on_loopback(port);
  std::promise<bool> connected;
  std::string name;
  std::optional<wire_peer> peer;

  explicit outgoing(std::string n = "one@localhost", bool hidden = false) : name(std::move(n)) {
    r.epmd.knows(name.substr(0, name.find('@')), port);
    r.n->connect(atom(name), [this](bool ok) { connected.set_value(ok); }, hidden);
    peer.emplace(fake_peer(::accept(listener, nullptr, nullptr)), name);
  }
  ~outgoing() { ::close(listener); }
  bool is_up() { return connected.get_future().get(); }
};

}  // namespace cnode::test
