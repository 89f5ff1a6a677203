// The callback module `Elixir.DynamicSupervisor` under gen_server: read it next to Elixir's dynamic_supervisor.ex. It is Task.Supervisor's
// as well: {start_task, Args, Restart, Shutdown} starts Task.Supervised.
#include <algorithm>
#include <chrono>

#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>

#include "builtin_calls.hpp"
#include "code/native_objects.hpp"
#include "dynamic_supervisor.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

namespace {

// A child by its pid; {{M, F, Args}, Restart, Shutdown, Type, Modules} in the state's map.
struct dynamic {
  owned_term pid;
  owned_term mfa;  // without the extra arguments; of a temporary child {M, F, undefined}
  term restart, shutdown, type;
  owned_term modules;
  bool restarting = false;
};

struct dynamic_state {
  owned_term name;
  term module;
  owned_term args;
  owned_term extra_arguments{nil};
  std::int64_t max_children = -1;  // -1: infinity
  std::int64_t max_restarts = 1;
  std::int64_t max_seconds = 5;
  std::vector<std::int64_t> restarts;
  term_map<dynamic> children;
};

term child_tuple(block& b, const dynamic& d) {
  const term t = make_tuple_of(b, copy(b, d.mfa.get()), d.restart, d.shutdown, d.type, copy(b, d.modules.get()));
  return d.restarting ? make_tuple_of(b, names().restarting, t) : t;
}

// By pid, as Elixir's maps of up to 32 keys have them.
std::vector<dynamic*> in_order(dynamic_state& s) {
  std::vector<dynamic*> list;
  for (auto& [pid, d] : s.children) list.push_back(&d);
  std::sort(list.begin(), list.end(), [](const dynamic* x, const dynamic* y) { return compare(x->pid.get(), y->pid.get()) < 0; });
  return list;
}

// %DynamicSupervisor{}
term state_struct(block& b, const dynamic_state& s) {
  std::vector<term> pids, children, restarts;
  for (const auto& [pid, d] : s.children) {
    pids.push_back(copy(b, pid));
    children.push_back(child_tuple(b, d));
  }
  for (const auto r : s.restarts) restarts.push_back(make_integer(b, r));
  const term keys[] = {atom("__struct__"),   atom("args"),        atom("children"), atom("extra_arguments"), atom("max_children"),
                       atom("max_restarts"), atom("max_seconds"), atom("mod"),      atom("name"),            atom("restarts"),
                       names().strategy};
  const term values[] = {atom("Elixir.DynamicSupervisor"),
                         copy(b, s.args.get()),
                         make_map(b, pids.data(), children.data(), pids.size()),
                         copy(b, s.extra_arguments.get()),
                         s.max_children < 0 ? names().infinity : make_integer(b, s.max_children),
                         make_integer(b, s.max_restarts),
                         make_integer(b, s.max_seconds),
                         s.module,
                         copy(b, s.name.get()),
                         make_list(b, restarts.data(), restarts.size()),
                         names().one_for_one};
  return make_map(b, keys, values, std::size(keys));
}

cnode_term state_to_term(cnode_env* env, const void* object) {
  return state_struct(heap_of(env), *static_cast<const dynamic_state*>(object)).word();
}
void destroy_state(void* object) { delete static_cast<dynamic_state*>(object); }
const cnode_native_ops state_ops = {"Elixir.DynamicSupervisor", state_to_term, destroy_state, 0};

dynamic_state& state_of(term t) {
  const cnode_native_ops* ops = nullptr;
  void* object = t.is_native() ? native_object_of(t, &ops) : nullptr;
  if (ops != &state_ops) throw_error(names().function_clause);
  return *static_cast<dynamic_state*>(object);
}

term pair(block& b, const char* what, term value) { return make_tuple_of(b, atom(what), value); }
bool is_natural(term t) { return t.is_small() && t.small() >= 0; }
bool is_nothing(term t) { return t.same(names().nil_) || t.same(names().false_); }

// DynamicSupervisor.init/2: none when the flags are in order and have been taken, else what is wrong.
term take_flags(block& b, term flags, dynamic_state& s) {
  const auto& n = names();
  const auto get = [flags](term key, term otherwise) {
    const term t = map_get(flags, key);
    return t ? t : otherwise;
  };
  const term strategy = get(n.strategy, n.one_for_one), restarts = get(n.intensity, small(1)), seconds = get(n.period, small(5)),
             most = get(atom("max_children"), n.infinity), extra = get(atom("extra_arguments"), nil);
  if (!strategy.same(n.one_for_one)) return pair(b, "invalid_strategy", strategy);
  if (!is_natural(restarts)) return pair(b, "invalid_intensity", restarts);
  if (!is_natural(seconds) || seconds.small() == 0) return pair(b, "invalid_period", seconds);
  if (!is_natural(most) && !most.same(n.infinity)) return pair(b, "invalid_max_children", most);
  if (list_length(extra) < 0) return pair(b, "invalid_extra_arguments", extra);
  if (const term how = get(n.auto_shutdown, n.never); !how.same(n.never)) return pair(b, "invalid_auto_shutdown", how);
  s.max_restarts = restarts.small();
  s.max_seconds = seconds.small();
  s.max_children = most.same(n.infinity) ? -1 : most.small();
  s.extra_arguments = owned_term(extra);
  return {};
}

task<term> init(call_context& cx, term arg) {
  const auto& n = names();
  auto& b = cx.heap();
  auto& self = cx.self();
  if (arg.is_list()) co_return dynamic_supervisor_flags(b, arg);
  if (!arg.is_tuple(3)) throw_error(n.function_clause);
  const term module = arg[0], name = arg[2];
  self.dictionary_put(n.initial_call, make_tuple_of(b, n.supervisor, module, small(1)), b);
  self.set_trap_exit(true);
  auto s = std::make_unique<dynamic_state>();
  s->module = module;
  s->args = owned_term(arg[1]);
  s->name = owned_term(name.same(n.nil_)    ? make_tuple_of(b, self.pid(), module)
                       : name.is_atom() ? make_tuple_of(b, n.local, name)
                                        : name);
  const term r = co_await cx.call(module, n.init, make_list_of(b, arg[1]));
  if (r.same(n.ignore)) co_return n.ignore;
  if (!r.is_tuple(2) || !r[0].same(n.ok) || !r[1].is_map())
    co_return make_tuple_of(b, n.stop, make_tuple_of(b, atom("bad_return"), make_tuple_of(b, module, n.init, r)));
  if (const term wrong = take_flags(b, r[1], *s)) co_return make_tuple_of(b, n.stop, pair(b, "supervisor_data", wrong));
  co_return make_tuple_of(b, n.ok, make_native_object(cx.env(), s.release(), &state_ops));
}

// ---- reports

void report_error(call_context& cx, const dynamic_state& s, term context, term reason, term pid, const dynamic& d) {
  const auto& n = names();
  auto& b = cx.heap();
  const term mfa = copy(b, d.mfa.get());
  std::vector<term> extra;
  for (term l = s.extra_arguments.get(); l.is_cons(); l = l.tail()) extra.push_back(copy(b, l.head()));
  term args = mfa[2];
  for (auto i = extra.rbegin(); i != extra.rend(); ++i) args = make_cons(b, *i, args);
  const term child = make_list_of(b, make_tuple_of(b, n.pid, pid), make_tuple_of(b, n.id, n.undefined),
                                  pair(b, "mfargs", make_tuple_of(b, mfa[0], mfa[1], args)), pair(b, "restart_type", d.restart),
                                  make_tuple_of(b, n.shutdown, d.shutdown), pair(b, "child_type", d.type));
  reports::supervisor_error(cx.self(), s.name.get(), context, reason, child);
}

// ---- starting

struct started {
  term pid;    // none: it did not start
  term reply;  // {ok, Pid} | {ok, Pid, Extra} | ignore | {error, E}
};

// DynamicSupervisor.start_child/3, with the extra arguments before the child's own
task<started> start(call_context& cx, const dynamic_state& s, term mfa) {
  const auto& n = names();
  auto& b = cx.heap();
  std::vector<term> args;
  for (term l = s.extra_arguments.get(); l.is_cons(); l = l.tail()) args.push_back(copy(b, l.head()));
  for (term l = mfa[2]; l.is_cons(); l = l.tail()) args.push_back(l.head());
  const outcome out = co_await cx.apply(mfa[0], mfa[1], make_list(b, args.data(), args.size()));
  const auto failed = [&](term reason) { return started{{}, make_tuple_of(b, n.error, reason)}; };
  if (out.kind == outcome::raised) {
    if (out.error_class.same(n.exit)) co_return failed(out.reason);
    const term reason = out.error_class.same(n.error) ? out.reason : make_tuple_of(b, n.nocatch, out.reason);
    co_return failed(make_tuple_of(b, reason, out.stacktrace ? out.stacktrace : nil));
  }
  const term r = out.result;
  if ((r.is_tuple(2) || r.is_tuple(3)) && r[0].same(n.ok) && r[1].is_pid()) co_return started{r[1], r};
  if (r.same(n.ignore) || (r.is_tuple(2) && r[0].same(n.error))) co_return started{{}, r};
  co_return failed(r);
}

void save(dynamic_state& s, dynamic d) {
  const term key = d.pid.get();
  s.children.erase(key);
  s.children.emplace(key, std::move(d));
}

// {start_child, {{M, F, Args}, Restart, Shutdown, Type, Modules}}
task<term> start_child(call_context& cx, dynamic_state& s, term child) {
  const auto& n = names();
  auto& b = cx.heap();
  if (!child.is_tuple(5)) throw_error(n.function_clause);
  if (const term wrong = wrong_in_dynamic_child(b, child)) co_return make_tuple_of(b, n.error, wrong);
  if (s.max_children >= 0 && static_cast<std::int64_t>(s.children.size()) >= s.max_children)
    co_return make_tuple_of(b, n.error, atom("max_children"));
  const term mfa = child[0];
  const started r = co_await start(cx, s, mfa);
  if (!r.pid) co_return r.reply;
  dynamic d;
  d.pid = owned_term(r.pid);
  // Never started again: its arguments need not be kept.
  d.mfa = owned_term(child[1].same(n.temporary) ? make_tuple_of(b, mfa[0], mfa[1], n.undefined) : mfa);
  d.restart = child[1];
  d.shutdown = child[2];
  d.type = child[3];
  d.modules = owned_term(child[4]);
  save(s, std::move(d));
  co_return r.reply;
}

// {start_task, Args, Restart, Shutdown}
task<term> start_task(call_context& cx, dynamic_state& s, term request) {
  const auto& n = names();
  auto& b = cx.heap();
  const term defaults = cx.self().dictionary_get(atom("Elixir.Task.Supervisor"));
  if (!defaults || !defaults.is_tuple(2)) throw_error(make_tuple_of(b, atom("badmatch"), n.nil_));
  term restart = request[2], shutdown = request[3];
  // Since Elixir 1.18 a temporary task gets its function in a message; who did not name the restart type is told of another one.
  const bool two_steps = list_length(request[1]) == 2;
  if (two_steps && restart.same(n.nil_) && !defaults[0].same(n.temporary)) co_return make_tuple_of(b, n.restart, defaults[0]);
  if (is_nothing(restart)) restart = defaults[0];
  if (is_nothing(shutdown)) shutdown = copy(b, defaults[1]);
  const term supervised = atom("Elixir.Task.Supervised");
  co_return co_await start_child(cx, s, make_tuple_of(b, make_tuple_of(b, supervised, atom("start_link"), request[1]), restart, shutdown,
                                                      n.worker, make_list_of(b, supervised)));
}

// ---- ending

// DynamicSupervisor.terminate_children/2: all are told, each has its own time, those that take longer are killed.
task<void> terminate_children(call_context& cx, dynamic_state& s, std::vector<dynamic*> list) {
  const auto& n = names();
  auto& self = cx.self();
  using clock_time = std::decay_t<decltype(self.node().now())>;
  struct waiting {
    const dynamic* child;
    term pid, ref;
    bool timed;
    clock_time until;
    bool open = true;
    term failure;
  };
  std::vector<waiting> all;
  all.reserve(list.size());
  term_map<std::size_t> by_ref;
  std::size_t open = 0;
  for (const dynamic* d : list) {
    if (d->restarting) continue;
    const term pid = copy(cx.heap(), d->pid.get()), ref = copy(cx.heap(), self.monitor(pid));
    self.unlink(pid);
    const auto is_exit = [pid](term m) { return m.is_tuple(3) && m[0].same(names().EXIT) && exactly_equal(m[1], pid); };
    if (const term m = co_await cx.receive(is_exit, 0)) {  // it had ended before
      self.demonitor(ref, true);
      if (!m[2].same(n.normal) || d->restart.same(n.permanent)) all.push_back({d, pid, ref, false, {}, false, m[2]});
      continue;
    }
    const bool timed = d->shutdown.is_small();
    self.exit_signal(pid, d->shutdown.same(n.brutal_kill) ? n.kill : n.shutdown);
    all.push_back({d, pid, ref, timed, timed ? self.node().now() + std::chrono::milliseconds(d->shutdown.small()) : clock_time{}, true, {}});
    by_ref.emplace(ref, all.size() - 1);
    ++open;
  }
  const auto is_down = [&by_ref](term m) { return m.is_tuple(5) && m[0].same(names().DOWN) && by_ref.contains(m[1]); };
  for (; open > 0;) {
    const waiting* next = nullptr;
    for (const auto& w : all)
      if (w.open && w.timed && (!next || w.until < next->until)) next = &w;
    std::int64_t left = -1;
    if (next) left = std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(next->until - self.node().now()).count());
    const term down = co_await cx.receive(is_down, left);
    if (!down) {
      const auto now = self.node().now();
      for (auto& w : all)
        if (w.open && w.timed && w.until <= now) {
          self.exit_signal(w.pid, n.kill);
          w.timed = false;
        }
      continue;
    }
    auto& w = all[by_ref.at(down[1])];
    w.open = false;
    --open;
    const term reason = down[4];
    const bool as_told = w.child->shutdown.same(n.brutal_kill)
                             ? reason.same(n.killed)
                             : reason.same(n.shutdown) || (reason.is_tuple(2) && reason[0].same(n.shutdown)) ||
                                   (reason.same(n.normal) && !w.child->restart.same(n.permanent));
    if (!as_told) w.failure = reason;
  }
  for (const auto& w : all)
    if (w.failure) report_error(cx, s, atom("shutdown_error"), w.failure, w.pid, *w.child);
}

