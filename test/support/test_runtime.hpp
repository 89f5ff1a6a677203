// Manual runtimes for tests: no threads, a clock that moves when told, processes written as lambdas, and two nodes wired back to back.
#pragma once

#include <deque>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/actors/signal.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

namespace cnode::test {

using namespace cnode::actors;

// A process made of functions. What it does not take it keeps as text, oldest first.
struct script {
  std::function<void(process&)> start;
  std::function<bool(process&, block_ptr&)> receive;  // true: handled; else the message is noted down
  std::function<void(process&, outcome)> returned;
  std::function<void(process&)> timeout;
  std::vector<std::string> messages;   // as to_text writes them
  std::vector<std::string> outcomes;
  std::string ended;                   // the exit reason
  int timeouts = 0;
};

class scripted final : public behaviour {
 public:
  explicit scripted(std::shared_ptr<script> s) : s_(std::move(s)) {}
  void start(process& self) override {
    if (s_->start) s_->start(self);
  }
  void receive(process& self, block_ptr& message) override {
    if (s_->receive && s_->receive(self, message)) return;
    s_->messages.push_back(to_text(message->root));
    message.reset();
  }
  void returned(process& self, outcome o) override {
    s_->outcomes.push_back(o.kind == outcome::value
                               ? to_text(o.result)
                               : to_text(o.error_class) + " " + to_text(o.reason) + " " + to_text(o.stacktrace));
    if (s_->returned) s_->returned(self, o);
  }
  void timeout(process& self) override {
    ++s_->timeouts;
    if (s_->timeout) s_->timeout(self);
  }
  void stopping(process&, term reason) override { s_->ended = to_text(reason); }
  bool movable() const override { return true; }
  term current_function(process&, block& b) override { return make_tuple_of(b, atom("scripted"), atom("loop"), small(0)); }

 private:
  std::shared_ptr<script> s_;
};

// One node. Its name and creation are the OS process's: this_node().
class manual_node {
 public:
  manual_node() {
    runtime_config c;
    c.manual = true;
    c.max_processes = 1024;
    c.recently_idle = 1;  // whoever waits is packed as soon as somebody else waits
    c.clock = [this] { return now_; };
    c.log = [this](log_level, std::string_view text) { logged.emplace_back(text); };
    node = std::make_unique<runtime>(std::move(c));
    run();
  }
  runtime* operator->() { return node.get(); }
  runtime& operator*() { return *node; }
  void run() { node->run_until_idle(); }
  void pass(std::chrono::milliseconds time) {
    now_ += time;
    run();
  }

  std::shared_ptr<script> make() { return std::make_shared<script>(); }
  // A process that does nothing but note down what it gets.
  term spawn(std::shared_ptr<script> s, const spawn_options& o = {}) {
    const auto pid = node->spawn(std::make_unique<scripted>(std::move(s)), o);
    run();
    return pid;
  }
  // Does something as that process.
  void as(term pid, std::function<void(process&)> f) {
    node->run_in(pid, std::move(f));
    run();
  }
  void send(term to, std::string_view text) {
    auto m = parse_term(text);
    node->send(to, std::move(*m));
    run();
  }
  void exit(term to, std::string_view reason) {
    auto m = parse_term(reason);
    node->exit_signal(term{cnode_make_local_pid(1000, 9)}, to, (*m)->root);
    run();
  }

  std::unique_ptr<runtime> node;
  std::vector<std::string> logged;

 private:
  std::chrono::steady_clock::time_point now_{std::chrono::hours(1)};
};

// Two runtimes in one OS process share this_node(), so each sees itself under that name and the other under `peer_name`. What goes
// from one to the other is copied with the two names exchanged, as if each had a name of its own.
class back_to_back {
 public:
  back_to_back() : to_b_(*this, b), to_a_(*this, a) {
    a->set_distribution(&to_b_);
    b->set_distribution(&to_a_);
  }
  ~back_to_back() {
    connected = false;
    a->set_distribution(nullptr);
    b->set_distribution(nullptr);
  }

  static term peer_name() { return atom("peer@host"); }
  // A term of the one node as the other one sees it.
  static term across(block& b, term t);
  static dist::control_message across(block& b, const dist::control_message& m);

  // Runs both until nothing moves.
  void run();
  // The connection breaks: both hear of it; sends fail from now on.
  void disconnect();

  manual_node a, b;
  bool connected = true;
  // The kinds of control messages that went over, in order: "a link", "b unlink_id_ack" (who sent it).
  std::vector<std::string> wire;

 private:
  class half final : public distribution {
   public:
    half(back_to_back& owner, manual_node& to) : owner_(owner), to_(to) {}
    bool send(term node, const dist::control_message& m, term message) override;
    std::vector<term> nodes(bool, bool) const override { return {peer_name()}; }
    void disconnect(term) override { owner_.disconnect(); }
    bool deliver();

   private:
    back_to_back& owner_;
    manual_node& to_;
    std::deque<dist::frame_event> queue_;
  };
  half to_b_, to_a_;
};

}  // namespace cnode::test
