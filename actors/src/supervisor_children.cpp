// Starting, stopping and restarting children.
#include <algorithm>
#include <chrono>

#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>

#include "otp_atoms.hpp"
#include "supervisor_state.hpp"

namespace cnode::actors {

namespace {

void report_error(call_context& cx, const supervisor_state& s, term context, term reason, const child& c) {
  reports::supervisor_error(cx.self(), s.name.get(), context, reason, child_report(cx.heap(), c));
}

std::int64_t seconds(call_context& cx) {
  return std::chrono::duration_cast<std::chrono::seconds>(cx.self().node().now().time_since_epoch()).count();
}

// supervisor:add_restart/1. False: too many within the period.
bool may_restart(call_context& cx, supervisor_state& s) {
  const auto now = seconds(cx);
  std::erase_if(s.restarts, [&](std::int64_t at) { return at < now - s.flags.period; });
  s.restarts.insert(s.restarts.begin(), now);
  return static_cast<std::int64_t>(s.restarts.size()) <= s.flags.intensity;
}

bool is_quiet(term reason) {
  const auto& n = names();
  return reason.same(n.normal) || reason.same(n.shutdown) || (reason.is_tuple(2) && reason[0].same(n.shutdown));
}

void send_try_again(call_context& cx, term id) {
  auto& b = cx.heap();
  cx.self().send(cx.self().pid(), make_tuple_of(b, names().gen_cast, make_tuple_of(b, names().try_again_restart, id)));
}

// supervisor:unlink_flush/2: after unlink the 'EXIT' has come or never will; it knows the reason of one that was dead before we looked.
task<term> unlink_flush(call_context& cx, term pid, term reason) {
  cx.self().unlink(pid);
  const auto is_exit = [pid](term m) { return m.is_tuple(3) && m[0].same(names().EXIT) && exactly_equal(m[1], pid); };
  const term exit = co_await cx.receive(is_exit, 0);
  co_return exit ? exit[2] : reason;
}

bool ended_as_told(term reason, bool brutal, bool permanent) {
  const auto& n = names();
  return reason.same(brutal ? n.killed : n.shutdown) || (!permanent && is_quiet(reason));
}

// Ends a process that must end, and says how it did: none when that was as wanted, else the reason.
task<term> shut_down(call_context& cx, term pid, term how, bool permanent) {
  const auto& n = names();
  const term ref = copy(cx.heap(), cx.self().monitor(pid));
  const auto is_down = [ref](term m) { return m.is_tuple(5) && m[0].same(names().DOWN) && exactly_equal(m[1], ref); };
  const bool brutal = how.same(n.brutal_kill);
  cx.self().exit_signal(pid, brutal ? n.kill : n.shutdown);
  term down = co_await cx.receive(is_down, brutal || how.same(n.infinity) ? -1 : how.small());
  if (!down) {
    cx.self().exit_signal(pid, n.kill);
    down = co_await cx.receive(is_down, -1);
  }
  const term reason = co_await unlink_flush(cx, pid, down[4]);
  co_return ended_as_told(reason, brutal, permanent) ? term{} : reason;
}

}  // namespace

dynamic_child& supervisor_state::keep(term pid, term args) {
  const bool temporary = children.front().is(names().temporary);  // never started again
  dynamic_child d{owned_term(pid), temporary ? owned_term(nil) : owned_term(args), false};
  const term key = d.pid.get();
  dynamic.erase(key);
  return dynamic.emplace(key, std::move(d)).first->second;
}

std::vector<const dynamic_child*> in_order(const supervisor_state& s) {
  std::vector<const dynamic_child*> list;
  list.reserve(s.dynamic.size());
  for (const auto& [pid, d] : s.dynamic) list.push_back(&d);
  std::sort(list.begin(), list.end(), [](const dynamic_child* x, const dynamic_child* y) {
    return x->restarting != y->restarting ? y->restarting : compare(x->pid.get(), y->pid.get()) < 0;
  });
  return list;
}

child as_child(block& b, const supervisor_state& s, const dynamic_child& d) {
  const child& templ = s.children.front();
  const term mfa = templ.mfa.get();
  child c = templ;
  c.pid = d.pid;
  c.state = d.restarting ? child::running::restarting : child::running::yes;
  c.mfa = owned_term(make_tuple_of(b, mfa[0], mfa[1], templ.is(names().temporary) ? names().undefined : copy(b, d.args.get())));
  return c;
}

// supervisor:do_start_child_i/3
task<started> start_mfa(call_context& cx, term mfa, term args) {
  const auto& n = names();
  auto& b = cx.heap();
  if (list_length(args) < 0) {  // what apply/3 says of them
    const term frame = make_tuple_of(b, atom("erlang"), atom("apply"), make_list_of(b, mfa[0], mfa[1], args), nil);
    started s;
    s.error = make_tuple_of(b, n.EXIT, make_tuple_of(b, n.badarg, make_list_of(b, frame)));
    s.reply = make_tuple_of(b, n.error, s.error);
    co_return s;
  }
  const outcome out = co_await cx.apply(mfa[0], mfa[1], args);
  term r = out.result;
  if (out.kind == outcome::raised) {
    const term trace = out.stacktrace ? out.stacktrace : nil;
    r = out.error_class.same(n.error)  ? make_tuple_of(b, n.EXIT, make_tuple_of(b, out.reason, trace))
        : out.error_class.same(n.exit) ? make_tuple_of(b, n.EXIT, out.reason)
                                       : out.reason;
  }
  started s;
  if ((r.is_tuple(2) || r.is_tuple(3)) && r[0].same(n.ok) && r[1].is_pid()) {
    s.ok = true;
    s.pid = r[1];
    s.reply = r;
  } else if (r.same(n.ignore)) {
    s.ok = true;
    s.pid = n.undefined;
    s.reply = make_tuple_of(b, n.ok, n.undefined);
  } else {
    s.error = r.is_tuple(2) && r[0].same(n.error) ? r[1] : r;
    s.reply = make_tuple_of(b, n.error, s.error);
  }
  co_return s;
}

task<started> start_child(call_context& cx, supervisor_state& s, child& c) {
  const term mfa = copy(cx.heap(), c.mfa.get());
  started r = co_await start_mfa(cx, mfa, mfa[2]);
  if (!r.ok) co_return r;
  c.state = r.pid.is_pid() ? child::running::yes : child::running::no;
  c.pid = r.pid.is_pid() ? owned_term(r.pid) : owned_term();
  if (r.pid.is_pid()) reports::supervisor_progress(cx.self(), s.name.get(), child_report(cx.heap(), c));
  co_return r;
}

task<multiple_started> start_children(call_context& cx, supervisor_state& s, std::vector<child>& list) {
  const auto& n = names();
  multiple_started result;
  for (std::size_t i = 0; i < list.size();) {
    const started r = co_await start_child(cx, s, list[i]);
    if (!r.ok) {
      report_error(cx, s, atom("start_error"), r.error, list[i]);
      result.ok = false;
      result.failed_id = copy(cx.heap(), list[i].id.get());
      result.reason = make_tuple_of(cx.heap(), atom("failed_to_start_child"), result.failed_id, r.error);
      co_return result;
    }
    if (!r.pid.is_pid() && list[i].is(n.temporary)) list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
    else ++i;
  }
  co_return result;
}

task<void> terminate_child(call_context& cx, supervisor_state& s, child& c) {
  if (c.state == child::running::yes) {
    const term pid = copy(cx.heap(), c.pid.get());
    const term failure = co_await shut_down(cx, pid, c.shutdown, c.is(names().permanent));
    if (failure) report_error(cx, s, atom("shutdown_error"), failure, c);
  }
  c.state = child::running::no;
  c.pid = owned_term();
}

task<void> terminate_children(call_context& cx, supervisor_state& s, std::vector<child>& list) {
  for (std::size_t i = list.size(); i-- > 0;) {
    co_await terminate_child(cx, s, list[i]);
    if (list[i].is(names().temporary)) list.erase(list.begin() + static_cast<std::ptrdiff_t>(i));
  }
}

// All at once, then one wait for each; kills those that have not ended in time. One report for each reason, as OTP makes it.
task<void> terminate_dynamic(call_context& cx, supervisor_state& s) {
  const auto& n = names();
  if (s.children.empty()) co_return;
  const child& c = s.children.front();
  struct pending {
    term pid, ref;
  };
  std::vector<pending> open;
  const bool brutal = c.shutdown.same(n.brutal_kill);
  for (const auto* d : in_order(s)) {
    if (d->restarting) continue;
    const term pid = copy(cx.heap(), d->pid.get());
    open.push_back({pid, copy(cx.heap(), cx.self().monitor(pid))});
    cx.self().exit_signal(pid, brutal ? n.kill : n.shutdown);
  }
  const bool unlimited = brutal || c.shutdown.same(n.infinity);
  const auto deadline = cx.self().node().now() + std::chrono::milliseconds(unlimited ? 0 : c.shutdown.small());
  bool killed = brutal;
  std::vector<std::pair<term, std::int64_t>> failures;  // reason, how many
  for (std::size_t i = 0; i < open.size(); ++i) {
    const auto& p = open[i];
    const auto is_down = [ref = p.ref](term m) { return m.is_tuple(5) && m[0].same(names().DOWN) && exactly_equal(m[1], ref); };
    std::int64_t left = -1;
    if (!killed && !unlimited)
      left = std::max<std::int64_t>(
          0, std::chrono::duration_cast<std::chrono::milliseconds>(deadline - cx.self().node().now()).count());
    term down = co_await cx.receive(is_down, left);
    if (!down) {
      for (auto rest = i; rest < open.size(); ++rest) cx.self().exit_signal(open[rest].pid, n.kill);
      killed = true;
      down = co_await cx.receive(is_down, -1);
    }
    const term reason = co_await unlink_flush(cx, p.pid, down[4]);
    if (ended_as_told(reason, brutal, c.is(n.permanent))) continue;
    const auto same = std::find_if(failures.begin(), failures.end(), [reason](const auto& f) { return exactly_equal(f.first, reason); });
    if (same == failures.end()) failures.emplace_back(reason, 1);
    else ++same->second;
  }
  std::sort(failures.begin(), failures.end(), [](const auto& x, const auto& y) { return compare(x.first, y.first) < 0; });
  for (const auto& [reason, count] : failures) {
    const term report = make_cons(cx.heap(), make_tuple_of(cx.heap(), atom("nb_children"), small(count)), child_report(cx.heap(), c).tail());
    reports::supervisor_error(cx.self(), s.name.get(), atom("shutdown_error"), reason, report);
  }
  s.dynamic.clear();
}

void delete_child(supervisor_state& s, term id) {
  for (auto i = s.children.begin(); i != s.children.end(); ++i) {
    if (!exactly_equal(i->id.get(), id)) continue;
    if (i->is(names().temporary)) {
      s.children.erase(i);
    } else {
      i->state = child::running::no;
      i->pid = owned_term();
    }
    return;
  }
}

namespace {

// supervisor:restart_multiple_children/3 for the children from `first` on.
task<void> restart_from(call_context& cx, supervisor_state& s, term id, std::size_t first) {
  std::vector<child> list;
  for (auto i = first; i < s.children.size(); ++i) list.push_back(std::move(s.children[i]));
  s.children.resize(first);
  term old_pid;
  for (auto& c : list)
    if (exactly_equal(c.id.get(), id)) {
      old_pid = c.pid.get() ? copy(cx.heap(), c.pid.get()) : term{};
      c.state = child::running::no;  // it is the one that ended
    }
  co_await terminate_children(cx, s, list);
  const multiple_started r = co_await start_children(cx, s, list);
  if (!r.ok) {
    for (auto& c : list)
      if (exactly_equal(c.id.get(), r.failed_id)) {
        c.state = child::running::restarting;
        c.pid = exactly_equal(c.id.get(), id) && old_pid ? owned_term(old_pid) : owned_term(names().undefined);
      }
    send_try_again(cx, r.failed_id);
  }
  for (auto& c : list) s.children.push_back(std::move(c));
}

task<bool> restart_dynamic(call_context& cx, supervisor_state& s, term pid) {
  const auto& n = names();
  auto& b = cx.heap();
  const auto found = s.dynamic.find(pid);
  if (found == s.dynamic.end()) co_return true;
  const child c = as_child(b, s, found->second);
  const term old_pid = copy(b, pid), args = copy(b, found->second.args.get());
  const bool may = may_restart(cx, s);
  if (!may) report_error(cx, s, n.shutdown, atom("reached_max_restart_intensity"), c);
  s.dynamic.erase(old_pid);
  if (!may) co_return false;
  const started r = co_await start_mfa(cx, c.mfa.get(), args);
  if (r.ok) {
    // One that answers `ignore` is no child any more; OTP would keep `undefined` among its pids.
    if (r.pid.is_pid()) s.keep(r.pid, args);
    co_return true;
  }
  s.keep(old_pid, args).restarting = true;
  report_error(cx, s, atom("start_error"), r.error, c);
  send_try_again(cx, make_tuple_of(b, n.restarting, old_pid));
  co_return true;
}

// supervisor:restart/2
task<bool> restart(call_context& cx, supervisor_state& s, term id) {
  const auto& n = names();
  child* c = s.find(id);
  if (!c) co_return true;
  if (!may_restart(cx, s)) {
    report_error(cx, s, n.shutdown, atom("reached_max_restart_intensity"), *c);
    delete_child(s, id);
    co_return false;
  }
  if (s.flags.strategy.same(n.one_for_all)) {
    co_await restart_from(cx, s, id, 0);
  } else if (s.flags.strategy.same(n.rest_for_one)) {
    co_await restart_from(cx, s, id, static_cast<std::size_t>(c - s.children.data()));
  } else {
    const started r = co_await start_child(cx, s, *c);
    if (!r.ok) {
      report_error(cx, s, atom("start_error"), r.error, *c);
      c->state = child::running::restarting;
      send_try_again(cx, copy(cx.heap(), c->id.get()));
    }
  }
  co_return true;
}

// supervisor:do_auto_shutdown/2. False: the supervisor ends.
bool stays(const supervisor_state& s, bool significant) {
  const auto& n = names();
  if (s.flags.auto_shutdown.same(n.never) || !significant) return true;
  if (s.flags.auto_shutdown.same(n.any_significant)) return false;
  if (s.is_simple()) return !s.dynamic.empty();
  return std::any_of(s.children.begin(), s.children.end(),
                     [](const child& c) { return c.significant && c.state != child::running::no; });
}

}  // namespace

// supervisor:restart_child/3, do_restart/3
task<bool> child_ended(call_context& cx, supervisor_state& s, term pid, term reason) {
  const auto& n = names();
  if (s.is_simple()) {
    auto found = s.dynamic.find(pid);
    if (found == s.dynamic.end() || found->second.restarting) co_return true;
    const child c = as_child(cx.heap(), s, found->second);
    if (c.is(n.permanent) || !is_quiet(reason)) {
      report_error(cx, s, atom("child_terminated"), reason, c);
      if (!c.is(n.temporary)) co_return co_await restart_dynamic(cx, s, pid);
    }
    s.dynamic.erase(found);
    co_return stays(s, c.significant);
  }
  child* c = s.find_by_pid(pid);
  if (!c) co_return true;
  const term id = copy(cx.heap(), c->id.get());
  const bool significant = c->significant;
  if (c->is(n.permanent) || !is_quiet(reason)) {
    report_error(cx, s, atom("child_terminated"), reason, *c);
    if (!c->is(n.temporary)) co_return co_await restart(cx, s, id);
  }
  delete_child(s, id);
  co_return stays(s, significant);
}

task<bool> try_again(call_context& cx, supervisor_state& s, term id) {
  if (s.is_simple()) {
    if (!id.is_tuple(2) || !id[0].same(names().restarting)) co_return true;
    const auto found = s.dynamic.find(id[1]);
    if (found == s.dynamic.end() || !found->second.restarting) co_return true;
    co_return co_await restart_dynamic(cx, s, id[1]);
  }
  child* c = s.find(id);
  if (!c || c->state != child::running::restarting) co_return true;
  co_return co_await restart(cx, s, id);
}

}  // namespace cnode::actors