// ---- restarting

bool may_restart(call_context& cx, dynamic_state& s) {
  const auto now = std::chrono::duration_cast<std::chrono::seconds>(cx.self().node().now().time_since_epoch()).count();
  s.restarts.insert(s.restarts.begin(), now);
  std::erase_if(s.restarts, [&](std::int64_t then) { return now > then + s.max_seconds; });
  return static_cast<std::int64_t>(s.restarts.size()) <= s.max_restarts;
}

// False: the supervisor has to end.
task<bool> restart_child(call_context& cx, dynamic_state& s, term pid) {
  const auto& n = names();
  auto& b = cx.heap();
  const auto found = s.children.find(pid);
  if (found == s.children.end()) co_return true;
  const term old_pid = copy(b, pid);
  if (!may_restart(cx, s)) {
    report_error(cx, s, n.shutdown, atom("reached_max_restart_intensity"), old_pid, found->second);
    s.children.erase(found);
    co_return false;
  }
  const term mfa = copy(b, found->second.mfa.get());
  const started r = co_await start(cx, s, mfa);
  auto& d = s.children.find(old_pid)->second;
  if (!r.pid && !r.reply.same(n.ignore)) {
    report_error(cx, s, atom("start_error"), r.reply[1], make_tuple_of(b, n.restarting, old_pid), d);
    d.restarting = true;
    cx.self().send(cx.self().pid(), make_tuple_of(b, atom("$gen_restart"), old_pid));
    co_return true;
  }
  dynamic again = std::move(d);
  s.children.erase(s.children.find(old_pid));
  if (r.pid) {
    again.pid = owned_term(r.pid);
    again.restarting = false;
    save(s, std::move(again));
  }
  co_return true;
}

