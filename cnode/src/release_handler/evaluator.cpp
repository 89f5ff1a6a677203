#include "evaluator.hpp"

#include <algorithm>
#include <atomic>

#include <cnode/actors/code_server.hpp>
#include <cnode/protocol/local_node.hpp>

#include "release/script_checks.hpp"
#include "release/term_file.hpp"

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

terms check_old_processes(session& s, const terms& script, bool soft) {
  terms out;
  auto& code = s.node().code();
  for (const term i : script) {
    if ((!is_tagged(i, "load", 2) && !is_tagged(i, "remove", 2)) || !i[1].is_tuple(3)) continue;
    if (is(i[1][1], "soft_purge") != soft) continue;
    const term module = i[1][0];
    switch (actors::users_of_old_code(code, module)) {
      case actors::old_code::none: break;
      case actors::old_code::unused: out.push_back(module); break;
      case actors::old_code::used:
        if (soft) throw failure{s.tuple(atom("error"), module)};
        break;
    }
  }
  return out;
}

evaluator::evaluator(session& s, libraries all, libraries changed, evaluation_options options)
    : s_(s), all_(std::move(all)), changed_(std::move(changed)), options_(options), applications_(actors::save_applications(s.node())) {}

evaluator::~evaluator() {
  for (const term m : held_modules_) actors::release_new_processes(s_.node(), m);
}

bool evaluator::is_suspended(term pid) const {
  return std::any_of(suspended_.begin(), suspended_.end(), [pid](const auto& s) { return s.second.contains(pid); });
}

namespace {

// The instructions, checked. Throws failure.
std::vector<instruction::any> parsed_script(session& s, const terms& script) {
  auto& b = s.heap();
  const auto checked = release::attempt([&] {
    release::check_syntax(b, script);
    return true;
  });
  if (!checked) throw failure{checked.error().reason};
  auto parsed = instruction::parse(b, script);
  if (!parsed) throw failure{parsed.error().reason};
  return std::move(*parsed);
}

}  // namespace

routine<term> evaluator::check(const terms& script) {
  auto& b = s_.heap();
  const bool restarts = !script.empty() && is(script[0], "restart_new_emulator");
  terms purge;
  try {
    if (!restarts) purge = check_old_processes(s_, script, true);
  } catch (const failure& f) {
    co_return s_.tuple(atom("error"), s_.tuple(atom("old_processes"), f.reason[1]));
  }
  term problem;
  try {
    const auto parsed = parsed_script(s_, script);
    for (const auto& i : parsed) {
      if (std::holds_alternative<instruction::point_of_no_return>(i)) break;
      if (const auto* l = std::get_if<instruction::load_object_code>(&i)) co_await load_object_code(*l);
    }
  } catch (const failure& f) {
    problem = f.reason;
  }
  if (problem) co_return s_.tuple(atom("error"), problem);
  co_return s_.tuple(ok(), release::list_of(b, purge));
}

routine<evaluation> evaluator::run(const terms& script) {
  evaluation out;
  co_await remember();
  std::vector<instruction::any> parsed;
  term why;
  try {
    check_old_processes(s_, script, true);
  } catch (const failure& f) {
    why = s_.tuple(atom("old_processes"), f.reason[1]);
  }
  try {
    if (!why) parsed = parsed_script(s_, script);
  } catch (const failure& f) {
    why = f.reason;
  }
  bool before = why || std::any_of(script.begin(), script.end(), [](term i) { return is(i, "point_of_no_return"); });
  for (const auto& i : parsed)
    if (const auto* n = std::get_if<instruction::sync_nodes>(&i))
      if (n->nodes.is_list())
        for (const term node : release::elements(n->nodes)) sync_nodes_.push_back(node);
  for (const auto& i : parsed) {
    if (std::holds_alternative<instruction::restart_emulator>(i) || std::holds_alternative<instruction::restart_new_emulator>(i)) {
      out.how = std::holds_alternative<instruction::restart_emulator>(i) ? evaluation::restart_emulator : evaluation::restart_new_emulator;
      co_return out;
    }
    try {
      co_await evaluate(i);
    } catch (const failure& f) {
      why = f.reason;
    }
    if (why) break;
    if (std::holds_alternative<instruction::point_of_no_return>(i)) before = false;
  }
  if (!why) {
    try {
      co_await finish(out);
    } catch (const failure& f) {
      why = f.reason;
    }
  }
  if (why) {
    co_await roll_back(why);
    out.how = before ? evaluation::refused : evaluation::failed;
    out.reason = why;
  }
  co_return out;
}

