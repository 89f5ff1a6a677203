// A node in the test's process: epmd and the other nodes are played by the test.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/gen.hpp>
#include <cnode/node/node.hpp>
#include <cnode/protocol/atom_table.hpp>

#include "fake_epmd.hpp"
#include "fake_peer.hpp"
#include "services.hpp"

namespace cnode::test {

// What the node logs and which nodes come and go.
class journal {
 public:
  void add(const std::string& line) {
    std::lock_guard lock(mutex_);
    text_ += line + "\n";
    changed_.notify_all();
  }
  bool wait_for(const std::string& part) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return text_.find(part) != text_.npos; });
  }
  std::size_t count(const std::string& part) {
    std::lock_guard lock(mutex_);
    std::size_t n = 0;
    for (auto at = text_.find(part); at != text_.npos; at = text_.find(part, at + 1)) ++n;
    return n;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::string text_;
};

// Sends every message it gets back to the pid in its first element.
struct echo : actors::behaviour {
  void start(actors::process&) override {}
  void receive(actors::process& self, block_ptr& message) override {
    const auto m = std::move(message);
    if (m->root.is_tuple(2)) self.send(m->root[0], m->root[1]);
  }
  void returned(actors::process&, actors::outcome) override {}
};

// To {somebody, NODE}, from nobody.
inline void send_number(actors::runtime& from, int number, term node) {
  auto b = block::make(8);
  b->root = small(number);
  const auto to = block::make(8);
  from.send(make_tuple_of(*to, atom("somebody"), node), std::move(b));
}

struct running_node {
  journal events;
  fake_epmd epmd;
  std::unique_ptr<node::node> n;
  std::optional<node::start_error> error;

  enum services { alone, with_services };  // net_kernel, rex, global, the builtin modules

  explicit running_node(fake_epmd::manner m = fake_epmd::manner::normal, std::function<void(node::node_config&)> adjust = {}, services s = alone) : epmd(m) {
    node::node_config c;
    c.name = "cpp@localhost";
    c.cookie = "secret";
    c.epmd_port = epmd.port();
    c.start_epmd = false;
    c.schedulers = 2;
    c.log = [this](actors::log_level, std::string_view text) { events.add("log " + std::string(text)); };
    if (adjust) adjust(c);
    n = std::make_unique<node::node>(c);
    if (s == with_services) {
      actors::add_behaviour_builtins(n->runtime());
      actors::add_code_builtins(n->runtime());
    }
    n->runtime().on_node_change([this](term name, bool up, bool, term reason) {
      events.add((up ? "up " : "down ") + std::string(atom_text(name)) + (up ? "" : " " + std::string(atom_text(reason))));
    });
    error = n->start([s](node::node& me) {
      if (s == with_services) cnode::services::start(me);
      me.runtime().register_name(atom("echo"), me.runtime().spawn(std::make_unique<echo>()));
    });
  }
  ~running_node() { n.reset(); }
  fake_peer peer() { return fake_peer::connect(n->port()); }
};

}  // namespace cnode::test
