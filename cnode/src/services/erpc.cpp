#include "erpc.hpp"

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "gen_call.hpp"
#include "modules.hpp"
#include "spawn.hpp"

namespace cnode::services {

namespace {

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

bool answers(term m, term id) {
  if (m.is_tuple(4)) return is(m[0], "spawn_reply") && exactly_equal(m[1], id) && is(m[2], "error");
  return m.is_tuple(5) && is(m[0], "DOWN") && exactly_equal(m[1], id) && is(m[2], "process");
}
call_outcome outcome_of(term m, term ref) {
  if (m.is_tuple(4)) return {call_outcome::refused, m[3], {}};
  return result_of(ref, m[4]);
}

// erpc:result(timeout, ...): the answer that came at the last moment counts.
term timed_out(call& c, const kept& request, call_done then) {
  const term id = get(request).tail();
  if (abandon(c, id)) return then(c, {call_outcome::refused, atom("timeout"), {}});
  return c.wait(when([request](term m) { return answers(m, get(request).tail()); },
                     [request, then = std::move(then)](call& again, term m) {
                       if (!m) return then(again, {call_outcome::refused, atom("badarg"), {}});
                       return then(again, outcome_of(m, get(request).head()));
                     }),
                0);
}

// on_timeout: none abandons the request (receive_response).
term await_answer(call& c, const kept& request, std::int64_t ms, call_done then, std::function<term(call&)> on_timeout = {}) {
  return c.wait(when([request](term m) { return answers(m, get(request).tail()); },
                     [request, then = std::move(then), on_timeout = std::move(on_timeout)](call& again, term m) {
                       if (m) return then(again, outcome_of(m, get(request).head()));
                       return on_timeout ? on_timeout(again) : timed_out(again, request, then);
                     }),
                ms);
}

bool is_call(term node, term module, term function, term args) {
  return node.is_atom() && module.is_atom() && function.is_atom() && list_length(args) >= 0;
}
bool is_request(term t) { return t.is_cons() && t.head().is_ref() && t.tail().is_ref(); }

}  // namespace

bool abandon(call& c, term id) { return c.self().spawn_request_abandon(id) || c.self().demonitor(id, false); }

term send_call(call& c, term node, term module, term function, term args) {
  auto& b = c.heap();
  const term ref = c.node().make_ref(b);
  actors::spawn_request_options options;
  options.monitor = true;
  options.reply_ok = false;
  const term id = copy(b, c.self().spawn_request(node, atom("erpc"), atom("execute_call"), c.list(ref, module, function, args), options));
  return make_cons(b, ref, id);
}

bool erpc_timeout(call& c, term t, std::int64_t& ms) {
  if (timeout_of(t, ms)) return true;
  if (!t.is_tuple(2) || !is(t[0], "abs") || !t[1].is_small()) return false;
  const auto left = t[1].small() - std::chrono::duration_cast<std::chrono::milliseconds>(c.node().now().time_since_epoch()).count();
  ms = std::max<std::int64_t>(left, 0);
  return left <= 0xffffffff;
}

call_outcome applied_outcome(const applied& a) {
  if (a.value) return {call_outcome::value, a.value, {}};
  if (is(a.error_class, "throw")) return {call_outcome::thrown, a.reason, {}};
  if (is(a.error_class, "exit")) return {call_outcome::exited, a.reason, {}};
  return {call_outcome::failed, a.reason, a.stacktrace};
}

term remote_call(call& c, term node, term module, term function, term args, std::int64_t timeout_ms, call_done then) {
  if (!is_call(node, module, function, args)) return then(c, {call_outcome::refused, atom("badarg"), {}});
  if (node.same(this_node().name) && timeout_ms < 0)
    return apply_then(c, module, function, args, [then = std::move(then)](call& again, const applied& a) { return then(again, applied_outcome(a)); });
  return await_answer(c, keep(send_call(c, node, module, function, args)), timeout_ms, std::move(then));
}

term receive_answer(call& c, term request, std::int64_t timeout_ms, call_done then) {
  return await_answer(c, keep(request), timeout_ms, std::move(then));
}
term wait_for_answer(call& c, term request, std::int64_t timeout_ms, call_done then, std::function<term(call&)> on_timeout) {
  return await_answer(c, keep(request), timeout_ms, std::move(then), std::move(on_timeout));
}

exception exception_of(block& b, const call_outcome& o) {
  switch (o.kind) {
    case call_outcome::value: return {};
    case call_outcome::thrown: return {atom("throw"), o.result};
    case call_outcome::exited: return {atom("exit"), make_tuple_of(b, atom("exception"), o.result)};
    case call_outcome::failed: return {atom("error"), make_tuple_of(b, atom("exception"), o.result, o.stack)};
    case call_outcome::signalled: return {atom("exit"), make_tuple_of(b, atom("signal"), o.result)};
    case call_outcome::refused: break;
  }
  return {atom("error"), make_tuple_of(b, atom("erpc"), o.result)};
}

bool send_cast(call& c, term node, term module, term function, term args) {
  if (!is_call(node, module, function, args)) return false;
  actors::spawn_request_options options;
  options.reply_ok = options.reply_error = false;
  c.self().spawn_request(node, atom("erpc"), atom("execute_cast"), c.list(module, function, args), options);
  return true;
}

// As mcall_send_requests and mcall_receive_replies: all are asked, then all answers are taken, then the time is over for the rest.
namespace {

struct multicall_state {
  std::vector<kept> requests;                // none: applied here
  std::vector<std::optional<kept>> answers;  // {Class, Reason} or {ok, Value}, in the nodes' order
  std::int64_t timeout_ms = -1;
  std::chrono::steady_clock::time_point asked;
  multicall_done done;
  std::size_t open = 0;
};
using multicall_ptr = std::shared_ptr<multicall_state>;

term class_and_reason(block& b, const call_outcome& o) {
  if (o.kind == call_outcome::value) return make_tuple_of(b, ok(), o.result);
  const auto e = exception_of(b, o);
  return make_tuple_of(b, e.error_class, e.reason);
}

// The request that a message answers; requests.size() when it answers none.
std::size_t answered(const multicall_state& s, term m) {
  if (!m.is_tuple(4) && !m.is_tuple(5)) return s.requests.size();
  std::size_t i = 0;
  while (i < s.requests.size() && !(s.requests[i] && !s.answers[i] && answers(m, get(s.requests[i]).tail()))) ++i;
  return i;
}

term all_answered(call& c, const multicall_ptr& s) {
  auto& b = c.heap();
  std::vector<term> out;
  for (const auto& a : s->answers) {
    if (a) out.push_back(copy(b, get(*a)));
    else out.push_back(make_tuple_of(b, atom("error"), make_tuple_of(b, atom("erpc"), atom("timeout"))));
  }
  return s->done(c, out);
}

term take_answers(call& c, const multicall_ptr& s, bool late) {
  if (s->open == 0) return all_answered(c, s);
  std::int64_t left = late ? 0 : s->timeout_ms;
  if (left > 0) left = std::max<std::int64_t>(0, left - std::chrono::ceil<std::chrono::milliseconds>(c.node().now() - s->asked).count());
  return c.wait(when([s](term m) { return answered(*s, m) < s->requests.size(); },
                     [s, late](call& again, term m) {
                       if (m) {
                         const auto i = answered(*s, m);
                         const auto o = outcome_of(m, get(s->requests[i]).head());
                         s->answers[i] = keep(class_and_reason(again.heap(), o));
                         --s->open;
                         return take_answers(again, s, late);
                       }
                       if (late) return all_answered(again, s);
                       // What cannot be abandoned any more has its answer in the mailbox.
                       for (std::size_t i = 0; i < s->requests.size(); ++i)
                         if (s->requests[i] && !s->answers[i] && abandon(again, get(s->requests[i]).tail())) --s->open;
                       return take_answers(again, s, true);
                     }),
                left);
}

}  // namespace

term remote_multicall(call& c, term nodes, term module, term function, term args, std::int64_t timeout_ms, multicall_done done) {
  auto s = std::make_shared<multicall_state>();
  s->timeout_ms = timeout_ms;
  s->asked = c.node().now();
  s->done = std::move(done);
  std::size_t here = SIZE_MAX;
  bool legal = module.is_atom() && function.is_atom() && list_length(args) >= 0;
  for (; legal && nodes.is_cons(); nodes = nodes.tail()) {
    const term node = nodes.head();
    legal = node.is_atom();
    if (!legal) break;
    s->answers.emplace_back();
    if (timeout_ms < 0 && here == SIZE_MAX && node.same(this_node().name)) {
      here = s->requests.size();
      s->requests.emplace_back();
      continue;
    }
    s->requests.push_back(keep(send_call(c, node, module, function, args)));
    ++s->open;
  }
  if (!legal || !nodes.is_nil()) {
    for (const auto& r : s->requests)
      if (r) abandon(c, get(r).tail());
    return c.error(c.tuple(atom("erpc"), atom("badarg")));
  }
  if (here == SIZE_MAX) return take_answers(c, s, false);
  return apply_then(c, module, function, args, [s, here](call& again, const applied& a) {
    s->answers[here] = keep(class_and_reason(again.heap(), applied_outcome(a)));
    return take_answers(again, s, false);
  });
}

namespace {

// ---- the module erpc
term refuse(call& c) { return c.error(c.tuple(atom("erpc"), atom("badarg"))); }

term raise_or(call& c, const call_outcome& o, const std::function<term(call&)>& value) {
  if (o.kind == call_outcome::value) return value(c);
  const auto e = exception_of(c.heap(), o);
  return actors::raise(c.env, e.error_class, copy(c.heap(), e.reason));
}
term result(call& c, const call_outcome& o) {
  return raise_or(c, o, [&](call& again) { return copy(again.heap(), o.result); });
}
term wrapped(call& c, const call_outcome& o) {
  return raise_or(c, o, [&](call& again) { return again.tuple(atom("response"), copy(again.heap(), o.result)); });
}
term no_response(call&) { return atom("no_response"); }

term call_4(call& c) { return remote_call(c, c[0], c[1], c[2], c[3], -1, result); }
term call_5(call& c) {
  std::int64_t ms;
  return erpc_timeout(c, c[4], ms) ? remote_call(c, c[0], c[1], c[2], c[3], ms, result) : refuse(c);
}
// Of a function: one that has a name, fun M:F/0. (Closures cannot run here, but may on the other node.)
term apply_args(call& c, term fun) { return c.list(fun, nil); }
term call_2(call& c) { return c[1].is_fun() ? remote_call(c, c[0], atom("erlang"), atom("apply"), apply_args(c, c[1]), -1, result) : refuse(c); }
term call_3(call& c) {
  std::int64_t ms;
  if (!c[1].is_fun() || !erpc_timeout(c, c[2], ms)) return refuse(c);
  return remote_call(c, c[0], atom("erlang"), atom("apply"), apply_args(c, c[1]), ms, result);
}
term cast_4(call& c) { return send_cast(c, c[0], c[1], c[2], c[3]) ? ok() : refuse(c); }
term cast_2(call& c) { return c[1].is_fun() && send_cast(c, c[0], atom("erlang"), atom("apply"), apply_args(c, c[1])) ? ok() : refuse(c); }
term multicast_4(call& c) {
  if (!c[1].is_atom() || !c[2].is_atom() || list_length(c[3]) < 0) return refuse(c);
  term nodes = c[0];
  for (; nodes.is_cons(); nodes = nodes.tail())
    if (!send_cast(c, nodes.head(), c[1], c[2], c[3])) return refuse(c);
  return nodes.is_nil() ? ok() : refuse(c);
}

term list_of_answers(call& c, const std::vector<term>& answers) { return make_list(c.heap(), answers.data(), answers.size()); }
term multicall_4(call& c) { return remote_multicall(c, c[0], c[1], c[2], c[3], -1, list_of_answers); }
term multicall_5(call& c) {
  std::int64_t ms;
  return erpc_timeout(c, c[4], ms) ? remote_multicall(c, c[0], c[1], c[2], c[3], ms, list_of_answers) : refuse(c);
}

term map_without(call& c, term map, term key, term with = {}) {
  std::vector<term> keys, values;
  for (std::uint64_t i = 0; i < map.map_size(); ++i) {
    if (exactly_equal(map.map_key(i), key)) continue;
    keys.push_back(map.map_key(i)), values.push_back(map.map_value(i));
  }
  if (with) keys.push_back(key), values.push_back(with);
  return make_map(c.heap(), keys.data(), values.data(), keys.size());
}
term send_request_4(call& c) {
  if (c[0].is_atom() && c[1].is_fun() && c[3].is_map()) {  // (Node, Fun, Label, Requests)
    const term request = send_call(c, c[0], atom("erlang"), atom("apply"), apply_args(c, c[1]));
    return map_without(c, c[3], request.tail(), make_cons(c.heap(), request.head(), c[2]));
  }
  return is_call(c[0], c[1], c[2], c[3]) ? send_call(c, c[0], c[1], c[2], c[3]) : refuse(c);
}
term send_request_2(call& c) {
  return c[0].is_atom() && c[1].is_fun() ? send_call(c, c[0], atom("erlang"), atom("apply"), apply_args(c, c[1])) : refuse(c);
}
term receive_response(call& c, term time) {
  std::int64_t ms;
  return is_request(c[0]) && erpc_timeout(c, time, ms) ? receive_answer(c, c[0], ms, result) : refuse(c);
}
term receive_response_1(call& c) { return receive_response(c, atom("infinity")); }
term receive_response_2(call& c) { return receive_response(c, c[1]); }
term wait_response(call& c, term time) {
  std::int64_t ms;
  return is_request(c[0]) && erpc_timeout(c, time, ms) ? wait_for_answer(c, c[0], ms, wrapped, no_response) : refuse(c);
}
term wait_response_1(call& c) { return wait_response(c, small(0)); }
term wait_response_2(call& c) { return wait_response(c, c[1]); }
term check_response_2(call& c) {
  if (!is_request(c[1])) return refuse(c);
  if (!answers(c[0], c[1].tail())) return atom("no_response");
  return wrapped(c, outcome_of(c[0], c[1].head()));
}

// ---- collections: #{Id => [Ref|Label]}
term answered_in(term m, term requests) {
  if (!m.is_tuple(4) && !m.is_tuple(5)) return {};
  const term id = m[1];
  return id.is_ref() && map_get(requests, id) && answers(m, id) ? id : term{};
}
bool is_flag(term t) { return is(t, "true") || is(t, "false"); }

// erpc:collection_result/6: an exception has label and requests beside its reason.
term collection_result(call& c, term m, term requests, term remove, bool wrap) {
  const term id = answered_in(m, requests);
  const term entry = map_get(requests, id);
  if (!entry.is_cons() || !entry.head().is_ref()) return refuse(c);
  const auto o = outcome_of(m, entry.head());
  const term rest = is(remove, "true") ? map_without(c, requests, id) : requests;
  if (o.kind != call_outcome::value) {
    const auto e = exception_of(c.heap(), o);
    return actors::raise(c.env, e.error_class, c.tuple(e.reason, entry.tail(), rest));
  }
  return c.tuple(wrap ? c.tuple(atom("response"), o.result) : o.result, entry.tail(), rest);
}
term drop_late(call& c, const kept& requests) {
  return c.wait(when([requests](term m) { return bool(answered_in(m, get(requests))); },
                     [requests](call& again, term m) {
                       return m ? drop_late(again, requests) : again.error(again.tuple(atom("erpc"), atom("timeout")));
                     }),
                0);
}
term collected(call& c, bool keep_on) {
  std::int64_t ms;
  if (!c[0].is_map() || !is_flag(c[2]) || !erpc_timeout(c, c[1], ms)) return refuse(c);
  if (c[0].map_size() == 0) return atom("no_request");
  const auto requests = keep(c[0]);
  const term remove = c[2];
  return c.wait(when([requests](term m) { return bool(answered_in(m, get(requests))); },
                     [requests, remove, keep_on](call& again, term m) {
                       if (m) return collection_result(again, m, get(requests), remove, keep_on);
                       if (keep_on) return atom("no_response");
                       const term all = get(requests);
                       for (std::uint64_t i = 0; i < all.map_size(); ++i) {
                         if (!all.map_key(i).is_ref()) return refuse(again);
                         abandon(again, all.map_key(i));
                       }
                       return drop_late(again, requests);
                     }),
                ms);
}
term receive_response_3(call& c) { return collected(c, false); }
term wait_response_3(call& c) { return collected(c, true); }
term check_response_3(call& c) {
  if (!c[1].is_map() || !is_flag(c[2])) return refuse(c);
  if (c[1].map_size() == 0) return atom("no_request");
  return answered_in(c[0], c[1]) ? collection_result(c, c[0], c[1], c[2], true) : atom("no_response");
}
term send_request_6(call& c) {
  if (!is_call(c[0], c[1], c[2], c[3]) || !c[5].is_map()) return refuse(c);
  const term request = send_call(c, c[0], c[1], c[2], c[3]);
  return map_without(c, c[5], request.tail(), make_cons(c.heap(), request.head(), c[4]));
}
term reqids_new_0(call& c) { return make_map(c.heap(), nullptr, nullptr, 0); }
term reqids_size_1(call& c) { return c[0].is_map() ? c.integer(static_cast<std::int64_t>(c[0].map_size())) : refuse(c); }
term reqids_add_3(call& c) {
  if (!is_request(c[0]) || !c[2].is_map() || map_get(c[2], c[0].tail())) return refuse(c);
  return map_without(c, c[2], c[0].tail(), make_cons(c.heap(), c[0].head(), c[1]));
}
term reqids_to_list_1(call& c) {
  if (!c[0].is_map()) return refuse(c);
  term list = nil;
  for (std::uint64_t i = 0; i < c[0].map_size(); ++i) {
    const term id = c[0].map_key(i), entry = c[0].map_value(i);
    if (!id.is_ref() || !entry.is_cons() || !entry.head().is_ref()) return refuse(c);
    list = make_cons(c.heap(), c.tuple(make_cons(c.heap(), entry.head(), id), entry.tail()), list);
  }
  return list;
}

constexpr actors::builtin_function erpc_table[] = {
    {"execute_call", 4, bif<execute_call_4>}, {"execute_call", 3, bif<execute_call_3>}, {"execute_cast", 3, bif<execute_cast_3>},
    {"call", 2, bif<call_2>}, {"call", 3, bif<call_3>}, {"call", 4, bif<call_4>}, {"call", 5, bif<call_5>}, {"cast", 2, bif<cast_2>},
    {"cast", 4, bif<cast_4>}, {"multicast", 4, bif<multicast_4>}, {"multicall", 4, bif<multicall_4>}, {"multicall", 5, bif<multicall_5>},
    {"send_request", 2, bif<send_request_2>}, {"send_request", 4, bif<send_request_4>}, {"send_request", 6, bif<send_request_6>},
    {"receive_response", 1, bif<receive_response_1>}, {"receive_response", 2, bif<receive_response_2>}, {"receive_response", 3, bif<receive_response_3>},
    {"wait_response", 1, bif<wait_response_1>}, {"wait_response", 2, bif<wait_response_2>}, {"wait_response", 3, bif<wait_response_3>},
    {"check_response", 2, bif<check_response_2>}, {"check_response", 3, bif<check_response_3>}, {"reqids_new", 0, bif<reqids_new_0>},
    {"reqids_size", 1, bif<reqids_size_1>}, {"reqids_add", 3, bif<reqids_add_3>}, {"reqids_to_list", 1, bif<reqids_to_list_1>},
};

}  // namespace

void add_erpc_functions(actors::code_server& code) { code.add_builtin("erpc", erpc_table); }

}  // namespace cnode::services
