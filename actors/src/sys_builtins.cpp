// The module sys, as other code on this node (or rpc into it) calls it.
#include <cstdlib>

#include <cnode/actors/sys.hpp>
#include <cnode/protocol/local_node.hpp>

#include "builtin_calls.hpp"
#include "gen_call.hpp"

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

enum class request { message, debug, state };

// sys:Name(Server, Args...) and the same with a timeout behind. The message is Name, or {Name, Args...}; of debug functions {debug, _} of that.
template <word Name, std::size_t N, request Kind, bool Timed>
task<term> ask(call_context& cx, std::array<term, N> all) {
  auto& b = cx.heap();
  const term name = atom_of<Name>(), server = all[0], time = Timed ? all[N - 1] : term{}, args = make_list(b, all.data(), N);
  all[0] = name;
  const std::size_t size = Timed ? N - 1 : N;
  term message = size == 1 ? name : make_tuple(b, all.data(), size);
  if (Kind == request::debug) message = make_tuple_of(b, names().debug, message);
  return (Kind == request::state ? state_answer : send_system_msg)(cx, server, message, time, name, args);
}

template <word Name, std::uint32_t Arity, request Kind = request::message>
constexpr builtin_function plainly{Name.text, Arity, waiting<ask<Name, Arity, Kind, false>>};
template <word Name, std::uint32_t Arity, request Kind = request::message>
constexpr builtin_function in_time{Name.text, Arity, waiting<ask<Name, Arity, Kind, true>>};

}  // namespace

void add_sys_builtins(code_server& code) {
  using enum request;
  static constexpr builtin_function functions[] = {
      plainly<"suspend", 1>,              in_time<"suspend", 2>,
      plainly<"resume", 1>,               in_time<"resume", 2>,
      plainly<"get_status", 1>,           in_time<"get_status", 2>,
      plainly<"get_state", 1, state>,     in_time<"get_state", 2, state>,
      plainly<"replace_state", 2, state>, in_time<"replace_state", 3, state>,
      plainly<"change_code", 4>,          in_time<"change_code", 5>,
      plainly<"terminate", 2>,            in_time<"terminate", 3>,
      plainly<"no_debug", 1, debug>,      in_time<"no_debug", 2, debug>,
      plainly<"log", 2, debug>,           in_time<"log", 3, debug>,
      plainly<"trace", 2, debug>,         in_time<"trace", 3, debug>,
      plainly<"statistics", 2, debug>,    in_time<"statistics", 3, debug>,
      plainly<"log_to_file", 2, debug>,   in_time<"log_to_file", 3, debug>,
      plainly<"install", 2, debug>,       in_time<"install", 3, debug>,
      plainly<"remove", 2, debug>,        in_time<"remove", 3, debug>,
  };
  code.add_builtin("sys", functions);
}

}  // namespace cnode::actors
