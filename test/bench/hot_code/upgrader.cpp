// Does on the node itself what is timed, so that no round trip is in the times. Its twin is upgrader.erl.
#include <chrono>
#include <vector>

#include <cnode/gen_server.hpp>

using namespace cnode;

namespace {

using clock = std::chrono::steady_clock;

double us_since(clock::time_point began) { return std::chrono::duration<double, std::micro>(clock::now() - began).count(); }

}  // namespace

// The file that lies on the path comes in: {Answer, microseconds of the purge, of load_file}.
task<> reload() {
  const auto began = clock::now();
  co_await apply("code"_a, "purge"_a, "counter"_a);
  const double purged = us_since(began);
  const auto purge_done = clock::now();
  const term loaded = co_await apply("code"_a, "load_file"_a, "counter"_a);
  const double took = us_since(purge_done);
  co_return tuple(loaded, purged, took);
}

// One upgrade of a counter: {Answer of load_file, microseconds of change_code, of resume and the first call after it}.
task<> upgrade(pid server) {
  co_await apply("sys"_a, "suspend"_a, server);
  co_await apply("code"_a, "purge"_a, "counter"_a);
  const term loaded = co_await apply("code"_a, "load_file"_a, "counter"_a);
  const auto began = clock::now();
  co_await apply("sys"_a, "change_code"_a, server, "counter"_a, 1, nil, "infinity"_a);
  const double changed = us_since(began);
  const auto resuming = clock::now();
  co_await apply("sys"_a, "resume"_a, server);
  co_await call(server, "inc"_a, infinity);
  const double resumed = us_since(resuming);
  co_return tuple(loaded, changed, resumed);
}

// Calls without a pause until it is told to stop; microseconds of the longest call.
task<> caller(pid server, term request, pid owner) {
  std::int64_t longest = 0;
  for (;;) {
    if (auto told = co_await receive<is<"stop">>(0)) {
      send(owner, tuple("longest"_a, longest));
      co_return "ok"_a;
    }
    const auto began = clock::now();
    co_await call(server, request, infinity);
    longest = std::max(longest, static_cast<std::int64_t>(us_since(began)));
  }
}

// n counters, upgraded by hand as a shell would: all suspended, the code loaded, all changed, all resumed. How long did a caller wait?
task<> longest_stall(std::int64_t n) {
  std::vector<pid> all;
  for (std::int64_t i = 0; i < n; ++i) all.push_back(pid{(co_await apply("gen_server"_a, "start"_a, "counter"_a, 0, nil))[1]});
  const pid asker = spawn("upgrader"_a, "caller"_a, all.front(), "inc"_a, self());
  co_await cnode::sleep(20);
  for (const pid p : all) co_await apply("sys"_a, "suspend"_a, p);
  co_await apply("code"_a, "purge"_a, "counter"_a);
  const term loaded = co_await apply("code"_a, "load_file"_a, "counter"_a);
  for (const pid p : all) co_await apply("sys"_a, "change_code"_a, p, "counter"_a, 1, nil);
  for (const pid p : all) co_await apply("sys"_a, "resume"_a, p);
  send(asker, "stop"_a);
  auto [longest] = co_await receive<tagged<"longest", std::int64_t>>();
  for (const pid p : all) exit_signal(p, "kill"_a);
  co_return tuple(loaded, longest);
}

// The running application `crowd`, upgraded or downgraded by release_handler: {Answer, how long a caller of one of its processes waited}.
task<> release_stall(term function, term arguments) {
  const term children = co_await apply("supervisor"_a, "which_children"_a, "crowd_sup"_a);
  const pid asker = spawn("upgrader"_a, "caller"_a, pid{children.head()[1]}, "next"_a, self());
  co_await cnode::sleep(20);
  const term answer = co_await external_call{"release_handler"_a, function, arguments};
  co_await cnode::sleep(20);
  send(asker, "stop"_a);
  auto [longest] = co_await receive<tagged<"longest", std::int64_t>>();
  co_return tuple(answer, longest);
}

CNODE_MODULE("upgrader", reload, upgrade, caller, longest_stall, release_stall);
