// What a process does towards other nodes, step by step; the twin in Erlang, outward.erl, says what the steps are. The functions below
// `run` are the authors' API, from plain functions and from coroutines; steps that name other modules go to the builtin functions.
#include <cnode/gen_server.hpp>
#include <cnode/nodes.hpp>
#include <cnode/rpc.hpp>

using namespace cnode;

term answer(const std::vector<term>& done, term index) { return done.at(static_cast<std::size_t>(to<std::int64_t>(index)) - 1); }

term fill(term t, const std::vector<term>& done) {
  if (t.is_cons()) return detail::cons(fill(t.head(), done), fill(t.tail(), done));
  if (!t.is_tuple()) return t;
  if (t.arity() > 0 && t[0].same("$"_a)) {
    const term whole = answer(done, t[1]);
    return t.arity() == 2 ? whole : whole[static_cast<std::size_t>(to<std::int64_t>(t[2])) - 1];
  }
  std::vector<term> elements;
  for (std::uint64_t i = 0; i < t.arity(); ++i) elements.push_back(fill(t[i], done));
  return detail::make_tuple(elements.data(), elements.size());
}

task<> next(std::int64_t ms) {
  auto any = receive_if([](term) { return true; }, ms);
  const term m = co_await any;
  co_return m ? m : term{"nothing"_a};
}

task<> take(term tag, std::optional<term> about, std::int64_t ms) {
  auto fits = [tag, about](term m) {
    return m.is_tuple() && m.arity() > 0 && exactly_equal(m[0], tag) && (!about || (m.arity() > 1 && exactly_equal(m[1], *about)));
  };
  auto tagged = receive_if(fits, ms);
  const term m = co_await tagged;
  co_return m ? m : term{"nothing"_a};
}

task<> called(term module, term function, term args) {
  std::optional<raised> failed;
  try {
    const external_call step{module, function, args};
    const term value = co_await step;
    co_return value;
  } catch (const raised& r) {
    failed = r;
  }
  co_return tuple("raised"_a, term{failed->error_class}, term{failed->reason});
}

task<> run(std::vector<term> steps) {
  std::vector<term> done;
  for (const term step : steps) {
    term value;
    if (step[0].same("next"_a)) {
      value = co_await next(to<std::int64_t>(step[1]));
    } else if (step[0].same("take"_a)) {
      value = co_await take(step[1], std::nullopt, to<std::int64_t>(step[2]));
    } else if (step[0].same("about"_a)) {
      value = co_await take(step[1], step[2], to<std::int64_t>(step[3]));
    } else if (step[0].same("sorted"_a)) {
      std::vector<term> messages;
      for (auto n = to<std::int64_t>(step[1]); n > 0; --n) messages.push_back(co_await next(to<std::int64_t>(step[2])));
      value = tuple("set"_a, messages);
    } else {
      value = co_await called(step[0], step[1], fill(step[2], done));
    }
    done.push_back(value);
  }
  co_return encode(done);
}

// A registry for {via, outward, Name}.
auto whereis_name = clauses(
    [](tagged<"pid", term> name) { return std::get<0>(name); },
    [](tagged<"name", atom> name) {
      const auto found = whereis(std::get<0>(name));
      return found ? term{*found} : term{"undefined"_a};
    },
    [](tagged<"bad", term> name) -> term { throw error(std::get<0>(name)); },
    [](term) { return term{"undefined"_a}; });
term send_to(term name, term message) {
  const term found = apply_now("outward"_a, "whereis_name"_a, name);
  if (!found.is_pid()) throw exit_with(tuple("badarg"_a, tuple(name, message)));
  send(found, message);
  return found;
}
term give(term x) { return x; }
task<> waits() {
  co_await receive<is<"never">>();
  co_return "ok"_a;
}

std::int64_t ms_of(term t) { return t.same("infinity"_a) ? infinity : to<std::int64_t>(t); }

// ---- gen_server
auto call_2(term s, term r) { return call(s, r); }                                   // a task, returned as it is
task<> call_3(term s, term r, term t) { co_return co_await gen_server::call(s, r, ms_of(t)); }
auto cast_2(term s, term r) { return gen_server::cast(s, r); }
auto send_request(term s, term r) { return gen_server::send_request(s, r); }         // plain: does not wait
auto receive_response(reference r, term t) { return gen_server::receive_response(r, ms_of(t)); }  // a tail call
task<> wait_response(reference r, term t) { co_return co_await gen_server::wait_response(r, ms_of(t)); }
auto check_response(term m, reference r) { return gen_server::check_response(m, r); }
task<> multi_call(term ns, atom n, term r, term t) { co_return co_await gen_server::multi_call(ns, n, r, ms_of(t)); }
void abcast(term ns, atom n, term r) { gen_server::abcast(ns, n, r); }
auto stop_3(term s, term r, term t) { return gen_server::stop(s, r, ms_of(t)); }

