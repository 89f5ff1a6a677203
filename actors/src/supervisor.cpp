// The callback module `supervisor`: init, handle_call, handle_cast, handle_info, terminate, code_change.
#include <algorithm>

#include <cnode/actors/gen.hpp>
#include <cnode/actors/reports.hpp>
#include <cnode/actors/supervisor.hpp>
#include <cnode/protocol/term_order.hpp>

#include "builtin_calls.hpp"
#include "code/native_objects.hpp"
#include "otp_atoms.hpp"
#include "supervisor_state.hpp"

namespace cnode::actors {

bool supervision_flags::is_simple() const { return strategy.same(names().simple_one_for_one); }

child* supervisor_state::find(term id) {
  for (auto& c : children)
    if (exactly_equal(c.id.get(), id)) return &c;
  return nullptr;
}

child* supervisor_state::find_by_pid(term pid) {
  for (auto& c : children)
    if (c.state == child::running::yes && exactly_equal(c.pid.get(), pid)) return &c;
  return nullptr;
}

namespace {

cnode_term state_to_term(cnode_env* env, const void* object) {
  return state_record(heap_of(env), *static_cast<const supervisor_state*>(object)).word();
}
void destroy_state(void* object) { delete static_cast<supervisor_state*>(object); }
const cnode_native_ops state_ops = {"supervisor", state_to_term, destroy_state, 0};

}  // namespace

supervisor_state* supervisor_of(term t) {
  const cnode_native_ops* ops = nullptr;
  void* object = t.is_native() ? native_object_of(t, &ops) : nullptr;
  return ops == &state_ops ? static_cast<supervisor_state*>(object) : nullptr;
}

term make_supervisor_state(cnode_env* env, std::unique_ptr<supervisor_state> s) {
  return make_native_object(env, s.release(), &state_ops);
}

namespace {

task<term> init(call_context& cx, term arg) {
  const auto& n = names();
  if (!arg.is_tuple(3)) throw_error(n.function_clause);
  cx.self().set_trap_exit(true);
  auto s = std::make_unique<supervisor_state>();
  s->name = owned_term(arg[0].same(n.self) ? make_tuple_of(cx.heap(), cx.self().pid(), arg[1]) : arg[0]);
  s->module = arg[1];
  s->args = owned_term(arg[2]);
  const term r = co_await cx.call(arg[1], n.init, make_list_of(cx.heap(), arg[2]));
  auto& b = cx.heap();
  const auto stop = [&](term reason) { return make_tuple_of(b, n.stop, reason); };
  if (r.same(n.ignore)) co_return n.ignore;
  if (!r.is_tuple(2) || !r[0].same(n.ok) || !r[1].is_tuple(2))
    co_return stop(make_tuple_of(b, atom("bad_return"), make_tuple_of(b, arg[1], n.init, r)));
  if (const term error = set_flags(b, r[1][0], s->flags)) co_return stop(make_tuple_of(b, atom("supervisor_data"), error));
  const term specs = r[1][1];
  if (s->is_simple() && (!specs.is_cons() || !specs.tail().is_nil())) co_return stop(make_tuple_of(b, atom("bad_start_spec"), specs));
  if (const term error = check_start_spec(b, specs, s->flags.auto_shutdown, s->children))
    co_return stop(make_tuple_of(b, atom("start_spec"), error));
  if (!s->is_simple()) {
    const multiple_started started = co_await start_children(cx, *s, s->children);
    if (!started.ok) {
      co_await terminate_children(cx, *s, s->children);
      co_return stop(make_tuple_of(b, n.shutdown, started.reason));
    }
  }
  const auto after = s->flags.hibernate_after;
  const term state = make_supervisor_state(cx.env(), std::move(s));
  co_return after < 0 ? make_tuple_of(b, n.ok, state) : make_tuple_of(b, n.ok, state, small(after));
}

term count_children(block& b, const supervisor_state& s, runtime& node) {
  const auto& n = names();
  std::int64_t specs = 0, active = 0, supervisors = 0, workers = 0;
  if (s.is_simple()) {
    specs = 1;
    const auto size = static_cast<std::int64_t>(s.dynamic.size());
    (s.children.front().type.same(n.supervisor) ? supervisors : workers) = size;
    active = size - std::count_if(s.dynamic.begin(), s.dynamic.end(), [](const auto& e) { return e.second.restarting; });
  } else {
    for (const auto& c : s.children) {
      ++specs;
      // Of a child elsewhere the supervisor would have heard.
      const term pid = c.pid.get();
      if (c.state == child::running::yes && (!pid.is_local_pid() || node.alive(pid))) ++active;
      ++(c.type.same(n.supervisor) ? supervisors : workers);
    }
  }
  return make_list_of(b, make_tuple_of(b, atom("specs"), small(specs)), make_tuple_of(b, atom("active"), small(active)),
                      make_tuple_of(b, atom("supervisors"), small(supervisors)), make_tuple_of(b, atom("workers"), small(workers)));
}

// {which_child, Id}, of OTP 28
term which_child(block& b, supervisor_state& s, term id) {
  const auto& n = names();
  const child* c = s.is_simple() ? &s.children.front() : s.find(id);
  term pid = n.undefined, shown = n.undefined;
  if (s.is_simple()) {
    if (!id.is_pid()) return make_tuple_of(b, n.error, n.simple_one_for_one);
    const auto found = s.dynamic.find(id);
    if (found == s.dynamic.end()) return make_tuple_of(b, n.error, atom("not_found"));
    pid = found->second.restarting ? n.restarting : id;
  } else {
    if (!c) return make_tuple_of(b, n.error, atom("not_found"));
    shown = id;
    if (c->state == child::running::restarting) pid = n.restarting;
    if (c->state == child::running::yes) pid = copy(b, c->pid.get());
  }
  return make_tuple_of(b, n.ok, make_tuple_of(b, shown, pid, c->type, copy(b, c->modules.get())));
}

term which_children(block& b, const supervisor_state& s) {
  const auto& n = names();
  std::vector<term> list;
  if (s.is_simple()) {
    const auto& c = s.children.front();
    for (const auto* d : in_order(s))
      list.push_back(make_tuple_of(b, n.undefined, d->restarting ? n.restarting : copy(b, d->pid.get()), c.type, copy(b, c.modules.get())));
    return make_list(b, list.data(), list.size());
  }
  for (auto c = s.children.rbegin(); c != s.children.rend(); ++c) {
    const term pid = c->state == child::running::restarting ? n.restarting
                     : c->state == child::running::yes      ? copy(b, c->pid.get())
                                                            : n.undefined;
    list.push_back(make_tuple_of(b, copy(b, c->id.get()), pid, c->type, copy(b, c->modules.get())));
  }
  return make_list(b, list.data(), list.size());
}

// {start_child, Spec} for the strategies with named children
task<term> start_new_child(call_context& cx, supervisor_state& s, term spec) {
  const auto& n = names();
  auto& b = cx.heap();
  const auto error = [&](term what) { return make_tuple_of(b, n.error, what); };
  child c;
  if (const term wrong = check_child_spec(b, spec, s.flags.auto_shutdown, c)) co_return error(wrong);
  if (const child* there = s.find(c.id.get())) {
    if (there->state == child::running::yes) co_return error(make_tuple_of(b, n.already_started, copy(b, there->pid.get())));
    co_return error(atom("already_present"));
  }
  const started r = co_await start_child(cx, s, c);
  if (!r.ok) co_return error(make_tuple_of(b, r.error, child_record(b, c)));
  if (r.pid.is_pid() || !c.is(n.temporary)) {
    if (c.is(n.temporary)) {  // never restarted: its arguments need not be kept
      const term mfa = c.mfa.get();
      c.mfa = owned_term(make_tuple_of(b, mfa[0], mfa[1], n.undefined));
    }
    s.children.push_back(std::move(c));
  }
  co_return r.reply;
}

task<term> start_dynamic_child(call_context& cx, supervisor_state& s, term extra) {
  auto& b = cx.heap();
  const term mfa = copy(b, s.children.front().mfa.get());
  std::vector<term> args;
  for (term l = mfa[2]; l.is_cons(); l = l.tail()) args.push_back(l.head());
  term all = extra;
  for (auto i = args.rbegin(); i != args.rend(); ++i) all = make_cons(b, *i, all);
  const started r = co_await start_mfa(cx, mfa, all);
  if (r.ok && r.pid.is_pid()) s.keep(r.pid, all);
  co_return r.reply;
}

task<term> terminate_by_id(call_context& cx, supervisor_state& s, term id) {
  const auto& n = names();
  auto& b = cx.heap();
  if (s.is_simple()) {
    if (!id.is_pid()) co_return make_tuple_of(b, n.error, n.simple_one_for_one);
    const auto found = s.dynamic.find(id);
    if (found == s.dynamic.end()) {
      if (cx.self().node().alive(id)) co_return make_tuple_of(b, n.error, atom("not_found"));
      co_return n.ok;
    }
    child c = as_child(b, s, found->second);
    c.mfa = owned_term(s.children.front().mfa.get());  // supervisor:find_dynamic_child/2 leaves the template's
    co_await terminate_child(cx, s, c);
    s.dynamic.erase(id);
    co_return n.ok;
  }
  child* c = s.find(id);
  if (!c) co_return make_tuple_of(b, n.error, atom("not_found"));
  co_await terminate_child(cx, s, *c);
  delete_child(s, id);
  co_return n.ok;
}

task<term> answer(call_context& cx, supervisor_state& s, term request) {
  const auto& n = names();
  auto& b = cx.heap();
  const auto error = [&](term what) { return make_tuple_of(b, n.error, what); };
  if (request.same(n.which_children)) co_return which_children(b, s);
  if (request.same(n.count_children)) co_return count_children(b, s, cx.self().node());
  if (!request.is_tuple(2)) throw_error(n.function_clause);
  const term what = request[0], id = request[1];
  if (what.same(n.start_child)) {
    if (s.is_simple()) co_return co_await start_dynamic_child(cx, s, id);
    co_return co_await start_new_child(cx, s, id);
  }
  if (what.same(n.terminate_child)) co_return co_await terminate_by_id(cx, s, id);
  if (what.same(atom("which_child"))) co_return which_child(b, s, id);
  child* c = s.find(id);
  // Of a pid that lives nowhere nobody knows whose child it was.
  if (s.is_simple() && id.is_pid()) c = s.dynamic.contains(id) || !cx.self().node().alive(id) ? &s.children.front() : nullptr;
  if (what.same(n.get_childspec)) co_return c ? make_tuple_of(b, n.ok, child_to_spec(b, *c)) : error(atom("not_found"));
  if (!what.same(n.restart_child) && !what.same(n.delete_child)) throw_error(n.function_clause);
  if (s.is_simple()) co_return error(n.simple_one_for_one);
  if (!c) co_return error(atom("not_found"));
  if (c->state == child::running::restarting) co_return error(n.restarting);
  if (c->state == child::running::yes) co_return error(n.running);
  if (what.same(n.restart_child)) {
    const started r = co_await start_child(cx, s, *c);
    co_return r.reply;
  }
  std::erase_if(s.children, [id](const child& e) { return exactly_equal(e.id.get(), id); });
  co_return n.ok;
}

supervisor_state& state_of(term t) {
  auto* s = supervisor_of(t);
  if (!s) throw_error(names().function_clause);
  return *s;
}

// hibernate_after: a timeout after each message; what comes of it is handle_info(timeout).
task<term> handle_call(call_context& cx, term request, term state) {
  const term reply = co_await answer(cx, state_of(state), request);
  const auto after = state_of(state).flags.hibernate_after;
  auto& b = cx.heap();
  co_return after < 0 ? make_tuple_of(b, names().reply, reply, state) : make_tuple_of(b, names().reply, reply, state, small(after));
}

term go_on(block& b, bool stays, term state) {
  const auto& n = names();
  if (!stays) return make_tuple_of(b, n.stop, n.shutdown, state);
  const auto after = state_of(state).flags.hibernate_after;
  return after < 0 ? make_tuple_of(b, n.noreply, state) : make_tuple_of(b, n.noreply, state, small(after));
}

task<term> handle_cast(call_context& cx, term message, term state) {
  if (!message.is_tuple(2) || !message[0].same(names().try_again_restart)) throw_error(names().function_clause);
  const bool stays = co_await try_again(cx, state_of(state), message[1]);
  co_return go_on(cx.heap(), stays, state);
}

task<term> handle_info(call_context& cx, term message, term state) {
  bool stays = true;
  if (message.is_tuple(3) && message[0].same(names().EXIT)) {
    stays = co_await child_ended(cx, state_of(state), message[1], message[2]);
  } else if (message.same(names().timeout) && state_of(state).flags.hibernate_after >= 0) {
    co_return make_tuple_of(cx.heap(), names().noreply, state, names().hibernate);
  } else {
    reports::error_text(cx.self(), "Supervisor received unexpected message: ~tp~n", make_list_of(cx.heap(), message), "supervisor",
                        "handle_info", 2);
  }
  co_return go_on(cx.heap(), stays, state);
}

task<term> terminate(call_context& cx, term state) {
  auto& s = state_of(state);
  if (s.is_simple()) co_await terminate_dynamic(cx, s);
  else co_await terminate_children(cx, s, s.children);
  co_return names().ok;
}

// The callback module says anew what it wants; children keep running, their specifications change.
task<term> code_change(call_context& cx, term state) {
  const auto& n = names();
  auto& s = state_of(state);
  const term r = co_await cx.call(s.module, n.init, make_list_of(cx.heap(), copy(cx.heap(), s.args.get())));
  auto& b = cx.heap();
  const auto error = [&](term what) { return make_tuple_of(b, n.error, what); };
  if (r.same(n.ignore)) co_return make_tuple_of(b, n.ok, state);
  if (!r.is_tuple(2) || !r[0].same(n.ok) || !r[1].is_tuple(2)) co_return r;
  supervision_flags flags;  // ours change when all is in order
  if (const term wrong = set_flags(b, r[1][0], flags)) {
    if (wrong.is_tuple(2) && wrong[0].same(atom("invalid_type"))) co_return error(make_tuple_of(b, atom("bad_flags"), r[1][0]));
    co_return error(wrong);
  }
  std::vector<child> list;
  if (const term wrong = check_start_spec(b, r[1][1], flags.auto_shutdown, list)) co_return error(wrong);
  if (flags.is_simple() && list.size() != 1) co_return error(make_tuple_of(b, n.ok, children_pair(b, list, false)));
  // supervisor:update_childspec1/3: children no longer named are kept, after the others.
  if (!flags.is_simple())
    for (std::size_t i = 0, named = list.size(); i < s.children.size(); ++i) {
      auto& old = s.children[i];
      const auto end = list.begin() + static_cast<std::ptrdiff_t>(named);
      const auto now = std::find_if(list.begin(), end, [&](const child& c) { return exactly_equal(c.id.get(), old.id.get()); });
      if (now == end) {
        list.push_back(std::move(old));
      } else {
        now->pid = std::move(old.pid);
        now->state = old.state;
      }
    }
  s.children = std::move(list);
  s.flags = flags;
  co_return make_tuple_of(b, n.ok, state);
}

// The callback module of the supervisors that C++ code starts: its argument is the answer.
term own_init(cnode_env*, term answer) { return answer; }

}  // namespace

void add_supervisor_callbacks(code_server& code) {
  static constexpr builtin_function callbacks[] = {
      {"init", 1, waiting<init>},
      {"handle_call", 3, waiting<handle_call, 0, 2>},
      {"handle_cast", 2, waiting<handle_cast>},
      {"handle_info", 2, waiting<handle_info>},
      {"terminate", 2, waiting<terminate, 1>},
      {"code_change", 3, waiting<code_change, 1>},
  };
  code.add_builtin("supervisor", callbacks);
  static constexpr builtin_function own[] = {{"init", 1, plain<own_init>}};
  code.add_builtin("cnode_sup", own);
}

term start_supervisor(runtime& node, term name, const std::vector<child_spec>& children, const supervisor_flags& flags) {
  const auto& n = names();
  auto b = block::make(256);
  std::vector<term> specs;
  for (const auto& c : children) {
    const term keys[] = {n.id, n.start, n.restart, n.shutdown, n.type, n.modules};
    const term values[] = {c.id, make_tuple_of(*b, c.module, c.function, c.args), c.restart ? c.restart : n.permanent,
                           c.shutdown ? c.shutdown : c.supervisor ? n.infinity : small(5000), c.supervisor ? n.supervisor : n.worker,
                           make_list_of(*b, c.callback ? c.callback : c.module)};
    specs.push_back(make_map(*b, keys, values, 6));
  }
  const term keys[] = {n.strategy, n.intensity, n.period};
  const term values[] = {flags.strategy ? flags.strategy : n.one_for_one, make_integer(*b, flags.intensity),
                         make_integer(*b, flags.period)};
  const term answer = make_tuple_of(*b, n.ok, make_tuple_of(*b, make_map(*b, keys, values, 3), make_list(*b, specs.data(), specs.size())));
  gen::server_start start;
  start.name = make_tuple_of(*b, n.local, name);
  start.module = n.supervisor;
  start.args = make_tuple_of(*b, start.name, atom("cnode_sup"), answer);
  return gen::spawn_server(node, start);
}

}  // namespace cnode::actors
