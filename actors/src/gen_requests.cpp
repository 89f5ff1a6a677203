// Requests whose answer comes later: gen:send_request and what reads the answers, as gen.erl of OTP 25. The modules gen, gen_server and gen_statem
// share them. A request id is the monitor's reference; a collection of requests is a map #{RequestId => Label}.
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "builtin_calls.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

namespace {

constexpr std::int64_t max_timeout = 4294967295;

[[noreturn]] void badarg() { throw_error(names().badarg); }

// infinity, milliseconds, or {abs, MonotonicMilliseconds}
std::int64_t response_timeout(process& self, term t) {
  if (t.same(names().infinity)) return -1;
  if (t.is_small() && t.small() >= 0 && t.small() <= max_timeout) return t.small();
  if (!t.is_tuple(2) || !t[0].same(atom("abs")) || !t[1].is_small()) badarg();
  const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(self.node().now().time_since_epoch()).count();
  const auto left = t[1].small() - now;
  if (left > max_timeout) badarg();
  return std::max<std::int64_t>(left, 0);
}

bool is_boolean(term t) { return t.same(names().true_) || t.same(names().false_); }

bool is_reply(term m, term id) {
  return m.is_tuple(2) && m[0].is_cons() && m[0].head().same(names().alias) && exactly_equal(m[0].tail(), id);
}
bool is_down(term m, term id) { return m.is_tuple(5) && m[0].same(names().DOWN) && exactly_equal(m[1], id); }

// The request of a collection that a message answers; none when it answers none.
term answered(term m, term requests) {
  term id;
  if (m.is_tuple(2) && m[0].is_cons() && m[0].head().same(names().alias)) id = m[0].tail();
  if (m.is_tuple(5) && m[0].same(names().DOWN)) id = m[1];
  return id && map_get(requests, id) ? id : term{};
}

// {reply, Reply} or {error, {Reason, Server}}
term response(process& self, block& b, term m, term id) {
  const auto& n = names();
  if (m.is_tuple(5)) return make_tuple_of(b, n.error, make_tuple_of(b, m[4], m[3]));
  self.demonitor(id, true);
  return make_tuple_of(b, n.reply, m[1]);
}

term without(block& b, term requests, term id) {
  std::vector<term> keys, values;
  for (std::uint64_t i = 0; i < requests.map_size(); ++i) {
    if (exactly_equal(requests.map_key(i), id)) continue;
    keys.push_back(requests.map_key(i));
    values.push_back(requests.map_value(i));
  }
  return make_map(b, keys.data(), values.data(), keys.size());
}
term with(block& b, term requests, term id, term label) {
  std::vector<term> keys{id}, values{label};
  for (std::uint64_t i = 0; i < requests.map_size(); ++i) {
    keys.push_back(requests.map_key(i));
    values.push_back(requests.map_value(i));
  }
  return make_map(b, keys.data(), values.data(), keys.size());
}

// {Response, Label, Requests}
term collection_response(process& self, block& b, term m, term requests, term remove) {
  const term id = answered(m, requests);
  const term label = map_get(requests, id);
  const term result = response(self, b, m, id);
  return make_tuple_of(b, result, label, remove.same(names().true_) ? without(b, requests, id) : requests);
}

task<term> send_request(call_context& cx, term server, term tag, term request) {
  const auto& n = names();
  auto& self = cx.self();
  term reason;
  try {
    const term target = co_await gen::locate(cx, server);
    if (target && !(target.is_tuple(2) && !self.node().dist())) {
      monitor_options how;
      how.alias = monitor_options::demonitor;
      const term id = copy(cx.heap(), self.monitor(target, how));
      const term from = make_tuple_of(cx.heap(), self.pid(), make_cons(cx.heap(), n.alias, id));
      self.send(target, make_tuple_of(cx.heap(), tag, from, request));
      co_return id;
    }
    reason = target ? make_tuple_of(cx.heap(), n.nodedown, target[1]) : n.noproc;
  } catch (const raised& r) {
    if (!r.error_class.same(n.exit)) throw;
    reason = r.reason;
  }
  // The failure is told as an answer, too.
  const term id = self.node().make_ref(cx.heap());
  self.send(self.pid(), make_tuple_of(cx.heap(), n.DOWN, id, n.process, server, reason));
  co_return id;
}

task<term> send_labelled(call_context& cx, term server, term tag, term request, term label, term requests) {
  if (!requests.is_map()) throw_error(names().function_clause);
  const term id = co_await send_request(cx, server, tag, request);
  co_return with(cx.heap(), requests, id, label);
}

// keep: the request goes on after the timeout (wait_response).
task<term> await_one(call_context& cx, term id, term time, bool keep) {
  const auto ms = response_timeout(cx.self(), time);
  const term m = co_await cx.receive([=](term t) { return is_reply(t, id) || is_down(t, id); }, ms);
  if (m) co_return response(cx.self(), cx.heap(), m, id);
  if (keep) co_return names().timeout;
  cx.self().demonitor(id, true);
  const term late = co_await cx.receive([=](term t) { return is_reply(t, id); }, 0);
  if (late) co_return make_tuple_of(cx.heap(), names().reply, late[1]);
  co_return names().timeout;
}

task<term> await_any(call_context& cx, term requests, term time, term remove, bool keep) {
  if (!requests.is_map() || !is_boolean(remove)) throw_error(names().function_clause);
  const auto ms = response_timeout(cx.self(), time);
  if (requests.map_size() == 0) co_return atom("no_request");
  const term m = co_await cx.receive([=](term t) { return bool(answered(t, requests)); }, ms);
  if (m) co_return collection_response(cx.self(), cx.heap(), m, requests, remove);
  if (keep) co_return names().timeout;
  for (std::uint64_t i = 0; i < requests.map_size(); ++i) {
    if (!requests.map_key(i).is_ref()) badarg();
    cx.self().demonitor(requests.map_key(i), true);
  }
  for (;;) {
    const term late = co_await cx.receive([=](term t) { return t.is_tuple(2) && answered(t, requests); }, 0);
    if (!late) break;
  }
  co_return names().timeout;
}

// ---- the functions. gen_server:send_request has the tag '$gen_call', gen:send_request takes it.
cnode_term send_request2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return send_request(cx, server, names().gen_call, request); });
}
cnode_term send_request3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), tag = arg(a, 1), request = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return send_request(cx, server, tag, request); });
}
cnode_term send_request4(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1), label = arg(a, 2), requests = arg(a, 3);
  return run_waiting(env, [=](call_context& cx) { return send_labelled(cx, server, names().gen_call, request, label, requests); });
}
cnode_term send_request5(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), tag = arg(a, 1), request = arg(a, 2), label = arg(a, 3), requests = arg(a, 4);
  return run_waiting(env, [=](call_context& cx) { return send_labelled(cx, server, tag, request, label, requests); });
}

