// init, os, timer and inet: the few functions of each that mean something on this node.
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdlib>

#include <cnode/protocol/term_order.hpp>

#include "call.hpp"
#include "modules.hpp"
#include "spawn.hpp"

extern char** environ;

namespace cnode::services {

namespace {

// ---- init
term stop(call& c, term status) {
  int code = 0;
  if (status.is_small() && status.small() >= 0) code = static_cast<int>(status.small() & 0xff);
  else if (status.is_list() && !status.is_nil()) code = 1;
  else return c.function_clause();
  auto* host = host_of(c.node());
  if (!host) return c.error(atom("notsup"));
  host->stop(code);
  return ok();
}
term stop_0(call& c) { return stop(c, small(0)); }
term stop_1(call& c) { return stop(c, c[0]); }
// A node is one run of the program: whoever started it starts it again.
term restart_0(call& c) {
  c.node().log(actors::log_level::notice, "init:restart/0 and reboot/0 are not done here: stop the node with init:stop/0 and start the program again");
  return c.error(atom("notsup"));
}
term get_status_0(call& c) { return c.tuple(atom("started"), atom("started")); }
term script_id_0(call& c) { return c.tuple(c.text("cnode"), c.text(CNODE_VERSION)); }

// -flag and --flag with the words behind it, as init reads a command line.
std::vector<std::pair<std::string, std::vector<std::string>>> flags(call& c, std::vector<std::string>* plain = nullptr) {
  std::vector<std::pair<std::string, std::vector<std::string>>> out;
  auto* host = host_of(c.node());
  for (const auto& a : host ? host->arguments() : std::vector<std::string>{}) {
    const auto name = a.find_first_not_of('-');
    if (name != 0 && name != a.npos) {
      const auto eq = a.find('=');
      out.emplace_back(a.substr(name, eq == a.npos ? eq : eq - name), std::vector<std::string>{});
      if (eq != a.npos) out.back().second.push_back(a.substr(eq + 1));
    } else if (!out.empty()) {
      out.back().second.push_back(a);
    } else if (plain) {
      plain->push_back(a);
    }
  }
  return out;
}
term strings(call& c, const std::vector<std::string>& texts) {
  std::vector<term> out;
  for (const auto& t : texts) out.push_back(c.text(t));
  return make_list(c.heap(), out.data(), out.size());
}
// The cookie is for those who ask for the cookie.
bool secret(const std::string& flag) { return flag == "cookie" || flag == "setcookie"; }
term get_arguments_0(call& c) {
  std::vector<term> out;
  for (const auto& [flag, words] : flags(c))
    if (const term name = secret(flag) ? term{} : find_or_make_atom(flag)) out.push_back(c.tuple(name, strings(c, words)));
  return make_list(c.heap(), out.data(), out.size());
}
term get_argument_1(call& c) {
  if (!c[0].is_atom()) return atom("error");
  std::vector<term> out;
  for (const auto& [flag, words] : flags(c))
    if (flag == atom_text(c[0]) && !secret(flag)) out.push_back(strings(c, words));
  if (out.empty() && is(c[0], "progname")) out.push_back(strings(c, {"cnode"}));
  if (const char* home = std::getenv("HOME"); out.empty() && home && is(c[0], "home")) out.push_back(strings(c, {home}));
  return out.empty() ? atom("error") : c.tuple(ok(), make_list(c.heap(), out.data(), out.size()));
}
term get_plain_arguments_0(call& c) {
  std::vector<std::string> plain;
  flags(c, &plain);
  return strings(c, plain);
}

constexpr actors::builtin_function init_table[] = {
    {"stop", 0, bif<stop_0>}, {"stop", 1, bif<stop_1>}, {"restart", 0, bif<restart_0>}, {"reboot", 0, bif<restart_0>}, {"get_status", 0, bif<get_status_0>},
    {"script_id", 0, bif<script_id_0>}, {"get_arguments", 0, bif<get_arguments_0>}, {"get_argument", 1, bif<get_argument_1>},
    {"get_plain_arguments", 0, bif<get_plain_arguments_0>},
};

// ---- os
term type_0(call& c) { return c.tuple(atom("unix"), atom("linux")); }
term version_0(call& c) {
  utsname u{};
  uname(&u);
  unsigned a = 0, b = 0, d = 0;
  std::sscanf(u.release, "%u.%u.%u", &a, &b, &d);
  return c.tuple(small(a), small(b), small(d));
}
term getpid_0(call& c) { return c.text(std::to_string(getpid())); }
bool flat_text(term t, std::string& out) { return t.is_list() && chardata_to_string(t, out) && out.find('\0') == out.npos; }
term getenv_0(call& c) {
  std::vector<term> out;
  for (char** e = environ; e && *e; ++e) out.push_back(c.text(*e));
  return make_list(c.heap(), out.data(), out.size());
}
term getenv(call& c, term fallback) {
  std::string name;
  if (!flat_text(c[0], name)) return c.badarg();
  const char* v = std::getenv(name.c_str());
  return v ? c.text(v) : fallback;
}
term getenv_1(call& c) { return getenv(c, boolean(false)); }
term getenv_2(call& c) { return getenv(c, c[1]); }

constexpr actors::builtin_function os_table[] = {
    {"type", 0, bif<type_0>}, {"version", 0, bif<version_0>}, {"getpid", 0, bif<getpid_0>}, {"getenv", 0, bif<getenv_0>}, {"getenv", 1, bif<getenv_1>},
    {"getenv", 2, bif<getenv_2>}, {"env", 0, bif<getenv_0>},
};

// ---- timer
term sleep_1(call& c) {
  const bool forever = is(c[0], "infinity");
  if (!forever && (!c[0].is_small() || c[0].small() < 0)) return c.error(atom("timeout_value"));
  return c.wait(when([](term) { return false; }, [](call&, term) { return ok(); }), forever ? -1 : c[0].small());
}
term timer_started(call& c, term ms, term to, term message) {
  if (!ms.is_small() || ms.small() < 0 || !(to.is_local_pid() || to.is_atom())) return c.tuple(atom("error"), atom("badarg"));
  return c.tuple(ok(), c.tuple(atom("once"), c.node().send_after(ms.small(), to, message, c.heap())));
}
term send_after_2(call& c) { return timer_started(c, c[0], c.self().pid(), c[1]); }
term send_after_3(call& c) { return timer_started(c, c[0], c[1], c[2]); }
term cancel_1(call& c) {
  if (!c[0].is_tuple(2) || !c[0][1].is_ref()) return c.tuple(atom("error"), atom("badarg"));
  c.node().cancel_timer(c[0][1]);
  return c.tuple(ok(), atom("cancel"));
}
template <std::int64_t Factor>
term times(call& c) {
  std::int64_t r;
  if (!c[0].is_small()) return c.badarith();
  return __builtin_mul_overflow(c[0].small(), Factor, &r) ? c.error(atom("system_limit")) : c.integer(r);
}
constexpr actors::builtin_function timer_table[] = {
    {"sleep", 1, bif<sleep_1>}, {"send_after", 2, bif<send_after_2>}, {"send_after", 3, bif<send_after_3>}, {"cancel", 1, bif<cancel_1>},
    {"seconds", 1, bif<times<1000>>}, {"minutes", 1, bif<times<60000>>}, {"hours", 1, bif<times<3600000>>},
};
constexpr actors::builtin_function process_table[] = {{"sleep", 1, bif<sleep_1>}};

// ---- inet
term gethostname_0(call& c) {
  char name[256] = "";
  ::gethostname(name, sizeof name - 1);
  const std::string_view host = name;
  return c.tuple(ok(), c.text(host.substr(0, host.find('.'))));
}
constexpr actors::builtin_function inet_table[] = {{"gethostname", 0, bif<gethostname_0>}};

// erl_call -e. Nothing here reads Erlang's syntax of functions.
term eval_str_1(call& c) {
  return c.tuple(atom("error"), c.text("this node is written in C++ and evaluates no Erlang; call a function: erl_call -a 'Mod Fun [Args]'"));
}
constexpr builtin erl_eval_table[] = {{"eval_str", 1, bif<eval_str_1>}};

}  // namespace

void add_os_functions(actors::code_server& code) {
  code.add_builtin("erl_eval", erl_eval_table);
  code.add_builtin("init", init_table);
  code.add_builtin("os", os_table);
  code.add_builtin("timer", timer_table);
  code.add_builtin("Elixir.Process", process_table);
  code.add_builtin("inet", inet_table);
}

}  // namespace cnode::services