// ---- rpc, erpc
auto rpc_call(atom n, atom m, atom f, term a, term t) { return rpc::call(n, m, f, a, ms_of(t)); }
task<> rpc_block_call(atom n, atom m, atom f, term a, term t) { co_return co_await rpc::block_call(n, m, f, a, ms_of(t)); }
task<> rpc_multicall(term n, atom m, atom f, term a, term t) { co_return co_await rpc::multicall(n, m, f, a, ms_of(t)); }
void rpc_cast(atom n, atom m, atom f, term a) { rpc::cast(n, m, f, a); }
auto async_call(atom n, atom m, atom f, term a) { return rpc::async_call(n, m, f, a); }
auto yield(term k) { return rpc::yield(k); }
task<> nb_yield(term k, term t) { co_return co_await rpc::nb_yield(k, ms_of(t)); }
task<> erpc_call(atom n, atom m, atom f, term a, term t) { co_return co_await erpc::call(n, m, f, a, ms_of(t)); }
auto erpc_multicall(term n, atom m, atom f, term a, term t) { return erpc::multicall(n, m, f, a, ms_of(t)); }
void erpc_cast(atom n, atom m, atom f, term a) { erpc::cast(n, m, f, a); }
void erpc_multicast(term n, atom m, atom f, term a) { erpc::multicast(n, m, f, a); }
auto erpc_send_request(atom n, atom m, atom f, term a) { return erpc::send_request(n, m, f, a); }
task<> erpc_receive_response(term r, term t) { co_return co_await erpc::receive_response(r, ms_of(t)); }
auto erpc_wait_response(term r, term t) { return erpc::wait_response(r, ms_of(t)); }
auto erpc_check_response(term m, term r) { return erpc::check_response(m, r); }

// ---- nodes and processes
auto node_list = clauses([] { return nodes(); });
auto node_list_1(term kind) { return nodes(kind); }
void watch_node(atom n, bool on) { monitor_node(n, on); }
auto watch_nodes(bool on, term options) { return monitor_nodes(on, options); }
task<> spawn_at(atom n, atom m, atom f, term a) {
  if (a.is_nil()) co_return co_await spawn(at{n}, m, f);
  co_return co_await spawn(at{n}, m, f, a.head());
}
task<> spawn_link_at(atom n, atom m, atom f, term a) { co_return co_await spawn_link(at{n}, m, f, a.head()); }
task<> spawn_monitor_at(atom n, atom m, atom f, term a) { co_return co_await spawn_monitor(at{n}, m, f, a.head()); }
auto request(atom n, atom m, atom f, term a, term o) { return spawn_request(at{n}, m, f, a, o); }
auto abandon(reference r) { return spawn_request_abandon(r); }
task<> connect(atom n) { co_return co_await connect_node(n); }
task<> ping_node(atom n) { co_return co_await ping(n); }
auto send_with(term p, term m, term o) { return send(p, m, o); }
auto later(std::int64_t t, term p, term m) { return send_after(t, p, m); }
auto timer(std::int64_t t, term p, term m) { return start_timer(t, p, m); }
auto timer_left(reference r) { return read_timer(r); }
auto watch(term p) { return monitor(p); }
auto watch_2(term p, term o) { return monitor(p, o); }
auto unwatch(reference r) { return demonitor(r); }
auto new_alias(term o) { return alias(o); }
void end_it(pid p, term r) { exit_signal(p, r); }

// ---- what a plain function may not do: each ends with an error that says so
auto plain_call(atom n) { return apply_now("rpc"_a, "call"_a, n, "outward"_a, "give"_a, list(1)); }
auto plain_spawn(atom n) { return apply_now("erlang"_a, "spawn"_a, n, "outward"_a, "waits"_a, nil); }

CNODE_MODULE("outward", run, whereis_name, ("send", send_to), give, waits, ("call", call_2), ("call", call_3), ("cast", cast_2), send_request,
             receive_response, wait_response, check_response, multi_call, abcast, ("stop", stop_3), rpc_call, rpc_block_call, rpc_multicall, rpc_cast,
             async_call, yield, nb_yield, erpc_call, erpc_multicall, erpc_cast, erpc_multicast, erpc_send_request, erpc_receive_response,
             erpc_wait_response, erpc_check_response, node_list, ("node_list", node_list_1), watch_node, watch_nodes, spawn_at, spawn_link_at,
             spawn_monitor_at, request, abandon, connect, ping_node, send_with, later, timer, timer_left, watch, ("watch", watch_2), unwatch,
             new_alias, end_it, plain_call, plain_spawn);
