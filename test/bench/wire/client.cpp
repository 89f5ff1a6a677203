// Loads a server over the wire and prints one line of JSON: the server's CPU time per operation, the rate, the median latency.
//   bench_client WHAT [--OPTION VALUE ...]
// WHAT: call, cast, echo (a structured term of 2.5 KB), echo_binary (--size), connect, raw (a plain echo server, --size).
#include <sys/epoll.h>
#include <time.h>

#include <algorithm>
#include <map>
#include <memory>

#include <cnode/protocol/local_node.hpp>

#include "callers.hpp"

namespace cnode::bench {
namespace {

struct options {
  address_of_server server;
  std::string what, name = "benchclient";
  int os_pid = 0;
  std::uint64_t count = 10'000, window = 64, connections = 1, monitors = 0, size = 65'536;
  bool atom_cache = false, check_monitors = false;
};

// CPU time of another process in nanoseconds, user and system, threads that ended included.
std::int64_t cpu_ns(int pid) {
  clockid_t clock;
  timespec t{};
  if (pid == 0) return 0;
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &t) != 0) fail("no CPU clock of process " + std::to_string(pid));
  return t.tv_sec * 1'000'000'000ll + t.tv_nsec;
}

void print(const options& o, std::uint64_t operations, std::int64_t cpu, std::int64_t wall, std::vector<std::uint32_t> latencies) {
  const auto n = static_cast<double>(operations);
  std::printf("{\"operations\": %llu, \"cpu_us\": %.4f, \"rate\": %.1f", static_cast<unsigned long long>(operations),
              static_cast<double>(cpu) / n / 1e3, n * 1e9 / static_cast<double>(wall));
  if (!latencies.empty()) {
    std::sort(latencies.begin(), latencies.end());
    std::printf(", \"p50_us\": %.2f, \"p99_us\": %.2f", latencies[latencies.size() / 2] / 100.0, latencies[latencies.size() * 99 / 100] / 100.0);
  }
  if (o.what == "echo_binary" || o.what == "raw") {
    const double mb = static_cast<double>(o.size) / 1e6;
    std::printf(", \"cpu_us_per_mb\": %.3f, \"mb_per_s\": %.4f", static_cast<double>(cpu) / n / 1e3 / mb, n * mb * 1e9 / static_cast<double>(wall));
  }
  std::printf("}\n");
}

// A term of about 2.5 KB on the wire, of the kind records and JSON-like data make: maps with atom keys, binaries, integers, floats, lists.
term structured(block& b) {
  std::vector<term> rows;
  for (int i = 0; i < 20; ++i) {
    const term keys[] = {atom("id"), atom("name"), atom("active"), atom("score"), atom("tags"), atom("position")};
    const std::string name = "customer number " + std::to_string(i);
    const term values[] = {small(100'000 + i), make_binary(b, name), atom(i % 2 ? "true" : "false"), make_float(b, i * 1.25),
                           make_list_of(b, atom("new"), atom("paid"), small(i)), make_tuple_of(b, small(i * 1000), small(-i), nil)};
    rows.push_back(make_map(b, keys, values, 6));
  }
  return make_list(b, rows.data(), rows.size());
}

struct session {
  std::unique_ptr<peer> wire;
  std::unique_ptr<callers> calls;
  std::int64_t last = 0;      // the count in the latest reply
  std::uint64_t to_do = 0;    // calls still to be opened
};

std::vector<session> connect_all(const options& o) {
  std::vector<session> all(o.connections);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto name = o.name + std::to_string(i) + "@localhost";
    const auto creation = static_cast<std::uint32_t>(::getpid() * 16 + 3);
    if (i == 0) set_this_node(atom(name), creation);  // whose monitors are checked
    all[i].wire = std::make_unique<peer>(o.server, name, o.atom_cache, creation);
    all[i].calls = std::make_unique<callers>(*all[i].wire, atom(name), creation);
    all[i].calls->find("bench_server");
  }
  return all;
}

