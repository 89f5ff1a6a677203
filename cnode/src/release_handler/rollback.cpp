// The way back: what is remembered before a script, and how everything becomes what it was.
#include <algorithm>

#include <cnode/actors/applications.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "evaluator.hpp"

namespace cnode::release_handler {

using release::is;
using release::is_tagged;

namespace {

// The application_controller's own list: [{Name, Type}] of those that have been started.
terms started_applications(term info) {
  for (term l = info; l.is_cons(); l = l.tail())
    if (is_tagged(l.head(), "started", 2)) return release::elements(l.head()[1]);
  return {};
}

bool names(const terms& list, term name) {
  return std::any_of(list.begin(), list.end(), [name](term t) { return t.is_tuple(2) && t[0].same(name); });
}

}  // namespace

routine<void> evaluator::remember() {
  path_ = s_.node().code().path();
  for (const term pid : s_.node().processes()) processes_.insert(pid.word());
  const auto info = co_await s_.apply("application", "info", nil);
  if (info.value) running_ = started_applications(info.value);
}

routine<void> evaluator::roll_back(term reason) {
  s_.log(actors::log_level::error, "the upgrade failed and is taken back: " + to_text(reason));
  tell_other_nodes();
  // Those that went on already stand still again while their code changes under them.
  terms pids;
  for (const term pid : changed_pids_.list())
    if (!is_suspended(pid)) pids.push_back(pid);
  const terms requests(pids.size(), atom("suspend"));
  const auto answers = co_await ask_all(s_, pids, requests, options_.suspend_timeout);
  pid_set standing;
  for (std::size_t i = 0; i < pids.size(); ++i) {
    if (answers[i].value) standing.add(pids[i]);
    // One that does not stop cannot be given its state; its supervisor starts it again, with the old code.
    else s_.t.self().exit_signal(pids[i], atom("kill"));
  }
  auto& code = s_.node().code();
  for (auto module = order_.rbegin(); module != order_.rend(); ++module) {
    auto& change = change_of(*module);
    const term name = *module;
    const std::function<void(std::function<void()>)> start = [&code, name, &change](std::function<void()> done) {
      actors::put_back(code, name, change.before, std::move(done));
    };
    co_await s_.finished(start);
  }
  actors::set_path(code, path_);
  if (on_rollback) co_await on_rollback();
  actors::restore_applications(s_.node(), *applications_);
  co_await restore_states();
  co_await end_those_of_new_code();
  const auto stopped = std::exchange(stopped_, {});
  for (const auto& c : stopped) {
    const term args = s_.list(c.supervisor, c.name);
    co_await s_.apply("supervisor", "restart_child", args);
  }
  co_await restore_applications();
  for (const auto& [module, suspended] : suspended_)
    for (const term pid : suspended.list()) standing.add(pid);
  for (const term module : terms(held_modules_))
    for (const auto& h : actors::release_new_processes(s_.node(), module))
      standing.add(h.pid);
  held_modules_.clear();
  suspended_.clear();
  co_await resume_all(standing.list());
}

routine<void> evaluator::restore_states() {
  // The oldest state of each process: one may have been changed for several modules.
  pid_set seen;
  for (const auto& c : states_) {
    if (seen.contains(c.pid)) continue;
    seen.add(c.pid);
    if (!s_.node().alive(c.pid)) continue;
    if (!c.state) {
      s_.log(actors::log_level::warning, to_text(c.pid) + " is ended: its state before the upgrade could not be kept; its supervisor starts it again");
      s_.t.self().exit_signal(c.pid, atom("kill"));
      continue;
    }
    s_.node().run_in(c.pid, [state = c.state](actors::process& p) {
      if (auto* u = dynamic_cast<actors::upgradable*>(p.current_behaviour())) u->restore(p, *state);
    });
  }
  co_return;
}

// Processes that began during the upgrade in a version that has gone again.
routine<void> evaluator::end_those_of_new_code() {
  terms modules;
  for (const term m : order_)
    if (code_changes_.contains(m.word())) modules.push_back(m);
  if (modules.empty()) co_return;
  std::vector<supervised_process> all;
  try {
    all = co_await supervised_processes(s_);
  } catch (const failure& f) {
    // A supervisor that is suspended itself was there before, and so were its children.
    s_.log(actors::log_level::warning, "processes begun during the upgrade are not looked for: " + to_text(f.reason));
  }
  for (const auto& p : all) {
    if (processes_.contains(p.pid.word()) || !p.supervisor.is_pid()) continue;
    const bool concerned = std::any_of(modules.begin(), modules.end(), [&](term m) { return release::member(m, p.modules); });
    if (!concerned || changed_pids_.contains(p.pid)) continue;
    bool born_before = false;
    for (const term m : modules)
      for (const auto& h : actors::held_processes(s_.node(), m))
        if (h.pid.same(p.pid)) born_before = h.born_in == change_of(m).before.get();
    if (born_before) continue;
    const bool dynamic = is(p.name, "undefined");
    const term args = s_.list(p.supervisor, dynamic ? p.pid : p.name);
    const auto ended = co_await s_.apply("supervisor", "terminate_child", args);
    if (!dynamic && ended.value && is(ended.value, "ok")) co_await s_.apply("supervisor", "restart_child", args);
  }
}

routine<void> evaluator::restore_applications() {
  const auto info = co_await s_.apply("application", "info", nil);
  if (!info.value) co_return;
  const terms now = started_applications(info.value);
  for (const term app : now) {
    if (!app.is_tuple(2) || names(running_, app[0])) continue;
    const term args = s_.list(app[0]);
    co_await s_.apply("application", "stop", args);
  }
  // Newest first, as the controller lists them.
  for (auto app = running_.rbegin(); app != running_.rend(); ++app) {
    if (!app->is_tuple(2) || names(now, (*app)[0])) continue;
    const term args = s_.list((*app)[0], (*app)[1]);
    const auto a = co_await s_.apply("application", "start", args);
    if (a.value && is(a.value, "ok")) continue;
    damaged_ = true;
    s_.log(actors::log_level::error, "application " + release::text_of((*app)[0]) + " does not start again: " + to_text(a.value ? a.value : a.caught(s_.heap())));
  }
}

// Nodes that wait at a sync_nodes, or will: for them it is as if we had gone down, and they go back as well.
void evaluator::tell_other_nodes() {
  auto& self = s_.t.self();
  auto& h = s_.t.heap();
  terms told;
  for (const term n : sync_nodes_) {
    if (!n.is_atom() || n.same(this_node().name) || release::member(n, told)) continue;
    told.push_back(n);
    self.send(make_tuple_of(h, atom("release_handler"), n), make_tuple_of(h, atom("nodedown"), this_node().name));
  }
}

}  // namespace cnode::release_handler
