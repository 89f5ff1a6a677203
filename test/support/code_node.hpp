// A runtime with the functions about code, a directory as its code path, and calls written as Erlang text.
#pragma once

#include <chrono>
#include <filesystem>
#include <fstream>
#include <future>
#include <memory>
#include <sstream>
#include <string>
#include <thread>

#include <unistd.h>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

namespace cnode::test {

namespace fs = std::filesystem;
using actors::load_result;

inline std::string built(const std::string& variant) { return std::string{TEST_MODULES} + "/" + variant + "/tiny.so"; }

inline std::string contents(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

inline void write(const std::string& path, const std::string& bytes) {
  std::ofstream out{path, std::ios::binary | std::ios::trunc};
  out.write(bytes.data(), static_cast<std::streamsize>(bytes.size()));
}

template <class F>
bool eventually(F f) {
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds{10};
  while (!f()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds{1});
  }
  return true;
}

// Calls one function and says as text how that ended: the value, class:Reason, or killed when the process went before.
class caller : public actors::behaviour {
 public:
  caller(term m, term f, block_ptr args, std::shared_ptr<std::promise<std::string>> answer)
      : m_{m}, f_{f}, args_{std::move(args)}, answer_{std::move(answer)} {}
  ~caller() override { say("killed"); }
  void start(actors::process& self) override { self.call(m_, f_, args_->root); }
  void receive(actors::process&, block_ptr&) override {}
  void returned(actors::process& self, actors::outcome o) override {
    say(o.kind == actors::outcome::value ? to_text(o.result) : to_text(o.error_class) + ":" + to_text(o.reason));
    self.exit(atom("normal"));
  }

 private:
  void say(const std::string& text) {
    if (answer_) std::exchange(answer_, nullptr)->set_value(text);
  }
  term m_, f_;
  block_ptr args_;
  std::shared_ptr<std::promise<std::string>> answer_;
};

struct running_call {
  term pid;
  std::future<std::string> result;
};

class code_node {
 public:
  code_node() {
    std::string pattern = fs::temp_directory_path() / "cnode-test-XXXXXX";
    dir = ::mkdtemp(pattern.data());
    actors::runtime_config config;
    config.recently_idle = 1;
    config.schedulers = 2;
    config.log = [this](actors::log_level, std::string_view text) {
      std::lock_guard guard{log_lock};
      log += std::string{text} + "\n";
    };
    runtime = std::make_unique<actors::runtime>(std::move(config));
    actors::add_code_builtins(*runtime);
    runtime->start();
    runtime->code().add_path(dir, true);
  }
  ~code_node() {
    runtime->stop();
    runtime.reset();
    fs::remove_all(dir);
  }

  // Puts this variant where the code path finds it: a new file, as a compiler writes one.
  void put(const std::string& variant) { put_bytes(contents(built(variant))); }
  void put_bytes(const std::string& bytes) { write(file(), bytes); }
  std::string file() const { return dir + "/tiny.so"; }

  running_call start(const std::string& m, const std::string& f, const std::string& args = "[]") {
    auto answer = std::make_shared<std::promise<std::string>>();
    auto result = answer->get_future();
    auto parsed = parse_term(args);
    auto b = parsed ? std::move(*parsed) : immediate_block(nil);
    const auto pid = runtime->spawn(std::make_unique<caller>(atom(m), atom(f), std::move(b), answer));
    return {pid, std::move(result)};
  }
  std::string call(const std::string& m, const std::string& f, const std::string& args = "[]") { return wait(start(m, f, args)); }
  static std::string wait(running_call c) {
    return c.result.wait_for(std::chrono::seconds{30}) == std::future_status::ready ? c.result.get() : "no answer";
  }
  // Waits inside the module until it is sent `go`.
  running_call start_waiting(const std::string& m = "tiny", const std::string& f = "wait", const std::string& args = "[]") {
    auto c = start(m, f, args);
    eventually([&] { return process_waits(c.pid); });
    return c;
  }
  bool process_waits(term pid) {
    const auto p = runtime->find(pid);
    if (!p || !p->active_version()) return false;
    std::promise<void> passed;
    return runtime->run_in(pid, [&](actors::process&) { passed.set_value(); }) && (passed.get_future().wait(), true);
  }
  void go(term pid) { runtime->send(pid, immediate_block(atom("go"))); }

  load_result load(const std::string& bytes, const std::string& module = "tiny") {
    std::promise<load_result> done;
    runtime->code().load_binary(atom(module), "from test", bytes, [&](const load_result& r) { done.set_value(r); });
    return done.get_future().get();
  }
  load_result load_file() {
    std::promise<load_result> done;
    runtime->code().load_file(atom("tiny"), [&](const load_result& r) { done.set_value(r); });
    return done.get_future().get();
  }
  bool unmaps(std::uint64_t n) {
    return eventually([&] { return runtime->code().unloads().unmapped == n; });
  }

  std::string dir;
  std::mutex log_lock;
  std::string log;
  std::unique_ptr<actors::runtime> runtime;
};

}  // namespace cnode::test
