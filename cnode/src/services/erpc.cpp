#include "erpc.hpp"

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "gen_call.hpp"
#include "modules.hpp"
#include "spawn.hpp"

namespace cnode::services {

namespace {

bool is_exit_tuple(term t) { return t.is_tuple(2) && is(t[0], "EXIT"); }

// ---- the callee's side

// [Ref, M, F, A]: the process ends with the result; the caller's monitor carries it (erpc:execute_call/4).
term execute_call_4(call& c) {
  // Arguments stay valid until this function has ended, the reason it ends with among them.
  return apply_then(c, c[1], c[2], c[3], [r = c[0]](call& again, const applied& a) {
    if (a.value) return again.exit(again.tuple(r, atom("return"), a.value));
    if (is(a.error_class, "throw")) return again.exit(again.tuple(r, atom("throw"), a.reason));
    if (is(a.error_class, "exit")) return again.exit(again.tuple(r, atom("exit"), a.reason));
    return again.exit(again.tuple(r, atom("error"), a.reason, a.stacktrace));
  });
}

term raise_again(call& c, const applied& a) {
  actors::raise(c.env, a.error_class, a.reason);
  c.env->stacktrace = a.stacktrace.word();
  return {};
}

term execute_call_3(call& c) {
  return apply_then(c, c[0], c[1], c[2], [](call& again, const applied& a) {
    return a.value ? again.tuple(atom("return"), a.value) : raise_again(again, a);
  });
}

term execute_cast_3(call& c) {
  return apply_then(c, c[0], c[1], c[2], [](call& again, const applied& a) {
    if (a.value) return a.value;
    if (!is(a.error_class, "error")) return raise_again(again, a);
    return again.error(again.tuple(atom("exception"), again.tuple(a.reason, a.stacktrace)));
  });
}

// ---- the caller's side

// erpc:result/4: the reason of the callee's exit.
call_outcome result_of(term ref, term reason) {
  using k = call_outcome;
  if (reason.is_tuple() && reason.arity() >= 3 && exactly_equal(reason[0], ref)) {
    if (is(reason[1], "return")) return {k::value, reason[2], {}};
    if (is(reason[1], "throw")) return {k::thrown, reason[2], {}};
    if (is(reason[1], "exit")) return {k::exited, reason[2], {}};
    if (is(reason[1], "error") && reason.arity() == 4) return {k::failed, reason[2], reason[3]};
    if (is(reason[1], "error") && reason[2].is_tuple(2)) return {k::refused, reason[2][1], {}};
  }
  if (is(reason, "noconnection")) return {k::refused, reason, {}};
  return {k::signalled, reason, {}};
}

using call_done = std::function<term(call&, const call_outcome&)>;

// The process runs; its end is the answer.
term wait_for_end(call& c, const kept& monitor, const kept& ref, std::int64_t timeout_ms, call_done then) {
  return c.wait(when([monitor](term m) { return m.is_tuple(5) && is(m[0], "DOWN") && exactly_equal(m[1], get(monitor)); },
                     [monitor, ref, then = std::move(then)](call& again, term m) {
                       if (m) return then(again, result_of(get(ref), m[4]));
                       again.self().demonitor(get(monitor), true);
                       return then(again, {call_outcome::refused, atom("timeout"), {}});
                     }),
                timeout_ms);
}

}  // namespace

term remote_call(call& c, term node, term module, term function, term args, std::int64_t timeout_ms, call_done then) {
  if (!node.is_atom() || !module.is_atom() || !function.is_atom() || list_length(args) < 0) return then(c, {call_outcome::refused, atom("badarg"), {}});
  const bool here = node.same(this_node().name);
  if (here && timeout_ms < 0) {
    return apply_then(c, module, function, args, [then = std::move(then)](call& again, const applied& a) {
      if (a.value) return then(again, {call_outcome::value, a.value, {}});
      if (is(a.error_class, "throw")) return then(again, {call_outcome::thrown, a.reason, {}});
      if (is(a.error_class, "exit")) return then(again, {call_outcome::exited, a.reason, {}});
      return then(again, {call_outcome::failed, a.reason, a.stacktrace});
    });
  }
  const auto ref = keep(c.node().make_ref(c.heap()));
  const term request = c.list(get(ref), module, function, args);
  if (here) {
    const term both = spawn_here(c, {atom("erpc"), atom("execute_call"), request, {false, true}});
    return wait_for_end(c, keep(both[1]), ref, timeout_ms, std::move(then));
  }
  const auto id = keep(c.self().spawn_request(node, atom("erpc"), atom("execute_call"), request, false, true));
  const auto asked = c.node().now();
  auto on_reply = [id, ref, asked, timeout_ms, then = std::move(then)](call& again, term m) {
    if (!m) return then(again, {call_outcome::refused, atom("timeout"), {}});
    if (is(m[2], "error")) return then(again, {call_outcome::refused, m[3], {}});
    auto left = timeout_ms;
    if (left >= 0) left = std::max<std::int64_t>(0, left - std::chrono::duration_cast<std::chrono::milliseconds>(again.node().now() - asked).count());
    return wait_for_end(again, id, ref, left, then);
  };
  return c.wait(when([id](term m) { return m.is_tuple(4) && is(m[0], "spawn_reply") && exactly_equal(m[1], get(id)); }, std::move(on_reply)), timeout_ms);
}

namespace {

term erpc_done(call& c, const call_outcome& o) {
  switch (o.kind) {
    case call_outcome::value: return copy(c.heap(), o.result);
    case call_outcome::thrown: return c.throw_(copy(c.heap(), o.result));
    case call_outcome::exited: return c.exit(c.tuple(atom("exception"), o.result));
    case call_outcome::failed: return c.error(c.tuple(atom("exception"), o.result, o.stack));
    case call_outcome::signalled: return c.exit(c.tuple(atom("signal"), o.result));
    case call_outcome::refused: break;
  }
  return c.error(c.tuple(atom("erpc"), o.result));
}

term badrpc(call& c, term reason) { return c.tuple(atom("badrpc"), reason); }
term badrpc_exit(call& c, term reason) { return badrpc(c, c.tuple(atom("EXIT"), reason)); }

// rpc's RPCIFY macro
term rpc_done(call& c, const call_outcome& o) {
  switch (o.kind) {
    case call_outcome::value:
    case call_outcome::thrown: return is_exit_tuple(o.result) ? badrpc(c, o.result) : copy(c.heap(), o.result);
    case call_outcome::exited:
    case call_outcome::signalled: return badrpc_exit(c, o.result);
    case call_outcome::failed: return badrpc_exit(c, c.tuple(o.result, o.stack));
    case call_outcome::refused: break;
  }
  if (is(o.result, "badarg")) return c.badarg();
  if (is(o.result, "noconnection")) return badrpc(c, atom("nodedown"));
  if (is(o.result, "timeout") || is(o.result, "notsup")) return badrpc(c, o.result);
  return badrpc_exit(c, o.result);
}

term erpc_call_4(call& c) { return remote_call(c, c[0], c[1], c[2], c[3], -1, erpc_done); }
term erpc_call_5(call& c) {
  std::int64_t ms;
  return timeout_of(c[4], ms) ? remote_call(c, c[0], c[1], c[2], c[3], ms, erpc_done) : c.error(c.tuple(atom("erpc"), atom("badarg")));
}
term rpc_call_4(call& c) { return remote_call(c, c[0], c[1], c[2], c[3], -1, rpc_done); }
term rpc_call_5(call& c) {
  std::int64_t ms;
  return timeout_of(c[4], ms) ? remote_call(c, c[0], c[1], c[2], c[3], ms, rpc_done) : c.badarg();
}

// One process at a time in rex itself.
term block_call(call& c, term timeout) {
  std::int64_t ms;
  if (!timeout_of(timeout, ms) || !c[0].is_atom()) return c.badarg();
  const term request = c.tuple(atom("block_call"), c[1], c[2], c[3], c.self().group_leader());
  return gen_call(c, c.tuple(atom("rex"), c[0]), request, ms, [](call& again, term reply, term down) {
    if (reply) return copy(again.heap(), reply);
    if (!down) return badrpc(again, atom("timeout"));
    return is(down, "noconnection") ? badrpc(again, atom("nodedown")) : badrpc_exit(again, down);
  });
}
term block_call_4(call& c) { return block_call(c, atom("infinity")); }
term block_call_5(call& c) { return block_call(c, c[4]); }

bool cast(call& c, term node, term module, term function, term args) {
  if (!node.is_atom() || !module.is_atom() || !function.is_atom() || list_length(args) < 0) return false;
  if (node.same(this_node().name)) spawn_here(c, {atom("erpc"), atom("execute_cast"), c.list(module, function, args), {}});
  // By rex rather than a spawn request: nobody is there to take the spawn reply.
  else c.self().send(c.tuple(atom("rex"), node), c.tuple(atom("$gen_cast"), c.tuple(atom("cast"), module, function, args, c.self().group_leader())));
  return true;
}
term rpc_cast_4(call& c) { return cast(c, c[0], c[1], c[2], c[3]) ? boolean(true) : c.badarg(); }
term erpc_cast_4(call& c) { return cast(c, c[0], c[1], c[2], c[3]) ? ok() : c.error(c.tuple(atom("erpc"), atom("badarg"))); }

std::vector<term> this_and_visible(call& c) {
  std::vector<term> nodes{this_node().name};
  if (auto* d = c.node().dist())
    for (const term n : d->nodes(true, false)) nodes.push_back(n);
  return nodes;
}
term casts(call& c, const std::vector<term>& nodes, term m, term f, term a, term done) {
  for (const term n : nodes)
    if (!cast(c, n, m, f, a)) return c.badarg();
  return done;
}
term eval_everywhere_3(call& c) { return casts(c, this_and_visible(c), c[0], c[1], c[2], atom("abcast")); }
term eval_everywhere_4(call& c) {
  const auto nodes = elements(c[0]);
  return nodes ? casts(c, *nodes, c[1], c[2], c[3], atom("abcast")) : c.badarg();
}
term multicast_4(call& c) {
  const auto nodes = elements(c[0]);
  return nodes ? casts(c, *nodes, c[1], c[2], c[3], ok()) : c.error(c.tuple(atom("erpc"), atom("badarg")));
}

// rpc:multicall: one node after the other, answers in the nodes' order.
struct multicall_state {
  std::vector<term> nodes;
  kept mfa;
  std::size_t next = 0;
  std::vector<kept> results;
  std::vector<term> bad;
};
term go_on(call& c, const std::shared_ptr<multicall_state>& s) {
  if (s->next == s->nodes.size()) {
    std::vector<term> good;
    for (const auto& r : s->results) good.push_back(copy(c.heap(), get(r)));
    return c.tuple(make_list(c.heap(), good.data(), good.size()), make_list(c.heap(), s->bad.data(), s->bad.size()));
  }
  const term mfa = get(s->mfa);
  const term node = s->nodes[s->next++];
  return remote_call(c, node, mfa[0], mfa[1], mfa[2], -1, [s, node](call& again, const call_outcome& o) {
    if (o.kind == call_outcome::refused && is(o.result, "noconnection")) s->bad.push_back(node);
    else s->results.push_back(keep(rpc_done(again, o)));
    return go_on(again, s);
  });
}
term multicall(call& c, std::vector<term> nodes, term m, term f, term a) {
  if (!m.is_atom() || !f.is_atom() || list_length(a) < 0) return c.badarg();
  for (const term n : nodes)
    if (!n.is_atom()) return c.badarg();
  auto s = std::make_shared<multicall_state>();
  s->nodes = std::move(nodes);
  s->mfa = keep(c.tuple(m, f, a));
  return go_on(c, s);
}
term multicall_3(call& c) { return multicall(c, this_and_visible(c), c[0], c[1], c[2]); }
term multicall_4(call& c) {
  auto nodes = elements(c[0]);
  return nodes ? multicall(c, std::move(*nodes), c[1], c[2], c[3]) : c.badarg();
}

term abcast(call& c, const std::vector<term>& nodes, term name, term message) {
  if (!name.is_atom()) return c.badarg();
  for (const term n : nodes) {
    if (!n.is_atom()) return c.badarg();
    c.self().send(c.tuple(name, n), message);
  }
  return atom("abcast");
}
term abcast_2(call& c) { return abcast(c, this_and_visible(c), c[0], c[1]); }
term abcast_3(call& c) {
  const auto nodes = elements(c[0]);
  return nodes ? abcast(c, *nodes, c[1], c[2]) : c.badarg();
}

// rpc:pinfo: process_info where the process lives.
term pinfo(call& c, term args) {
  const term pid = c[0];
  if (!pid.is_pid()) return c.badarg();
  const term node = pid.is_local_pid() ? this_node().name : node_of(pid).node;
  return remote_call(c, node, atom("erlang"), atom("process_info"), args, -1, rpc_done);
}
term pinfo_1(call& c) { return pinfo(c, c.list(c[0])); }
term pinfo_2(call& c) { return pinfo(c, c.list(c[0], c[1])); }

constexpr actors::builtin_function erpc_table[] = {
    {"execute_call", 4, bif<execute_call_4>}, {"execute_call", 3, bif<execute_call_3>}, {"execute_cast", 3, bif<execute_cast_3>},
    {"call", 4, bif<erpc_call_4>}, {"call", 5, bif<erpc_call_5>}, {"cast", 4, bif<erpc_cast_4>}, {"multicast", 4, bif<multicast_4>},
};
constexpr actors::builtin_function rpc_table[] = {
    {"call", 4, bif<rpc_call_4>}, {"call", 5, bif<rpc_call_5>}, {"block_call", 4, bif<block_call_4>}, {"block_call", 5, bif<block_call_5>},
    {"cast", 4, bif<rpc_cast_4>}, {"eval_everywhere", 3, bif<eval_everywhere_3>}, {"eval_everywhere", 4, bif<eval_everywhere_4>},
    {"multicall", 3, bif<multicall_3>}, {"multicall", 4, bif<multicall_4>}, {"abcast", 2, bif<abcast_2>}, {"abcast", 3, bif<abcast_3>},
    {"pinfo", 1, bif<pinfo_1>}, {"pinfo", 2, bif<pinfo_2>},
};

}  // namespace

term rpc_result(block& b, const actors::outcome& o, term module, term function, term args) {
  if (o.kind == actors::outcome::value) return o.result;
  if (is(o.error_class, "throw")) return o.reason;
  term reason = o.reason;
  if (is(o.error_class, "error")) {
    term stack = o.stacktrace;
    if (!stack || stack.is_nil()) stack = make_list_of(b, make_tuple_of(b, module, function, args, nil));
    reason = make_tuple_of(b, reason, stack);
  }
  return make_tuple_of(b, atom("badrpc"), make_tuple_of(b, atom("EXIT"), reason));
}

void add_rpc_functions(actors::code_server& code) {
  code.add_builtin("erpc", erpc_table);
  code.add_builtin("rpc", rpc_table);
}

}  // namespace cnode::services