task<bool> child_ended(call_context& cx, dynamic_state& s, term pid, term reason) {
  const auto& n = names();
  const auto found = s.children.find(pid);
  if (found == s.children.end() || found->second.restarting) co_return true;
  const auto& d = found->second;
  if (d.restart.same(n.permanent) || !is_shutdown(reason)) {
    report_error(cx, s, atom("child_terminated"), reason, pid, d);
    if (!d.restart.same(n.temporary)) co_return co_await restart_child(cx, s, pid);
  }
  s.children.erase(found);
  co_return true;
}

// ---- callbacks

term which_children(block& b, dynamic_state& s) {
  std::vector<term> list;
  for (const auto* d : in_order(s))
    list.push_back(make_tuple_of(b, names().undefined, d->restarting ? names().restarting : copy(b, d->pid.get()), d->type,
                                 copy(b, d->modules.get())));
  return make_list(b, list.data(), list.size());
}

term count_children(block& b, const dynamic_state& s) {
  const auto& n = names();
  std::int64_t active = 0, supervisors = 0, workers = 0;
  for (const auto& [pid, d] : s.children) {
    active += !d.restarting;
    ++(d.type.same(n.supervisor) ? supervisors : workers);
  }
  return make_list_of(b, pair(b, "specs", make_integer(b, static_cast<std::int64_t>(s.children.size()))),
                      pair(b, "active", make_integer(b, active)), pair(b, "supervisors", make_integer(b, supervisors)),
                      pair(b, "workers", make_integer(b, workers)));
}

