// gen_server's requests whose answer comes later, and those to many servers. A server is a pid, a local name, {Name, Node},
// {global, Name} or {via, Module, Name}. What waits is an external_call: co_await it, or return it.
#pragma once

#include <cnode/apply_now.hpp>
#include <cnode/task.hpp>

namespace cnode {
inline namespace module_api {
namespace gen_server {

// gen_server:send_request/2: does not wait, so a plain callback can use it; the answer is a message for check_response (in handle_info)
// or receive_response. A server that is not there is told by the answer.
template <class Server, class Request>
reference send_request(const Server& server, const Request& request) {
  detail::need_process("gen_server:send_request/2");
  return reference{module_api::apply_now("gen_server"_a, "send_request"_a, server, request)};
}
// {reply, Reply}, {error, {Reason, Server}} or no_reply: what a message says about the request.
template <class Message>
term check_response(const Message& message, reference request) {
  return module_api::apply_now("gen_server"_a, "check_response"_a, message, request);
}
// {reply, Reply}, {error, {Reason, Server}} or timeout; the request is given up at the timeout. (ms negative: for ever)
inline external_call receive_response(reference request, std::int64_t ms = -1) {
  return apply("gen_server"_a, "receive_response"_a, request, detail::timeout_term(ms));
}
// The same, but the request goes on after the timeout.
inline external_call wait_response(reference request, std::int64_t ms) {
  return apply("gen_server"_a, "wait_response"_a, request, detail::timeout_term(ms));
}

// {[{Node, Reply}], BadNodes}
template <class Nodes, class Request>
external_call multi_call(const Nodes& nodes, atom name, const Request& request, std::int64_t ms = -1) {
  return apply("gen_server"_a, "multi_call"_a, nodes, name, request, detail::timeout_term(ms));
}
template <class Nodes, class Request>
void abcast(const Nodes& nodes, atom name, const Request& request) {
  module_api::apply_now("gen_server"_a, "abcast"_a, nodes, name, request);
}
// gen_server:stop/3
template <class Server, class Reason>
external_call stop(const Server& server, const Reason& reason, std::int64_t ms = -1) {
  return apply("gen_server"_a, "stop"_a, server, reason, detail::timeout_term(ms));
}

}  // namespace gen_server
}  // namespace module_api
}  // namespace cnode
