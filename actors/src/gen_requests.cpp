// Requests whose answer comes later: gen:send_request and what reads the answers, as gen.erl of OTP 25. The modules gen, gen_server and gen_statem
// share them. A request id is the monitor's reference; a collection of requests is a map #{RequestId => Label}.
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "builtin_calls.hpp"
#include "gen_call.hpp"

namespace cnode::actors {

namespace {

using gen::is_down;

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

// ---- those that do not wait

term check_one(cnode_env* env, term m, term id) {
  if (!id.is_ref()) badarg();
  if (!is_reply(m, id) && !is_down(m, id)) return atom("no_reply");
  return response(self(env), heap_of(env), m, id);
}
term check_any(cnode_env* env, term m, term requests, term remove) {
  if (!requests.is_map() || !is_boolean(remove)) throw_error(names().function_clause);
  if (requests.map_size() == 0) return atom("no_request");
  if (!answered(m, requests)) return atom("no_reply");
  return collection_response(self(env), heap_of(env), m, requests, remove);
}

term reqids_new(cnode_env* env) { return make_map(heap_of(env), nullptr, nullptr, 0); }
term reqids_size(cnode_env*, term requests) {
  if (!requests.is_map()) badarg();
  return small(static_cast<std::int64_t>(requests.map_size()));
}
term reqids_add(cnode_env* env, term id, term label, term requests) {
  if (!id.is_ref() || !requests.is_map() || map_get(requests, id)) badarg();
  return with(heap_of(env), requests, id, label);
}
term reqids_to_list(cnode_env* env, term requests) {
  if (!requests.is_map()) badarg();
  auto& b = heap_of(env);
  term list = nil;
  for (std::uint64_t i = requests.map_size(); i > 0; --i)
    list = make_cons(b, make_tuple_of(b, requests.map_key(i - 1), requests.map_value(i - 1)), list);
  return list;
}

}  // namespace

void add_gen_request_builtins(code_server& code) {
  static constexpr auto call = &otp_atoms::gen_call;
  static constexpr builtin_function own[] = {{"send_request", 2, waiting<send_request, 0, call, 1>},
                                             {"send_request", 4, waiting<send_labelled, 0, call, 1, 2, 3>}};
  static constexpr builtin_function tagged[] = {{"send_request", 3, waiting<send_request>}, {"send_request", 5, waiting<send_labelled>}};
  // true: the request goes on after the timeout
  static constexpr builtin_function for_all[] = {
      {"wait_response", 2, waiting<await_one, 0, 1, true>},     {"wait_response", 3, waiting<await_any, 0, 1, 2, true>},
      {"receive_response", 2, waiting<await_one, 0, 1, false>}, {"receive_response", 3, waiting<await_any, 0, 1, 2, false>},
      {"check_response", 2, plain<check_one>},                  {"check_response", 3, plain<check_any>},
      {"reqids_new", 0, plain<reqids_new>},                     {"reqids_size", 1, plain<reqids_size>},
      {"reqids_add", 3, plain<reqids_add>},                     {"reqids_to_list", 1, plain<reqids_to_list>},
  };
  static constexpr builtin_function for_ever[] = {{"wait_response", 1, waiting<await_one, 0, &otp_atoms::infinity, true>},
                                                  {"receive_response", 1, waiting<await_one, 0, &otp_atoms::infinity, false>}};
  code.add_builtin("gen_statem", for_ever);
  for (const char* module : {"gen_server", "gen_statem"}) code.add_builtin(module, own);
  code.add_builtin("gen", tagged);
  for (const char* module : {"gen", "gen_server", "gen_statem"}) code.add_builtin(module, for_all);
}

}  // namespace cnode::actors
