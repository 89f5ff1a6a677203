// The module gen_server, as other code on this node calls it, but for what gen_builtins.cpp has; and requests to many nodes, which are
// Elixir's GenServer's as well.
#include <algorithm>

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "builtin_calls.hpp"
#include "gen_call.hpp"
#include "server_calls.hpp"

namespace cnode::actors {

namespace {

// [node() | nodes()]
term all_nodes(cnode_env* env) {
  auto& b = heap_of(env);
  std::vector<term> nodes{this_node().name};
  if (auto* dist = self(env).node().dist())
    for (const term node : dist->nodes(true, false)) nodes.push_back(node);
  return make_list(b, nodes.data(), nodes.size());
}

// nodes none: all
term abcast(cnode_env* env, term nodes, term name, term request) {
  auto& b = heap_of(env);
  const term message = make_tuple_of(b, names().gen_cast, request);
  for (nodes = nodes ? nodes : all_nodes(env); nodes.is_cons(); nodes = nodes.tail())
    self(env).send(make_tuple_of(b, name, nodes.head()), message);
  return atom("abcast");
}

task<term> multi_call(call_context& cx, term nodes, term name, term request, term time) {
  const auto& n = names();
  const auto timeout_ms = gen::timeout_value(time);
  auto& self = cx.self();
  auto& b = cx.heap();
  struct asked {
    term node, ref;
  };
  std::vector<asked> open;
  const term tag = self.node().make_ref(b);
  for (nodes = nodes ? nodes : all_nodes(cx.env()); nodes.is_cons(); nodes = nodes.tail()) {
    if (!nodes.head().is_atom()) continue;
    const term target = make_tuple_of(b, name, nodes.head());
    monitor_options how;
    how.alias = monitor_options::demonitor;
    const term ref = copy(b, self.monitor(target, how));
    const term reply_tag = make_cons(b, make_cons(b, n.alias, ref), tag);
    self.send(target, make_tuple_of(b, n.gen_call, make_tuple_of(b, self.pid(), reply_tag), request));
    open.push_back({nodes.head(), ref});
  }
  const auto deadline = self.node().now() + std::chrono::milliseconds(timeout_ms);
  term replies = nil, bad = nil;
  std::reverse(open.begin(), open.end());  // so that the answers are in the nodes' order
  for (const auto& a : open) {
    const auto is_reply = [ref = a.ref, tag](term m) {
      return m.is_tuple(2) && m[0].is_cons() && m[0].head().is_cons() && exactly_equal(m[0].head().tail(), ref) &&
             exactly_equal(m[0].tail(), tag);
    };
    std::int64_t left = -1;
    if (timeout_ms >= 0) {
      left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - self.node().now()).count();
      if (left < 0) left = 0;
    }
    const term m = co_await cx.receive([=](term t) { return is_reply(t) || gen::is_down(t, a.ref); }, left);
    cx.self().demonitor(a.ref, true);
    if (m && m.is_tuple(2)) replies = make_cons(b, make_tuple_of(b, a.node, m[1]), replies);
    else bad = make_cons(b, a.node, bad);
  }
  co_return make_tuple_of(b, replies, bad);
}

// A timeout that is none is gen:call/4's function_clause, which gen_server:call/3 catches.
task<term> call(call_context& cx, term server, term request, term time) {
  const auto& n = names();
  if (!time || time.same(n.infinity) || (time.is_small() && time.small() >= 0))
    co_return co_await gen::server_call(cx, n.gen_server, server, request, time);
  auto& b = cx.heap();
  const term frame = make_tuple_of(b, n.gen, n.call, make_list_of(b, server, n.gen_call, request, time), nil);
  throw_exit(make_tuple_of(b, make_tuple_of(b, n.function_clause, make_list_of(b, frame)),
                           make_tuple_of(b, n.gen_server, n.call, args_list(cx, server, request, time))));
}

cnode_term call_2(cnode_env* env, builtin_args a) {
  if (begin_server_call(env, arg(a, 0), arg(a, 1), {})) return CNODE_NONE;
  return detail::run_as_task<call, 0, 1, none>(env, a);
}
cnode_term call_3(cnode_env* env, builtin_args a) {
  if (begin_server_call(env, arg(a, 0), arg(a, 1), arg(a, 2))) return CNODE_NONE;
  return detail::run_as_task<call>(env, a);
}

}  // namespace

void add_gen_server_builtins(code_server& code) {
  static constexpr builtin_function calls[] = {{"call", 2, call_2},
                                               {"call", 3, call_3}};
  code.add_builtin("gen_server", calls);
  static constexpr builtin_function to_many[] = {
      {"abcast", 2, plain<abcast, none, 0, 1>},
      {"abcast", 3, plain<abcast>},
      {"multi_call", 2, waiting<multi_call, none, 0, 1, &otp_atoms::infinity>},
      {"multi_call", 3, waiting<multi_call, 0, 1, 2, &otp_atoms::infinity>},
      {"multi_call", 4, waiting<multi_call>},
  };
  for (const char* module : {"gen_server", "Elixir.GenServer"}) code.add_builtin(module, to_many);
}

}  // namespace cnode::actors