template <bool Keep>
cnode_term response2(cnode_env* env, builtin_args a) {
  const term id = arg(a, 0), time = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return await_one(cx, id, time, Keep); });
}
template <bool Keep>
cnode_term response1(cnode_env* env, builtin_args a) {
  const term id = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return await_one(cx, id, names().infinity, Keep); });
}
template <bool Keep>
cnode_term response3(cnode_env* env, builtin_args a) {
  const term requests = arg(a, 0), time = arg(a, 1), remove = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return await_any(cx, requests, time, remove, Keep); });
}

cnode_term check_response2(cnode_env* env, builtin_args a) {
  const term m = arg(a, 0), id = arg(a, 1);
  if (!id.is_ref()) return raise_badarg(env).word();
  if (!is_reply(m, id) && !is_down(m, id)) return atom("no_reply").word();
  return response(self(env), heap_of(env), m, id).word();
}
cnode_term check_response3(cnode_env* env, builtin_args a) {
  const term m = arg(a, 0), requests = arg(a, 1), remove = arg(a, 2);
  if (!requests.is_map() || !is_boolean(remove)) return raise(env, names().error, names().function_clause).word();
  if (requests.map_size() == 0) return atom("no_request").word();
  if (!answered(m, requests)) return atom("no_reply").word();
  return collection_response(self(env), heap_of(env), m, requests, remove).word();
}

cnode_term reqids_new0(cnode_env* env, builtin_args) { return make_map(heap_of(env), nullptr, nullptr, 0).word(); }
cnode_term reqids_size1(cnode_env* env, builtin_args a) {
  if (!arg(a, 0).is_map()) return raise_badarg(env).word();
  return small(static_cast<std::int64_t>(arg(a, 0).map_size())).word();
}
cnode_term reqids_add3(cnode_env* env, builtin_args a) {
  const term id = arg(a, 0), requests = arg(a, 2);
  if (!id.is_ref() || !requests.is_map() || map_get(requests, id)) return raise_badarg(env).word();
  return with(heap_of(env), requests, id, arg(a, 1)).word();
}
cnode_term reqids_to_list1(cnode_env* env, builtin_args a) {
  const term requests = arg(a, 0);
  if (!requests.is_map()) return raise_badarg(env).word();
  auto& b = heap_of(env);
  term list = nil;
  for (std::uint64_t i = requests.map_size(); i > 0; --i)
    list = make_cons(b, make_tuple_of(b, requests.map_key(i - 1), requests.map_value(i - 1)), list);
  return list.word();
}

}  // namespace

void add_gen_request_builtins(code_server& code) {
  static constexpr builtin_function own[] = {{"send_request", 2, send_request2}, {"send_request", 4, send_request4}};
  static constexpr builtin_function tagged[] = {{"send_request", 3, send_request3}, {"send_request", 5, send_request5}};
  static constexpr builtin_function both[] = {
      {"wait_response", 2, response2<true>},     {"wait_response", 3, response3<true>},
      {"receive_response", 2, response2<false>}, {"receive_response", 3, response3<false>},
      {"check_response", 2, check_response2},    {"check_response", 3, check_response3},
      {"reqids_new", 0, reqids_new0},            {"reqids_size", 1, reqids_size1},
      {"reqids_add", 3, reqids_add3},            {"reqids_to_list", 1, reqids_to_list1},
  };
  static constexpr builtin_function for_ever[] = {{"wait_response", 1, response1<true>}, {"receive_response", 1, response1<false>}};
  code.add_builtin("gen_statem", for_ever);
  code.add_builtin("gen_server", own);
  code.add_builtin("gen_server", both);
  code.add_builtin("gen_statem", own);
  code.add_builtin("gen_statem", both);
  code.add_builtin("gen", tagged);
  code.add_builtin("gen", both);
}

}  // namespace cnode::actors
