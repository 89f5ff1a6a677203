// Other nodes: which there are, being told of their coming and going, processes started there.
//
//   pid p = co_await spawn(at{node}, "counter"_a, "loop"_a, 1);      // erlang:spawn(Node, counter, loop, [1])
//   monitor_node(node, true);                                        // {nodedown, Node} arrives as a message
#pragma once

#include <vector>

#include <cnode/apply_now.hpp>
#include <cnode/process.hpp>
#include <cnode/task.hpp>

namespace cnode {
inline namespace module_api {

// ---- without waiting: plain functions and coroutines alike
// The visible nodes we are connected with; nodes("hidden"_a), nodes("connected"_a), ... as nodes/1.
inline std::vector<atom> nodes() { return to<std::vector<atom>>(apply_now("erlang"_a, "nodes"_a)); }
template <class Kind>
std::vector<atom> nodes(const Kind& kind) {
  return to<std::vector<atom>>(apply_now("erlang"_a, "nodes"_a, kind));
}
// Each `true` gives one {nodedown, Node} when the connection ends or cannot be made, and is taken back by one `false`.
inline void monitor_node(atom node, bool on) {
  detail::need_process("erlang:monitor_node/2");
  apply_now("erlang"_a, "monitor_node"_a, node, on);
}
// net_kernel:monitor_nodes/1,2: {nodeup, Node} and {nodedown, Node}, with options {nodeup, Node, Info}.
inline term monitor_nodes(bool on) {
  detail::need_process("net_kernel:monitor_nodes/1");
  return apply_now("net_kernel"_a, "monitor_nodes"_a, on);
}
template <class Options>
term monitor_nodes(bool on, const Options& options) {
  detail::need_process("net_kernel:monitor_nodes/2");
  return apply_now("net_kernel"_a, "monitor_nodes"_a, on, options);
}
inline bool disconnect_node(atom node) { return apply_now("erlang"_a, "disconnect_node"_a, node).same("true"_a); }

// The node a process is started on.
struct at {
  atom node;
};
// erlang:spawn_request/5: {spawn_reply, Reference, ok, Pid} or {spawn_reply, Reference, error, Reason} arrives as a message.
template <class Args>
reference spawn_request(at where, atom module, atom function, const Args& args) {
  return spawn_request(where, module, function, args, nil);
}
template <class Args, class Options>
reference spawn_request(at where, atom module, atom function, const Args& args, const Options& options) {
  detail::need_process("erlang:spawn_request/5");
  return reference{apply_now("erlang"_a, "spawn_request"_a, where.node, module, function, args, options)};
}
inline bool spawn_request_abandon(reference request) { return apply_now("erlang"_a, "spawn_request_abandon"_a, request).same("true"_a); }

// ---- waiting for the other node: co_await
namespace detail {
inline task<pid> spawned(external_call call) { co_return to<pid>(co_await call); }
inline task<std::pair<pid, reference>> spawned_with_monitor(external_call call) { co_return to<std::pair<pid, reference>>(co_await call); }
inline task<bool> answered(external_call call, atom yes) { co_return (co_await call).same(term{yes}); }
}  // namespace detail

template <class... A>
task<pid> spawn(at where, atom module, atom function, const A&... args) {
  return detail::spawned(apply("erlang"_a, "spawn"_a, where.node, module, function, list(args...)));
}
template <class... A>
task<pid> spawn_link(at where, atom module, atom function, const A&... args) {
  return detail::spawned(apply("erlang"_a, "spawn_link"_a, where.node, module, function, list(args...)));
}
template <class... A>
task<std::pair<pid, reference>> spawn_monitor(at where, atom module, atom function, const A&... args) {
  return detail::spawned_with_monitor(apply("erlang"_a, "spawn_monitor"_a, where.node, module, function, list(args...)));
}
// net_kernel:connect_node/1; net_adm:ping/1 as a bool
inline task<bool> connect_node(atom node) { return detail::answered(apply("net_kernel"_a, "connect_node"_a, node), "true"_a); }
inline task<bool> ping(atom node) { return detail::answered(apply("net_adm"_a, "ping"_a, node), "pong"_a); }

}  // namespace module_api
}  // namespace cnode
