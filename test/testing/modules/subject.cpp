// What the harness's own tests run: a server that does what it is told, in versions 1 and 2.
#include <chrono>
#include <thread>

#include <dlfcn.h>

#include <cnode/gen_server.hpp>

using namespace cnode;

#if VERSION == 1
CNODE_VSN("1");
#else
CNODE_VSN("2");
#endif

struct samples {
  std::vector<std::int64_t> values;
};
CNODE_STRUCT(samples, values);

auto init = clauses([](is<"refuse">) { return stop("refused"_a); },
                    [](is<"crash">) -> term { throw badarg(); },
                    [](is<"tick">) {
                      send_after(100, self(), "tick"_a);
                      return ok(make_native<samples>());
                    },
                    [](std::vector<std::int64_t> values) { return ok(make_native<samples>(std::move(values))); });

// One that ends only when the process is killed, and one that never does.
term patient() {
  while (!cancelled()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  return encode("cancelled"_a);
}
term stubborn() {
  for (;;) std::this_thread::sleep_for(std::chrono::milliseconds(100));
}

auto handle_call = clauses(
    [](tagged<"push", std::int64_t> request, from, native<samples> state) {
      state->values.push_back(std::get<0>(request));
      return reply(state->values.size(), state);
    },
    [](is<"address">, from, native<samples> state) { return reply(reinterpret_cast<std::uintptr_t>(&*state), state); },
    [](is<"vsn">, from, term state) { return reply(vsn, state); },
    [](is<"boom">, from, term) -> term { throw error(tuple("boom"_a, 1)); },
    [](is<"patient">, from, term state) { return reply(patient(), state); },
    [](is<"stubborn">, from, term state) { return reply(stubborn(), state); },
    [](is<"silent">, from, term state) { return noreply(state); },
    [](is<"short">, from, term state) { return reply("ok"_a, state, 250); });

task<> handle_cast(tagged<"ask_slowly", pid> message, term state) {
  auto [who] = message;
  co_await cnode::sleep(60000);
  send(who, "slowly"_a);
  co_return noreply(state);
}

auto handle_info = clauses(
    [](is<"tick">, native<samples> state) {
      state->values.push_back(0);
      send_after(100, self(), "tick"_a);
      return noreply(state);
    },
    [](is<"timeout">, term state) {
      io::puts("timeout");
      return noreply(state);
    });

auto terminate(term reason, term) { io::puts("terminate: {:?}", reason); }

auto code_change = clauses(
    [](term, term, is<"refuse">) { return error_tuple("no"_a); },
    [](std::pair<is<"down">, term> to, native<samples> state, term) {
      io::puts("{} down to {}", vsn, to.second);
      return ok(state);
    },
    [](term old_vsn, native<samples> state, term extra) {
      io::puts("{} from {} with {:?}", vsn, old_vsn, extra);
      return ok(state);
    });

// Functions
auto fails() -> term { throw error("in_a_function"_a); }
auto adds(term a, term b) { return apply("Elixir.Calculator"_a, "add"_a, a, b); }
task<> forever() {
  co_await receive<is<"never">>();
  co_return "done"_a;
}
task<> echo() {
  auto [who, what] = co_await receive<tagged<"echo", pid, term>>();
  send(who, tuple(vsn, what));
  co_return become("echo");
}
auto native_value() { return make_native<samples>(std::vector<std::int64_t>{1, 2}); }
// Opens itself once more, so that dlclose cannot unmap it.
auto pins_itself() {
  Dl_info info{};
  return ::dladdr(reinterpret_cast<void*>(&stubborn), &info) != 0 && ::dlopen(info.dli_fname, RTLD_NOW) != nullptr;
}
// A child for a supervisor.
auto start_link(atom name) { return gen_server::start_link(name, list(1)); }

CNODE_GEN_SERVER("Elixir.Subject", init, handle_call, handle_cast, handle_info, terminate, code_change, fails, adds, forever, echo, native_value,
                 pins_itself, start_link);
