// application_master: the two processes of a running application. Read it next to application_master.erl.
//
//   master   group leader of all that the application starts; relays what they print; linked with the controller
//   starter  calls Mod:start/2, is linked with the top supervisor, calls Mod:stop/1 when that has ended
//
// Both loop by tail calls, so that what one message made goes before the next.
#include <atomic>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/reports.hpp>

#include "../builtin_calls.hpp"
#include "../gen_call.hpp"
#include "../otp_atoms.hpp"
#include "application_process.hpp"

namespace cnode::actors {

task<term> catch_call(call_context& cx, term module, term function, term args) {
  const auto& n = names();
  const outcome out = co_await cx.apply(module, function, args);
  if (out.kind == outcome::value) co_return out.result;
  auto& b = cx.heap();
  if (out.error_class.same(n.error)) co_return make_tuple_of(b, n.EXIT, make_tuple_of(b, out.reason, out.stacktrace ? out.stacktrace : nil));
  co_return out.error_class.same(n.exit) ? make_tuple_of(b, n.EXIT, out.reason) : out.reason;
}

task<term> ask_application_master(call_context& cx, term master, term request) {
  const auto& n = names();
  auto& b = cx.heap();
  const term tag = cx.self().node().make_ref(b);
  const term ref = copy(b, cx.self().monitor(master));
  cx.self().send(master, make_tuple_of(b, request, tag, cx.self().pid()));
  const call_context::matcher answer = [tag, ref](term m) {
    return (m.is_tuple(2) && exactly_equal(m[0], tag)) || (m.is_tuple(5) && m[0].same(names().DOWN) && exactly_equal(m[1], ref));
  };
  const term m = co_await cx.receive(answer, -1);
  if (m.is_tuple(5)) co_return n.ok;
  cx.self().demonitor(ref, true);
  co_return m[1];
}

namespace {

term master_module() { return atom("application_master"); }

// #state{child, appl_data, children, procs, gleader, req}; req: [{Ref, Tag, From}]
enum field { f_child = 1, f_data, f_children, f_procs, f_leader, f_requests };

term with(block& b, term state, field f, term value) {
  term e[7];
  for (int i = 0; i < 7; ++i) e[i] = i == f ? value : state[static_cast<std::size_t>(i)];
  return make_tuple(b, e, 7);
}

bool is_io_request(term m) { return m.is_tuple() && m.arity() >= 1 && m[0].same(atom("io_request")); }
bool is_exit_of(term m, term pid) { return m.is_tuple(3) && m[0].same(names().EXIT) && exactly_equal(m[1], pid); }
bool any(term) { return true; }

void relay(call_context& cx, term request, term state) { cx.self().send(state[f_leader], request); }

// ---- kill_all_procs/0: every process under this group leader. Each looks for itself, so that one whose callback never returns holds
// nobody up.
struct sweep {
  sweep(runtime& n, term m, std::uint64_t i) : node(n), master(m), id(i) {}
  sweep(const sweep&) = delete;
  ~sweep() {  // the last process has looked, or has gone
    auto message = block::make(8);
    message->root = make_tuple_of(*message, atom("$swept"), make_unsigned(*message, id), make_integer(*message, killed.load()));
    node.send(master, std::move(message));
  }

