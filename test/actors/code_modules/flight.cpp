// What may be going on in a module when its code is purged or its process killed. Counters are numbers in the tests' memory.
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <cnode/gen_server.hpp>
#include <cnode/thread.hpp>

using namespace cnode;

#ifndef VERSION
#define VERSION 1
#endif

namespace {

std::atomic<int>& counter(std::int64_t address) { return *reinterpret_cast<std::atomic<int>*>(address); }

struct counted {
  std::atomic<int>& count;
  explicit counted(std::int64_t address) : count(counter(address)) { ++count; }
  ~counted() { --count; }
};
struct throws_when_destroyed {
  ~throws_when_destroyed() noexcept(false) { throw std::runtime_error("from a destructor"); }
};
struct sends_when_destroyed {
  pid to;
  ~sends_when_destroyed() {
    send(to, "from a destructor"_a);
    spawn("flight"_a, "tell"_a, to);
    send_after(0, to, "late"_a);
  }
};

void everything(pid to) {
  send(to, "sent"_a);
  spawn("flight"_a, "tell"_a, to);
  spawn_link("flight"_a, "tell"_a, to);
  send_after(0, to, "timer"_a);
  link(to);
  monitor(to);
  exit_signal(to, "bye"_a);
}

}  // namespace

CNODE_VSN(VERSION);

auto version() { return std::int64_t{VERSION}; }
auto tell(pid to) { send(to, "spawned"_a); }

// Until its process is killed; then tries whatever a process can do to others.
auto spin(pid to, std::int64_t ended) {
  while (!cancelled()) {
  }
  everything(to);
  ++counter(ended);
  return to;
}
// Never looks.
auto deaf(pid to, std::int64_t release) {
  while (counter(release) == 0) std::this_thread::sleep_for(std::chrono::milliseconds{1});
  everything(to);
  ++counter(release);
}
auto busy(std::int64_t release) {
  while (counter(release) == 0) {
  }
}

task<void> held(std::int64_t count) {
  counted one(count);
  co_await receive<is<"go">>();
}
task<void> held_deeper(std::int64_t count) {
  counted one(count);
  co_await held(count);
}
task<void> held_throwing(std::int64_t count) {
  counted one(count);
  throws_when_destroyed two;
  counted three(count);
  co_await receive<is<"go">>();
}
task<void> held_sending(std::int64_t count, pid to) {
  counted one(count);
  sends_when_destroyed two{to};
  co_await receive<is<"go">>();
}
task<term> asks(pid server, std::int64_t count) {
  counted one(count);
  co_return co_await call(server, "question"_a, infinity);
}

// Answers nobody.
auto init(term) { return ok("idle"_a); }
auto handle_call(term, from, term state) { return noreply(state); }
auto start() { return gen_server::start(nil); }

// ---- threads
auto samples(pid to, std::int64_t count) {
  auto one = std::make_shared<counted>(count);
  return start_thread("samples", [to, one](thread_context& t) {
    for (std::int64_t n = 0; !t.cancelled(); ++n) {
      t.send(to, tuple("sample"_a, std::int64_t{VERSION}, n));
      t.wait(1);
    }
    t.send(to, "stopped"_a);
  });
}
// The process that owns a thread: waits.
task<term> owner(pid to, std::int64_t count) {
  const reference thread = samples(to, count);
  co_await receive<is<"stop">>();
  stop_thread(thread);
  co_await receive<is<"go">>();
  co_return thread;
}
task<void> owner_of_failing(bool trap) {
  trap_exit(trap);
  start_thread("failing", [] { throw std::runtime_error("no more"); });
  co_await receive<is<"go">>();
}
task<term> trapping_owner_of_failing() {
  trap_exit(true);
  start_thread("failing", [] { throw std::runtime_error("no more"); });
  co_return co_await receive<term>();
}
task<void> owner_of_deaf(std::int64_t release) {
  start_thread("deaf", [release] {
    while (counter(release) == 0) std::this_thread::sleep_for(std::chrono::milliseconds{1});
    ++counter(release);
  });
  co_await receive<is<"go">>();
}
// Goes on in new code, its thread does not.
task<> loop() {
  co_await receive<is<"turn">>();
  co_return become("loop");
}
task<> loop_with_thread(pid to, std::int64_t count) {
  samples(to, count);
  co_return become("loop");
}

// ---- timers
task<> timers(pid to) {
  send_after(200, self(), "tick"_a);
  send_after(200, to, tuple("tock"_a, std::int64_t{VERSION}));
  co_return become("wait_for_tick", to);
}
task<void> wait_for_tick(pid to) {
  co_await receive<is<"tick">>();
  send(to, tuple("tick"_a, std::int64_t{VERSION}));
}

// ---- crashes
void fail() { throw std::runtime_error("not allowed here"); }
void quietly(void (*f)()) noexcept { f(); }
auto crash(std::string_view how) {
  if (how == "abort") std::abort();
  if (how == "segv") *reinterpret_cast<volatile int*>(std::uintptr_t{8}) = 1;
  if (how == "ill") __builtin_trap();
  if (how == "fpe") std::raise(SIGFPE);
  if (how == "terminate") quietly(fail);
}
[[gnu::noinline]] std::int64_t deeper(std::int64_t n) {
  volatile char room[4096];
  room[0] = static_cast<char>(n);
  return n < 0 ? 0 : deeper(n + 1) + room[0];
}
auto overflow() { return deeper(0); }
task<void> owner_of_crash() {
  start_thread("doomed", [] { *reinterpret_cast<volatile int*>(std::uintptr_t{8}) = 1; });
  co_await receive<is<"go">>();
}
// Where a stale pointer would lead to after the module is gone.
auto address_of_version() { return reinterpret_cast<std::int64_t>(reinterpret_cast<void*>(&deeper)); }

CNODE_GEN_SERVER("flight", init, handle_call, start, version, tell, spin, deaf, busy, ("dirty", busy, CNODE_EXPORT_DIRTY), held, held_deeper,
                 held_throwing, held_sending, asks, samples, owner, owner_of_failing, trapping_owner_of_failing, owner_of_deaf, loop,
                 loop_with_thread, timers, wait_for_tick, crash, overflow, owner_of_crash, address_of_version);
