// One of everything a module author can write; module_api_test.cpp calls it.
#include <stdexcept>

#include <cnode/gen_server.hpp>
#include <cnode/thread.hpp>

using namespace cnode;

#ifdef SECOND_VERSION
CNODE_VSN("2");
#else
CNODE_VSN("1");
#endif

// ---- conversions: each gives back what it was given
std::int64_t int64(std::int64_t v) { return v; }
std::uint8_t byte(std::uint8_t v) { return v; }
std::uint64_t uint64(std::uint64_t v) { return v; }
double real(double v) { return v; }
bool flag(bool v) { return !v; }
std::string text(std::string_view v) { return std::string{v} + "!"; }
atom name(atom v) { return v; }
auto vector_of_ints(const std::vector<std::int64_t>& v) { return v; }
auto map_of_ints(std::map<std::string, std::int64_t> v) {
  v["new"] = 1;
  return v;
}
auto maybe(std::optional<std::int64_t> v) { return v; }
auto either(std::variant<std::int64_t, std::string> v) { return tuple(static_cast<int>(v.index()), v); }
auto pair_of(std::pair<atom, int> v) { return std::pair{v.second, v.first}; }
auto nested_tuple(std::tuple<is<"point">, std::tuple<double, double>> v) { return std::get<1>(v); }
void nothing() {}
auto raw(term t) { return t; }

struct person {
  std::string name;
  std::vector<std::int64_t> scores;
};
CNODE_STRUCT(person, name, scores);
struct user {
  std::int64_t id;
};
CNODE_ELIXIR_STRUCT("Elixir.User", user, id);
auto older(person p) {
  p.scores.push_back(100);
  return p;
}
auto next_user(user u) { return user{u.id + 1}; }

// ---- numbers
number plus(number a, number b) { return a + b; }
number minus(number a, number b) { return a - b; }
number times(number a, number b) { return a * b; }
number divide(number a, number b) { return a / b; }
bool smaller(number a, number b) { return a < b; }

// ---- clauses and failures
auto area = clauses([](tagged<"square", number> shape) { return std::get<0>(shape) * std::get<0>(shape); },
                    [](tagged<"rectangle", number, number> shape) {
                      auto [a, b] = shape;
                      return a * b;
                    },
                    [](is<"nothing">) { return "none"_a; });
term fail(atom how) {
  if (how == "badarg"_a) throw badarg();
  if (how == "exit"_a) throw exit_with(tuple("gone"_a, 1));
  if (how == "throw"_a) throw throw_term("ball"_a);
  if (how == "runtime_error"_a) throw std::runtime_error("it broke");
  if (how == "number"_a) throw 42;
  return encode(to<std::int64_t>(how));
}
auto tail(term m, term f, term a) { return external_call{m, f, a}; }
auto formatted(term t) { return format("{} and {:?} {{}}", t, t); }

// ---- a native object
struct samples {
  std::vector<std::int64_t> values;
#ifdef OTHER_LAYOUT
  std::int64_t extra = 7;
#endif
};
#ifdef OTHER_LAYOUT
CNODE_STRUCT(samples, values, extra);
#else
CNODE_STRUCT(samples, values);
#endif
static_assert(detail::layout_hash<samples>::value != 0);
static_assert(detail::layout_hash<samples>::value != detail::layout_hash<person>::value);

#ifdef OTHER_LAYOUT
auto init(term) { return ok(make_native<samples>()); }
#else
auto init(std::int64_t n) { return ok(make_native<samples>(std::vector<std::int64_t>(static_cast<std::size_t>(n), 1))); }
#endif
auto handle_call = clauses(
    [](tagged<"push", std::int64_t> request, from, native<samples> state) {
      state->values.push_back(std::get<0>(request));
      return reply("ok"_a, state);
    },
    [](is<"sum">, from, native<samples> state) {
      std::int64_t sum = 0;
      for (auto v : state->values) sum += v;
      return reply(sum, state);
    },
    [](is<"where">, from, native<samples> state) {
      return reply(reinterpret_cast<std::uintptr_t>(state->values.data()), state);
    },
    [](is<"vsn">, from, term state) { return reply(vsn, state); });