  runtime& node;
  const term master;
  const std::uint64_t id;
  std::atomic<std::int64_t> killed{0};
};

task<void> kill_all(call_context& cx) {
  static std::atomic<std::uint64_t> next{1};
  constexpr std::int64_t patience_ms = 2000;
  auto& node = cx.self().node();
  for (;;) {
    const auto id = next.fetch_add(1);
    {
      const term me = cx.self().pid();
      const auto all = std::make_shared<sweep>(node, me, id);
      for (const term pid : node.processes()) {
        if (pid.same(me)) continue;
        node.run_in(pid, [all, me](process& p) {
          if (!p.group_leader().same(me)) return;
          all->killed.fetch_add(1);
          all->node.exit_signal(me, p.pid(), atom("kill"));
        });
      }
    }
    const call_context::matcher mine = [id](term m) {
      std::uint64_t n = 0;
      return m.is_tuple(3) && m[0].same(atom("$swept")) && to_uint64(m[1], n) && n == id;
    };
    const term swept = co_await cx.receive(mine, patience_ms);
    if (!swept || swept[2].same(small(0))) co_return;
  }
}

// ---- the master

task<void> terminate(call_context& cx, term state) {
  const auto& n = names();
  for (term l = state[f_requests]; l.is_cons(); l = l.tail()) cx.self().send(l.head()[2], make_tuple_of(cx.heap(), l.head()[1], n.error));
  const term child = state[f_child];
  if (child.is_pid()) {
    cx.self().send(child, make_tuple_of(cx.heap(), cx.self().pid(), n.terminate));
    for (;;) {
      const term m = co_await cx.receive(any, -1);
      if (is_io_request(m)) relay(cx, m, state);
      else if (is_exit_of(m, child)) break;
      // Whoever asks now hears that there is nobody.
      else if (m.is_tuple(3) && (m[0].same(atom("get_child")) || m[0].same(n.stop)))
        cx.self().send(m[2], make_tuple_of(cx.heap(), m[1], m[0].same(n.stop) ? n.ok : n.error));
    }
  }
  co_await kill_all(cx);
}

// handle_msg/2
task<term> handle_message(call_context& cx, term m, term state) {
  const auto& n = names();
  auto& b = cx.heap();
  if (m.is_tuple(3) && m[0].same(atom("get_child"))) {
    const term child = state[f_child];
    if (!child.is_pid() || !cx.self().node().alive(child)) {
      cx.self().send(m[2], make_tuple_of(b, m[1], n.error));
      co_return state;
    }
    const term ref = cx.self().node().make_ref(b);
    cx.self().send(child, make_tuple_of(b, cx.self().pid(), atom("get_child"), ref));
    co_return with(b, state, f_requests, make_cons(b, make_tuple_of(b, ref, m[1], m[2]), state[f_requests]));
  }
  if (m.is_tuple(3) && m[0].same(n.stop)) {
    const term tag = m[1], from = m[2];
    co_await terminate(cx, state);
    cx.self().send(from, make_tuple_of(cx.heap(), tag, n.ok));
    throw_exit(n.normal);
  }
  if (m.is_tuple(4) && m[0].same(n.child)) {
    std::vector<term> left;
    for (term l = state[f_requests]; l.is_cons(); l = l.tail()) {
      if (exactly_equal(l.head()[0], m[1])) cx.self().send(l.head()[2], make_tuple_of(b, l.head()[1], make_tuple_of(b, m[2], m[3])));
      else left.push_back(l.head());
    }
    co_return with(b, state, f_requests, make_list(b, left.data(), left.size()));
  }
  co_return state;
}

task<term> init(call_context& cx, term parent, term starter, term data, term type) {
  const auto& n = names();
  auto& self = cx.self();
  self.link(parent);
  self.set_trap_exit(true);
  const term leader = copy(cx.heap(), self.group_leader());
  self.set_group_leader(self.pid());
  // Processes of the application ask for its environment while it starts.
  applications_of(self.node())->set_master(data[1], self.pid());
  term state = make_tuple_of(cx.heap(), n.state, n.undefined, data, nil, small(0), leader, nil);
  const term tag = self.node().make_ref(cx.heap());
  const term args = make_list_of(cx.heap(), tag, state, self.pid(), type);
  const term child{host_functions().spawn(cx.env(), master_module().word(), atom("start_it").word(), args.word(), CNODE_SPAWN_LINK)};
  term result;
  while (!result) {
    const term m = co_await cx.receive(any, -1);
    if (is_io_request(m)) relay(cx, m, state);
    else if (m.is_tuple(2) && exactly_equal(m[0], tag)) result = m[1];
    else if (is_exit_of(m, child)) result = make_tuple_of(cx.heap(), n.error, m[2]);
    else if (m.is_tuple(2) && m[0].same(atom("start_type"))) cx.self().send(m[1], make_tuple_of(cx.heap(), atom("start_type"), type));
    else state = co_await handle_message(cx, m, state);
  }
  if (!result.is_tuple(2) || !result[0].same(n.ok)) throw_exit(result.is_tuple(2) && result[0].same(n.error) ? result[1] : result);
  // maxT: the time the application may run
  if (const term limit = data[7]; limit.is_small() && limit.small() >= 0) {
    const term message = make_tuple_of(cx.heap(), n.EXIT, self.pid(), n.timeout);
    cx.self().node().send_after(limit.small(), cx.self().pid(), message, cx.heap());
  }
  cx.self().unlink(starter);
  const term ack = make_list_of(cx.heap(), starter, make_tuple_of(cx.heap(), n.ok, cx.self().pid()));
  co_await cx.call(n.proc_lib, atom("init_ack"), ack);
  co_return cx.tail_call(master_module(), atom("main_loop"), make_list_of(cx.heap(), parent, with(cx.heap(), state, f_child, result[1])));
}

task<term> main_loop(call_context& cx, term parent, term state) {
  const auto& n = names();
  const term m = co_await cx.receive(any, -1);
  if (is_io_request(m)) {
    relay(cx, m, state);
  } else if (m.is_tuple(3) && m[0].same(n.EXIT)) {
    const term who = m[1];
    const term reason = m[2].same(n.timeout) && !who.same(parent) && !who.same(state[f_child]) ? n.normal : m[2];
    if (who.same(parent) || who.same(state[f_child]) || m[2].same(n.timeout)) {
      if (who.same(state[f_child])) state = with(cx.heap(), state, f_child, n.undefined);
      co_await terminate(cx, state);
      throw_exit(reason);
    }
  } else if (m.is_tuple(2) && m[0].same(atom("start_type"))) {
    cx.self().send(m[1], make_tuple_of(cx.heap(), atom("start_type"), n.local));
  } else {
    state = co_await handle_message(cx, m, state);
  }
  co_return cx.tail_call(master_module(), atom("main_loop"), make_list_of(cx.heap(), parent, state));
}

// ---- the starter

struct start_result {
  term supervisor, app_state;  // supervisor none: it failed
  term error;
};

// start_supervisor/3
task<start_result> start_supervisor(call_context& cx, term module, term type, term argument) {
  const auto& n = names();
  const term args = make_list_of(cx.heap(), type, argument);
  const term r = co_await catch_call(cx, module, n.start, args);
  auto& b = cx.heap();
  const term mfa = make_tuple_of(b, module, n.start, args);
  start_result out;
  if ((r.is_tuple(2) || r.is_tuple(3)) && r[0].same(n.ok)) {
    if (!r[1].is_pid()) throw_error(n.badarg);  // link(Pid)
    out.supervisor = r[1];
    out.app_state = r.is_tuple(3) ? r[2] : nil;
  } else if (r.is_tuple(2) && r[0].same(n.error)) {
    out.error = make_tuple_of(b, n.error, make_tuple_of(b, r[1], mfa));
  } else if (r.is_tuple(2) && r[0].same(n.EXIT) && r[1].same(n.normal)) {
    out.error = make_tuple_of(b, n.error, make_tuple_of(b, r, mfa));
  } else {
    out.error = make_tuple_of(b, n.error, make_tuple_of(b, atom("bad_return"), make_tuple_of(b, mfa, r)));
  }
  co_return out;
}

task<term> start_it(call_context& cx, term tag, term state, term from, term type) {
  const auto& n = names();
  cx.self().set_trap_exit(true);
  const term data = state[f_data], phases = data[3], mod = data[4];
  const auto answer = [&](term what) { cx.self().send(from, make_tuple_of(cx.heap(), tag, what)); };
  if (!mod.is_tuple(2)) {
    auto& b = cx.heap();
    const term keys = make_tuple_of(b, make_tuple_of(b, atom("mod"), mod), make_tuple_of(b, atom("start_phases"), phases));
    answer(make_tuple_of(b, n.error, make_tuple_of(b, atom("bad_keys"), keys)));
    co_return n.ok;
  }
  term module = mod[0], argument = mod[1];
  if (!phases.same(n.undefined) && module.same(atom("application_starter")) && argument.is_cons() && argument.tail().is_cons()) {
    module = argument.head();
    argument = argument.tail().head();
  }
  const start_result started = co_await start_supervisor(cx, module, type, argument);
  if (!started.supervisor) {
    answer(started.error);
    co_return n.ok;
  }
  cx.self().link(started.supervisor);
  if (!phases.same(n.undefined)) {
    const term args = make_list_of(cx.heap(), phases, type, make_list_of(cx.heap(), data[1]));
    const term result = co_await catch_call(cx, atom("application_starter"), n.start, args);
    if (!result.same(n.ok)) {
      cx.self().unlink(started.supervisor);
      answer(result);
      co_return n.ok;
    }
  }
  answer(make_tuple_of(cx.heap(), n.ok, cx.self().pid()));
  co_return cx.tail_call(master_module(), atom("loop_it"), make_list_of(cx.heap(), from, started.supervisor, module, started.app_state));
}

// prep_stop/2
task<term> prepare_stop(call_context& cx, term module, term app_state) {
  const auto& n = names();
  const term args = make_list_of(cx.heap(), app_state);
  const term r = co_await catch_call(cx, module, atom("prep_stop"), args);
  if (!r.is_tuple(2) || !r[0].same(n.EXIT)) co_return r;
  const bool missing = r[1].is_tuple(2) && r[1][0].same(n.undef);
  if (!missing) {
    auto& b = cx.heap();
    reports::error_text(cx.self(), "application_master: shutdown_error~n    ~tp~n    ~tp~n",
                        make_list_of(b, make_tuple_of(b, module, make_tuple_of(b, atom("prep_stop"), args)), r[1]), "application_master", "prep_stop", 2);
  }
  co_return app_state;
}

task<term> loop_it(call_context& cx, term parent, term child, term module, term app_state) {
  const auto& n = names();
  const term m = co_await cx.receive(any, -1);
  const bool exit = m.is_tuple(3) && m[0].same(n.EXIT);
  if (m.is_tuple(3) && m[0].same(parent) && m[1].same(atom("get_child"))) {
    cx.self().send(parent, make_tuple_of(cx.heap(), n.child, m[2], child, module));
  } else if (const bool asked = m.is_tuple(2) && m[0].same(parent) && m[1].same(n.terminate);
             asked || (exit && (m[1].same(parent) || m[1].same(child)))) {
    const term reason = asked ? n.normal : m[2];
    term last = co_await prepare_stop(cx, module, app_state);
    if (asked || m[1].same(parent)) {
      cx.self().exit_signal(child, asked ? n.shutdown : reason);
      const call_context::matcher ended = [child](term e) { return is_exit_of(e, child); };
      co_await cx.receive(ended, -1);
    }
    const term args = make_list_of(cx.heap(), last);
    co_await catch_call(cx, module, n.stop, args);
    throw_exit(reason);
  }
  co_return cx.tail_call(master_module(), atom("loop_it"), make_list_of(cx.heap(), parent, child, module, app_state));
}

// ---- application_starter: start phases

[[noreturn]] void throw_phase_error(block& b, term reason) {
  throw raised{atom("throw"), make_tuple_of(b, names().error, reason), {}};
}

task<void> run_the_phase(call_context& cx, const application& app, term phase, term type, term module) {
  const auto& n = names();
  if (app.phases().same(n.undefined)) throw_phase_error(cx.heap(), make_tuple_of(cx.heap(), atom("start_phases_undefined"), app.name));
  term phase_args;
  for (term l = app.phases(); l.is_cons() && !phase_args; l = l.tail())
    if (l.head().is_tuple(2) && exactly_equal(l.head()[0], phase)) phase_args = copy(cx.heap(), l.head()[1]);
  if (!phase_args) co_return;
  const term args = make_list_of(cx.heap(), phase, type, phase_args);
  const term r = co_await catch_call(cx, module, atom("start_phase"), args);
  if (r.same(n.ok)) co_return;
  auto& b = cx.heap();
  const term mfa = make_tuple_of(b, module, atom("start_phase"), args);
  if (r.is_tuple(2) && r[0].same(n.error)) throw_phase_error(b, make_tuple_of(b, r[1], mfa));
  throw_phase_error(b, make_tuple_of(b, n.bad_return_value, make_tuple_of(b, mfa, r)));
}

constexpr int deepest = 200;  // applications included in included ones

task<void> start_phase_of(call_context& cx, term phase, term type, term name, int depth = 0) {
  if (depth > deepest) throw_error(atom("system_limit"));
  const auto app = applications_of(cx.self().node())->loaded(name);
  if (!app || !app->mod().is_tuple(2))
    throw raised{names().error, make_tuple_of(cx.heap(), atom("badmatch"), app ? make_tuple_of(cx.heap(), names().ok, nil) : names().undefined), {}};
  const term module = app->mod()[0], argument = app->mod()[1];
  if (!module.same(atom("application_starter"))) {
    co_await run_the_phase(cx, *app, phase, type, module);
    co_return;
  }
  if (!argument.is_cons()) throw raised{names().error, make_tuple_of(cx.heap(), atom("badmatch"), copy(cx.heap(), argument)), {}};
  co_await run_the_phase(cx, *app, phase, type, argument.head());
  for (term l = app->included.get(); l.is_cons(); l = l.tail()) co_await start_phase_of(cx, phase, type, l.head(), depth + 1);
}

// application_starter:start/3. Only {error, _} that is thrown ends it, as there.
task<term> start_phases(call_context& cx, term phases, term type, term apps) {
  for (term p = phases; p.is_cons(); p = p.tail()) {
    if (!p.head().is_tuple(2)) throw_error(names().function_clause);
    for (term l = apps; l.is_cons(); l = l.tail()) {
      try {
        co_await start_phase_of(cx, p.head()[0], type, l.head());
      } catch (const raised& r) {
        if (r.error_class.same(atom("throw"))) co_return r.reason;
      }
    }
  }
  co_return names().ok;
}

// ---- what is exported

task<term> start_link(call_context& cx, term data, term type) {
  const term parent = cx.self().node().whereis(atom("application_controller"));
  if (!parent) throw_exit(names().noproc);
  const term args = make_list_of(cx.heap(), parent, cx.self().pid(), data, type);
  const term call = make_list_of(cx.heap(), master_module(), names().init, args);
  co_return co_await cx.call(names().proc_lib, atom("start_link"), call);
}

// application_master:start_type/0: asks the group leader.
task<term> start_type(call_context& cx) {
  cx.self().send(cx.self().group_leader(), make_tuple_of(cx.heap(), atom("start_type"), cx.self().pid()));
  const call_context::matcher answer = [](term m) { return m.is_tuple(2) && m[0].same(atom("start_type")); };
  const term m = co_await cx.receive(answer, 5000);
  co_return m ? m[1] : make_tuple_of(cx.heap(), names().error, names().timeout);
}

task<term> ask(call_context& cx, term master, term request) {
  if (!master.is_pid() && !master.is_atom()) throw_error(names().badarg);
  co_return co_await ask_application_master(cx, master, request);
}

}  // namespace

void add_application_master(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"start_link", 2, waiting<start_link>}, {"init", 4, waiting<init>},
      {"main_loop", 2, waiting<main_loop>},   {"start_it", 4, waiting<start_it>},
      {"loop_it", 4, waiting<loop_it>},       {"stop", 1, waiting<ask, 0, &otp_atoms::stop>},
      {"get_child", 1, waiting<ask, 0, word{"get_child"}>}, {"start_type", 0, waiting<start_type>},
  };
  code.add_builtin("application_master", functions);
  static constexpr builtin_function starter[] = {{"start", 3, waiting<start_phases>}};
  code.add_builtin("application_starter", starter);
}

}  // namespace cnode::actors
