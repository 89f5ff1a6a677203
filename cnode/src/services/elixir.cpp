// Elixir.Kernel, Elixir.Process and what of Elixir.Node and Elixir.System is not the same function as Erlang's.
#include <algorithm>
#include <cstdlib>

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "apply.hpp"
#include "call.hpp"
#include "modules.hpp"
#include "spawn.hpp"

extern char** environ;

namespace cnode::services {

namespace {

term nil_() { return atom("nil"); }

// Elixir's functions of the same behaviour under another name: tail calls, so that errors and waiting are Erlang's own.
template <class... T>
term erlang(call& c, std::string_view function, T... args) {
  return tail_call(c, atom("erlang"), atom(function), c.list(args...));
}

// ---- Kernel
term inspect_1(call& c) { return c.binary(inspect(c[0])); }
term to_string_1(call& c) {
  if (c[0].is_binary()) return c[0];
  if (is(c[0], "nil")) return c.binary("");
  std::string text;
  if (c[0].is_atom()) text = atom_text(c[0]);
  else if (c[0].is_number()) text = to_text(c[0]);
  else if (!c[0].is_list() || !chardata_to_string(c[0], text)) return c.badarg();
  return c.binary(text);
}
term send_2(call& c) { return erlang(c, "send", c[0], c[1]); }
term self_0(call& c) { return c.self().pid(); }
term exit_1(call& c) { return c.exit(c[0]); }
term throw_1(call& c) { return c.throw_(c[0]); }
term apply_3(call& c) { return erlang(c, "apply", c[0], c[1], c[2]); }
term apply_2(call& c) { return erlang(c, "apply", c[0], c[1]); }
term spawn_3(call& c) { return spawn_here(c, {c[0], c[1], c[2], {}}); }
term spawn_link_3(call& c) { return spawn_here(c, {c[0], c[1], c[2], {true, false}}); }
term spawn_monitor_3(call& c) { return spawn_here(c, {c[0], c[1], c[2], {false, true}}); }
template <std::size_t N>
struct name {
  char text[N]{};
  constexpr name(const char (&s)[N]) { std::copy_n(s, N, text); }
};
// One Elixir function that is one Erlang function, same arguments.
template <name Function>
term one(call& c) { return erlang(c, Function.text, c[0]); }
template <name Function>
term two(call& c) { return erlang(c, Function.text, c[0], c[1]); }

constexpr actors::builtin_function kernel_table[] = {
    {"inspect", 1, bif<inspect_1>}, {"to_string", 1, bif<to_string_1>}, {"send", 2, bif<send_2>}, {"self", 0, bif<self_0>}, {"exit", 1, bif<exit_1>},
    {"throw", 1, bif<throw_1>}, {"apply", 2, bif<apply_2>}, {"apply", 3, bif<apply_3>}, {"spawn", 3, bif<spawn_3>}, {"spawn_link", 3, bif<spawn_link_3>},
    {"spawn_monitor", 3, bif<spawn_monitor_3>}, {"+", 2, bif<two<"+">>}, {"-", 2, bif<two<"-">>}, {"*", 2, bif<two<"*">>}, {"/", 2, bif<two<"/">>},
    {"div", 2, bif<two<"div">>}, {"rem", 2, bif<two<"rem">>}, {"==", 2, bif<two<"==">>}, {"!=", 2, bif<two<"/=">>}, {"===", 2, bif<two<"=:=">>},
    {"!==", 2, bif<two<"=/=">>}, {"<", 2, bif<two<"<">>}, {"<=", 2, bif<two<"=<">>}, {">", 2, bif<two<">">>}, {">=", 2, bif<two<">=">>},
    {"++", 2, bif<two<"++">>}, {"--", 2, bif<two<"--">>}, {"min", 2, bif<two<"min">>}, {"max", 2, bif<two<"max">>}, {"abs", 1, bif<one<"abs">>},
    {"round", 1, bif<one<"round">>}, {"trunc", 1, bif<one<"trunc">>}, {"length", 1, bif<one<"length">>}, {"hd", 1, bif<one<"hd">>}, {"tl", 1, bif<one<"tl">>},
    {"byte_size", 1, bif<one<"byte_size">>}, {"map_size", 1, bif<one<"map_size">>}, {"tuple_size", 1, bif<one<"tuple_size">>}, {"not", 1, bif<one<"not">>},
    {"is_atom", 1, bif<one<"is_atom">>}, {"is_binary", 1, bif<one<"is_binary">>}, {"is_integer", 1, bif<one<"is_integer">>}, {"is_list", 1, bif<one<"is_list">>},
    {"is_map", 1, bif<one<"is_map">>}, {"is_pid", 1, bif<one<"is_pid">>}, {"is_tuple", 1, bif<one<"is_tuple">>},
};

// ---- Process
term alive_1(call& c) { return erlang(c, "is_process_alive", c[0]); }
term nil_for_undefined(term t) { return is(t, "undefined") ? nil_() : t; }
// Process.info turns undefined into nil.
term info(call& c, std::string_view function, term args) {
  return apply_then(c, atom("erlang"), atom(function), args, [](call& again, const applied& a) {
    if (a.value) return nil_for_undefined(a.value);
    actors::raise(again.env, a.error_class, a.reason);
    again.env->stacktrace = a.stacktrace.word();
    return term{};
  });
}
term info_1(call& c) { return info(c, "process_info", c.list(c[0])); }
term info_2(call& c) { return info(c, "process_info", c.list(c[0], c[1])); }
term list_0(call& c) { return erlang(c, "processes"); }
term whereis_1(call& c) {
  if (!c[0].is_atom()) return c.badarg();
  const term pid = c.node().whereis(c[0]);
  return pid ? pid : nil_();
}
term exit_2(call& c) { return erlang(c, "exit", c[0], c[1]); }
term registered_0(call& c) { return erlang(c, "registered"); }
// The arguments are the other way round.
term register_2(call& c) { return erlang(c, "register", c[1], c[0]); }
term monitor_1(call& c) { return erlang(c, "monitor", atom("process"), c[0]); }
term flag_2(call& c) { return erlang(c, "process_flag", c[0], c[1]); }
term send_3(call& c) { return erlang(c, "send", c[0], c[1], c[2]); }
term send_after_3(call& c) { return erlang(c, "send_after", c[2], c[0], c[1]); }
term group_leader_0(call& c) { return erlang(c, "group_leader"); }
term group_leader_2(call& c) { return erlang(c, "group_leader", c[1], c[0]); }
term get_1(call& c) {
  const term v = c.self().dictionary_get(c[0]);
  return v ? copy(c.heap(), v) : nil_();
}
term put_2(call& c) {
  const term v = c.self().dictionary_put(c[0], c[1], c.heap());
  return v ? v : nil_();
}

constexpr actors::builtin_function process_table[] = {
    {"alive?", 1, bif<alive_1>}, {"info", 1, bif<info_1>}, {"info", 2, bif<info_2>}, {"list", 0, bif<list_0>}, {"whereis", 1, bif<whereis_1>},
    {"exit", 2, bif<exit_2>}, {"registered", 0, bif<registered_0>}, {"register", 2, bif<register_2>}, {"unregister", 1, bif<one<"unregister">>},
    {"monitor", 1, bif<monitor_1>}, {"demonitor", 1, bif<one<"demonitor">>}, {"demonitor", 2, bif<two<"demonitor">>}, {"link", 1, bif<one<"link">>},
    {"unlink", 1, bif<one<"unlink">>}, {"flag", 2, bif<flag_2>}, {"send", 3, bif<send_3>}, {"send_after", 3, bif<send_after_3>},
    {"group_leader", 0, bif<group_leader_0>}, {"group_leader", 2, bif<group_leader_2>}, {"get", 1, bif<get_1>}, {"put", 2, bif<put_2>},
    {"cancel_timer", 1, bif<one<"cancel_timer">>}, {"read_timer", 1, bif<one<"read_timer">>},
};

// ---- Node.spawn
term node_spawn_4(call& c) { return spawn_on(c, c[0], {c[1], c[2], c[3], {}}); }
term node_spawn_link_4(call& c) { return spawn_on(c, c[0], {c[1], c[2], c[3], {true, false}}); }
term node_spawn_2(call& c) { return spawn_on(c, c[0], fun_call(c, c[1])); }
term node_spawn_link_2(call& c) { return spawn_on(c, c[0], fun_call(c, c[1], {true, false})); }

constexpr actors::builtin_function node_table[] = {
    {"spawn", 2, bif<node_spawn_2>}, {"spawn", 4, bif<node_spawn_4>}, {"spawn_link", 2, bif<node_spawn_link_2>}, {"spawn_link", 4, bif<node_spawn_link_4>},
};

// ---- System
term get_env_0(call& c) {
  std::vector<term> keys, values;
  for (char** e = environ; e && *e; ++e) {
    const std::string_view entry = *e;
    const auto eq = entry.find('=');
    if (eq == entry.npos) continue;
    keys.push_back(c.binary(entry.substr(0, eq)));
    values.push_back(c.binary(entry.substr(eq + 1)));
  }
  return make_map(c.heap(), keys.data(), values.data(), keys.size());
}
term get_env(call& c, term fallback) {
  if (!c[0].is_binary()) return c.function_clause();
  const char* v = std::getenv(std::string(c[0].bytes()).c_str());
  return v ? c.binary(v) : fallback;
}
term get_env_1(call& c) { return get_env(c, nil_()); }
term get_env_2(call& c) { return get_env(c, c[1]); }
term schedulers(call& c) { return c.integer(c.node().schedulers()); }

constexpr actors::builtin_function system_table[] = {
    {"get_env", 0, bif<get_env_0>}, {"get_env", 1, bif<get_env_1>}, {"get_env", 2, bif<get_env_2>}, {"schedulers", 0, bif<schedulers>},
    {"schedulers_online", 0, bif<schedulers>},
};

}  // namespace

void add_elixir_functions(actors::code_server& code) {
  code.add_builtin("Elixir.Kernel", kernel_table);
  code.add_builtin("Elixir.Process", process_table);
  code.add_builtin("Elixir.Node", node_table);
  code.add_builtin("Elixir.System", system_table);
}

}  // namespace cnode::services
