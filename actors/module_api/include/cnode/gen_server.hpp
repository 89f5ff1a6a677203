// A gen_server's callback module in C++. Everything an author needs; see README.md for a tour.
//
//   CNODE_GEN_SERVER("Elixir.Inc", init, handle_call, code_change, start_link, inc, get)
//
// init/1, handle_call/3, handle_cast/2, handle_info/2, handle_continue/2, terminate/2, code_change/3, format_status/1,2: those that are
// exported are called, with the arguments OTP's gen_server gives, on the process's thread, one at a time.
#pragma once

#include <cnode/describe.hpp>
#include <cnode/export.hpp>
#include <cnode/io.hpp>
#include <cnode/native.hpp>
#include <cnode/number.hpp>
#include <cnode/process.hpp>
#include <cnode/receive.hpp>
#include <cnode/requests.hpp>

namespace cnode {
inline namespace module_api {

// ---- what callbacks return. `extra` is a timeout in milliseconds, hibernate, or continue_with(Term).
inline constexpr is<"hibernate"> hibernate;
inline constexpr is<"ignore"> ignore;
template <class T>
term continue_with(const T& argument) {
  return tuple("continue"_a, argument);
}

// {ok, State}: init and code_change
template <class State, class... Extra>
term ok(const State& state, const Extra&... extra) {
  static_assert(sizeof...(extra) <= 1);
  return tuple("ok"_a, state, extra...);
}
// {reply, Reply, State}: handle_call
template <class Reply, class State, class... Extra>
term reply(const Reply& value, const State& state, const Extra&... extra) {
  static_assert(sizeof...(extra) <= 1);
  return tuple("reply"_a, value, state, extra...);
}
// {noreply, State}
template <class State, class... Extra>
term noreply(const State& state, const Extra&... extra) {
  static_assert(sizeof...(extra) <= 1);
  return tuple("noreply"_a, state, extra...);
}
// {stop, Reason} in init, {stop, Reason, State}, {stop, Reason, Reply, State} in handle_call
template <class Reason, class... More>
term stop(const Reason& reason, const More&... reply_and_state) {
  static_assert(sizeof...(reply_and_state) <= 2);
  return tuple("stop"_a, reason, reply_and_state...);
}
// {error, Reason}: code_change refuses
template <class Reason>
term error_tuple(const Reason& reason) {
  return tuple("error"_a, reason);
}

// gen_server:reply/2: the answer to a call whose callback returned noreply.
template <class Reply>
void reply_to(const from& client, const Reply& value) {
  const term tag = client.tag();
  term to = client.pid();
  // [alias|Ref] or [[alias|Ref]|_]: the answer goes to the alias (gen:reply/2)
  if (tag.is_cons()) {
    const term inner = tag.head().is_cons() ? tag.head() : tag;
    if (inner.head().same("alias"_a) && inner.tail().is_ref()) to = inner.tail();
  }
  send(to, tuple(tag, value));
}

// ---- starting servers with this module as their callback module
namespace gen_server {
// gen_server:start_link(ThisModule, Argument, [])
template <class T>
external_call start_link(const T& argument) {
  return apply("gen_server"_a, "start_link"_a, this_module(), argument, nil);
}
template <class T>
external_call start(const T& argument) {
  return apply("gen_server"_a, "start"_a, this_module(), argument, nil);
}
// Registered as Name on this node.
template <class T>
external_call start_link(atom name, const T& argument) {
  return apply("gen_server"_a, "start_link"_a, tuple("local"_a, name), this_module(), argument, nil);
}
}  // namespace gen_server

}  // namespace module_api
}  // namespace cnode

#define CNODE_GEN_SERVER(name, ...) CNODE_DETAIL_MODULE(name, "gen_server", __VA_ARGS__)
