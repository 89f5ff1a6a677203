// The gen_server whose twin in Erlang is twin.erl: requests say what a callback shall return or raise. The state is {Observer, Data}.
#include <cnode/gen_server.hpp>

using namespace cnode;

CNODE_VSN("1");

using give_back = tagged<"return", term>;
using raise_error = tagged<"raise", is<"error">, term>;
using raise_exit = tagged<"raise", is<"exit">, term>;
using raise_throw = tagged<"raise", is<"throw">, term>;
using observed = std::tuple<pid, term>;

auto start(term argument) { return gen_server::start(argument); }
auto start_link(term argument) { return gen_server::start_link(argument); }
auto start_named(atom name, term argument) { return gen_server::start_link(name, argument); }

auto init = clauses(
    [](give_back r) { return std::get<0>(r); },
    [](raise_error r) -> term { throw error(std::get<1>(r)); },
    [](raise_exit r) -> term { throw exit_with(std::get<1>(r)); },
    [](raise_throw r) -> term { throw throw_term(std::get<1>(r)); },
    [](tagged<"trap", term> r) {
      trap_exit(true);
      return std::get<0>(r);
    },
    [](tagged<"print", term, term> r) {
      io::puts("{}", std::get<0>(r));
      return std::get<1>(r);
    });

auto handle_call = clauses(
    [](give_back r, from, term) { return std::get<0>(r); },
    [](raise_error r, from, term) -> term { throw error(std::get<1>(r)); },
    [](raise_exit r, from, term) -> term { throw exit_with(std::get<1>(r)); },
    [](raise_throw r, from, term) -> term { throw throw_term(std::get<1>(r)); },
    [](tagged<"trap", bool> r, from, term state) { return reply(trap_exit(std::get<0>(r)), state); },
    [](tagged<"print", term> r, from, term state) {
      io::puts("{}", std::get<0>(r));
      return reply("printed"_a, state);
    },
    [](tagged<"apply", atom, atom, term> r, from, term state) -> task<term> {
      auto [m, f, a] = r;
      term value = co_await external_call{m, f, a};
      co_return reply(value, state);
    },
    [](tagged<"put", term, term> r, from, term state) { return reply(dictionary::put(std::get<0>(r), std::get<1>(r)), state); },
    [](is<"defer">, from client, observed state) { return noreply(tuple(std::get<0>(state), client)); },
    [](tagged<"early", term> r, from client, term state) {
      reply_to(client, std::get<0>(r));
      return noreply(state);
    },
    [](is<"twice">, from client, term state) {
      reply_to(client, "first"_a);
      return reply("second"_a, state);
    },
    [](is<"from">, from client, term state) { return reply(client.tag(), state); },
    [](is<"state">, from, term state) { return reply(state, state); });

auto handle_cast = clauses(
    [](give_back r, term) { return std::get<0>(r); },
    [](raise_error r, term) -> term { throw error(std::get<1>(r)); },
    [](raise_exit r, term) -> term { throw exit_with(std::get<1>(r)); },
    [](raise_throw r, term) -> term { throw throw_term(std::get<1>(r)); },
    [](tagged<"release", term> r, std::tuple<pid, from> state) {
      auto [observer, client] = state;
      reply_to(client, std::get<0>(r));
      return noreply(tuple(observer, "released"_a));
    },
    [](tagged<"note", term> r, observed state) {
      send(std::get<0>(state), tuple("cast"_a, std::get<0>(r)));
      return noreply(state);
    });

auto handle_info = clauses(
    [](give_back r, term) { return std::get<0>(r); },
    [](raise_error r, term) -> term { throw error(std::get<1>(r)); },
    [](raise_exit r, term) -> term { throw exit_with(std::get<1>(r)); },
    [](raise_throw r, term) -> term { throw throw_term(std::get<1>(r)); },
    [](is<"timeout">, observed state) {
      send(std::get<0>(state), "timed_out"_a);
      return noreply(state);
    },
    [](tagged<"EXIT", term, term> m, observed state) {
      send(std::get<0>(state), tuple("got_exit"_a, std::get<1>(m)));
      return noreply(state);
    },
    [](tagged<"note", term> r, observed state) {
      send(std::get<0>(state), tuple("info"_a, std::get<0>(r)));
      return noreply(state);
    });

auto handle_continue = clauses(
    [](give_back r, term) { return std::get<0>(r); },
    [](raise_error r, term) -> term { throw error(std::get<1>(r)); },
    [](raise_exit r, term) -> term { throw exit_with(std::get<1>(r)); },
    [](raise_throw r, term) -> term { throw throw_term(std::get<1>(r)); },
    [](tagged<"note", term> r, observed state) {
      send(std::get<0>(state), tuple("continued"_a, std::get<0>(r)));
      return noreply(state);
    },
    [](tagged<"note_and", term, term> r, observed state) {
      send(std::get<0>(state), tuple("continued"_a, std::get<0>(r)));
      return std::get<1>(r);
    });

auto terminate = clauses(
    [](term, std::tuple<term, raise_error> s) { throw error(std::get<1>(std::get<1>(s))); },
    [](term, std::tuple<term, raise_exit> s) { throw exit_with(std::get<1>(std::get<1>(s))); },
    [](term, std::tuple<term, raise_throw> s) { throw throw_term(std::get<1>(std::get<1>(s))); },
    [](term reason, observed s) { send(std::get<0>(s), tuple("terminated"_a, reason)); });

auto code_change = clauses(
    [](term, term, give_back r) { return std::get<0>(r); },
    [](term, term, raise_error r) -> term { throw error(std::get<1>(r)); },
    [](term, term, raise_exit r) -> term { throw exit_with(std::get<1>(r)); },
    [](term, term, raise_throw r) -> term { throw throw_term(std::get<1>(r)); },
    [](term old_vsn, observed state, tagged<"extra", term> x) {
      auto [observer, data] = state;
      return ok(tuple(observer, tuple(old_vsn, data, std::get<0>(x))));
    });

auto give(term value) { return value; }
auto raise_any = clauses(
    [](is<"error">, term r) -> term { throw error(r); },
    [](is<"exit">, term r) -> term { throw exit_with(r); },
    [](is<"throw">, term r) -> term { throw throw_term(r); });
auto two(term a, term b) { return tuple(a, b); }
task<term> loop() {
  co_await receive<is<"stop">>();
  co_return "stopped"_a;
}
task<term> echo() {
  auto message = co_await receive<std::tuple<pid, term>, is<"stop">>();
  if (message.index() == 1) co_return "ok"_a;
  auto [client, value] = std::get<0>(message);
  send(client, tuple("echo"_a, value));
  co_return become("echo");
}
// Takes the message named first, then the other.
task<term> first_stop() {
  auto [a] = co_await receive<tagged<"second", pid>>();
  send(a, "got_second"_a);
  auto [b] = co_await receive<tagged<"first", pid>>();
  send(b, "got_first"_a);
  co_return "got_first"_a;
}
task<term> bystander(pid watcher) {
  send(watcher, tuple(self(), "here"_a));
  co_await receive<is<"stop">>();
  co_return "ok"_a;
}

CNODE_GEN_SERVER("twin", start, start_link, start_named, init, handle_call, handle_cast, handle_info, handle_continue, terminate,
                 code_change, give, ("raise", raise_any), two, loop, echo, first_stop, bystander);
