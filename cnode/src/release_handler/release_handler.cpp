// What users call: release_handler:F(...) asks the process, and release_handler_1's own functions.
#include "release_handler.hpp"

#include <filesystem>
#include <map>
#include <mutex>
#include <shared_mutex>

#include <cnode/actors/supervisor.hpp>

#include "handler.hpp"
#include "services/modules.hpp"
#include "services/spawn.hpp"

namespace cnode::release_handler {

using release::is;
using services::call;
using services::owned;

namespace {

struct option_table {
  std::shared_mutex lock;
  std::map<const actors::runtime*, options> nodes;
};
option_table& table() {
  static option_table t;
  return t;
}

// gen_server:call(release_handler, Request, infinity)
term ask(call& c, term request) {
  return services::tail_call(c, atom("gen_server"), atom("call"), c.list(atom("release_handler"), request, atom("infinity")));
}

term illegal(call& c, term option) { return c.tuple(atom("error"), c.tuple(atom("illegal_option"), option)); }

bool is_timeout(term t) { return is(t, "infinity") || (t.is_small() && t.small() > 0); }
bool is_install_option(term o) {
  if (!o.is_tuple(2)) return false;
  if (is(o[0], "code_change_timeout") || is(o[0], "suspend_timeout")) return is_timeout(o[1]);
  return is(o[0], "update_paths") && (is(o[1], "true") || is(o[1], "false"));
}

term which_releases_0(call& c) { return ask(c, atom("which_releases")); }

routine<term> with_status(talk& t, owned status) {
  session s(t, {});
  const term args = s.list(atom("release_handler"), atom("which_releases"), atom("infinity"));
  const auto a = co_await s.apply("gen_server", "call", args);
  if (!a.value) throw services::raised_in_routine{a.error_class, owned(a.reason)};
  // get_releases_with_status/3 turns the order round.
  term out = nil;
  auto& b = t.heap();
  for (const term r : release::elements(a.value))
    if (r.is_tuple(4) && r[3].same(status.get())) out = make_cons(b, copy(b, r), out);
  co_return out;
}
term which_releases_1(call& c) {
  const owned status(c[0]);
  return services::run_routine(c, [&](talk& t) { return with_status(t, status); });
}

template <const auto& Word, std::size_t Arity>
term request(call& c) {
  term e[Arity + 1];
  e[0] = atom(Word);
  for (std::size_t i = 0; i < Arity; ++i) e[i + 1] = c[i];
  return ask(c, make_tuple(c.heap(), e, Arity + 1));
}
constexpr char unpack_word[] = "unpack_release", permanent_word[] = "make_permanent", reboot_word[] = "reboot_old_release",
               remove_word[] = "remove_release", unpacked_word[] = "set_unpacked", removed_word[] = "set_removed";

term check_install(call& c, term list) {
  bool purge = false;
  for (const term o : release::elements(list)) {
    if (!is(o, "purge")) return illegal(c, o);
    purge = true;
  }
  return ask(c, c.tuple(atom("check_install_release"), c[0], services::boolean(purge)));
}
term check_install_release_1(call& c) { return check_install(c, nil); }
term check_install_release_2(call& c) { return check_install(c, c[1]); }

term install(call& c, term list) {
  term action = atom("restart");
  std::vector<term> rest;
  for (const term o : release::elements(list)) {
    if (o.is_tuple(2) && is(o[0], "error_action") && (is(o[1], "restart") || is(o[1], "reboot"))) action = o[1];
    else if (is_install_option(o)) rest.insert(rest.begin(), o);
    else return illegal(c, o);
  }
  return ask(c, c.tuple(atom("install_release"), c[0], action, make_list(c.heap(), rest.data(), rest.size())));
}
term install_release_1(call& c) { return install(c, nil); }
term install_release_2(call& c) { return install(c, c[1]); }
term install_file_2(call& c) { return c[1].is_list() ? ask(c, c.tuple(atom("install_file"), c[1], c[0])) : c.function_clause(); }

// Work in the process that calls. A failure becomes {error, Reason}.
template <class Work>
routine<term> work_here(talk& t, Work work) {
  session s(t, root_of(t.node()));
  term out;
  try {
    out = co_await work(s);
  } catch (const failure& f) {
    out = s.tuple(atom("error"), f.reason);
  }
  co_return copy(t.heap(), out);
}
// A failure is thrown.
template <class Work>
routine<term> throwing_work_here(talk& t, Work work) {
  session s(t, root_of(t.node()));
  term out;
  owned thrown;
  try {
    out = co_await work(s);
  } catch (const failure& f) {
    thrown = owned(f.reason);
  }
  if (!out) throw services::raised_in_routine{atom("throw"), thrown};
  co_return copy(t.heap(), out);
}

using arguments = std::vector<owned>;
arguments kept(call& c, std::size_t n) {
  arguments out;
  for (std::size_t i = 0; i < n; ++i) out.emplace_back(c[i]);
  return out;
}

template <class F>
term here(call& c, std::size_t n, F f) {
  const auto a = kept(c, n);
  return services::run_routine(c, [&](talk& t) { return work_here(t, [a, f](session& s) { return f(s, a); }); });
}
template <class F>
term here_or_throw(call& c, std::size_t n, F f) {
  const auto a = kept(c, n);
  return services::run_routine(c, [&](talk& t) { return throwing_work_here(t, [a, f](session& s) { return f(s, a); }); });
}

term upgrade_app_2(call& c) {
  return here(c, 2, [](session& s, const arguments& a) { return upgrade_app(s, s.keep(a[0].get()), s.keep(a[1].get())); });
}
term downgrade_app_2(call& c) {
  // .../App-Vsn
  std::string dir;
  const auto bad = [&] { return c.tuple(atom("error"), c.tuple(atom("unknown_version"), c[0])); };
  if (!services::to_string(c[1], dir)) return bad();
  const auto name = std::filesystem::path(dir).filename().string();
  const auto dash = name.find('-');
  if (dash == name.npos || dash == 0 || dash + 1 == name.size() || name.find('-', dash + 1) != name.npos) return bad();
  const std::string vsn = name.substr(dash + 1);
  return here(c, 2, [vsn](session& s, const arguments& a) { return downgrade_app(s, s.keep(a[0].get()), s.text(vsn), s.keep(a[1].get())); });
}
term downgrade_app_3(call& c) {
  return here(c, 3, [](session& s, const arguments& a) { return downgrade_app(s, s.keep(a[0].get()), s.keep(a[1].get()), s.keep(a[2].get())); });
}
term upgrade_script_2(call& c) {
  return here_or_throw(c, 2, [](session& s, const arguments& a) { return upgrade_script(s, s.keep(a[0].get()), s.keep(a[1].get())); });
}
term downgrade_script_3(call& c) {
  return here_or_throw(c, 3, [](session& s, const arguments& a) { return downgrade_script(s, s.keep(a[0].get()), s.keep(a[1].get()), s.keep(a[2].get())); });
}
term eval_appup_script_4(call& c) {
  return here_or_throw(c, 4, [](session& s, const arguments& a) {
    return eval_appup_script(s, s.keep(a[0].get()), s.keep(a[1].get()), s.keep(a[2].get()), s.keep(a[3].get()));
  });
}

routine<term> create(session& s, term root, term dir, term rel, term libs) {
  const auto base = release::text_of(root);
  create_releases(s, base, dir ? release::text_of(dir) : base + "/releases", release::text_of(rel), libs);
  co_return atom("ok");
}
term create_releases_1(call& c) {
  return here(c, 1, [](session& s, const arguments& a) {
    const auto e = release::elements(s.keep(a[0].get()));
    if (e.size() < 2) throw services::raised_in_routine{atom("error"), owned(atom("function_clause"))};
    return create(s, e[0], {}, e[1], release::list_of(s.heap(), terms(e.begin() + 2, e.end())));
  });
}
term create_releases_2(call& c) {
  return here(c, 2, [](session& s, const arguments& a) { return create(s, s.keep(a[0].get()), {}, s.keep(a[1].get()), nil); });
}
term create_releases_3(call& c) {
  return here(c, 3, [](session& s, const arguments& a) { return create(s, nil, s.keep(a[0].get()), s.keep(a[1].get()), s.keep(a[2].get())); });
}
term create_releases_4(call& c) {
  return here(c, 4, [](session& s, const arguments& a) { return create(s, s.keep(a[0].get()), s.keep(a[1].get()), s.keep(a[2].get()), s.keep(a[3].get())); });
}

term start_link_0(call& c) {
  const term name = c.tuple(atom("local"), atom("release_handler"));
  return services::tail_call(c, atom("gen_server"), atom("start_link"), c.list(name, atom("release_handler"), nil, nil));
}

// ---- release_handler_1

routine<term> procs(session& s) {
  const auto all = co_await supervised_processes(s);
  terms out;
  for (const auto& p : all) out.push_back(p.to_term(s.heap()));
  co_return release::list_of(s.heap(), out);
}
term get_supervised_procs_0(call& c) {
  return here_or_throw(c, 0, [](session& s, const arguments&) { return procs(s); });
}
routine<term> evaluate(session& s, term script, term all, term fresh) {
  evaluator e(s, libraries_of(all), libraries_of(fresh), {});
  const auto r = co_await e.run(release::elements(script));
  co_return evaluation_term(s.heap(), r);
}
term eval_script_1(call& c) {
  return here(c, 1, [](session& s, const arguments& a) { return evaluate(s, s.keep(a[0].get()), nil, nil); });
}
term eval_script_5(call& c) {
  return here(c, 5, [](session& s, const arguments& a) { return evaluate(s, s.keep(a[0].get()), s.keep(a[2].get()), s.keep(a[3].get())); });
}
routine<term> check(session& s, term script, term all) {
  evaluator e(s, libraries_of(all), {}, {});
  const term out = co_await e.check(release::elements(script));
  co_return out;
}
term check_script_2(call& c) {
  return here(c, 2, [](session& s, const arguments& a) { return check(s, s.keep(a[0].get()), s.keep(a[1].get())); });
}
term get_current_vsn_1(call& c) {
  if (!c[0].is_atom()) return c.badarg();
  return actors::vsn_of(c.heap(), actors::hold_current(c.node().code(), c[0]));
}

// supervisor:get_callback_module/1
routine<term> callback_module(talk& t, owned supervisor) {
  session s(t, {});
  const term args = s.list(supervisor.get());
  const auto a = co_await s.apply("sys", "get_status", args);
  if (!a.value) throw services::raised_in_routine{a.error_class, owned(a.reason)};
  if (const term module = callback_of_status(a.value)) co_return module;
  throw services::raised_in_routine{atom("error"), owned(s.tuple(atom("badmatch"), a.value))};
}
term get_callback_module_1(call& c) {
  const owned supervisor(c[0]);
  return services::run_routine(c, [&](talk& t) { return callback_module(t, supervisor); });
}

}  // namespace

const options* options_of(const actors::runtime& node) {
  auto& t = table();
  std::shared_lock guard(t.lock);
  const auto i = t.nodes.find(&node);
  return i == t.nodes.end() ? nullptr : &i->second;
}

std::string root_of(const actors::runtime& node) {
  if (const auto* o = options_of(node)) return o->root;
  std::error_code error;
  return std::filesystem::current_path(error).string();
}

void add_builtins(actors::runtime& node) {
  using services::bif;
  static constexpr services::builtin functions[] = {
      {"which_releases", 0, bif<which_releases_0>}, {"which_releases", 1, bif<which_releases_1>}, {"unpack_release", 1, bif<request<unpack_word, 1>>},
      {"check_install_release", 1, bif<check_install_release_1>}, {"check_install_release", 2, bif<check_install_release_2>},
      {"install_release", 1, bif<install_release_1>}, {"install_release", 2, bif<install_release_2>},
      {"make_permanent", 1, bif<request<permanent_word, 1>>}, {"reboot_old_release", 1, bif<request<reboot_word, 1>>},
      {"remove_release", 1, bif<request<remove_word, 1>>}, {"set_unpacked", 2, bif<request<unpacked_word, 2>>},
      {"set_removed", 1, bif<request<removed_word, 1>>}, {"install_file", 2, bif<install_file_2>}, {"upgrade_app", 2, bif<upgrade_app_2>},
      {"downgrade_app", 2, bif<downgrade_app_2>}, {"downgrade_app", 3, bif<downgrade_app_3>}, {"upgrade_script", 2, bif<upgrade_script_2>},
      {"downgrade_script", 3, bif<downgrade_script_3>}, {"eval_appup_script", 4, bif<eval_appup_script_4>},
      {"create_RELEASES", 1, bif<create_releases_1>}, {"create_RELEASES", 2, bif<create_releases_2>}, {"create_RELEASES", 3, bif<create_releases_3>},
      {"create_RELEASES", 4, bif<create_releases_4>}, {"start_link", 0, bif<start_link_0>},
  };
  static constexpr services::builtin functions_1[] = {
      {"get_supervised_procs", 0, bif<get_supervised_procs_0>}, {"eval_script", 1, bif<eval_script_1>}, {"eval_script", 5, bif<eval_script_5>},
      {"check_script", 2, bif<check_script_2>}, {"get_current_vsn", 1, bif<get_current_vsn_1>},
  };
  static constexpr services::builtin supervisor_functions[] = {{"get_callback_module", 1, bif<get_callback_module_1>}};
  auto& code = node.code();
  code.add_builtin("release_handler", functions);
  code.add_builtin("release_handler_1", functions_1);
  code.add_builtin("supervisor", supervisor_functions);
  add_handler_callbacks(code);
}

void start(actors::runtime& node, options o) {
  {
    auto& t = table();
    std::unique_lock guard(t.lock);
    t.nodes[&node] = std::move(o);
  }
  actors::child_spec child;
  child.id = atom("release_handler");
  child.module = atom("release_handler");
  child.function = atom("start_link");
  child.args = nil;
  child.shutdown = small(2000);
  actors::start_supervisor(node, atom("sasl_safe_sup"), {child}, {.strategy = {}, .intensity = 4, .period = 3600});
}

void forget(const actors::runtime& node) {
  auto& t = table();
  std::unique_lock guard(t.lock);
  t.nodes.erase(&node);
}

}  // namespace cnode::release_handler