routine<void> evaluator::evaluate(const instruction::any& i) {
  if (const auto* x = std::get_if<instruction::load_object_code>(&i)) co_await load_object_code(*x);
  else if (std::holds_alternative<instruction::point_of_no_return>(i)) co_await point_of_no_return();
  else if (const auto* x2 = std::get_if<instruction::load>(&i)) co_await load(*x2);
  else if (const auto* x3 = std::get_if<instruction::remove>(&i)) co_await remove(*x3);
  else if (const auto* x4 = std::get_if<instruction::purge>(&i)) co_await purge(x4->modules);
  else if (const auto* x5 = std::get_if<instruction::suspend>(&i)) co_await suspend(*x5);
  else if (const auto* x6 = std::get_if<instruction::resume>(&i)) co_await resume(x6->modules);
  else if (const auto* x7 = std::get_if<instruction::code_change>(&i)) co_await code_change(*x7);
  else if (const auto* x8 = std::get_if<instruction::stop>(&i)) co_await stop(x8->modules);
  else if (const auto* x9 = std::get_if<instruction::start>(&i)) co_await start(x9->modules);
  else if (const auto* x10 = std::get_if<instruction::sync_nodes>(&i)) co_await sync_nodes(*x10);
  else if (const auto* x11 = std::get_if<instruction::apply>(&i)) co_await apply(*x11);
}

// ---- code

routine<void> evaluator::load_object_code(const instruction::load_object_code& i) {
  const auto lib = std::find_if(all_.begin(), all_.end(), [&](const library& l) { return l.name.same(i.application); });
  if (lib == all_.end()) throw failure{s_.tuple(atom("no_such_lib"), i.application)};
  if (!exactly_equal(lib->vsn, i.vsn)) throw failure{s_.tuple(atom("bad_lib_vsn"), i.application, lib->vsn)};
  auto& code = s_.node().code();
  for (const term module : i.modules) {
    const std::string file = s_.below_root(lib->dir) + "/ebin/" + std::string(atom_text(module)) + ".so";
    std::string bytes;
    if (!release::read_whole(file, bytes)) throw failure{s_.tuple(atom("no_such_file"), s_.text(file))};
    struct answer {
      actors::prepared_version_ptr version;
      term error;
      std::string text;
    };
    const auto got = std::make_shared<answer>();
    const std::function<void(std::function<void()>)> start = [&code, module, file, &bytes, got](std::function<void()> done) {
      actors::prepare_version(code, module, file, std::move(bytes), [got, done = std::move(done)](actors::prepared_version_ptr v, const actors::load_result& r) {
        *got = {std::move(v), r.error, r.text};
        done();
      });
    };
    co_await s_.finished(start);
    if (!got->version) throw failure{s_.tuple(atom("bad_object_code"), module, s_.text(file), got->error ? got->error : atom("badfile"), s_.text(got->text))};
    auto& change = change_of(module);
    const auto current = actors::hold_current(code, module);
    change.old_vsn = actors::vsn_of(s_.heap(), current);
    change.new_vsn = actors::vsn_of(s_.heap(), *got->version);
    change.prepared = std::move(got->version);
    change.file = file;
  }
  if (std::none_of(changed_.begin(), changed_.end(), [&](const library& l) { return l.name.same(lib->name); })) changed_.push_back(*lib);
}

routine<void> evaluator::point_of_no_return() {
  const auto& which = options_.update_paths ? all_ : changed_;
  for (const auto& lib : which) {
    const auto dir = s_.below_root(lib.dir) + "/ebin";
    if (!actors::replace_path(s_.node().code(), std::string(atom_text(lib.name)), dir)) throw failure{s_.tuple(atom("no_such_directory"), s_.text(dir))};
  }
  co_return;
}

routine<void> evaluator::load(const instruction::load& i) {
  auto& change = change_of(i.module);
  if (!change.prepared) throw failure{s_.tuple(atom("no_object_code"), i.module)};
  auto& code = s_.node().code();
  if (!change.changed) {
    change.before = actors::hold_current(code, i.module);
    change.changed = true;
    order_.push_back(i.module);
  }
  change.soft_post_purge = i.soft_post_purge;
  const auto result = std::make_shared<actors::load_result>();
  const auto version = std::exchange(change.prepared, nullptr);
  const std::function<void(std::function<void()>)> start = [&code, version, result](std::function<void()> done) {
    actors::load_prepared(code, version, [result, done = std::move(done)](const actors::load_result& r) {
      *result = r;
      done();
    });
  };
  co_await s_.finished(start);
  if (!result->ok)
    throw failure{s_.tuple(atom("load_failed"), i.module, s_.text(change.file), result->error ? result->error : atom("badfile"), s_.text(result->text))};
  change.after = actors::hold_current(code, i.module);
}