// Keeps the window of each connection full until all calls are answered.
void run_calls(const options& o, std::vector<session>& all, term request, term echoed) {
  const auto window = std::max<std::uint64_t>(1, o.window / all.size());
  const int events = ::epoll_create1(0);
  std::uint64_t open_sessions = 0;
  const auto refill = [&](session& s) {
    while (s.to_do > 0 && s.calls->in_flight() < window) {
      s.calls->open(request);
      --s.to_do;
    }
    s.wire->flush();
  };
  const auto watch = [&](session& s, int op) {
    epoll_event e{};
    e.events = EPOLLIN | (s.wire->output_waits() ? static_cast<std::uint32_t>(EPOLLOUT) : 0u);
    e.data.ptr = &s;
    ::epoll_ctl(events, op, s.wire->fd(), &e);
  };
  for (auto& s : all) {
    refill(s);
    watch(s, EPOLL_CTL_ADD);
    ++open_sessions;
  }
  std::vector<epoll_event> ready(256);
  while (open_sessions > 0) {
    const int n = ::epoll_wait(events, ready.data(), static_cast<int>(ready.size()), 60'000);
    if (n <= 0) fail("no answer within 60 s");
    for (int i = 0; i < n; ++i) {
      auto& s = *static_cast<session*>(ready[static_cast<std::size_t>(i)].data.ptr);
      const bool waited = s.wire->output_waits();
      const bool was_busy = s.to_do > 0 || s.calls->in_flight() > 0;
      s.wire->read();
      while (auto e = s.calls->reply()) {
        const auto value = e->message[1];
        if (echoed) {
          if (s.calls->answered() % 16 == 1 && compare_exact(value, echoed) != 0) fail("the echo is another term");
        } else {
          std::int64_t count = 0;
          if (!to_int64(value, count) || count <= s.last) fail("a count that does not rise");
          s.last = count;
        }
      }
      refill(s);
      if (waited || s.wire->output_waits()) watch(s, EPOLL_CTL_MOD);
      if (was_busy && s.to_do == 0 && s.calls->in_flight() == 0) --open_sessions;
    }
  }
  ::close(events);
}

// One question outside of what is counted; its answer, kept in `b`.
term ask(session& s, block& b, const char* what) {
  s.calls->open(atom(what));
  s.wire->flush();
  for (;;) {
    if (auto e = s.calls->reply()) {
      s.calls->latencies().pop_back();
      return copy(b, e->message[1]);
    }
    s.wire->turn();
  }
}

std::int64_t ask_count(session& s) {
  const auto b = block::make(8);
  std::int64_t count = -1;
  to_int64(ask(s, *b, "get"), count);
  return count;
}

// The server holds the monitors that are set, and that of the asking call; no other, once it knows that other connections have gone.
void check_monitors(const options& o, session& s) {
  if (!o.check_monitors) return;
  const auto b = block::make(64);
  std::int64_t n = -1;
  for (const auto until = now_ns() + 5'000'000'000; n != static_cast<std::int64_t>(o.monitors) + 1;) {
    if (now_ns() > until) fail("the server holds " + std::to_string(n) + " monitors instead of " + std::to_string(o.monitors + 1));
    to_int64(ask(s, *b, "monitors"), n);
  }
  s.calls->call_one_that_dies(ask(s, *b, "victim"));
}

void calls(const options& o, bool echoes) {
  auto all = connect_all(o);
  const auto terms = block::make(8192);
  term echoed;
  if (o.what == "echo") echoed = structured(*terms);
  if (o.what == "echo_binary") echoed = make_binary(*terms, std::string(o.size, 'x'));
  const term request = echoes ? make_tuple_of(*terms, atom("echo"), echoed) : atom("inc");
  for (std::uint64_t i = 0; i < o.monitors; ++i) {
    all[0].calls->monitor_for_ever(i);
    if (i % 256 == 255) ask_count(all[0]);
  }
  check_monitors(o, all[0]);
  const auto before = ask_count(all[0]);
  const auto per_session = std::max<std::uint64_t>(1, o.count / all.size());
  const auto run = [&](std::uint64_t n) {
    for (auto& s : all) s.to_do = n;
    run_calls(o, all, request, echoed);
  };
  const auto warm = std::max<std::uint64_t>(1, per_session / 10);
  run(warm);
  for (auto& s : all) s.calls->latencies().clear();
  const auto cpu = cpu_ns(o.os_pid), wall = now_ns();
  run(per_session);
  const auto wall_used = now_ns() - wall, cpu_used = cpu_ns(o.os_pid) - cpu;
  check_monitors(o, all[0]);
  const auto counted = ask_count(all[0]) - before, wanted = static_cast<std::int64_t>((per_session + warm) * all.size());
  if (!echoes && counted != wanted) fail("the server counted " + std::to_string(counted) + " calls of " + std::to_string(wanted));
  std::vector<std::uint32_t> latencies;
  for (auto& s : all) latencies.insert(latencies.end(), s.calls->latencies().begin(), s.calls->latencies().end());
  print(o, per_session * all.size(), cpu_used, wall_used, std::move(latencies));
}

void casts(const options& o) {
  auto all = connect_all(o);
  auto& s = all[0];
  const auto before = ask_count(s);
  const auto cpu = cpu_ns(o.os_pid), wall = now_ns();
  for (std::uint64_t i = 0; i < o.count; ++i) {
    s.calls->cast(atom("inc"));
    if (i % 64 == 63) {
      s.wire->flush();
      while (s.wire->output_waits()) s.wire->turn();
    }
  }
  s.wire->flush();
  const auto counted = ask_count(s) - before;
  const auto wall_used = now_ns() - wall, cpu_used = cpu_ns(o.os_pid) - cpu;
  if (counted != static_cast<std::int64_t>(o.count)) fail("the server counted " + std::to_string(counted) + " casts of " + std::to_string(o.count));
  print(o, o.count, cpu_used, wall_used, {});
}

// Each connection ends before the next begins; the server has noticed the end when it lets the same name in again.
void connects(const options& o) {
  const auto cpu = cpu_ns(o.os_pid), wall = now_ns();
  for (std::uint64_t i = 0; i < o.count; ++i)
    peer p(o.server, o.name + "_" + std::to_string(i % 64) + "@localhost", true, static_cast<std::uint32_t>(::getpid() + static_cast<int>(i)));
  print(o, o.count, cpu_ns(o.os_pid) - cpu, now_ns() - wall, {});
}

// A message stored and sent back whole: what loopback allows to anybody.
void raw(const options& o) {
  const int fd = connect_to(o.server.port);
  std::string message(o.size, 'x');
  const std::uint64_t length = o.size;
  const auto wall = now_ns(), cpu = cpu_ns(o.os_pid);
  for (std::uint64_t i = 0; i < o.count; ++i) {
    if (::send(fd, &length, sizeof length, MSG_NOSIGNAL) != sizeof length) fail("raw: send");
    for (std::size_t at = 0; at < message.size();) {
      const auto n = ::send(fd, message.data() + at, message.size() - at, MSG_NOSIGNAL);
      if (n <= 0) fail("raw: send");
      at += static_cast<std::size_t>(n);
    }
    for (std::size_t at = 0; at < message.size();) {
      const auto n = ::recv(fd, message.data() + at, message.size() - at, 0);
      if (n <= 0) fail("raw: the server closed");
      at += static_cast<std::size_t>(n);
    }
  }
  print(o, o.count, cpu_ns(o.os_pid) - cpu, now_ns() - wall, {});
  ::close(fd);
}

options parse(int argc, char** argv) {
  options o;
  if (argc < 2 || argc % 2 != 0) fail("usage: bench_client WHAT [--OPTION VALUE ...]");
  o.what = argv[1];
  std::map<std::string, std::string> given;
  for (int i = 2; i + 1 < argc; i += 2) given[argv[i]] = argv[i + 1];
  const auto text = [&](const char* key, std::string& to) { if (given.count(key)) to = given[key]; given.erase(key); };
  const auto number = [&](const char* key, auto& to) {
    if (given.count(key)) to = static_cast<std::remove_reference_t<decltype(to)>>(std::stoull(given[key]));
    given.erase(key);
  };
  text("--node", o.server.node), text("--cookie", o.server.cookie), text("--name", o.name);
  number("--port", o.server.port), number("--pid", o.os_pid), number("--count", o.count), number("--window", o.window);
  number("--connections", o.connections), number("--monitors", o.monitors), number("--size", o.size), number("--atom-cache", o.atom_cache), number("--check-monitors", o.check_monitors);
  if (!given.empty()) fail("no such option: " + given.begin()->first);
  return o;
}

}  // namespace
}  // namespace cnode::bench

int main(int argc, char** argv) {
  using namespace cnode::bench;
  const auto o = parse(argc, argv);
  if (o.what == "call") calls(o, false);
  else if (o.what == "echo" || o.what == "echo_binary") calls(o, true);
  else if (o.what == "cast") casts(o);
  else if (o.what == "connect") connects(o);
  else if (o.what == "raw") raw(o);
  else fail("no such benchmark: " + o.what);
}
