#include "evaluator.hpp"

#include <algorithm>

#include <cnode/protocol/local_node.hpp>

#include "release/script_checks.hpp"

namespace cnode::release_handler {

namespace instruction = release::instruction;
using release::is;
using release::is_tagged;

namespace {

release::outcome<std::vector<instruction::any>> parse(block& b, const terms& script) {
  const auto checked = release::attempt([&] {
    release::check_syntax(b, script);
    return true;
  });
  if (!checked) return checked.error();
  return instruction::parse(b, script);
}

// The instructions, checked. Throws failure.
std::vector<instruction::any> parsed_script(session& s, const terms& script) {
  auto parsed = parse(s.heap(), script);
  if (parsed) return std::move(*parsed);
  // release_handler_1:syntax_check_script/1; a script without a point of no return is all behind it.
  auto i = std::find_if(script.begin(), script.end(), [](term t) { return is(t, "point_of_no_return"); });
  if (i == script.end()) i = script.begin();
  i = std::find_if(i, script.end(), [&s](term t) { return !parse(s.heap(), {t}); });
  throw failure{i == script.end() ? parsed.error().reason : s.tuple(atom("illegal_instruction_after_point_of_no_return"), *i)};
}

// As check_old_processes, and what is in the way gets release_handler's name: {old_processes, Module}.
terms unused_old_code(session& s, const terms& script) {
  try {
    return check_old_processes(s, script, true);
  } catch (const failure& f) {
    throw failure{s.tuple(atom("old_processes"), f.reason[1])};
  }
}

}  // namespace

evaluator::evaluator(session& s, libraries all, libraries changed, evaluation_options options)
    : s_(s),
      all_(std::move(all)),
      changed_(std::move(changed)),
      options_(options),
      code_(s),
      processes_(s, code_, options),
      applications_(actors::save_applications(s.node())) {}

routine<term> evaluator::check(const terms& script) {
  const bool restarts = !script.empty() && is(script[0], "restart_new_emulator");
  terms purge;
  term problem;
  try {
    if (!restarts) purge = unused_old_code(s_, script);
    const auto parsed = parsed_script(s_, script);
    for (const auto& i : parsed) {
      if (std::holds_alternative<instruction::point_of_no_return>(i)) break;
      if (const auto* l = std::get_if<instruction::load_object_code>(&i)) co_await carry_out(*l);
    }
  } catch (const failure& f) {
    problem = f.reason;
  }
  if (problem) co_return s_.tuple(atom("error"), problem);
  co_return s_.tuple(atom("ok"), release::list_of(s_.heap(), purge));
}

routine<evaluation> evaluator::run(const terms& script) {
  evaluation out;
  processes_.remember();
  co_await remember_applications();
  bool before = std::any_of(script.begin(), script.end(), [](term i) { return is(i, "point_of_no_return"); });
  term why;
  bool begun = false;
  try {
    unused_old_code(s_, script);
    const auto parsed = parsed_script(s_, script);
    begun = true;
    for (const auto& i : parsed)
      if (const auto* n = std::get_if<instruction::sync_nodes>(&i); n && n->nodes.is_list()) release::append(sync_nodes_, release::elements(n->nodes));
    const auto one = [this](const auto& i) { return carry_out(i); };
    for (const auto& i : parsed) {
      co_await std::visit(one, i);
      if (restart_) {
        out.how = *restart_;
        co_return out;
      }
      if (std::holds_alternative<instruction::point_of_no_return>(i)) before = false;
    }
    co_await processes_.resume_held();
    out.unpurged = co_await code_.settle();
  } catch (const failure& f) {
    why = f.reason;
  }
  if (why) {
    co_await take_back(why);
    out.how = before || !begun ? evaluation::refused : evaluation::failed;
    out.reason = why;
  }
  co_return out;
}

// ---- instructions

routine<void> evaluator::carry_out(const instruction::load_object_code& i) {
  const auto lib = std::find_if(all_.begin(), all_.end(), [&](const library& l) { return l.name.same(i.application); });
  if (lib == all_.end()) throw failure{s_.tuple(atom("no_such_lib"), i.application)};
  if (!exactly_equal(lib->vsn, i.vsn)) throw failure{s_.tuple(atom("bad_lib_vsn"), i.application, lib->vsn)};
  co_await code_.prepare(*lib, i.modules);
  if (std::none_of(changed_.begin(), changed_.end(), [&](const library& l) { return l.name.same(lib->name); })) changed_.push_back(*lib);
}

routine<void> evaluator::carry_out(const instruction::point_of_no_return&) {
  code_.replace_paths(options_.update_paths ? all_ : changed_);
  co_return;
}

routine<void> evaluator::carry_out(const instruction::purge& i) {
  for (const term module : i.modules) co_await purge(s_, module, false);
}

routine<void> evaluator::carry_out(const instruction::restart_emulator&) {
  restart_ = evaluation::restart_emulator;
  co_return;
}

routine<void> evaluator::carry_out(const instruction::restart_new_emulator&) {
  restart_ = evaluation::restart_new_emulator;
  co_return;
}

routine<void> evaluator::carry_out(const instruction::apply& i) {
  const auto a = co_await s_.apply(i.module, i.function, i.arguments);
  if (!a.value) throw failure{a.caught(s_.heap())};
  // An application that does not start: release_handler would not look.
  if (is(i.module, "application") && is(i.function, "start") && is_tagged(a.value, "error", 2) && !is_tagged(a.value[1], "already_started", 2))
    throw failure{s_.tuple(atom("apply_failed"), s_.tuple(i.module, i.function, i.arguments), a.value[1])};
}

routine<void> evaluator::carry_out(const instruction::sync_nodes& i) {
  terms nodes = release::elements(i.nodes);
  if (i.nodes.is_tuple(3)) {
    const auto a = co_await s_.apply(i.nodes[0], i.nodes[1], i.nodes[2]);
    if (!a.value) throw failure{a.caught(s_.heap())};
    nodes = release::elements(a.value);
    release::append(sync_nodes_, nodes);
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

}  // namespace cnode::release_handler
