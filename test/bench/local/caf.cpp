// The local benchmarks on CAF: event-based actors, one worker thread. One line of JSON: nanoseconds each, bytes per idle actor.
//   bench_caf MILLISECONDS IDLE
// CAF's request has no monitor, so its call does less than ours. Debian's CAF 0.17 names messages by atoms.
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <vector>

#include <caf/all.hpp>

using namespace caf;
using inc_atom = atom_constant<atom("inc")>;
using cast_atom = atom_constant<atom("cast")>;
using get_atom = atom_constant<atom("get")>;
using ping_atom = atom_constant<atom("ping")>;
using pong_atom = atom_constant<atom("pong")>;
using go_atom = atom_constant<atom("go")>;
using done_atom = atom_constant<atom("done")>;

struct counting { std::int64_t count = 0; };
static behavior server(stateful_actor<counting>* self) {
  return {[=](inc_atom) { return ++self->state.count; }, [=](cast_atom) { ++self->state.count; }, [=](get_atom) { return self->state.count; }};
}

struct looping { std::int64_t left = 0; actor whom, for_whom; };
using looper = stateful_actor<looping>;

static void next_call(looper* self) {
  if (self->state.left-- == 0) return self->send(self->state.for_whom, done_atom::value);
  self->request(self->state.whom, infinite, inc_atom::value).then([=](std::int64_t) { next_call(self); });
}
static behavior caller(looper* self, actor whom) {
  self->state.whom = whom;
  return {[=](go_atom, std::int64_t n, actor for_whom) {
    self->state.left = n, self->state.for_whom = for_whom;
    next_call(self);
  }};
}
// A thousand at a time.
static void next_thousand(looper* self) {
  for (int i = 0; i < 1000; ++i) self->send(self->state.whom, cast_atom::value);
  self->request(self->state.whom, infinite, get_atom::value).then([=](std::int64_t) {
    if ((self->state.left -= 1000) > 0) return next_thousand(self);
    self->send(self->state.for_whom, done_atom::value);
  });
}
static behavior sender(looper* self, actor whom) {
  self->state.whom = whom;
  return {[=](go_atom, std::int64_t n, actor for_whom) {
    self->state.left = n, self->state.for_whom = for_whom;
    next_thousand(self);
  }};
}
static behavior ponger(event_based_actor*) { return {[](ping_atom, actor who) { anon_send(who, pong_atom::value); }}; }
static behavior pinger(looper* self, actor whom) {
  self->state.whom = whom;
  return {[=](go_atom, std::int64_t n, actor for_whom) {
            self->state.left = n, self->state.for_whom = for_whom;
            self->send(whom, ping_atom::value, actor_cast<actor>(self));
          },
          [=](pong_atom) {
            if (--self->state.left == 0) return self->send(self->state.for_whom, done_atom::value);
            self->send(self->state.whom, ping_atom::value, actor_cast<actor>(self));
          }};
}
static behavior answerer(event_based_actor* self) {
  return {[=](ping_atom, actor who) {
    self->send(who, pong_atom::value);
    self->quit();
  }};
}
static behavior spawner(looper* self) {
  return {[=](go_atom, std::int64_t n, actor for_whom) {
            self->state.left = n, self->state.for_whom = for_whom;
            self->send(self->spawn(answerer), ping_atom::value, actor_cast<actor>(self));
          },
          [=](pong_atom) {
            if (--self->state.left == 0) return self->send(self->state.for_whom, done_atom::value);
            self->send(self->spawn(answerer), ping_atom::value, actor_cast<actor>(self));
          }};
}
static behavior idle(event_based_actor*) { return {[](ping_atom) {}}; }

static double rss() {
  std::ifstream in("/proc/self/statm");
  double size = 0, pages = 0;
  in >> size >> pages;
  return pages * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

int main(int argc, char** argv) {
  const double ms = argc > 1 ? std::atof(argv[1]) : 100;
  const std::int64_t idle_ones = argc > 2 ? std::atoll(argv[2]) : 100'000;
  actor_system_config config;
  config.set("scheduler.max-threads", 1);
  actor_system system(config);
  scoped_actor self(system);
  const auto timed = [&](const actor& a, std::int64_t n) {
    const auto began = std::chrono::steady_clock::now();
    self->send(a, go_atom::value, n, actor_cast<actor>(self));
    self->receive([](done_atom) {});
    return std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - began).count() / static_cast<double>(n);
  };
  const auto best = [&](const actor& a) {
    const auto once = timed(a, 1000);
    const auto n = std::max<std::int64_t>(1000, static_cast<std::int64_t>(ms * 1e6 / 5 / once));
    double least = once;
    for (int i = 0; i < 5; ++i) least = std::min(least, timed(a, n));
    self->send_exit(a, exit_reason::user_shutdown);
    return least;
  };
  const auto s = system.spawn(server);
  const auto call = best(system.spawn(caller, s)), send = best(system.spawn(sender, s)), pings = best(system.spawn(pinger, system.spawn(ponger))),
             spawns = best(system.spawn(spawner));
  std::vector<actor> all;
  all.reserve(static_cast<std::size_t>(idle_ones));
  const auto before = rss();
  for (std::int64_t i = 0; i < idle_ones; ++i) all.push_back(system.spawn(idle));
  std::printf("{\"call\": %.2f, \"send\": %.2f, \"ping_pong\": %.2f, \"spawn\": %.2f, \"idle_bytes\": %.2f}\n", call, send, pings, spawns,
              (rss() - before) / static_cast<double>(idle_ones));
  std::fflush(stdout);
  std::_Exit(0);
}
