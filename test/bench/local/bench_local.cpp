// What the local benchmarks run, on our node's side. Its twin is bench_local.erl: the same loops over the same messages.
#include <vector>

#include <cnode/gen_server.hpp>

using namespace cnode;

auto init(term) { return ok(0); }

auto handle_call = clauses([](is<"inc">, from, number count) { return reply(count + 1, count + 1); },
                           [](is<"get">, from, term count) { return reply(count, count); });

auto handle_cast(is<"inc">, number count) { return noreply(count + 1); }

// n calls; the last count.
task<> calls(term server, std::int64_t n) {
  std::int64_t last = 0;
  for (std::int64_t i = 0; i < n; ++i) {
    last = to<std::int64_t>(co_await call(server, "inc"_a));
  }
  co_return last;
}

// n messages one way, then a call to know that they are there; the count.
task<> sends(term server, std::int64_t n) {
  const term message = tuple("$gen_cast"_a, "inc"_a);
  for (std::int64_t i = 0; i < n; ++i) send(pid{server}, message);
  co_return co_await call(server, "get"_a, infinity);
}
// The same, in turn to each server of a list that holds all of them.
task<> sends_to_each(term servers, std::int64_t n) {
  const term message = tuple("$gen_cast"_a, "inc"_a);
  term next = servers, last = servers;
  for (std::int64_t i = 0; i < n; ++i) {
    send(pid{next.head()}, message);
    last = next.head();
    next = next.tail().is_cons() ? next.tail() : servers;
  }
  co_return co_await call(last, "get"_a, infinity);
}

// A loop that answers `ping` with `pong`, and one that asks n times.
task<> ponger() {
  for (;;) {
    auto message = co_await receive<tagged<"ping", pid>, is<"stop">>();
    if (message.index() == 1) co_return "ok"_a;
    auto [client] = std::get<0>(message);
    send(client, "pong"_a);
  }
}
task<> pings(std::int64_t n) {
  const pid other = spawn("bench_local"_a, "ponger"_a);
  for (std::int64_t i = 0; i < n; ++i) {
    send(other, tuple("ping"_a, self()));
    co_await receive<is<"pong">>();
  }
  send(other, "stop"_a);
  co_return n;
}

// n processes, one after the other: spawned, told where to answer, gone.
task<> answerer() {
  auto message = co_await receive<tagged<"ping", pid>>();
  auto [client] = message;
  send(client, "pong"_a);
  co_return "ok"_a;
}
task<> spawns(std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) {
    send(spawn("bench_local"_a, "answerer"_a), tuple("ping"_a, self()));
    co_await receive<is<"pong">>();
  }
  co_return n;
}

// n processes that wait: a loop in receive. `stop` ends each.
task<> idle_loop() {
  co_await receive<is<"stop">>();
  co_return "ok"_a;
}
auto idle(std::int64_t n) {
  for (std::int64_t i = 0; i < n; ++i) spawn("bench_local"_a, "idle_loop"_a);
  return n;
}
// n gen_servers that wait.
task<> servers(std::int64_t n) {
  std::vector<pid> all;
  for (std::int64_t i = 0; i < n; ++i) all.push_back(pid{(co_await apply("gen_server"_a, "start"_a, "bench_local"_a, nil, nil))[1]});
  co_return all;
}

CNODE_GEN_SERVER("bench_local", init, handle_call, handle_cast, calls, sends, sends_to_each, ponger, pings, answerer, spawns, idle_loop, idle, servers);
