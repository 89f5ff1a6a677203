// Functions of other nodes: the modules rpc and erpc. Arguments are a list, as in OTP: rpc::call(node, "lists"_a, "seq"_a, list(1, 3)).
// What waits is an external_call: co_await it, or return it. The other functions do not wait, so plain callbacks can use them.
#pragma once

#include <cnode/apply_now.hpp>
#include <cnode/task.hpp>

namespace cnode {
inline namespace module_api {

// The value, or {badrpc, Reason}.
namespace rpc {

template <class Args>
external_call call(atom node, atom module, atom function, const Args& args, std::int64_t ms = -1) {
  return apply("rpc"_a, "call"_a, node, module, function, args, detail::timeout_term(ms));
}
// One after the other in the other node's rex.
template <class Args>
external_call block_call(atom node, atom module, atom function, const Args& args, std::int64_t ms = -1) {
  return apply("rpc"_a, "block_call"_a, node, module, function, args, detail::timeout_term(ms));
}
// {Results, BadNodes}
template <class Nodes, class Args>
external_call multicall(const Nodes& nodes, atom module, atom function, const Args& args, std::int64_t ms = -1) {
  return apply("rpc"_a, "multicall"_a, nodes, module, function, args, detail::timeout_term(ms));
}
template <class Args>
void cast(atom node, atom module, atom function, const Args& args) {
  module_api::apply_now("rpc"_a, "cast"_a, node, module, function, args);
}
// A key for yield.
template <class Args>
term async_call(atom node, atom module, atom function, const Args& args) {
  detail::need_process("rpc:async_call/4");
  return module_api::apply_now("rpc"_a, "async_call"_a, node, module, function, args);
}
inline external_call yield(term key) { return apply("rpc"_a, "yield"_a, key); }
// {value, Value} or timeout
inline external_call nb_yield(term key, std::int64_t ms = 0) { return apply("rpc"_a, "nb_yield"_a, key, detail::timeout_term(ms)); }

}  // namespace rpc

// The value; failures are raised: what was thrown there, exit:{exception, Reason}, error:{exception, Reason, Stack}, exit:{signal, Reason},
// error:{erpc, noconnection | timeout | notsup | badarg}. `catch (const raised& r)` takes them.
namespace erpc {

template <class Args>
external_call call(atom node, atom module, atom function, const Args& args, std::int64_t ms = -1) {
  return apply("erpc"_a, "call"_a, node, module, function, args, detail::timeout_term(ms));
}
// A list of {ok, Value} or {Class, Reason}, in the nodes' order.
template <class Nodes, class Args>
external_call multicall(const Nodes& nodes, atom module, atom function, const Args& args, std::int64_t ms = -1) {
  return apply("erpc"_a, "multicall"_a, nodes, module, function, args, detail::timeout_term(ms));
}
template <class Args>
void cast(atom node, atom module, atom function, const Args& args) {
  module_api::apply_now("erpc"_a, "cast"_a, node, module, function, args);
}
template <class Nodes, class Args>
void multicast(const Nodes& nodes, atom module, atom function, const Args& args) {
  module_api::apply_now("erpc"_a, "multicast"_a, nodes, module, function, args);
}
// The answer is a message for check_response (in handle_info) or receive_response.
template <class Args>
term send_request(atom node, atom module, atom function, const Args& args) {
  detail::need_process("erpc:send_request/4");
  return module_api::apply_now("erpc"_a, "send_request"_a, node, module, function, args);
}
// {response, Value} or no_response; raises as call.
template <class Message>
term check_response(const Message& message, term request) {
  return module_api::apply_now("erpc"_a, "check_response"_a, message, request);
}
inline external_call receive_response(term request, std::int64_t ms = -1) {
  return apply("erpc"_a, "receive_response"_a, request, detail::timeout_term(ms));
}
inline external_call wait_response(term request, std::int64_t ms) {
  return apply("erpc"_a, "wait_response"_a, request, detail::timeout_term(ms));
}

}  // namespace erpc
}  // namespace module_api
}  // namespace cnode