task<term> answer(call_context& cx, dynamic_state& s, term request) {
  const auto& n = names();
  auto& b = cx.heap();
  if (request.same(n.which_children)) co_return which_children(b, s);
  if (request.same(n.count_children)) co_return count_children(b, s);
  if (request.is_tuple(4) && request[0].same(atom("start_task"))) co_return co_await start_task(cx, s, request);
  if (!request.is_tuple(2)) throw_error(n.function_clause);
  if (request[0].same(n.start_child)) co_return co_await start_child(cx, s, request[1]);
  if (!request[0].same(n.terminate_child)) throw_error(n.function_clause);
  const auto found = s.children.find(request[1]);
  if (found == s.children.end()) co_return make_tuple_of(b, n.error, atom("not_found"));
  std::vector<dynamic*> one;
  one.push_back(&found->second);
  co_await terminate_children(cx, s, std::move(one));
  s.children.erase(found);
  co_return n.ok;
}

task<term> handle_call(call_context& cx, term request, term state) {
  const term reply = co_await answer(cx, state_of(state), request);
  co_return make_tuple_of(cx.heap(), names().reply, reply, state);
}

task<term> handle_info(call_context& cx, term message, term state) {
  const auto& n = names();
  auto& s = state_of(state);
  bool stays = true;
  if (message.is_tuple(3) && message[0].same(n.EXIT)) {
    stays = co_await child_ended(cx, s, message[1], message[2]);
  } else if (message.is_tuple(2) && message[0].same(atom("$gen_restart"))) {
    const auto found = s.children.find(message[1]);
    if (found != s.children.end() && found->second.restarting) stays = co_await restart_child(cx, s, message[1]);
  } else {
    reports::error_text(cx.self(), "DynamicSupervisor received unexpected message: ~p~n", make_list_of(cx.heap(), message),
                        "Elixir.DynamicSupervisor", "handle_info", 2);
  }
  co_return stays ? make_tuple_of(cx.heap(), n.noreply, state) : make_tuple_of(cx.heap(), n.stop, n.shutdown, state);
}

