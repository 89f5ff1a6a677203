// A node for module `flight` (code_modules/flight.cpp): versions 1 to 3, a process that notes what it is sent, counters.
#pragma once

#include <atomic>
#include <mutex>
#include <vector>

#include <cnode/actors/gen.hpp>

#include "code_node.hpp"

namespace cnode::test {

// Notes every message as text.
class notes {
 public:
  void add(std::string text) {
    std::lock_guard guard{lock_};
    all_.push_back(std::move(text));
  }
  std::vector<std::string> all() const {
    std::lock_guard guard{lock_};
    return all_;
  }
  bool has(const std::string& text) const {
    for (const auto& t : all())
      if (t == text) return true;
    return false;
  }
  // Some message begins so.
  bool begins(const std::string& text) const {
    for (const auto& t : all())
      if (t.starts_with(text)) return true;
    return false;
  }
  void clear() {
    std::lock_guard guard{lock_};
    all_.clear();
  }

 private:
  mutable std::mutex lock_;
  std::vector<std::string> all_;
};

class noting : public actors::behaviour {
 public:
  explicit noting(std::shared_ptr<notes> n) : notes_{std::move(n)} {}
  void start(actors::process& self) override { self.set_trap_exit(true); }
  void receive(actors::process& self, block_ptr& message) override {
    const auto m = message->root;
    if (m.is_tuple(3) && m[1].same(self.pid()) && m[2].same(atom("shutdown"))) self.exit(m[2]);
    notes_->add(to_text(m));
    message.reset();
  }
  void returned(actors::process&, actors::outcome) override {}

 private:
  std::shared_ptr<notes> notes_;
};

struct counter {
  std::atomic<int> value{0};
  std::string address() { return std::to_string(reinterpret_cast<std::intptr_t>(&value)); }
};

class flight_node : public code_node {
 public:
  flight_node() {
    actors::add_behaviour_builtins(*runtime);
    listener = runtime->spawn(std::make_unique<noting>(heard));
    load_version(1);
  }
  std::string to() const { return to_text(listener); }
  // As a new file and code:load_file: the current version becomes old.
  std::string load_version(int n) {
    write(dir + "/flight.so", contents(std::string{TEST_MODULES} + "/flight_v" + std::to_string(n) + "/flight.so"));
    return call("code", "load_file", "[flight]");
  }
  running_call flight(const std::string& f, const std::string& args) { return start("flight", f, args); }
  // Runs inside the function now.
  running_call running(const std::string& f, const std::string& args) {
    auto c = flight(f, args);
    eventually([&] {
      const auto p = runtime->find(c.pid);
      return p && p->active_version();
    });
    return c;
  }
  running_call waiting(const std::string& f, const std::string& args) { return start_waiting("flight", f, args); }
  std::string purge() { return call("code", "purge", "[flight]"); }
  std::string soft_purge() { return call("code", "soft_purge", "[flight]"); }
  void send(term pid, const std::string& message) { runtime->send(pid, std::move(*parse_term(message))); }
  // Whatever was on its way to the listener has arrived.
  void settle() {
    static std::atomic<int> n{0};
    const auto mark = "{settled," + std::to_string(++n) + "}";
    send(listener, mark);
    eventually([&] { return heard->has(mark); });
  }

  std::shared_ptr<notes> heard = std::make_shared<notes>();
  term listener;
};

}  // namespace cnode::test
