// The modules gen_server and gen, as other code on this node calls them.
#include <algorithm>

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "builtin_calls.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

term all_nodes(cnode_env* env) {
  auto& b = heap_of(env);
  std::vector<term> nodes{this_node().name};
  if (auto* dist = self(env).node().dist())
    for (const term node : dist->nodes(true, false)) nodes.push_back(node);
  return make_list(b, nodes.data(), nodes.size());
}

term abcast(cnode_env* env, term nodes, term name, term request) {
  auto& b = heap_of(env);
  const term message = make_tuple_of(b, names().gen_cast, request);
  for (; nodes.is_cons(); nodes = nodes.tail()) self(env).send(make_tuple_of(b, name, nodes.head()), message);
  return atom("abcast");
}

task<term> cast(call_context& cx, term server, term request) {
  const auto& n = names();
  const term message = make_tuple_of(cx.heap(), n.gen_cast, request);
  if (gen::is_registry_name(server)) {
    const bool global = server.is_tuple(2);
    // `catch Module:send(Name, Message)`: nobody is told of a failure.
    co_await cx.apply(global ? n.global : server[1], n.send, make_list_of(cx.heap(), server[global ? 1 : 2], message));
    co_return n.ok;
  }
  if (!server.is_pid() && !server.is_atom() && !(server.is_tuple(2) && server[0].is_atom() && server[1].is_atom()))
    throw_error(n.function_clause);
  cx.self().send(server, message);
  co_return n.ok;
}

task<term> multi_call(call_context& cx, term nodes, term name, term request, std::int64_t timeout_ms) {
  const auto& n = names();
  auto& self = cx.self();
  auto& b = cx.heap();
  struct asked {
    term node, ref;
  };
  std::vector<asked> open;
  const term tag = self.node().make_ref(b);
  for (; nodes.is_cons(); nodes = nodes.tail()) {
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
    const auto is_down = [ref = a.ref](term m) { return m.is_tuple(5) && m[0].same(names().DOWN) && exactly_equal(m[1], ref); };
    std::int64_t left = -1;
    if (timeout_ms >= 0) {
      left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - self.node().now()).count();
      if (left < 0) left = 0;
    }
    const term m = co_await cx.receive([=](term t) { return is_reply(t) || is_down(t); }, left);
    cx.self().demonitor(a.ref, true);
    if (m && m.is_tuple(2)) replies = make_cons(b, make_tuple_of(b, a.node, m[1]), replies);
    else bad = make_cons(b, a.node, bad);
  }
  co_return make_tuple_of(b, replies, bad);
}

namespace {

using gen::linkage;

template <linkage L>
cnode_term start3(cnode_env* env, builtin_args a) {
  const term module = arg(a, 0), args = arg(a, 1), options = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return gen::start(cx, L, {}, module, args, options); });
}

template <linkage L>
cnode_term start4(cnode_env* env, builtin_args a) {
  const term name = arg(a, 0), module = arg(a, 1), args = arg(a, 2), options = arg(a, 3);
  return run_waiting(env, [=](call_context& cx) { return gen::start(cx, L, name, module, args, options); });
}

cnode_term call2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) {
    const auto& n = names();
    return gen::call_as(cx, server, n.gen_call, request, 5000, n.gen_server, n.call, args_list(cx, server, request));
  });
}

// A timeout that is none is gen:call/4's function_clause, which gen_server:call/3 catches.
task<term> call_in_time(call_context& cx, term server, term request, term time) {
  const auto& n = names();
  auto& b = cx.heap();
  const term args = args_list(cx, server, request, time);
  if (time.same(n.infinity) || (time.is_small() && time.small() >= 0))
    co_return co_await gen::call_as(cx, server, n.gen_call, request, gen::timeout_value(time), n.gen_server, n.call, args);
  const term frame = make_tuple_of(b, n.gen, n.call, make_list_of(b, server, n.gen_call, request, time), nil);
  throw_exit(make_tuple_of(b, make_tuple_of(b, n.function_clause, make_list_of(b, frame)), make_tuple_of(b, n.gen_server, n.call, args)));
}

