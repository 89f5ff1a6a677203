// Upgrades many counters at once, as a release handler does, while a caller of one of them measures its longest wait.
// Its twin is upgrader.erl.
#include <chrono>
#include <vector>

#include <cnode/gen_server.hpp>

using namespace cnode;

// Calls without a pause until it is told to stop; microseconds of the longest call.
task<> caller(pid server, pid owner) {
  std::int64_t longest = 0;
  for (;;) {
    if (auto told = co_await receive<is<"stop">>(0)) {
      send(owner, tuple("longest"_a, longest));
      co_return "ok"_a;
    }
    const auto began = std::chrono::steady_clock::now();
    co_await call(server, "inc"_a, infinity);
    longest = std::max<std::int64_t>(longest, std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::steady_clock::now() - began).count());
  }
}

task<> longest_stall(std::int64_t n) {
  std::vector<pid> all;
  for (std::int64_t i = 0; i < n; ++i) all.push_back(pid{(co_await apply("gen_server"_a, "start"_a, "counter"_a, 0, nil))[1]});
  const pid asker = spawn("upgrader"_a, "caller"_a, all.front(), self());
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

CNODE_MODULE("upgrader", caller, longest_stall);
