// The gen_statem whose twin in Erlang is machine.erl: events say what a callback shall return or raise. Data is {Observer, What}; the
// observer is told of every event. The atom from inside a return stands for the caller. The callback mode is what init's argument says.
#include <cnode/gen_statem.hpp>

using namespace cnode;

CNODE_VSN("1");

term raise(term error_class, term reason) {
  if (error_class.same("error"_a)) throw error(reason);
  if (error_class.same("exit"_a)) throw exit_with(reason);
  throw throw_term(reason);
}
bool raises(term t) { return t.is_tuple(3) && t[0].same("raise"_a); }

term subst(term t, term client) {
  if (t.same("from"_a)) return client;
  if (t.is_cons()) return detail::cons(subst(t.head(), client), subst(t.tail(), client));
  if (!t.is_tuple()) return t;
  const auto at = [&](std::uint64_t i) { return subst(t[i], client); };
  switch (t.size()) {
    case 1: return tuple(at(0));
    case 2: return tuple(at(0), at(1));
    case 3: return tuple(at(0), at(1), at(2));
    case 4: return tuple(at(0), at(1), at(2), at(3));
    default: return t;
  }
}

term callback_mode() { return dictionary::get("mode"_a); }

term init(std::tuple<term, term> argument) {
  auto [mode, r] = argument;
  dictionary::put("mode"_a, mode);
  return raises(r) ? raise(r[1], r[2]) : r;
}

task<term> handle_event(term type, term content, term state, std::tuple<pid, term> data) {
  auto [observer, what] = data;
  if (type.same("enter"_a)) {
    send(observer, tuple("entered"_a, content, state));
    co_return what.is_tuple(2) && what[0].same("on_enter"_a) ? what[1] : keep_state_and_data();
  }
  const bool is_call = type.is_tuple(2) && type[0].same("call"_a);
  const term client = is_call ? type[1] : encode("none"_a);
  if (is_call) type = encode("call"_a);
  if (content.is_tuple(2) && content[0].same("do"_a)) {
    send(observer, tuple("event"_a, type, state));
    co_return subst(content[1], client);
  }
  if (raises(content)) co_return raise(content[1], content[2]);
  if (content.is_tuple(3) && content[0].same("mode"_a)) {
    dictionary::put("mode"_a, content[1]);
    co_return content[2];
  }
  if (is_call && content.is_tuple(2) && content[0].same("start_link"_a)) {
    trap_exit(true);
    const term arguments = list("machine"_a, content[1], nil);
    const term started = co_await external_call{"gen_statem"_a, "start_link"_a, arguments};
    co_return keep_state_and_data(reply_action(from{client}, started));
  }
  if (is_call && content.same("get"_a)) co_return keep_state_and_data(reply_action(from{client}, tuple(state, what)));
  send(observer, tuple("event"_a, type, content, state));
  co_return keep_state_and_data();
}

task<term> a(term type, term content, std::tuple<pid, term> data) { return handle_event(type, content, encode("a"_a), data); }
task<term> b(term type, term content, std::tuple<pid, term> data) { return handle_event(type, content, encode("b"_a), data); }
task<term> c(term type, term content, std::tuple<pid, term> data) { return handle_event(type, content, encode("c"_a), data); }

void terminate(term reason, term state, std::tuple<pid, term> data) {
  auto [observer, what] = data;
  if (raises(what)) raise(what[1], what[2]);
  send(observer, tuple("terminated"_a, reason, state));
}

auto code_change = clauses(
    [](term, term, term, tagged<"return", term> r) { return std::get<0>(r); },
    [](term, term, term, tagged<"raise", term, term> r) { return raise(std::get<0>(r), std::get<1>(r)); },
    [](term, term state, term data, tagged<"mode", term> r) {
      dictionary::put("mode"_a, std::get<0>(r));
      return ok(state, data);
    },
    [](term old_vsn, term state, std::tuple<pid, term> data, term extra) {
      auto [observer, what] = data;
      return ok(state, tuple(observer, tuple("changed"_a, old_vsn, what, extra)));
    });

CNODE_GEN_STATEM("machine", callback_mode, init, handle_event, a, b, c, terminate, code_change);
