// The module gen_event, as other code on this node calls it, but for stop (gen_builtins.cpp).
#include "builtin_calls.hpp"
#include "gen_call.hpp"

namespace cnode::actors {

namespace {

using gen::linkage;

task<term> start_manager(call_context& cx, linkage l, term name, term options) {
  return gen::start(cx, l, name, atom("no callback module"), nil, options, gen::server_start::gen_event);
}
// A name, or options
task<term> start_with(call_context& cx, linkage l, term t) {
  if (!t.is_tuple() && !t.is_list()) throw_error(names().function_clause);
  return t.is_tuple() ? start_manager(cx, l, t, nil) : start_manager(cx, l, {}, t);
}

// gen_event:rpc/2: the label of the request is the caller's pid. The request is the name, or {Name, Arguments..., own pid if supervised}.
template <word Name, std::size_t N, bool Supervised = false>
task<term> rpc(call_context& cx, std::array<term, N> args) {
  const term manager = std::exchange(args[0], atom_of<Name>());
  std::vector<term> all(args.begin(), args.end());
  if (Supervised) all.push_back(cx.self().pid());
  return gen::call(cx, manager, cx.self().pid(), all.size() == 1 ? all[0] : make_tuple(cx.heap(), all.data(), all.size()), -1);
}
// {Handler1, Args1}, {Handler2, Args2}
template <word Name, bool Supervised>
task<term> swap(call_context& cx, term manager, term one, term other) {
  if (!one.is_tuple(2) || !other.is_tuple(2)) throw_error(names().function_clause);
  return rpc<Name, 5, Supervised>(cx, {manager, one[0], one[1], other[0], other[1]});
}

task<term> notify(call_context& cx, term manager, term event) {
  const auto& n = names();
  const term message = make_tuple_of(cx.heap(), atom("notify"), event);
  const bool named = co_await gen::send_to_name(cx, manager, message);
  if (named) co_return n.ok;
  // M ! Cmd
  const bool here_unknown = manager.is_atom() && !cx.self().node().whereis(manager);
  if (here_unknown || (!manager.is_pid() && !manager.is_atom() && !manager.is_tuple(2))) throw_error(n.badarg);
  cx.self().send(manager, message);
  co_return n.ok;
}

task<term> call(call_context& cx, term manager, term handler, term query, term time) {
  const auto& n = names();
  const term request = make_tuple_of(cx.heap(), n.call, handler, query);
  const std::int64_t ms = time ? gen::timeout_value(time) : 5000;
  const term args = time ? args_list(cx, manager, handler, query, time) : args_list(cx, manager, handler, query);
  co_return co_await gen::call_as(cx, manager, cx.self().pid(), request, ms, atom("gen_event"), n.call, args);
}

}  // namespace

void add_gen_event_builtins(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"start", 0, waiting<start_manager, linkage::nolink, none, empty_list>},
      {"start", 1, waiting<start_with, linkage::nolink, 0>},
      {"start", 2, waiting<start_manager, linkage::nolink, 0, 1>},
      {"start_link", 0, waiting<start_manager, linkage::link, none, empty_list>},
      {"start_link", 1, waiting<start_with, linkage::link, 0>},
      {"start_link", 2, waiting<start_manager, linkage::link, 0, 1>},
      {"start_monitor", 0, waiting<start_manager, linkage::monitor, none, empty_list>},
      {"start_monitor", 1, waiting<start_with, linkage::monitor, 0>},
      {"start_monitor", 2, waiting<start_manager, linkage::monitor, 0, 1>},
      {"add_handler", 3, waiting<rpc<"add_handler", 3>>},
      {"add_sup_handler", 3, waiting<rpc<"add_sup_handler", 3, true>>},
      {"delete_handler", 3, waiting<rpc<"delete_handler", 3>>},
      {"swap_handler", 3, waiting<swap<"swap_handler", false>>},
      {"swap_sup_handler", 3, waiting<swap<"swap_sup_handler", true>>},
      {"which_handlers", 1, waiting<rpc<"which_handlers", 1>>},
      {"notify", 2, waiting<notify>},
      {"sync_notify", 2, waiting<rpc<"sync_notify", 2>>},
      {"call", 3, waiting<call, 0, 1, 2, none>},
      {"call", 4, waiting<call>},
  };
  code.add_builtin("gen_event", functions);
}

}  // namespace cnode::actors
