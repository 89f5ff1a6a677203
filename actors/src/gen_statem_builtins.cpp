// The module gen_statem, as other code on this node calls it, but for what gen_builtins.cpp and gen_requests.cpp have.
#include "builtin_calls.hpp"
#include "gen_call.hpp"

namespace cnode::actors {

namespace {

// Timeout, {clean_timeout, T} or {dirty_timeout, T}. A reply that comes too late is dropped with its alias in either case.
task<term> call(call_context& cx, term server, term request, term time) {
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
  const term args = args_list(cx, server, request, time);
  co_return co_await gen::call_as(cx, server, n.gen_call, request, gen::timeout_value(ms), atom("gen_statem"), n.call, args);
}

// {reply, From, Reply}, or a list of such
term reply(cnode_env* env, term replies) {
  const auto& n = names();
  const auto is_reply = [&](term r) { return r.is_tuple(3) && r[0].same(n.reply) && r[1].is_tuple(2); };
  if (!replies.is_list()) replies = make_list_of(heap_of(env), replies);
  for (; replies.is_cons(); replies = replies.tail()) {
    if (!is_reply(replies.head())) break;
    gen::reply(self(env), replies.head()[1], replies.head()[2]);
  }
  if (!replies.is_nil()) throw_error(n.function_clause);
  return n.ok;
}

}  // namespace

void add_gen_statem_builtins(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"call", 2, waiting<call, 0, 1, &otp_atoms::infinity>}, {"call", 3, waiting<call>}, {"reply", 1, plain<reply>}};
  code.add_builtin("gen_statem", functions);
}

}  // namespace cnode::actors
