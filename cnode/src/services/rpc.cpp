// The module rpc: erpc's calls with rpc's way of saying what went wrong, and what asks rex or other servers.
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "erpc.hpp"
#include "gen_call.hpp"
#include "modules.hpp"

namespace cnode::services {

namespace {

bool is_exit_tuple(term t) { return t.is_tuple(2) && is(t[0], "EXIT"); }

term badrpc(call& c, term reason) { return c.tuple(atom("badrpc"), reason); }
term badrpc_exit(call& c, term reason) { return badrpc(c, c.tuple(atom("EXIT"), reason)); }

// rpc:rpcify_exception/2; {erpc, badarg} has become an error before.
term rpcified(call& c, term error_class, term reason) {
  if (is(error_class, "throw")) return is_exit_tuple(reason) ? badrpc(c, reason) : reason;
  const term what = reason[1];
  if (is(error_class, "exit")) return badrpc_exit(c, what);
  if (is(reason[0], "exception")) return badrpc_exit(c, c.tuple(what, reason[2]));
  if (is(what, "noconnection")) return badrpc(c, atom("nodedown"));
  if (is(what, "timeout") || is(what, "notsup")) return badrpc(c, what);
  return badrpc_exit(c, what);
}

// rpc's RPCIFY macro
term rpc_done(call& c, const call_outcome& o) {
  if (o.kind == call_outcome::value) return is_exit_tuple(o.result) ? badrpc(c, o.result) : copy(c.heap(), o.result);
  if (o.kind == call_outcome::refused && is(o.result, "badarg")) return c.badarg();
  const auto e = exception_of(c.heap(), o);
  return copy(c.heap(), rpcified(c, e.error_class, e.reason));
}
term value_done(call& c, const call_outcome& o) {
  const term value = rpc_done(c, o);
  return value ? c.tuple(atom("value"), value) : value;
}

term call_4(call& c) { return remote_call(c, c[0], c[1], c[2], c[3], -1, rpc_done); }
term call_5(call& c) {
  std::int64_t ms;
  return erpc_timeout(c, c[4], ms) ? remote_call(c, c[0], c[1], c[2], c[3], ms, rpc_done) : c.badarg();
}

bool is_call(call& c) { return c[0].is_atom() && c[1].is_atom() && c[2].is_atom() && list_length(c[3]) >= 0; }
term cast_4(call& c) { return send_cast(c, c[0], c[1], c[2], c[3]) ? boolean(true) : c.badarg(); }
term async_call_4(call& c) { return is_call(c) ? send_call(c, c[0], c[1], c[2], c[3]) : c.badarg(); }
bool is_key(term t) { return t.is_cons() && t.head().is_ref() && t.tail().is_ref(); }
term yield_1(call& c) { return is_key(c[0]) ? receive_answer(c, c[0], -1, rpc_done) : c.badarg(); }
term nb_yield(call& c, term time) {
  std::int64_t ms;
  if (!is_key(c[0]) || !erpc_timeout(c, time, ms)) return c.badarg();
  return wait_for_answer(c, c[0], ms, value_done, [](call&) { return atom("timeout"); });
}
term nb_yield_1(call& c) { return nb_yield(c, small(0)); }
term nb_yield_2(call& c) { return nb_yield(c, c[1]); }

// rpc:do_srv_call/3: one call at a time in rex itself.
term block_call(call& c, term node, term module, term function, term args, term timeout, std::int64_t ms) {
  const term server = c.tuple(atom("rex"), node);
  const term request = c.tuple(atom("block_call"), module, function, args, c.self().group_leader());
  const auto asked = keep(c.tuple(atom("gen_server"), atom("call"), c.list(server, request, timeout)));
  return gen_call(c, server, request, ms, [asked](call& again, term reply, term down) {
    if (reply) return is_exit_tuple(reply) ? badrpc(again, reply) : copy(again.heap(), reply);
    if (!down) return badrpc(again, atom("timeout"));
    if (is(down, "noconnection")) return badrpc(again, atom("nodedown"));
    return badrpc_exit(again, again.tuple(copy(again.heap(), down), copy(again.heap(), get(asked))));
  });
}
term block_call(call& c, term timeout) {
  std::int64_t ms;
  if (!c[0].is_atom() || !c[1].is_atom() || list_length(c[3]) < 0 || !timeout_of(timeout, ms)) return c.function_clause();
  return block_call(c, c[0], c[1], c[2], c[3], timeout, ms);
}
term block_call_4(call& c) { return block_call(c, atom("infinity")); }
term block_call_5(call& c) { return block_call(c, c[4]); }

// ---- many nodes
term this_and_visible(call& c) {
  std::vector<term> nodes{this_node().name};
  if (auto* d = c.node().dist())
    for (const term n : d->nodes(true, false)) nodes.push_back(n);
  return make_list(c.heap(), nodes.data(), nodes.size());
}

term eval_everywhere(call& c, term nodes, term m, term f, term a) {
  for (; nodes.is_cons(); nodes = nodes.tail())
    if (!send_cast(c, nodes.head(), m, f, a)) return c.badarg();
  return atom("abcast");
}
term eval_everywhere_3(call& c) { return eval_everywhere(c, this_and_visible(c), c[0], c[1], c[2]); }
term eval_everywhere_4(call& c) { return eval_everywhere(c, c[0], c[1], c[2], c[3]); }

// rpc:rpcmulticallify/4
term multicall(call& c, term nodes, term m, term f, term a, std::int64_t ms) {
  // What erpc calls {erpc, badarg} is badarg here.
  bool legal = m.is_atom() && f.is_atom() && list_length(a) >= 0 && list_length(nodes) >= 0;
  for (term l = nodes; legal && l.is_cons(); l = l.tail()) legal = l.head().is_atom();
  if (!legal) return c.badarg();
  const auto asked = keep(nodes);
  return remote_multicall(c, nodes, m, f, a, ms, [asked](call& again, const std::vector<term>& answers) {
    std::vector<term> good, bad;
    term nodes = get(asked);
    for (const term answer : answers) {
      const term value = answer[1];
      if (is(answer[0], "ok")) good.push_back(is_exit_tuple(value) ? badrpc(again, value) : value);
      else if (is(answer[0], "error") && is(value[0], "erpc") && (is(value[1], "timeout") || is(value[1], "noconnection"))) bad.push_back(nodes.head());
      else good.push_back(rpcified(again, answer[0], value));
      nodes = nodes.tail();
    }
    return again.tuple(make_list(again.heap(), good.data(), good.size()), make_list(again.heap(), bad.data(), bad.size()));
  });
}
term multicall_3(call& c) { return multicall(c, this_and_visible(c), c[0], c[1], c[2], -1); }
term multicall_4(call& c) {
  if (c[0].is_list()) return multicall(c, c[0], c[1], c[2], c[3], -1);
  std::int64_t ms;
  return erpc_timeout(c, c[3], ms) ? multicall(c, this_and_visible(c), c[0], c[1], c[2], ms) : c.badarg();
}
term multicall_5(call& c) {
  std::int64_t ms;
  return erpc_timeout(c, c[4], ms) ? multicall(c, c[0], c[1], c[2], c[3], ms) : c.badarg();
}

term abcast(call& c, term nodes, term name, term message) {
  for (; nodes.is_cons(); nodes = nodes.tail()) {
    const term to = c.tuple(name, nodes.head());
    if (name.is_atom() && nodes.head().is_atom()) c.self().send(to, message);
  }
  return nodes.is_nil() ? atom("abcast") : c.function_clause();
}
term abcast_2(call& c) { return abcast(c, this_and_visible(c), c[0], c[1]); }
term abcast_3(call& c) { return abcast(c, c[0], c[1], c[2]); }

// rpc:rec_nodes/4: each of the servers is monitored and asked with {self(), Msg}; it answers with {Name, Node, Reply}.
struct servers {
  std::vector<std::pair<term, kept>> open;  // node, monitor; the next one last
  term name;
  std::vector<kept> replies;                // newest first in the answer
  std::vector<term> bad;
};
term next_server(call& c, const std::shared_ptr<servers>& s) {
  if (s->open.empty()) {
    term replies = nil, bad = nil;
    for (const auto& r : s->replies) replies = make_cons(c.heap(), copy(c.heap(), get(r)), replies);
    for (const term n : s->bad) bad = make_cons(c.heap(), n, bad);
    return c.tuple(replies, bad);
  }
  const auto [node, monitor] = s->open.back();
  s->open.pop_back();
  const auto matches = [s, node = node, monitor = monitor](term m) {
    if (m.is_tuple(5)) return is(m[0], "DOWN") && exactly_equal(m[1], get(monitor));
    return m.is_tuple(3) && m[1].same(node) && (m[0].same(s->name) || (is(m[0], "rex") && m[2].is_tuple(2) && is(m[2][0], "nonexisting_name")));
  };
  return c.wait(when(matches, [s, node = node, monitor = monitor](call& again, term m) {
    const bool refused = m.is_tuple(3) && is(m[0], "rex") && m[2].is_tuple(2) && is(m[2][0], "nonexisting_name");
    if (m.is_tuple(3)) again.self().demonitor(get(monitor), true);
    if (m.is_tuple(5) || refused) s->bad.push_back(node);
    else s->replies.push_back(keep(m[2]));
    return next_server(again, s);
  }));
}
term ask_servers(call& c, term nodes, term name, term message) {
  auto s = std::make_shared<servers>();
  s->name = name;
  for (; nodes.is_cons(); nodes = nodes.tail()) {
    if (!nodes.head().is_atom()) continue;
    const term to = c.tuple(name, nodes.head());
    s->open.emplace_back(nodes.head(), keep(c.self().monitor(to)));
    c.self().send(to, c.tuple(c.self().pid(), message));
  }
  return next_server(c, s);
}
term multi_server_call_2(call& c) { return c[0].is_atom() ? ask_servers(c, this_and_visible(c), c[0], c[1]) : c.function_clause(); }
term multi_server_call_3(call& c) { return c[1].is_atom() && c[0].is_list() ? ask_servers(c, c[0], c[1], c[2]) : c.function_clause(); }
term sbcast(call& c, term nodes, term name, term message) { return ask_servers(c, nodes, atom("rex"), c.tuple(atom("sbcast"), name, message)); }
term sbcast_2(call& c) { return sbcast(c, this_and_visible(c), c[0], c[1]); }
term sbcast_3(call& c) { return sbcast(c, c[0], c[1], c[2]); }

term server_call_4(call& c) {
  if (!c[0].is_atom() || !c[1].is_atom()) return c.function_clause();
  const term to = c.tuple(c[1], c[0]);
  const auto monitor = keep(c.self().monitor(to));
  const auto expected = keep(c.tuple(c[2], c[0]));
  c.self().send(to, c.tuple(c.self().pid(), c[3]));
  const auto matches = [monitor, expected](term m) {
    if (m.is_tuple(5)) return is(m[0], "DOWN") && exactly_equal(m[1], get(monitor));
    return m.is_tuple(3) && exactly_equal(m[0], get(expected)[0]) && m[1].same(get(expected)[1]);
  };
  return c.wait(when(matches, [monitor](call& again, term m) {
    if (m.is_tuple(5)) return again.tuple(atom("error"), atom("nodedown"));
    again.self().demonitor(get(monitor), true);
    return copy(again.heap(), m[2]);
  }));
}

// rpc:parallel_eval/1: calls dealt out to all nodes in turn, answers in the calls' order.
struct evaluations {
  std::vector<kept> keys;
  std::vector<kept> results;
};
using all_evaluated = std::function<term(call&, term)>;
term next_evaluated(call& c, const std::shared_ptr<evaluations>& s, all_evaluated done) {
  if (s->results.size() == s->keys.size()) {
    term list = nil;
    for (std::size_t i = s->results.size(); i > 0; --i) list = make_cons(c.heap(), copy(c.heap(), get(s->results[i - 1])), list);
    return done(c, list);
  }
  return receive_answer(c, get(s->keys[s->results.size()]), -1, [s, done = std::move(done)](call& again, const call_outcome& o) {
    const term result = rpc_done(again, o);
    if (!result) return result;
    s->results.push_back(keep(result));
    return next_evaluated(again, s, done);
  });
}
// Calls: {M, F, Args}; false: an illegal one.
bool deal_out(call& c, const std::vector<term>& calls, evaluations& out) {
  const term nodes = this_and_visible(c);
  term left = nodes;
  for (const term call : calls) {
    if (!call.is_tuple(3) || !call[0].is_atom() || !call[1].is_atom() || list_length(call[2]) < 0) return false;
    if (!left.is_cons()) left = nodes;
    out.keys.push_back(keep(send_call(c, left.head(), call[0], call[1], call[2])));
    left = left.tail();
  }
  return true;
}
term parallel_eval_1(call& c) {
  const auto calls = elements(c[0]);
  auto s = std::make_shared<evaluations>();
  if (!calls || !deal_out(c, *calls, *s)) return c.function_clause();
  return next_evaluated(c, s, [](call&, term list) { return list; });
}
term pmap_3(call& c) {
  const auto list = elements(c[2]);
  if (!c[0].is_tuple(2) || !c[0][0].is_atom() || !c[0][1].is_atom() || list_length(c[1]) < 0 || !list) return c.function_clause();
  std::vector<term> calls;
  for (const term element : *list) calls.push_back(c.tuple(c[0][0], c[0][1], make_cons(c.heap(), element, c[1])));
  auto s = std::make_shared<evaluations>();
  if (!deal_out(c, calls, *s)) return c.function_clause();
  return next_evaluated(c, s, [](call& again, term results) {
    for (term l = results; l.is_cons(); l = l.tail())
      if (l.head().is_tuple(2) && is(l.head()[0], "badrpc")) return again.exit(atom("badrpc"));
    return results;
  });
}

// process_info where the process lives.
term pinfo_1(call& c) {
  if (!c[0].is_pid()) return c.badarg();
  return remote_call(c, c[0].is_local_pid() ? this_node().name : node_of(c[0]).node, atom("erlang"), atom("process_info"), c.list(c[0]), -1, rpc_done);
}
term pinfo_2(call& c) {
  if (!c[0].is_pid()) return c.badarg();
  const term args = c.list(c[0], c[1]);
  if (c[0].is_local_pid()) return remote_call(c, this_node().name, atom("erlang"), atom("process_info"), args, -1, rpc_done);
  return block_call(c, node_of(c[0]).node, atom("erlang"), atom("process_info"), args, atom("infinity"), -1);
}

constexpr actors::builtin_function rpc_table[] = {
    {"call", 4, bif<call_4>}, {"call", 5, bif<call_5>}, {"block_call", 4, bif<block_call_4>}, {"block_call", 5, bif<block_call_5>},
    {"async_call", 4, bif<async_call_4>}, {"yield", 1, bif<yield_1>}, {"nb_yield", 1, bif<nb_yield_1>}, {"nb_yield", 2, bif<nb_yield_2>},
    {"cast", 4, bif<cast_4>}, {"eval_everywhere", 3, bif<eval_everywhere_3>}, {"eval_everywhere", 4, bif<eval_everywhere_4>},
    {"multicall", 3, bif<multicall_3>}, {"multicall", 4, bif<multicall_4>}, {"multicall", 5, bif<multicall_5>}, {"abcast", 2, bif<abcast_2>},
    {"abcast", 3, bif<abcast_3>}, {"multi_server_call", 2, bif<multi_server_call_2>}, {"multi_server_call", 3, bif<multi_server_call_3>},
    {"sbcast", 2, bif<sbcast_2>}, {"sbcast", 3, bif<sbcast_3>}, {"server_call", 4, bif<server_call_4>}, {"parallel_eval", 1, bif<parallel_eval_1>},
    {"pmap", 3, bif<pmap_3>}, {"pinfo", 1, bif<pinfo_1>}, {"pinfo", 2, bif<pinfo_2>},
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
  add_erpc_functions(code);
  code.add_builtin("rpc", rpc_table);
}

}  // namespace cnode::services
