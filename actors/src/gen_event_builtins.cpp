// The module gen_event, as other code on this node calls it. Requests whose answer comes later: gen_requests.cpp.
#include "builtin_calls.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

namespace {

using gen::linkage;

task<term> start_manager(call_context& cx, linkage l, term name, term options) {
  return gen::start(cx, l, name, atom("no callback module"), nil, options, gen::server_start::gen_event);
}
template <linkage L>
cnode_term start0(cnode_env* env, builtin_args) {
  return run_waiting(env, [](call_context& cx) { return start_manager(cx, L, {}, nil); });
}
// A name, or options
template <linkage L>
cnode_term start1(cnode_env* env, builtin_args a) {
  const term t = arg(a, 0);
  if (!t.is_tuple() && !t.is_list()) return raise(env, names().error, names().function_clause).word();
  return run_waiting(env, [=](call_context& cx) { return t.is_tuple() ? start_manager(cx, L, t, nil) : start_manager(cx, L, {}, t); });
}
template <linkage L>
cnode_term start2(cnode_env* env, builtin_args a) {
  const term name = arg(a, 0), options = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return start_manager(cx, L, name, options); });
}

// gen_event:rpc/2: the label of the request is the caller's pid.
task<term> rpc(call_context& cx, term manager, term command) {
  co_return co_await gen::call(cx, manager, cx.self().pid(), command, -1);
}

template <std::size_t Count, bool Supervised = false>
cnode_term command(cnode_env* env, const char* name, builtin_args a) {
  const term manager = arg(a, 0);
  std::vector<term> elements{atom(name)};
  for (std::size_t i = 1; i < Count; ++i) elements.push_back(arg(a, static_cast<int>(i)));
  if (Supervised) elements.push_back(self(env).pid());
  const term request = make_tuple(heap_of(env), elements.data(), elements.size());
  return run_waiting(env, [=](call_context& cx) { return rpc(cx, manager, request); });
}

cnode_term add_handler3(cnode_env* env, builtin_args a) { return command<3>(env, "add_handler", a); }
cnode_term add_sup_handler3(cnode_env* env, builtin_args a) { return command<3, true>(env, "add_sup_handler", a); }
cnode_term delete_handler3(cnode_env* env, builtin_args a) { return command<3>(env, "delete_handler", a); }
cnode_term sync_notify2(cnode_env* env, builtin_args a) { return command<2>(env, "sync_notify", a); }
cnode_term which_handlers1(cnode_env* env, builtin_args a) {
  const term manager = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return rpc(cx, manager, atom("which_handlers")); });
}

// {Handler1, Args1}, {Handler2, Args2}
template <bool Supervised>
cnode_term swap(cnode_env* env, builtin_args a) {
  const term manager = arg(a, 0), one = arg(a, 1), other = arg(a, 2);
  if (!one.is_tuple(2) || !other.is_tuple(2)) return raise(env, names().error, names().function_clause).word();
  auto& b = heap_of(env);
  const term request = Supervised ? make_tuple_of(b, atom("swap_sup_handler"), one[0], one[1], other[0], other[1], self(env).pid())
                                  : make_tuple_of(b, atom("swap_handler"), one[0], one[1], other[0], other[1]);
  return run_waiting(env, [=](call_context& cx) { return rpc(cx, manager, request); });
}

task<term> notify(call_context& cx, term manager, term event) {
  const auto& n = names();
  const term message = make_tuple_of(cx.heap(), atom("notify"), event);
  if (gen::is_registry_name(manager)) {
    const bool global = manager.is_tuple(2);
    // `catch Module:send(Name, Message)`: nobody is told of a failure.
    const term registry = global ? n.global : manager[1], key = global ? manager[1] : manager[2];
    co_await cx.apply(registry, n.send, make_list_of(cx.heap(), key, message));
    co_return n.ok;
  }
  // M ! Cmd
  const bool here_unknown = manager.is_atom() && !cx.self().node().whereis(manager);
  if (here_unknown || (!manager.is_pid() && !manager.is_atom() && !manager.is_tuple(2))) throw_error(n.badarg);
  cx.self().send(manager, message);
  co_return n.ok;
}
cnode_term notify2(cnode_env* env, builtin_args a) {
  const term manager = arg(a, 0), event = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return notify(cx, manager, event); });
}

task<term> call_handler(call_context& cx, term manager, term handler, term query, term time, term args) {
  const auto& n = names();
  const term request = make_tuple_of(cx.heap(), n.call, handler, query);
  const auto ms = time ? gen::timeout_value(time) : 5000;
  co_return co_await gen::call_as(cx, manager, cx.self().pid(), request, ms, atom("gen_event"), n.call, args);
}
cnode_term call3(cnode_env* env, builtin_args a) {
  const term manager = arg(a, 0), handler = arg(a, 1), query = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return call_handler(cx, manager, handler, query, {}, args_list(cx, manager, handler, query)); });
}
cnode_term call4(cnode_env* env, builtin_args a) {
  const term manager = arg(a, 0), handler = arg(a, 1), query = arg(a, 2), time = arg(a, 3);
  return run_waiting(env,
                     [=](call_context& cx) { return call_handler(cx, manager, handler, query, time, args_list(cx, manager, handler, query, time)); });
}

task<term> stop(call_context& cx, term manager, term reason, term time) {
  co_return co_await gen::stop(cx, manager, reason, gen::timeout_value(time));
}
cnode_term stop1(cnode_env* env, builtin_args a) {
  const term manager = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return stop(cx, manager, names().normal, names().infinity); });
}
cnode_term stop3(cnode_env* env, builtin_args a) {
  const term manager = arg(a, 0), reason = arg(a, 1), time = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return stop(cx, manager, reason, time); });
}

}  // namespace

void add_gen_event_builtins(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"start", 0, start0<linkage::nolink>},
      {"start", 1, start1<linkage::nolink>},
      {"start", 2, start2<linkage::nolink>},
      {"start_link", 0, start0<linkage::link>},
      {"start_link", 1, start1<linkage::link>},
      {"start_link", 2, start2<linkage::link>},
      {"start_monitor", 0, start0<linkage::monitor>},
      {"start_monitor", 1, start1<linkage::monitor>},
      {"start_monitor", 2, start2<linkage::monitor>},
      {"add_handler", 3, add_handler3},
      {"add_sup_handler", 3, add_sup_handler3},
      {"delete_handler", 3, delete_handler3},
      {"swap_handler", 3, swap<false>},
      {"swap_sup_handler", 3, swap<true>},
      {"which_handlers", 1, which_handlers1},
      {"notify", 2, notify2},
      {"sync_notify", 2, sync_notify2},
      {"call", 3, call3},
      {"call", 4, call4},
      {"stop", 1, stop1},
      {"stop", 3, stop3},
  };
  code.add_builtin("gen_event", functions);
}

}  // namespace cnode::actors
