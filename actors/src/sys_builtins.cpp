// The module sys, as other code on this node (or rpc into it) calls it.
#include <cstdlib>

#include <cnode/actors/sys.hpp>
#include <cnode/protocol/local_node.hpp>

#include "builtin_calls.hpp"
#include "gen_call.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

namespace {

// sys:send_system_msg/3; args is what the exit reason names.
task<term> send_system_msg(call_context& cx, term server, term request, term time, term function, term args) {
  const auto& n = names();
  const auto ms = time ? gen::timeout_value(time) : 5000;
  co_return co_await gen::call_as(cx, server, n.system, request, ms, n.sys, function, args);
}

// erlang:system_info(otp_release) of another node, through rex; 0 when it does not say.
task<int> ask_release(call_context& cx, term node) {
  auto& b = cx.heap();
  const term request = make_tuple_of(b, atom("call"), atom("erlang"), atom("system_info"), make_list_of(b, atom("otp_release")),
                                     cx.self().group_leader());
  const term rex = make_tuple_of(b, atom("rex"), node);
  const term call = names().gen_call;
  std::string text;
  try {
    const term answer = co_await gen::call(cx, rex, call, request, 5000);
    if (!chardata_to_string(answer, text)) co_return 0;
  } catch (const raised&) {
    co_return 0;
  }
  co_return std::atoi(text.c_str());
}

// The answers to get_state and replace_state: {ok, State} | {error, Reason}, or the bare state from a node of OTP 25 or older.
task<term> state_answer(call_context& cx, term server, term request, term time, term function, term args) {
  const auto& n = names();
  const term answer = co_await send_system_msg(cx, server, request, time, function, args);
  if (answer.is_tuple(2) && answer[0].same(n.error)) throw_error(answer[1]);
  term node = this_node().name;
  if (server.is_tuple(2) && server[1].is_atom() && !server[0].same(n.global)) node = server[1];
  else if (server.is_pid() && !server.is_local_pid()) node = node_of(server).node;
  if (!answer.is_tuple(2) || !answer[0].same(n.ok)) co_return answer;
  if (node.same(this_node().name)) co_return answer[1];
  // {ok, State}, or the state {ok, _} of a server that says it bare.
  int release = sys::otp_release_of(node);
  if (release == 0) release = co_await ask_release(cx, node);
  co_return release > 0 && release < 26 ? answer : answer[1];
}

// sys:F(Server, Args...) and the same with a timeout behind; the message is made of the arguments between.
template <int Count, bool Timed, class Message, class Ask>
cnode_term ask(cnode_env* env, builtin_args a, term function, Message message, Ask ask_it) {
  auto& b = heap_of(env);
  term all[Count + 1];
  for (int i = 0; i < Count; ++i) all[i] = arg(a, i);
  const term server = arg(a, 0), time = Timed ? arg(a, Count - 1) : term{};
  const term request = message(b, all), args = make_list(b, all, Count);
  return run_waiting(env, [=](call_context& cx) { return ask_it(cx, server, request, time, function, args); });
}

using message_maker = term (*)(block&, const term*);

template <int Count, bool Timed, message_maker Message>
cnode_term simple(cnode_env* env, builtin_args a) {
  const term m = Message(heap_of(env), nullptr);
  return ask<Count, Timed>(env, a, m, [m](block&, const term*) { return m; }, send_system_msg);
}

term suspend_message(block&, const term*) { return names().suspend; }
term resume_message(block&, const term*) { return names().resume; }
term status_message(block&, const term*) { return names().get_status; }

template <int Count, bool Timed>
cnode_term get_state(cnode_env* env, builtin_args a) {
  return ask<Count, Timed>(env, a, names().get_state, [](block&, const term*) { return names().get_state; }, state_answer);
}

template <int Count, bool Timed>
cnode_term replace_state(cnode_env* env, builtin_args a) {
  return ask<Count, Timed>(
      env, a, names().replace_state, [](block& b, const term* t) { return make_tuple_of(b, names().replace_state, t[1]); },
      state_answer);
}

template <int Count, bool Timed>
cnode_term change_code(cnode_env* env, builtin_args a) {
  return ask<Count, Timed>(
      env, a, names().change_code,
      [](block& b, const term* t) { return make_tuple_of(b, names().change_code, t[1], t[2], t[3]); }, send_system_msg);
}

template <int Count, bool Timed>
cnode_term terminate(cnode_env* env, builtin_args a) {
  return ask<Count, Timed>(
      env, a, names().terminate, [](block& b, const term* t) { return make_tuple_of(b, names().terminate, t[1]); }, send_system_msg);
}

template <int Count, bool Timed>
cnode_term no_debug(cnode_env* env, builtin_args a) {
  return ask<Count, Timed>(
      env, a, names().no_debug, [](block& b, const term*) { return make_tuple_of(b, names().debug, names().no_debug); },
      send_system_msg);
}

using name_getter = term (*)();
term log_name() { return names().log; }
term trace_name() { return names().trace; }
term statistics_name() { return names().statistics; }
term log_to_file_name() { return names().log_to_file; }
term install_name() { return names().install; }
term remove_name() { return names().remove; }

template <int Count, bool Timed, name_getter Name>
cnode_term debug(cnode_env* env, builtin_args a) {
  return ask<Count, Timed>(
      env, a, Name(),
      [](block& b, const term* t) { return make_tuple_of(b, names().debug, make_tuple_of(b, Name(), t[1])); }, send_system_msg);
}

}  // namespace

void add_sys_builtins(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"suspend", 1, simple<1, false, suspend_message>},
      {"suspend", 2, simple<2, true, suspend_message>},
      {"resume", 1, simple<1, false, resume_message>},
      {"resume", 2, simple<2, true, resume_message>},
      {"get_status", 1, simple<1, false, status_message>},
      {"get_status", 2, simple<2, true, status_message>},
      {"get_state", 1, get_state<1, false>},
      {"get_state", 2, get_state<2, true>},
      {"replace_state", 2, replace_state<2, false>},
      {"replace_state", 3, replace_state<3, true>},
      {"change_code", 4, change_code<4, false>},
      {"change_code", 5, change_code<5, true>},
      {"terminate", 2, terminate<2, false>},
      {"terminate", 3, terminate<3, true>},
      {"no_debug", 1, no_debug<1, false>},
      {"no_debug", 2, no_debug<2, true>},
      {"log", 2, debug<2, false, log_name>},
      {"log", 3, debug<3, true, log_name>},
      {"trace", 2, debug<2, false, trace_name>},
      {"trace", 3, debug<3, true, trace_name>},
      {"statistics", 2, debug<2, false, statistics_name>},
      {"statistics", 3, debug<3, true, statistics_name>},
      {"log_to_file", 2, debug<2, false, log_to_file_name>},
      {"log_to_file", 3, debug<3, true, log_to_file_name>},
      {"install", 2, debug<2, false, install_name>},
      {"install", 3, debug<3, true, install_name>},
      {"remove", 2, debug<2, false, remove_name>},
      {"remove", 3, debug<3, true, remove_name>},
  };
  code.add_builtin("sys", functions);
}

}  // namespace cnode::actors
