// An application's callback module that does what its argument says, as app_cb.erl.
#include <cnode/application.hpp>
#include <cnode/supervisor.hpp>

using namespace cnode;

// {ok, Pid}, or {ok, Pid, State}
task<term> start_sup(term state) {
  const term started = co_await supervisor::start_link(nil);
  co_return state.same("no_state"_a) ? started : tuple("ok"_a, started[1], state);
}

auto start = clauses([](term, is<"sup">) { return apply("app_cb"_a, "start_sup"_a, "no_state"_a); },
                     [](term, tagged<"sup", term> a) { return apply("app_cb"_a, "start_sup"_a, std::get<0>(a)); },
                     [](term, tagged<"return", term> a) { return apply("erlang"_a, "hd"_a, list(std::get<0>(a))); },
                     [](term, tagged<"exit", term> a) { return apply("erlang"_a, "exit"_a, std::get<0>(a)); },
                     [](term, tagged<"throw", term> a) { return apply("erlang"_a, "throw"_a, std::get<0>(a)); });

term init(term) {
  return supervisor::start(supervisor::flags{.intensity = 0}, supervisor::child("worker"_a, "app_worker"_a, "start_link"_a));
}

// {watch, Pid} is told; anything else is nobody.
template <class What>
void tell(term who, const What& what) {
  if (who.is_tuple(2) && who[0].same("watch"_a)) send(who[1], what);
}

void stop(term state) {
  if (state.is_tuple(2)) tell(state[1], tuple("stop"_a, state[0]));
}
term prep_stop(term state) {
  tell(state, "prep_stop"_a);
  return tuple("prepared"_a, state);
}
task<term> config_change(term changed, term fresh, term removed) {
  const term who = co_await application::get_env("one"_a, "watcher"_a, nil);
  tell(who, tuple("config_change"_a, changed, fresh, removed));
  co_return "ok"_a;
}
auto start_phase = clauses([](is<"bad">, term, term args) -> term { return tuple("error"_a, args); },
                           [](is<"odd">, term, term args) -> term { return args; },
                           [](term phase, term type, term args) -> term {
                             tell(args, tuple("start_phase"_a, phase, type));
                             return "ok"_a;
                           });

CNODE_APPLICATION("app_cb", start, start_sup, init, stop, prep_stop, config_change, start_phase);
