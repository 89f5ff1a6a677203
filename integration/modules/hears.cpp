// The gen_event handler whose twin in Erlang is hears.erl: events say what a callback shall return or raise. The state is {Observer, What};
// the observer is told of every event. In a return, state stands for the present state.
#include <cnode/gen_event.hpp>

using namespace cnode;

CNODE_VSN("1");

using give_back = tagged<"return", term>;
using raise_it = tagged<"raise", term, term>;
using act = tagged<"do", term>;
using observed = std::tuple<pid, term>;

term raise(term error_class, term reason) {
  if (error_class.same("error"_a)) throw error(reason);
  if (error_class.same("exit"_a)) throw exit_with(reason);
  throw throw_term(reason);
}
term raise(const raise_it& r) { return raise(std::get<0>(r), std::get<1>(r)); }

term subst(term t, term state) {
  if (t.same("state"_a)) return state;
  if (t.is_cons()) return detail::cons(subst(t.head(), state), subst(t.tail(), state));
  if (!t.is_tuple()) return t;
  const auto at = [&](std::uint64_t i) { return subst(t[i], state); };
  switch (t.size()) {
    case 1: return tuple(at(0));
    case 2: return tuple(at(0), at(1));
    case 3: return tuple(at(0), at(1), at(2));
    case 4: return tuple(at(0), at(1), at(2), at(3));
    case 5: return tuple(at(0), at(1), at(2), at(3), at(4));
    case 6: return tuple(at(0), at(1), at(2), at(3), at(4), at(5));
    default: return t;
  }
}

auto init = clauses(
    [](give_back r) { return std::get<0>(r); },
    [](raise_it r) { return raise(r); },
    [](std::tuple<tagged<"new", pid>, term> r) {
      auto [observer, left] = r;
      return ok(tuple(std::get<0>(observer), tuple("took_over"_a, left)));
    },
    [](term state) { return ok(state); });

term handle(atom kind, term event, term state) {
  if (event.is_tuple(2) && event[0].same("do"_a)) return subst(event[1], state);
  if (event.is_tuple(3) && event[0].same("raise"_a)) return raise(event[1], event[2]);
  if (event.is_tuple(4) && event[0].same("only"_a)) return exactly_equal(event[1], state[1]) ? subst(event[2], state) : ok(state);
  if (event.is_tuple(3) && event[0].same("EXIT"_a)) send(state[0], tuple(kind, "exit"_a, event[2], state[1]));
  else send(state[0], tuple(kind, event, state[1]));
  return ok(state);
}
term handle_event(term event, term state) { return handle("event"_a, event, state); }
term handle_info(term event, term state) { return handle("info"_a, event, state); }

auto handle_call = clauses(
    [](act r, term state) { return subst(std::get<0>(r), state); },
    [](raise_it r, term) { return raise(r); },
    [](is<"get">, observed state) { return handled(std::get<1>(state), state); });

term terminate(term argument, observed state) {
  auto [observer, what] = state;
  if (what.is_tuple(3) && what[0].same("raise"_a)) return raise(what[1], what[2]);
  const bool stopped = argument.is_tuple(2) && argument[0].same("stop"_a), crashed = argument.is_tuple(2) && argument[0].same("error"_a);
  if (stopped || crashed) {
    send(observer, tuple("terminated"_a, atom{stopped ? "stopped" : "crashed"}, what));
    return encode("ok"_a);
  }
  send(observer, tuple("terminated"_a, argument, what));
  return tuple("left"_a, what);
}

auto code_change = clauses(
    [](term, term, give_back r) { return std::get<0>(r); },
    [](term, term, raise_it r) { return raise(r); },
    [](term old_vsn, observed state, term extra) {
      auto [observer, what] = state;
      return ok(tuple(observer, tuple("changed"_a, old_vsn, what, extra)));
    });

CNODE_GEN_EVENT("hears", init, handle_event, handle_info, handle_call, terminate, code_change);
