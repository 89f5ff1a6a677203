// Elixir's GenServer: the same servers, its own argument order, options and exit reasons.
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "builtin_calls.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

namespace {

using gen::linkage;

[[noreturn]] void throw_argument_error(block& b, const std::string& message) {
  const term keys[] = {atom("__struct__"), atom("__exception__"), atom("message")};
  const term values[] = {atom("Elixir.ArgumentError"), names().true_, make_binary(b, message)};
  throw_error(make_map(b, keys, values, 3));
}

// GenServer.do_start/4
task<term> start(call_context& cx, linkage l, term module, term args, term options) {
  const auto& n = names();
  auto& b = cx.heap();
  term name = gen::option(options, n.name);
  if (!name || name.same(n.nil_)) name = {};
  else if (name.is_atom()) name = make_tuple_of(b, n.local, name);
  else if (!gen::is_server_name(name) || name[0].same(n.local))
    throw_argument_error(b,
                         "expected :name option to be one of the following:\n\n  * nil\n  * atom\n  * {:global, term}\n  * {:via, "
                         "module, term}\n\nGot: " + inspect(name) + "\n");
  co_return co_await gen::start(cx, l, name, module, args, options);
}

template <linkage L>
cnode_term start2(cnode_env* env, builtin_args a) {
  const term module = arg(a, 0), args = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return start(cx, L, module, args, nil); });
}
template <linkage L>
cnode_term start3(cnode_env* env, builtin_args a) {
  const term module = arg(a, 0), args = arg(a, 1), options = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return start(cx, L, module, args, options); });
}

task<term> call(call_context& cx, term server, term request, term time) {
  const auto& n = names();
  const auto ms = gen::timeout_value(time);
  co_return co_await gen::call_as(cx, server, n.gen_call, request, ms, n.elixir_gen_server, n.call,
                                  make_list_of(cx.heap(), server, request, time));
}

task<term> stop(call_context& cx, term server, term reason, term time) {
  const auto& n = names();
  term why;
  try {
    co_return co_await gen::stop(cx, server, reason, gen::timeout_value(time));
  } catch (const raised& r) {
    if (!r.error_class.same(n.exit)) throw;
    why = r.reason;
  }
  auto& b = cx.heap();
  throw_exit(make_tuple_of(b, why, make_tuple_of(b, n.elixir_gen_server, n.stop, make_list_of(b, server, reason, time))));
}

task<term> whereis(call_context& cx, term server) {
  const term found = co_await gen::locate(cx, server);
  co_return found ? found : names().nil_;
}

cnode_term call2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return call(cx, server, request, small(5000)); });
}
cnode_term call3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1), time = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return call(cx, server, request, time); });
}
cnode_term cast2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return cast(cx, server, request); });
}
cnode_term stop1(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return stop(cx, server, names().normal, names().infinity); });
}
cnode_term stop2(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), reason = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return stop(cx, server, reason, names().infinity); });
}
cnode_term stop3(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0), reason = arg(a, 1), time = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return stop(cx, server, reason, time); });
}
cnode_term whereis1(cnode_env* env, builtin_args a) {
  const term server = arg(a, 0);
  return run_waiting(env, [=](call_context& cx) { return whereis(cx, server); });
}
cnode_term reply2(cnode_env* env, builtin_args a) {
  gen::reply(self(env), arg(a, 0), arg(a, 1));
  return names().ok.word();
}
cnode_term abcast2(cnode_env* env, builtin_args a) { return abcast(env, all_nodes(env), arg(a, 0), arg(a, 1)).word(); }
cnode_term abcast3(cnode_env* env, builtin_args a) { return abcast(env, arg(a, 0), arg(a, 1), arg(a, 2)).word(); }

task<term> multi(call_context& cx, term nodes, term name, term request, term time) {
  co_return co_await multi_call(cx, nodes, name, request, gen::timeout_value(time));
}
cnode_term multi_call2(cnode_env* env, builtin_args a) {
  const term nodes = all_nodes(env), name = arg(a, 0), request = arg(a, 1);
  return run_waiting(env, [=](call_context& cx) { return multi(cx, nodes, name, request, names().infinity); });
}
cnode_term multi_call3(cnode_env* env, builtin_args a) {
  const term nodes = arg(a, 0), name = arg(a, 1), request = arg(a, 2);
  return run_waiting(env, [=](call_context& cx) { return multi(cx, nodes, name, request, names().infinity); });
}
cnode_term multi_call4(cnode_env* env, builtin_args a) {
  const term nodes = arg(a, 0), name = arg(a, 1), request = arg(a, 2), time = arg(a, 3);
  return run_waiting(env, [=](call_context& cx) { return multi(cx, nodes, name, request, time); });
}

}  // namespace

void add_elixir_gen_server_builtins(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"start", 2, start2<linkage::nolink>},
      {"start", 3, start3<linkage::nolink>},
      {"start_link", 2, start2<linkage::link>},
      {"start_link", 3, start3<linkage::link>},
      {"call", 2, call2},
      {"call", 3, call3},
      {"cast", 2, cast2},
      {"reply", 2, reply2},
      {"stop", 1, stop1},
      {"stop", 2, stop2},
      {"stop", 3, stop3},
      {"whereis", 1, whereis1},
      {"abcast", 2, abcast2},
      {"abcast", 3, abcast3},
      {"multi_call", 2, multi_call2},
      {"multi_call", 3, multi_call3},
      {"multi_call", 4, multi_call4},
  };
  code.add_builtin("Elixir.GenServer", functions);
}

}  // namespace cnode::actors