task<term> terminate(call_context& cx, term state) {
  auto& s = state_of(state);
  co_await terminate_children(cx, s, in_order(s));
  co_return names().ok;
}

task<term> code_change(call_context& cx, term state) {
  const auto& n = names();
  auto& s = state_of(state);
  const term r = co_await cx.call(s.module, n.init, make_list_of(cx.heap(), copy(cx.heap(), s.args.get())));
  auto& b = cx.heap();
  if (r.same(n.ignore)) co_return make_tuple_of(b, n.ok, state);
  if (!r.is_tuple(2) || !r[0].same(n.ok) || !r[1].is_map()) co_return r;
  if (const term wrong = take_flags(b, r[1], s)) co_return make_tuple_of(b, n.error, pair(b, "supervisor_data", wrong));
  co_return make_tuple_of(b, n.ok, state);
}

term handle_cast(cnode_env* env, term state) { return make_tuple_of(heap_of(env), names().noreply, state); }
// As supervisor:format_status/2: release_handler asks who the callback module is. gen_server gives the state as a term.
term format_status(cnode_env* env, term why, term dictionary_and_state) {
  const auto& n = names();
  auto& b = heap_of(env);
  const bool both = dictionary_and_state.is_cons() && dictionary_and_state.tail().is_cons();
  const term state = both ? dictionary_and_state.tail().head() : nil;
  if (why.same(n.terminate)) return state;
  const term module = state.is_map() ? map_get(state, atom("mod")) : term{};
  const term shown = make_list_of(b, make_tuple_of(b, make_charlist(b, "State"), state));
  const term callback = make_list_of(b, make_tuple_of(b, make_charlist(b, "Callback"), module ? module : n.undefined));
  return make_list_of(b, make_tuple_of(b, n.data, shown), make_tuple_of(b, n.supervisor, callback));
}

}  // namespace

void add_dynamic_supervisor_callbacks(code_server& code) {
  static constexpr builtin_function callbacks[] = {
      {"init", 1, waiting<init>},
      {"handle_call", 3, waiting<handle_call, 0, 2>},
      {"handle_cast", 2, plain<handle_cast, 1>},
      {"handle_info", 2, waiting<handle_info>},
      {"terminate", 2, waiting<terminate, 1>},
      {"code_change", 3, waiting<code_change, 1>},
      {"format_status", 2, plain<format_status>},
  };
  code.add_builtin("Elixir.DynamicSupervisor", callbacks);
}

}  // namespace cnode::actors