// A callback that waits, and answers later by itself.
task<> handle_cast(tagged<"ask", term, term> request, term state) {
  auto [other, who] = request;
  term answer = co_await call(other, "sum"_a);
  send(who, tuple("sum"_a, answer));
  co_return noreply(state);
}
auto handle_info(tagged<"reply_to", term> message, term state) {
  reply_to(from{std::get<0>(message)}, "late"_a);
  return noreply(state);
}
auto code_change(term, native<samples> state, term extra) {
  state->values.push_back(to<std::int64_t>(extra));
  return ok(state);
}

// ---- tasks
static int alive = 0;
struct tracked {
  tracked() { ++alive; }
  tracked(const tracked&) { ++alive; }
  ~tracked() { --alive; }
};
int frames_alive() { return alive; }

task<std::int64_t> sum_to(std::int64_t n) {
  if (n == 0) co_return 0;
  const auto rest = co_await sum_to(n - 1);
  co_return rest + n;
}
task<> many_tasks(std::int64_t n) {
  std::int64_t total = 0;
  for (std::int64_t i = 0; i < n; ++i) total += co_await sum_to(1);
  co_return total;
}
task<term> wait_for_go() {
  tracked here;
  auto [value] = co_await receive<tagged<"go", term>>();
  co_return value;
}
task<> wait_nested() {
  tracked here;
  std::string text = "a text too long for the small string optimisation";
  auto value = co_await wait_for_go();
  co_return tuple(text, value);
}
task<> in_order() {  // takes b before a, whatever came first
  auto b = co_await receive<tagged<"b", std::int64_t>>();
  auto a = co_await receive<tagged<"a", std::int64_t>>();
  co_return list(std::get<0>(b), std::get<0>(a));
}
task<> one_of() {
  auto message = co_await receive<std::int64_t, std::string>();
  co_return message;
}
task<> by_clause() {
  term got = co_await receive([](tagged<"add", number, number> m) { return std::get<0>(m) + std::get<1>(m); },
                              [](is<"stop">) { return "stopped"_a; });
  co_return got;
}
task<> timed() {
  auto nothing = co_await receive<std::int64_t>(1);
  co_await cnode::sleep(1);
  co_return nothing.has_value() ? "message"_a.value() : "timeout"_a.value();
}
task<void> fails_late() {
  co_await cnode::sleep(1);
  throw exit_with("late"_a);
}
task<> catches() {
  try {
    co_await fails_late();
  } catch (const raised& r) {
    co_return tuple("caught"_a, term{r.error_class}, term{r.reason});
  }
  co_return "not_caught"_a;
}
task<> applies(atom m, atom f, term args) {
  term value = co_await external_call{m, f, args};
  co_return tuple("value"_a, value);
}
task<term> ends_with_a_tail_call(term args) { co_return external_call{this_module(), "raw"_a, args}; }
task<> awaits_a_tail_call() {
  term value = co_await ends_with_a_tail_call(list(7));
  co_return tuple("awaited"_a, value);
}
task<> loops(std::int64_t n) {
  auto [step] = co_await receive<tagged<"step", std::int64_t>>();
  if (n == 1) co_return tuple("done"_a, step, vsn);
  co_return become("loops", n - 1);
}
task<> asks(term server, term request, std::int64_t ms) {
  try {
    co_return co_await call(server, request, ms);
  } catch (const raised& r) {
    co_return tuple(term{r.error_class}, term{r.reason});
  }
}
task<> echo_server() {  // a gen_server's caller's side by hand: answers one call
  auto [client, request] = co_await receive<tagged<"$gen_call", from, term>>();
  reply_to(client, tuple("echo"_a, request));
  co_return "ok"_a;
}
auto spawn_echo_server() { return spawn(this_module(), "echo_server"_a); }
auto spawn_and_ask() { return asks(encode(spawn_echo_server()), encode("hello"_a), 5000); }

