// A worker that tells a process what happens to it; its twin is worker.erl.
//   init({Teller, Name, Options}); options: trap, slow (terminate takes half a second), {ends, Result} (init returns Result)
//   calls: ping, {stop, Reason}, crash, {link, Pid}, {unlink, Pid}, {monitor, What}, {demonitor, Ref}, {'exit', Pid, Reason}, {own_exit, Reason}
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

static bool has(term options, term what) {
  for (; options.is_cons(); options = options.tail())
    if (options.head().same(what)) return true;
  return false;
}

auto init(std::tuple<pid, term, term> arguments) {
  auto [teller, name, options] = arguments;
  for (term o = options; o.is_cons(); o = o.tail())
    if (o.head().is_tuple(2) && o.head()[0].same("ends"_a)) return o.head()[1];
  if (has(options, "trap"_a)) trap_exit(true);
  send(teller, tuple("started"_a, name, self()));
  return ok(tuple(teller, name, options));
}

auto handle_call = clauses(
    [](is<"ping">, from, term s) { return reply(tuple("pong"_a, s[1]), s); },
    [](tagged<"stop", term> r, from, term s) { return stop(std::get<0>(r), "stopping"_a, s); },
    [](is<"crash">, from, term) -> term { throw error("crashed"_a); },
    [](tagged<"link", pid> r, from, term s) {
      link(std::get<0>(r));
      return reply("ok"_a, s);
    },
    [](tagged<"unlink", pid> r, from, term s) {
      unlink(std::get<0>(r));
      return reply("ok"_a, s);
    },
    [](tagged<"monitor", term> r, from, term s) { return reply(monitor(std::get<0>(r)), s); },
    [](tagged<"demonitor", reference> r, from, term s) { return reply(demonitor(std::get<0>(r)), s); },
    [](tagged<"exit", pid, term> r, from, term s) {
      exit_signal(std::get<0>(r), std::get<1>(r));
      return reply("ok"_a, s);
    });

auto handle_cast = clauses([](tagged<"own_exit", term> r, term) -> term { throw exit_with(std::get<0>(r)); });

auto handle_info(term message, term s) {
  send(s[0], tuple("info"_a, s[1], message));
  return noreply(s);
}

task<> terminate(term reason, term s) {
  send(s[0], tuple("terminate"_a, s[1], reason));
  if (has(s[2], "slow"_a)) co_await cnode::sleep(500);
  co_return "ok"_a;
}

CNODE_GEN_SERVER("worker", init, handle_call, handle_cast, handle_info, terminate);
