#include "process_exchange.hpp"

#include <algorithm>

#include <cnode/protocol/term_text.hpp>

namespace cnode::release_handler {

namespace instruction = release::instruction;
using release::is;
using release::is_tagged;

namespace {

const term& ok() {
  static const term t = atom("ok");
  return t;
}

std::int64_t milliseconds(term t, std::int64_t otherwise) {
  if (is(t, "infinity")) return -1;
  return t.is_small() && t.small() >= 0 ? t.small() : otherwise;
}

bool mentions(const supervised_process& p, term module) { return release::member(module, p.modules); }

}  // namespace

process_exchange::~process_exchange() {
  for (const term m : held_modules_) actors::release_new_processes(s_.node(), m);
}

void process_exchange::remember() {
  for (const term pid : s_.node().processes()) known_.insert(pid.word());
}

bool process_exchange::is_suspended(term pid) const {
  return std::any_of(suspended_.begin(), suspended_.end(), [pid](const auto& s) { return s.second.contains(pid); });
}

// ---- the instructions

routine<void> process_exchange::suspend(const instruction::suspend& i) {
  for (const auto& [module, timeout] : i.modules) {
    actors::hold_new_processes(s_.node(), module);
    if (!release::member(module, held_modules_)) held_modules_.push_back(module);
  }
  const auto all = co_await supervised_processes(s_);
  for (const auto& [module, timeout] : i.modules) {
    terms pids;
    for (const auto& p : all)
      if (mentions(p, module) && !suspended_of(module).contains(p.pid)) {
        pids.push_back(p.pid);
        if (p.is_supervisor) supervisors_.add(p.pid);
      }
    const auto answers = co_await ask_all(s_, pids, atom("suspend"), milliseconds(timeout, timeouts_.suspend_timeout));
    term reason, stuck;
    auto& suspended = suspended_of(module);
    for (std::size_t k = 0; k < pids.size(); ++k) {
      if (answers[k].value && answers[k].value.same(ok())) suspended.add(pids[k]);
      else if (answers[k].value || is(answers[k].reason, "timeout")) {
        // It may take notice later: then it goes on at once.
        const term from = make_tuple_of(s_.t.heap(), s_.t.self().pid(), atom("$release_handler"));
        s_.t.self().send(pids[k], make_tuple_of(s_.t.heap(), atom("system"), from, atom("resume")));
        if (!stuck) stuck = pids[k], reason = answers[k].value ? answers[k].value : answers[k].reason;
      }
    }
    if (stuck) throw failure{s_.tuple(atom("suspend_failed"), stuck, module, reason)};
  }
}

routine<void> process_exchange::code_change(const instruction::code_change& i) {
  for (const auto& [module, extra] : i.modules) {
    const change_told what{code_.vsn_told(module, i.down), extra};
    told_[module.word()] = what;
    // Those that started meanwhile, in the version that went.
    pid_set pids = suspended_of(module);
    for (const auto& h : actors::held_processes(s_.node(), module))
      if (code_.is_of_before(module, h)) pids.add(h.pid);
    co_await change(module, pids.list(), what);
  }
}

routine<void> process_exchange::change(term module, const terms& pids, const change_told& what) {
  const term request = s_.tuple(atom("change_code"), module, what.vsn, what.extra);
  const auto answers = co_await ask_all(s_, pids, request, timeouts_.code_change_timeout, save_before::yes);
  term who, why;
  for (std::size_t k = 0; k < pids.size(); ++k) {
    changed_.add(pids[k]);
    states_.push_back({pids[k], answers[k].before});
    const auto& a = answers[k];
    if (who || (a.value && a.value.same(ok()))) continue;
    who = pids[k];
    why = !a.value ? a.reason : is_tagged(a.value, "error", 2) ? a.value[1] : a.value;
  }
  if (who) throw failure{s_.tuple(atom("code_change_failed"), who, module, what.vsn, why)};
}

routine<void> process_exchange::resume(const terms& modules) {
  for (const term module : modules) {
    pid_set pids = suspended_of(module);
    const auto told = told_.find(module.word());
    // Who has started since is changed, too, before all go on; nobody is held any more after that.
    terms late;
    const auto held = actors::release_new_processes(s_.node(), module);
    std::erase_if(held_modules_, [module](term m) { return m.same(module); });
    for (const auto& h : held) {
      if (code_.is_of_before(module, h) && told != told_.end() && !changed_.contains(h.pid) && !pids.contains(h.pid)) late.push_back(h.pid);
      pids.add(h.pid);
    }
    suspended_of(module) = pids;  // should a code_change fail
    if (!late.empty()) co_await change(module, late, told->second);
    suspended_.erase(module.word());
    for (auto& [other, theirs] : suspended_) theirs.remove(pids);
    co_await resume_all(pids.list());
  }
}

routine<void> process_exchange::resume_held() {
  const terms modules = held_modules_;
  co_await resume(modules);
}

routine<void> process_exchange::resume_all(const terms& pids) {
  co_await ask_all(s_, pids, atom("resume"), 5000);
}

routine<void> process_exchange::stop(const terms& modules) {
  const auto all = co_await supervised_processes(s_);
  for (const term module : modules)
    for (const auto& p : all) {
      if (!p.supervisor.is_pid() || !mentions(p, module)) continue;
      const term args = s_.list(p.supervisor, p.name);
      const auto a = co_await s_.apply("supervisor", "terminate_child", args);
      if (a.value && a.value.same(ok())) stopped_.push_back({module, p.supervisor, p.name});
    }
}

routine<applied> process_exchange::start_again(const stopped_child& c) {
  const term args = s_.list(c.supervisor, c.name);
  co_return co_await s_.apply("supervisor", "restart_child", args);
}

routine<void> process_exchange::start(const terms& modules) {
  for (const term module : modules) {
    const auto stopped = stopped_;
    for (const auto& c : stopped) {
      if (!c.module.same(module)) continue;
      const auto a = co_await start_again(c);
      // release_handler lets this pass; a release without one of its processes is not what was asked for.
      if (is_tagged(a.value ? a.value : nil, "error", 2) && !is(a.value[1], "running")) throw failure{s_.tuple(atom("start_failed"), c.name, module, a.value[1])};
    }
    std::erase_if(stopped_, [module](const stopped_child& c) { return c.module.same(module); });
  }
}

// ---- the way back

routine<void> process_exchange::stand_still() {
  terms pids;
  for (const term pid : changed_.list())
    if (!is_suspended(pid)) pids.push_back(pid);
  const auto answers = co_await ask_all(s_, pids, atom("suspend"), timeouts_.suspend_timeout);
  for (std::size_t i = 0; i < pids.size(); ++i) {
    if (answers[i].value) standing_.add(pids[i]);
    // One that does not stop cannot be given its state; its supervisor starts it again, with the old code.
    else s_.t.self().exit_signal(pids[i], atom("kill"));
  }
}

routine<void> process_exchange::restore() {
  restore_states();
  co_await resume_supervisors();
  co_await end_those_of_new_code();
  const auto stopped = std::exchange(stopped_, {});
  for (const auto& c : stopped) co_await start_again(c);
}

routine<void> process_exchange::go_on() {
  for (const auto& [module, suspended] : suspended_)
    for (const term pid : suspended.list()) standing_.add(pid);
  for (const term module : held_modules_)
    for (const auto& h : actors::release_new_processes(s_.node(), module)) standing_.add(h.pid);
  held_modules_.clear();
  suspended_.clear();
  co_await resume_all(standing_.list());
}

void process_exchange::restore_states() {
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
}

// They are what they were, and have children to end and to start before the others go on.
routine<void> process_exchange::resume_supervisors() {
  terms pids;
  for (const term pid : supervisors_.list())
    if (standing_.contains(pid) || is_suspended(pid)) pids.push_back(pid);
  co_await resume_all(pids);
}

// Processes that began during the upgrade in a version that has gone again.
routine<void> process_exchange::end_those_of_new_code() {
  terms modules;
  for (const term m : code_.changed())
    if (told_.contains(m.word())) modules.push_back(m);
  if (modules.empty()) co_return;
  std::vector<supervised_process> all;
  try {
    all = co_await new_supervised_processes(s_, known_);
  } catch (const failure& f) {
    s_.log(actors::log_level::warning, "processes begun during the upgrade are not looked for: " + to_text(f.reason));
  }
  for (const auto& p : all) {
    if (!p.supervisor.is_pid() || changed_.contains(p.pid)) continue;
    if (std::none_of(modules.begin(), modules.end(), [&](term m) { return mentions(p, m); })) continue;
    const bool of_before = std::any_of(modules.begin(), modules.end(), [&](term m) {
      const auto held = actors::held_processes(s_.node(), m);
      return std::any_of(held.begin(), held.end(), [&](const auto& h) { return h.pid.same(p.pid) && code_.is_of_before(m, h); });
    });
    if (of_before) continue;
    const bool dynamic = is(p.name, "undefined");
    const term args = s_.list(p.supervisor, dynamic ? p.pid : p.name);
    const auto ended = co_await s_.apply("supervisor", "terminate_child", args);
    if (!dynamic && ended.value && is(ended.value, "ok")) co_await s_.apply("supervisor", "restart_child", args);
  }
}

}  // namespace cnode::release_handler
