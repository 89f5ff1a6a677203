// The module gen_statem, as other code on this node calls it. Requests whose answer comes later: gen_requests.cpp.
#include "builtin_calls.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

namespace {

using gen::linkage;

template <linkage L>
cnode_term start3(cnode_env* env, builtin_args a) {
  const term module = arg(a, 0), args = arg(a, 1), options = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return gen::start(cx, L, {}, module, args, options, gen::server_start::gen_statem); });
}
template <linkage L>
cnode_term start4(cnode_env* env, builtin_args a) {
  const term name = arg(a, 0), module = arg(a, 1), args = arg(a, 2), options = arg(a, 3);
  return run_waiting(env, [=](call_context& cx) { return gen::start(cx, L, name, module, args, options, gen::server_start::gen_statem); });
}

// Timeout, {clean_timeout, T} or {dirty_timeout, T}. A reply that comes too late is dropped with its alias in either case.
task<term> call_in_time(call_context& cx, term server, term request, term time) {
  const auto& n = names();
  static const term clean = atom("clean_timeout"), dirty = atom("dirty_timeout");
  const bool tagged = time.is_tuple(2);
  if (tagged && !time[0].same(clean) && !time[0].same(dirty)) throw_error(n.badarg);
  const term ms = tagged ? time[1] : time;
  if (!ms.same(n.infinity) && !(ms.is_small() && ms.small() >= 0)) {
    // No clause of gen:call/4
    auto& b = cx.heap();
    const term in_gen = make_tuple_of(b, n.gen, n.call, make_list_of(b, server, n.gen_call, request, ms), nil);
    const auto own = [&](const char* f, int arity) { return make_tuple_of(b, atom("gen_statem"), atom(f), small(arity), nil); };
    throw raised{n.error, n.function_clause, make_list_of(b, in_gen, own("call_dirty", 4), own("call", 3))};
  }
  co_return co_await gen::call_as(cx, server, n.gen_call, request, gen::timeout_value(ms), atom("gen_statem"), n.call,
                                  args_list(cx, server, request, time));
}

cnode_term call2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return call_in_time(cx, server, request, names().infinity); });
}
cnode_term call3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1), time = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return call_in_time(cx, server, request, time); });
}
cnode_term cast2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return cast(cx, server, request); });
}

// {reply, From, Reply}, or a list of such
cnode_term reply1(cnode_env* env, builtin_args a) {
  const auto& n = names();
  const auto is_reply = [&](term r) { return r.is_tuple(3) && r[0].same(n.reply) && r[1].is_tuple(2); };
  term replies = arg(a, 0);
  if (!replies.is_list()) replies = make_list_of(heap_of(env), replies);
  for (; replies.is_cons(); replies = replies.tail()) {
    if (!is_reply(replies.head())) break;
    gen::reply(self(env), replies.head()[1], replies.head()[2]);
  }
  return replies.is_nil() ? n.ok.word() : raise(env, n.error, n.function_clause).word();
}
cnode_term reply2(cnode_env* env, builtin_args a) {
  if (!arg(a, 0).is_tuple(2)) return raise(env, names().error, names().function_clause).word();
  gen::reply(self(env), arg(a, 0), arg(a, 1));
  return names().ok.word();
}

task<term> stop(call_context& cx, term server, term reason, term time) {
  co_return co_await gen::stop(cx, server, reason, gen::timeout_value(time));
}
cnode_term stop1(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return stop(cx, server, names().normal, names().infinity); });
}
cnode_term stop3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), reason = arg(a, 1), time = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return stop(cx, server, reason, time); });
}

}  // namespace

void add_gen_statem_builtins(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"start", 3, start3<linkage::nolink>},
      {"start", 4, start4<linkage::nolink>},
      {"start_link", 3, start3<linkage::link>},
      {"start_link", 4, start4<linkage::link>},
      {"start_monitor", 3, start3<linkage::monitor>},
      {"start_monitor", 4, start4<linkage::monitor>},
      {"call", 2, call2},
      {"call", 3, call3},
      {"cast", 2, cast2},
      {"reply", 1, reply1},
      {"reply", 2, reply2},
      {"stop", 1, stop1},
      {"stop", 3, stop3},
  };
  code.add_builtin("gen_statem", functions);
}

}  // namespace cnode::actors