routine<void> evaluator::remove(const instruction::remove& i) {
  auto& change = change_of(i.module);
  auto& code = s_.node().code();
  if (!change.changed) {
    change.before = actors::hold_current(code, i.module);
    change.changed = true;
    order_.push_back(i.module);
  }
  change.soft_post_purge = i.soft_post_purge;
  const terms one{i.module};
  co_await purge(one);
  code.delete_module(i.module);
}

routine<void> evaluator::purge(const terms& modules) {
  auto& code = s_.node().code();
  for (const term module : modules) {
    const std::function<void(std::function<void()>)> start = [&code, module](std::function<void()> done) {
      code.purge(module, false, [done = std::move(done)](bool) { done(); });
    };
    co_await s_.finished(start);
  }
}

// The end of a script that went well: nothing is put back any more, and what is old goes as far as nobody runs it.
routine<void> evaluator::finish(evaluation& out) {
  for (const term module : terms(held_modules_)) {
    const terms one{module};
    co_await resume(one);
  }
  auto& code = s_.node().code();
  for (const term module : order_) {
    auto& change = change_of(module);
    change.before = {};
    change.after = {};
    const auto clean = std::make_shared<bool>(false);
    const std::function<void(std::function<void()>)> start = [&code, module, clean](std::function<void()> done) {
      code.purge(module, true, [clean, done = std::move(done)](bool yes) {
        *clean = yes;
        done();
      });
    };
    co_await s_.finished(start);
    if (!*clean) out.unpurged.push_back({module, change.soft_post_purge});
  }
}

// ---- processes

