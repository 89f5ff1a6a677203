// A module as real ones are: a gen_server with a native state, a task that waits, exceptions, static objects with destructors, virtual
// functions, a thread-local counter. VERSION 3 has its state in another layout.
#include <map>
#include <memory>
#include <stdexcept>

#include <cnode/gen_server.hpp>

using namespace cnode;

namespace {

struct counts {
#if VERSION == 3
  std::map<std::string, std::int64_t> by_name;
  std::vector<std::int64_t> values;
#else
  std::vector<std::int64_t> values;
  std::map<std::string, std::int64_t> by_name;
#endif
};
#if VERSION == 3
CNODE_STRUCT(counts, by_name, values);
#else
CNODE_STRUCT(counts, values, by_name);
#endif

struct shape {
  virtual ~shape() = default;
  virtual int corners() const = 0;
};
struct square : shape {
  int corners() const override { return 4; }
};
struct triangle : shape {
  int corners() const override { return 3; }
};
const std::map<std::string, std::shared_ptr<shape>> shapes{{"square", std::make_shared<square>()}, {"triangle", std::make_shared<triangle>()}};
thread_local int calls_here = 0;

int version() { return VERSION; }

auto corners(const std::string& name) {
  ++calls_here;
  const auto it = shapes.find(name);
  if (it == shapes.end()) throw std::out_of_range("no such shape");
  return it->second->corners();
}

task<std::int64_t> next_number() {
  auto [n] = co_await receive<tagged<"number", std::int64_t>>();
  co_return n;
}
// Waits for `go`, then answers the version whose code went on.
task<> wait() {
  const std::string text = "a text too long for the small string optimisation";
  co_await receive<is<"go">>();
  co_return VERSION;
}
task<> sum_two() {
  const auto a = co_await next_number();
  co_return a + co_await next_number();
}

auto init(term) { return ok(make_native<counts>()); }
auto handle_call = clauses(
    [](tagged<"add", std::int64_t> request, from, native<counts> state) {
      state->values.push_back(std::get<0>(request));
      if (state->values.size() > 100) state->values.erase(state->values.begin(), state->values.begin() + 50);
      ++state->by_name["adds"];
      return reply(state->by_name["adds"], state);
    },
    [](is<"version">, from, term state) { return reply(VERSION, state); });

auto ask(term server, term request) { return apply("gen_server"_a, "call"_a, server, request, 30000); }

}  // namespace

CNODE_VSN("1");
CNODE_GEN_SERVER("tiny", version, corners, wait, sum_two, init, handle_call, ask);
