// The module gen, and what the modules of the behaviours have in common, as OTP has it in gen.erl: to start, stop, cast to and answer a
// server. Requests whose answer comes later: gen_requests.cpp.
#include "builtin_calls.hpp"
#include "gen_call.hpp"

namespace cnode::actors {

namespace {

using gen::linkage;

// gen:call/3,4 answer {ok, Reply} and exit with the bare reason.
task<term> call(call_context& cx, term server, term label, term request, term time) {
  const term reply = co_await gen::call(cx, server, label, request, gen::timeout_value(time));
  co_return make_tuple_of(cx.heap(), names().ok, reply);
}

term reply(cnode_env* env, term from, term reply) {
  if (!from.is_tuple(2)) throw_error(names().function_clause);
  gen::reply(self(env), from, reply);
  return names().ok;
}

task<term> cast(call_context& cx, term server, term request) {
  const auto& n = names();
  const term message = make_tuple_of(cx.heap(), n.gen_cast, request);
  const bool named = co_await gen::send_to_name(cx, server, message);
  if (named) co_return n.ok;
  if (!server.is_pid() && !server.is_atom() && !(server.is_tuple(2) && server[0].is_atom() && server[1].is_atom()))
    throw_error(n.function_clause);
  cx.self().send(server, message);
  co_return n.ok;
}

template <gen::server_start::kind behaviour>
constexpr builtin_function start_functions[] = {
    {"start", 3, waiting<gen::start, linkage::nolink, none, 0, 1, 2, behaviour>},
    {"start", 4, waiting<gen::start, linkage::nolink, 0, 1, 2, 3, behaviour>},
    {"start_link", 3, waiting<gen::start, linkage::link, none, 0, 1, 2, behaviour>},
    {"start_link", 4, waiting<gen::start, linkage::link, 0, 1, 2, 3, behaviour>},
    {"start_monitor", 3, waiting<gen::start, linkage::monitor, none, 0, 1, 2, behaviour>},
    {"start_monitor", 4, waiting<gen::start, linkage::monitor, 0, 1, 2, 3, behaviour>},
};

}  // namespace

void add_gen_builtins(code_server& code) {
  code.add_builtin("gen_server", start_functions<gen::server_start::gen_server>);
  code.add_builtin("gen_statem", start_functions<gen::server_start::gen_statem>);

  static constexpr builtin_function calls[] = {{"call", 3, waiting<call, 0, 1, 2, integer{5000}>}, {"call", 4, waiting<call>}};
  code.add_builtin("gen", calls);
  static constexpr builtin_function casts[] = {{"cast", 2, waiting<cast>}};
  for (const char* module : {"gen_server", "gen_statem", "Elixir.GenServer"}) code.add_builtin(module, casts);
  static constexpr builtin_function replies[] = {{"reply", 2, plain<reply>}};
  for (const char* module : {"gen", "gen_server", "gen_statem", "Elixir.GenServer"}) code.add_builtin(module, replies);
  static constexpr builtin_function stops[] = {
      {"stop", 1, waiting<gen::stop, 0, &otp_atoms::normal, &otp_atoms::infinity>}, {"stop", 3, waiting<gen::stop>}};
  // supervisor:stop is of OTP 29.
  for (const char* module : {"gen", "gen_server", "gen_statem", "gen_event", "proc_lib", "supervisor"}) code.add_builtin(module, stops);
}

}  // namespace cnode::actors
