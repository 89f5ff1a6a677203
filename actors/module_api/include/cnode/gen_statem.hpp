// A gen_statem's callback module in C++: a state machine by OTP's rules, with state enter calls, postponed and inserted events, and timeouts.
//
//   auto callback_mode() { return gen_statem::state_functions; }        // one function a state: open/3, closed/3
//   auto init(term) { return ok("closed"_a, 0); }                       // {ok, State, Data}
//   auto closed = clauses([](gen_statem::call client, is<"knock">, number knocks) {
//     return next_state("open"_a, knocks + 1, reply_action(client, "come in"_a), state_timeout(5000, "shut"_a));
//   });
//   CNODE_GEN_STATEM("door", callback_mode, init, closed, open);
//
// callback_mode/0, init/1, handle_event/4 or State/3, terminate/3, code_change/4, format_status/1,2: those that are exported are called,
// with the arguments OTP's gen_statem gives, on the process's thread, one at a time.
#pragma once

#include <cnode/gen_server.hpp>

namespace cnode {
inline namespace module_api {

// ---- what callbacks return, by the names OTP has for it. Actions stand behind, as many as wanted.
template <class State, class Data, class... Action>
  requires(sizeof...(Action) > 0)
term ok_with(const State& state, const Data& data, const Action&... action) {
  return tuple("ok"_a, state, data, list(action...));
}
template <class State, class Data, class... Action>
term next_state(const State& state, const Data& data, const Action&... action) {
  if constexpr (sizeof...(action) == 0) return tuple("next_state"_a, state, data);
  else return tuple("next_state"_a, state, data, list(action...));
}
template <class Data, class... Action>
term keep_state(const Data& data, const Action&... action) {
  if constexpr (sizeof...(action) == 0) return tuple("keep_state"_a, data);
  else return tuple("keep_state"_a, data, list(action...));
}
template <class... Action>
term keep_state_and_data(const Action&... action) {
  if constexpr (sizeof...(action) == 0) return encode("keep_state_and_data"_a);
  else return tuple("keep_state_and_data"_a, list(action...));
}
// As keep_state, and the state is entered anew.
template <class Data, class... Action>
term repeat_state(const Data& data, const Action&... action) {
  if constexpr (sizeof...(action) == 0) return tuple("repeat_state"_a, data);
  else return tuple("repeat_state"_a, data, list(action...));
}
template <class... Action>
term repeat_state_and_data(const Action&... action) {
  if constexpr (sizeof...(action) == 0) return encode("repeat_state_and_data"_a);
  else return tuple("repeat_state_and_data"_a, list(action...));
}
// {stop_and_reply, Reason, [{reply, From, Reply}], Data}
template <class Reason, class Data, class... Reply>
term stop_and_reply(const Reason& reason, const Data& data, const Reply&... reply) {
  return tuple("stop_and_reply"_a, reason, list(reply...), data);
}

// ---- actions
inline constexpr is<"postpone"> postpone;  // this event comes again in the next state
template <class Type, class Content>
term next_event(const Type& type, const Content& content) {
  return tuple("next_event"_a, type, content);
}
template <class Reply>
term reply_action(const from& client, const Reply& value) {
  return tuple("reply"_a, term(client), value);
}
// The client of an event of type gen_statem::call.
template <class Reply>
term reply_action(const tagged<"call", from>& client, const Reply& value) {
  return reply_action(std::get<0>(client), value);
}
// Ends with the next event of any kind.
template <class Content>
term event_timeout(std::int64_t ms, const Content& content) {
  return tuple("timeout"_a, ms, content);
}
// Ends with the state.
template <class Content>
term state_timeout(std::int64_t ms, const Content& content) {
  return tuple("state_timeout"_a, ms, content);
}
// Ends when it is set anew or cancelled.
template <class Name, class Content>
term generic_timeout(const Name& name, std::int64_t ms, const Content& content) {
  return tuple(tuple("timeout"_a, name), ms, content);
}
template <class Name>
term cancel_timeout(const Name& name) {
  return tuple(tuple("timeout"_a, name), "cancel"_a);
}
inline term cancel_state_timeout() { return tuple("state_timeout"_a, "cancel"_a); }
// Another module handles the events from now on.
inline term change_callback_module(atom module) { return tuple("change_callback_module"_a, module); }
inline term push_callback_module(atom module) { return tuple("push_callback_module"_a, module); }
inline constexpr is<"pop_callback_module"> pop_callback_module;

namespace gen_statem {

// ---- callback_mode/0
inline constexpr is<"state_functions"> state_functions;
inline constexpr is<"handle_event_function"> handle_event_function;
inline constexpr is<"state_enter"> state_enter;
template <class Mode>
term with_state_enter(const Mode& mode) {
  return list(mode, state_enter);
}

// ---- event types, as parameters of clauses
using call = tagged<"call", from>;  // std::get<0>: the client, for reply_to later
using cast = is<"cast">;
using info = is<"info">;
using internal = is<"internal">;
using enter = is<"enter">;  // its content is the state before
using timeout = is<"timeout">;
using state_timeout = is<"state_timeout">;
template <fixed_string Name>
using named_timeout = tagged<"timeout", is<Name>>;

// ---- starting machines with this module as their callback module
template <class T>
external_call start_link(const T& argument) {
  return apply("gen_statem"_a, "start_link"_a, this_module(), argument, nil);
}
template <class T>
external_call start(const T& argument) {
  return apply("gen_statem"_a, "start"_a, this_module(), argument, nil);
}
// Registered as Name on this node.
template <class T>
external_call start_link(atom name, const T& argument) {
  return apply("gen_statem"_a, "start_link"_a, tuple("local"_a, name), this_module(), argument, nil);
}

}  // namespace gen_statem

}  // namespace module_api
}  // namespace cnode

#define CNODE_GEN_STATEM(name, ...) CNODE_DETAIL_MODULE(name, "gen_statem", __VA_ARGS__)
