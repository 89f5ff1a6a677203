// A gen_event handler in C++: what an event manager, a process of the node, calls for each event.
//
//   auto init(term) { return ok(0); }
//   auto handle_event(term event, number seen) { return ok(seen + 1); }
//   auto handle_call(is<"seen">, number seen) { return handled("so many"_a, seen); }
//   CNODE_GEN_EVENT("counter", init, handle_event, handle_call);
//
// init/1, handle_event/2, handle_call/2, handle_info/2, terminate/2, code_change/3, format_status/1,2: those that are exported are called,
// with the arguments OTP's gen_event gives, on the manager's thread, one at a time. A handler that raises is removed; the manager goes on.
#pragma once

#include <cnode/gen_server.hpp>

namespace cnode {
inline namespace module_api {

// ---- what callbacks return: ok(State), ok(State, hibernate), or
// {ok, Reply, State} of handle_call
template <class Reply, class State, class... Extra>
term handled(const Reply& reply, const State& state, const Extra&... extra) {
  static_assert(sizeof...(extra) <= 1);
  return tuple("ok"_a, reply, state, extra...);
}
inline constexpr is<"remove_handler"> remove_handler;
// {remove_handler, Reply} of handle_call
template <class Reply>
term remove_handler_with(const Reply& reply) {
  return tuple("remove_handler"_a, reply);
}
// {swap_handler, Args1, NewState, Handler2, Args2}: this handler's terminate gets Args1, the other's init {Args2, what that returned}.
template <class Args1, class State, class Handler, class Args2>
term swap_handler(const Args1& args, const State& state, const Handler& other, const Args2& other_args) {
  return tuple("swap_handler"_a, args, state, other, other_args);
}

namespace gen_event {

// Event managers, as children of a supervisor or by themselves.
inline external_call start_link() { return apply("gen_event"_a, "start_link"_a); }
// Registered as Name on this node.
inline external_call start_link(atom name) { return apply("gen_event"_a, "start_link"_a, tuple("local"_a, name)); }

// This module as a handler of Manager; add_sup_handler: goes with the caller, who is told of its end by {gen_event_EXIT, Handler, Reason}.
template <class Manager, class T>
external_call add_handler(const Manager& manager, const T& argument) {
  return apply("gen_event"_a, "add_handler"_a, manager, this_module(), argument);
}
template <class Manager, class T>
external_call add_sup_handler(const Manager& manager, const T& argument) {
  return apply("gen_event"_a, "add_sup_handler"_a, manager, this_module(), argument);
}
// Does not wait.
template <class Event>
void notify(term manager, const Event& event) {
  send(manager, tuple("notify"_a, event));
}

}  // namespace gen_event

}  // namespace module_api
}  // namespace cnode

#define CNODE_GEN_EVENT(name, ...) CNODE_DETAIL_MODULE(name, "gen_event", __VA_ARGS__)