task<> one_tuple() {
  auto message = co_await receive<tagged<"sum", term>>();
  co_return message;
}
auto cast_ask(term server, term other, term who) { return cast(server, tuple("ask"_a, other, who)); }
task<> later(term server) {  // has the server answer a made-up call of ours
  auto ref = make_ref();
  send(server, tuple("reply_to"_a, tuple(self(), ref)));
  auto answer = co_await receive<std::pair<reference, term>>();
  co_return tuple("ok"_a, answer.second);
}

// ---- the process
task<> process_facts() {
  auto [child, ref] = spawn_monitor(this_module(), "fail"_a, "exit"_a);
  auto down = co_await receive<std::tuple<is<"DOWN">, reference, is<"process">, pid, term>>();
  const bool mine = exactly_equal(std::get<1>(down), ref) && exactly_equal(std::get<3>(down), child);
  dictionary::put("key"_a, 1);
  term value = dictionary::get("key"_a);
  register_name("features_name"_a, self());
  const bool found = exactly_equal(whereis("features_name"_a), self());
  unregister_name("features_name"_a);
  send_after(1, self(), "tick"_a);
  co_await receive<is<"tick">>();
  co_return list(mine, std::get<4>(down), value, dictionary::erase("key"_a), found, whereis("features_name"_a));
}

// ---- plain functions and threads
auto waits_in_plain(term server) { return apply_now("gen_server"_a, "call"_a, server, "hello"_a); }
auto loads_in_plain() { return apply_now("features_that_are_nowhere"_a, "f"_a); }
auto fails_in_plain() { return apply_now(this_module(), "fail"_a, "exit"_a); }
auto counts_in_plain() { return apply_now("gen_server"_a, "reqids_size"_a, apply_now("gen_server"_a, "reqids_new"_a)); }
task<> monitors_in_a_thread() {
  start_thread("asker", [to = self()](thread_context& t) {
    try {
      monitor(to);
    } catch (const raised& r) {
      t.send(to, tuple("raised"_a, term{r.reason}));
    }
  });
  auto [reason] = co_await receive<tagged<"raised", term>>();
  co_return reason;
}

// ---- a registry for {via, features, Pid}
auto whereis_name(term name) { return name.is_pid() ? name : term{"undefined"_a}; }
auto send_to(pid name, term message) { send(name, tuple("by_name"_a, message)); }
auto casts(term server) { return cast(server, "hello"_a); }
task<> one_message() {
  auto any = receive_if([](term) { return true; });
  co_return co_await any;
}
auto requests(term server) { return gen_server::check_response("other"_a, gen_server::send_request(server, "hello"_a)); }
task<> asks_later(term server) {
  reference request = gen_server::send_request(server, "hello"_a);
  co_return co_await gen_server::receive_response(request, 5000);
}

CNODE_GEN_SERVER("features", int64, byte, uint64, real, flag, text, name, vector_of_ints, map_of_ints, maybe, either, pair_of,
                 nested_tuple, nothing, raw, older, next_user, plus, minus, times, divide, smaller, area, fail, tail, formatted, init,
                 handle_call, handle_cast, handle_info, code_change, frames_alive, sum_to, many_tasks, wait_for_go, wait_nested,
                 in_order, one_of, by_clause, timed, catches, applies, awaits_a_tail_call, loops, asks, echo_server, spawn_echo_server,
                 spawn_and_ask, process_facts, one_tuple, cast_ask, later, waits_in_plain, loads_in_plain,
                 fails_in_plain, counts_in_plain, monitors_in_a_thread, whereis_name, ("send", send_to), casts, one_message, requests, asks_later,
                 ("renamed", nothing, CNODE_EXPORT_DIRTY));
