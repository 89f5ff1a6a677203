#include "engine.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include <unistd.h>

#include <cnode/actors/gen.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

#include "io.hpp"
#include "runtime_impl.hpp"

namespace cnode::testing::detail {

using namespace std::chrono_literals;
using testing::failure;

namespace {

bool debugged() {
  std::ifstream in("/proc/self/status");
  for (std::string line; std::getline(in, line);)
    if (line.starts_with("TracerPid:")) return line.find_first_of("123456789") != std::string::npos;
  return false;
}

std::size_t threads() {
  std::error_code ignored;
  std::size_t n = 0;
  for (const auto& entry : std::filesystem::directory_iterator("/proc/self/task", ignored)) n += entry.path().has_filename();
  return n;
}

// A thread that never comes back runs on while the program ends: destructors of static objects must not pull things from under it.
void leave_at_exit() {
  static std::once_flag once;
  std::call_once(once, [] {
    ::on_exit(
        [](int status, void*) {
          std::fflush(nullptr);
          ::_exit(status);
        },
        nullptr);
  });
}

constexpr std::chrono::hours longest_time{1};
// For threads of modules, which no clock of ours moves.
constexpr auto outside_patience = 200ms;

}  // namespace

engine::engine(const options& o, const char* modules) : options_(o) {
  const std::string list = modules;
  for (std::size_t i = 0; i < list.size();) {
    const auto end = std::min(list.find('|', i), list.size());
    const auto entry = list.substr(i, end - i);
    if (const auto eq = entry.find('='); eq != std::string::npos) modules_[entry.substr(0, eq)] = entry.substr(eq + 1);
    i = end + 1;
  }
}

void engine::start() {
  thread_ = std::thread([self = shared_from_this()] { self->work_loop(); });
  in_node("start", [this] {
    actors::runtime_config c;
    c.manual = true;
    c.max_processes = 1u << 16;
    c.clock = [this] { return now; };
    c.log = [this](actors::log_level level, std::string_view text) {
      std::lock_guard guard(output_lock);
      static constexpr const char* names[] = {"debug", "info", "notice", "warning", "error"};
      const auto line = std::string("[") + names[static_cast<int>(level)] + "] " + std::string(text) + "\n";
      if (level > actors::log_level::debug) logged += line, log_of_test += line;
      if (options_.show) std::fputs(line.c_str(), stderr);
    };
    node = std::make_unique<actors::runtime>(std::move(c));
    actors::add_behaviour_builtins(*node);
    actors::add_code_builtins(*node);
    services::add_node_builtins(*this);
    node->start();
    // `user`, the group leader of all: what is printed is kept.
    node->unregister_name(atom("user"));
    services::spawn_service(*node, "user", std::make_unique<services::io_server>("user", [this](actors::process&, std::string_view text) {
      std::lock_guard guard(output_lock);
      printed += text;
      if (options_.show) std::fwrite(text.data(), 1, text.size(), stderr);
      return true;
    }));
    node->set_default_group_leader(node->whereis(atom("user")));
    services::start_services(*this);
    me = new_client();
    settle();
    threads_at_start_ = threads();
  });
}

engine::~engine() {
  if (node) services::forget_host(*this);
}

// ---- the two threads

void engine::work_loop() {
  std::unique_lock guard(lock_);
  for (;;) {
    changed_.wait(guard, [this] { return ending_ || (work_ && !work_->done); });
    if (!work_ || work_->done) return;
    auto w = work_;
    guard.unlock();
    std::exception_ptr error;
    try {
      w->f();
    } catch (...) {
      error = std::current_exception();
    }
    guard.lock();
    w->error = error;
    w->done = true;
    changed_.notify_all();
  }
}

void engine::in_node(const std::string& what, const std::function<void()>& f) {
  auto w = std::make_shared<work>();
  w->f = f;
  {
    std::unique_lock guard(lock_);
    if (abandoned_) throw failure(what + ": this node was given up, a callback of it never returned");
    work_ = w;
    changed_.notify_all();
    const auto done = [&] { return w->done; };
    while (!changed_.wait_for(guard, options_.patience, done))
      if (!debugged()) {
        guard.unlock();
        hangs(what, w);
      }
  }
  if (w->error) std::rethrow_exception(w->error);
}

std::string engine::running_now() const {
  std::string text;
  for (const auto pid : node->processes()) {
    const auto p = node->find(pid);
    auto* v = p ? p->active_version() : nullptr;
    if (v && !v->builtin()) text += "\n  " + to_text(pid) + " is in code of " + std::string(atom_text(v->name()));
  }
  return text;
}

// A callback is killed as purge kills it; one that asks cancelled() then ends, others never do.
void engine::hangs(const std::string& what, const std::shared_ptr<work>& w) {
  std::string text = what + ": a callback has not returned within " + std::to_string(options_.patience.count()) + " ms of real time" + running_now();
  for (const auto pid : node->processes()) {
    const auto p = node->find(pid);
    auto* v = p ? p->active_version() : nullptr;
    if (v && !v->builtin()) node->exit_signal({}, pid, atom("kill"));
  }
  std::unique_lock guard(lock_);
  if (!changed_.wait_for(guard, 1s, [&] { return w->done; })) {
    abandoned_ = true;
    thread_.detach();
    leave_at_exit();
    text += "\n  it does not end when killed either (a loop can ask cancelled()): this node is given up";
  }
  throw failure(text);
}

// ---- running

// Jobs of the loader's thread run in order, unmapping first: when this one has passed, all before it have.
bool engine::loader_at_rest() {
  auto passed = std::make_shared<std::atomic<bool>>(false);
  node->code().purge(atom("cnode_testing_barrier"), true, [passed](bool) { *passed = true; });
  bool ran = false;
  while (!*passed) {
    if (node->run_one()) ran = true;
    else std::this_thread::sleep_for(20us);
  }
  return !ran;
}

void engine::settle() {
  do node->run_until_idle();
  while (!loader_at_rest() || node->run_one());
}

// Threads that modules started move by real time: when there are some, they get a moment before the clock does. True: one did something.
bool engine::wait_for_other_threads() {
  if (threads() <= threads_at_start_) return false;
  for (const auto end = std::chrono::steady_clock::now() + outside_patience; std::chrono::steady_clock::now() < end;) {
    if (node->run_one()) return true;
    std::this_thread::sleep_for(50us);
  }
  return false;
}

bool engine::run_until(const std::function<bool()>& done) {
  const auto longest = now + longest_time;
  for (;;) {
    settle();
    if (done()) return true;
    if (wait_for_other_threads()) continue;
    const auto next = actors::runtime_access::next_timer(*node);
    if (next > longest) return false;
    now = std::max(now, next);
  }
}

void engine::pass(std::chrono::nanoseconds time) {
  const auto until = now + std::chrono::duration_cast<std::chrono::steady_clock::duration>(time);
  settle();
  for (auto next = actors::runtime_access::next_timer(*node); next <= until; next = actors::runtime_access::next_timer(*node)) {
    now = std::max(now, next);
    settle();
  }
  now = until;
  settle();
}

}  // namespace cnode::testing::detail