routine<void> evaluator::suspend(const instruction::suspend& i) {
  for (const auto& [module, timeout] : i.modules) {
    actors::hold_new_processes(s_.node(), module);
    if (!release::member(module, held_modules_)) held_modules_.push_back(module);
  }
  const auto all = co_await supervised_processes(s_);
  for (const auto& [module, timeout] : i.modules) {
    terms pids, requests;
    for (const auto& p : all)
      if (mentions(p, module) && !suspended_of(module).contains(p.pid)) pids.push_back(p.pid), requests.push_back(atom("suspend"));
    const auto answers = co_await ask_all(s_, pids, requests, milliseconds(timeout, options_.suspend_timeout));
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

routine<void> evaluator::code_change(const instruction::code_change& i) {
  for (const auto& [module, extra] : i.modules) {
    const auto found = modules_.find(module.word());
    term vsn = atom("undefined");
    if (found != modules_.end() && found->second.new_vsn) vsn = i.down ? found->second.new_vsn : found->second.old_vsn;
    if (i.down) vsn = s_.tuple(atom("down"), vsn);
    code_changes_[module.word()] = {vsn, extra};
    // Those that started meanwhile, in the version that went.
    pid_set pids = suspended_of(module);
    if (found != modules_.end() && found->second.before)
      for (const auto& h : actors::held_processes(s_.node(), module))
        if (h.born_in == found->second.before.get()) pids.add(h.pid);
    co_await change_processes(module, pids.list(), vsn, extra);
  }
}

routine<void> evaluator::change_processes(term module, const terms& pids, term vsn, term extra) {
  struct saving {
    std::shared_ptr<actors::saved_state> state;
    std::atomic<bool> done{false};
  };
  std::vector<std::shared_ptr<saving>> saved;
  terms requests;
  const term request = s_.tuple(atom("change_code"), module, vsn, extra);
  for (const term pid : pids) {
    const auto one = saved.emplace_back(std::make_shared<saving>());
    s_.node().run_in(pid, [one](actors::process& p) {
      if (auto* u = dynamic_cast<actors::upgradable*>(p.current_behaviour())) one->state = u->save(p);
      one->done.store(true, std::memory_order_release);
    });
    requests.push_back(request);
  }
  const auto answers = co_await ask_all(s_, pids, requests, options_.code_change_timeout);
  term who, why;
  for (std::size_t k = 0; k < pids.size(); ++k) {
    const bool has = saved[k]->done.load(std::memory_order_acquire);
    changed_pids_.add(pids[k]);
    states_.push_back({pids[k], module, has ? saved[k]->state : nullptr});
    const auto& a = answers[k];
    if (who || (a.value && a.value.same(ok()))) continue;
    who = pids[k];
    why = !a.value ? a.reason : is_tagged(a.value, "error", 2) ? a.value[1] : a.value;
  }
  if (who) throw failure{s_.tuple(atom("code_change_failed"), who, module, vsn, why)};
}

routine<void> evaluator::resume(const terms& modules) {
  for (const term module : modules) {
    pid_set pids = suspended_of(module);
    const auto change = code_changes_.find(module.word());
    const auto known = modules_.find(module.word());
    // Who has started since is changed, too, before all go on; nobody is held any more after that.
    terms late;
    const auto held = actors::release_new_processes(s_.node(), module);
    std::erase_if(held_modules_, [module](term m) { return m.same(module); });
    for (const auto& h : held) {
      const bool old = known != modules_.end() && known->second.before && h.born_in == known->second.before.get();
      if (old && !changed_pids_.contains(h.pid) && change != code_changes_.end() && !pids.contains(h.pid)) late.push_back(h.pid);
      pids.add(h.pid);
    }
    suspended_of(module) = pids;  // should a code_change fail
    if (!late.empty()) co_await change_processes(module, late, change->second.first, change->second.second);
    suspended_.erase(module.word());
    for (auto& [other, theirs] : suspended_)
      for (const term p : pids.list()) theirs.remove(p);
    co_await resume_all(pids.list());
  }
}

routine<void> evaluator::resume_all(const terms& pids) {
  const terms requests(pids.size(), atom("resume"));
  co_await ask_all(s_, pids, requests, 5000);
}

routine<void> evaluator::stop(const terms& modules) {
  const auto all = co_await supervised_processes(s_);
  for (const term module : modules)
    for (const auto& p : all) {
      if (!p.supervisor.is_pid() || !mentions(p, module)) continue;
      const term args = s_.list(p.supervisor, p.name);
      const auto a = co_await s_.apply("supervisor", "terminate_child", args);
      if (a.value && a.value.same(ok())) stopped_.push_back({module, p.supervisor, p.name});
    }
}

routine<void> evaluator::start(const terms& modules) {
  for (const term module : modules) {
    const auto stopped = stopped_;
    for (const auto& c : stopped) {
      if (!c.module.same(module)) continue;
      const term args = s_.list(c.supervisor, c.name);
      const auto a = co_await s_.apply("supervisor", "restart_child", args);
      // release_handler lets this pass; a release without one of its processes is not what was asked for.
      if (is_tagged(a.value ? a.value : nil, "error", 2) && !is(a.value[1], "running")) throw failure{s_.tuple(atom("start_failed"), c.name, module, a.value[1])};
    }
    std::erase_if(stopped_, [module](const stopped_child& c) { return c.module.same(module); });
  }
}

// ---- other nodes, other code

routine<void> evaluator::sync_nodes(const instruction::sync_nodes& i) {
  terms nodes = release::elements(i.nodes);
  if (i.nodes.is_tuple(3)) {
    const auto a = co_await s_.apply(i.nodes[0], i.nodes[1], i.nodes[2]);
    if (!a.value) throw failure{a.caught(s_.heap())};
    nodes = release::elements(a.value);
    for (const term n : nodes) sync_nodes_.push_back(n);
  }
  std::erase_if(nodes, [](term n) { return n.same(this_node().name); });
  auto& self = s_.t.self();
  const term id = i.id, word = atom("sync_nodes"), down = atom("nodedown");
  for (const term n : nodes) {
    s_.node().monitor_node(self.pid(), n, true);
    auto& h = s_.t.heap();
    self.send(make_tuple_of(h, atom("release_handler"), n), make_tuple_of(h, word, id, this_node().name));
  }
  term lost;
  for (const term n : nodes) {
    const talk::matcher its = [&](term m) {
      return (m.is_tuple(3) && m[0].same(word) && exactly_equal(m[1], id) && m[2].same(n)) || (m.is_tuple(2) && m[0].same(down) && m[1].same(n));
    };
    const term m = co_await s_.t.wait_for(its);
    if (m.size() == 2) lost = n;
    if (lost) break;
  }
  for (const term n : nodes) s_.node().monitor_node(self.pid(), n, false);
  if (lost) throw failure{s_.tuple(atom("sync_error"), s_.tuple(down, lost))};
}

routine<void> evaluator::apply(const instruction::apply& i) {
  const auto a = co_await s_.apply(i.module, i.function, i.arguments);
  if (!a.value) {
    if (is(a.error_class, "throw")) throw failure{a.reason};
    throw failure{a.caught(s_.heap())};
  }
  // An application that does not start: release_handler would not look.
  if (is(i.module, "application") && is(i.function, "start") && is_tagged(a.value, "error", 2) && !is_tagged(a.value[1], "already_started", 2))
    throw failure{s_.tuple(atom("apply_failed"), s_.tuple(i.module, i.function, i.arguments), a.value[1])};
}

}  // namespace cnode::release_handler