cnode_term call3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1), time = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return call_in_time(cx, server, request, time); });
}

cnode_term cast2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return cast(cx, server, request); });
}

cnode_term reply2(cnode_env* env, builtin_args a) {
  if (!arg(a, 0).is_tuple(2)) return raise(env, names().error, names().function_clause).word();
  gen::reply(self(env), arg(a, 0), arg(a, 1));
  return names().ok.word();
}

cnode_term stop1(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return gen::stop(cx, server, names().normal, -1); });
}

task<term> stop_in_time(call_context& cx, term server, term reason, term time) {
  co_return co_await gen::stop(cx, server, reason, gen::timeout_value(time));
}

cnode_term stop3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), reason = arg(a, 1), time = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return stop_in_time(cx, server, reason, time); });
}

task<term> multi_call_in_time(call_context& cx, term nodes, term name, term request, term time) {
  co_return co_await multi_call(cx, nodes, name, request, gen::timeout_value(time));
}

cnode_term multi_call2(cnode_env* env, builtin_args a) {
  const term nodes = all_nodes(env), name = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return multi_call(cx, nodes, name, request, -1); });
}
cnode_term multi_call3(cnode_env* env, builtin_args a) {
  const term nodes = arg(a, 0), name = arg(a, 1), request = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return multi_call(cx, nodes, name, request, -1); });
}
cnode_term multi_call4(cnode_env* env, builtin_args a) {
  const term nodes = arg(a, 0), name = arg(a, 1), request = arg(a, 2), time = arg(a, 3);
  return run_waiting(env, [=](call_context& cx) { return multi_call_in_time(cx, nodes, name, request, time); });
}

cnode_term abcast2(cnode_env* env, builtin_args a) { return abcast(env, all_nodes(env), arg(a, 0), arg(a, 1)).word(); }
cnode_term abcast3(cnode_env* env, builtin_args a) { return abcast(env, arg(a, 0), arg(a, 1), arg(a, 2)).word(); }

// gen:call/3,4 answer {ok, Reply} and exit with the bare reason.
task<term> plain_call(call_context& cx, term server, term label, term request, term time) {
  const term reply = co_await gen::call(cx, server, label, request, gen::timeout_value(time));
  co_return make_tuple_of(cx.heap(), names().ok, reply);
}

cnode_term gen_call3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), label = arg(a, 1), request = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return plain_call(cx, server, label, request, small(5000)); });
}
cnode_term gen_call4(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), label = arg(a, 1), request = arg(a, 2), time = arg(a, 3);
  return run_waiting(env, [=](call_context& cx) { return plain_call(cx, server, label, request, time); });
}

}  // namespace

void add_gen_server_builtins(code_server& code) {
  static constexpr builtin_function gen_server_functions[] = {
      {"start", 3, start3<linkage::nolink>},
      {"start", 4, start4<linkage::nolink>},
      {"start_link", 3, start3<linkage::link>},
      {"start_link", 4, start4<linkage::link>},
      {"start_monitor", 3, start3<linkage::monitor>},
      {"start_monitor", 4, start4<linkage::monitor>},
      {"call", 2, call2},
      {"call", 3, call3},
      {"cast", 2, cast2},
      {"reply", 2, reply2},
      {"stop", 1, stop1},
      {"stop", 3, stop3},
      {"abcast", 2, abcast2},
      {"abcast", 3, abcast3},
      {"multi_call", 2, multi_call2},
      {"multi_call", 3, multi_call3},
      {"multi_call", 4, multi_call4},
  };
  code.add_builtin("gen_server", gen_server_functions);
  static constexpr builtin_function gen_functions[] = {
      {"call", 3, gen_call3}, {"call", 4, gen_call4}, {"reply", 2, reply2}, {"stop", 1, stop1}, {"stop", 3, stop3},
  };
  code.add_builtin("gen", gen_functions);
}

}  // namespace cnode::actors
