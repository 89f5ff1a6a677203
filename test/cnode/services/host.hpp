// A node without sockets, driven step by step, for tests of the services.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "services.hpp"

namespace cnode::test {

// Keeps what is sent to other nodes.
class sent_frames final : public actors::distribution {
 public:
  bool send(term node, const dist::control_message& m, term message) override {
    control.push_back({std::string(atom_text(node)), m.index(), message ? to_text(message) : "", std::make_shared<const block_ptr>(copy_to_block(message ? message : nil))});
    return true;
  }
  std::vector<term> nodes(bool visible, bool hidden) const override {
    std::vector<term> out;
    if (visible) out.push_back(atom("b@host"));
    if (hidden) out.push_back(atom("c@host"));
    return out;
  }
  void disconnect(term) override {}
  bool is_busy(term) const override { return busy; }
  bool busy = false;

  struct frame {
    std::string node;
    std::size_t kind;
    std::string message;
    std::shared_ptr<const block_ptr> term;  // of the message
  };
  std::vector<frame> control;
};

class host final : public services::node_host {
 public:
  host() : runtime_(config(log, later)) {
    set_this_node(atom("cpp@localhost"), 7);
    runtime_.set_distribution(&distribution);
    services::add_node_builtins(*this);
    runtime_.start();
    services::start_services(*this);
    runtime_.run_until_idle();
  }
  ~host() override {
    runtime_.stop();
    services::forget_host(*this);
  }

  actors::runtime& runtime() override { return runtime_; }
  std::string cookie(const std::string& node) const override { return node.empty() ? cookie_ : "of_" + node; }
  void set_cookie(const std::string&, const std::string& cookie) override { cookie_ = cookie; }
  std::chrono::milliseconds net_ticktime() const override { return ticktime_; }
  services::ticktime_change set_net_ticktime(std::chrono::milliseconds t, std::chrono::milliseconds) override {
    const bool same = std::exchange(ticktime_, t) == t;
    return same ? services::ticktime_change::unchanged : services::ticktime_change::change_initiated;
  }
  bool long_names() const override { return false; }
  std::vector<services::peer> peers() const override { return {{atom("b@host"), "10.0.0.2:4711", true, 3, 4}}; }
  void connect(term node, bool, std::function<void(bool)> done) override { done(atom_text(node) == "b@host"); }
  bool disconnect(term node) override {
    disconnected.emplace_back(atom_text(node));
    return atom_text(node) == "b@host";
  }
  void allow(std::vector<std::string>) override {}
  void epmd_names(std::string, names_done done) override { done(std::vector<std::pair<std::string, std::uint16_t>>{{"cpp", 4711}}); }
  std::vector<std::string> arguments() const override { return {"start", "--sname", "cpp", "--cookie", "secret"}; }
  void stop(int status) override { stopped = status; }

  sent_frames distribution;
  std::optional<int> stopped;
  std::vector<std::string> log, disconnected;
  std::chrono::milliseconds later{0};  // what the node's clock shows beyond the real one

 private:
  static actors::runtime_config config(std::vector<std::string>& log, const std::chrono::milliseconds& later) {
    actors::runtime_config c;
    c.manual = true;
    c.schedulers = 1;
    c.clock = [&later] { return std::chrono::steady_clock::now() + later; };
    c.log = [&log](actors::log_level, std::string_view text) { log.emplace_back(text); };
    return c;
  }
  actors::runtime runtime_;
  std::string cookie_ = "secret";
  std::chrono::milliseconds ticktime_{60000};
};

// Runs the node until `done`; other threads (the module loader's) may have a part in it. False after 20 s.
template <class Done>
bool run_until(actors::runtime& node, Done done) {
  for (const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(20); std::chrono::steady_clock::now() < end; std::this_thread::yield()) {
    node.run_until_idle();
    if (done()) return true;
  }
  return false;
}

// Keeps the messages it gets, as text.
class recorder final : public actors::behaviour {
 public:
  explicit recorder(std::vector<std::string>& out) : out_(out) {}
  void start(actors::process&) override {}
  void receive(actors::process&, block_ptr& message) override {
    const auto m = std::move(message);
    out_.push_back(to_text(m->root));
  }
  void returned(actors::process&, actors::outcome) override {}

 private:
  std::vector<std::string>& out_;
};

// Calls M:F(Args) in a process of its own and keeps how that ended: {value, V} or {Class, Reason}.
class caller final : public actors::behaviour {
 public:
  caller(term module, term function, term args, block_ptr& out) : module_(module), function_(function), args_(copy_to_block(args)), out_(out) {}
  void start(actors::process& self) override { self.call(module_, function_, args_->root); }
  void receive(actors::process&, block_ptr&) override {}
  void returned(actors::process& self, actors::outcome o) override {
    out_ = block::make(32);
    out_->root = o.kind == actors::outcome::value ? make_tuple_of(*out_, atom("value"), copy(*out_, o.result))
                                                  : make_tuple_of(*out_, copy(*out_, o.error_class), copy(*out_, o.reason));
    self.exit(atom("normal"));
  }

 private:
  term module_, function_;
  block_ptr args_;
  block_ptr& out_;
};

// Text of {value, V} or {Class, Reason}; "" when it has not ended.
inline std::string apply(host& h, const std::string& module, const std::string& function, const std::string& args) {
  auto parsed = parse_term(args);
  if (!parsed) return "bad arguments in the test: " + args;
  block_ptr out;
  h.runtime().spawn(std::make_unique<caller>(atom(module), atom(function), (*parsed)->root, out));
  run_until(h.runtime(), [&] { return out != nullptr; });
  return out ? to_text(out->root) : "";
}

}  // namespace cnode::test
