// The gen_server release_handler: its requests one by one. Read it next to release_handler.erl.
#include <algorithm>

#include <cnode/actors/gen.hpp>
#include <cnode/protocol/term_text.hpp>

#include "handler.hpp"

namespace cnode::release_handler {

using release::is;
using release::is_tagged;
using services::call;

namespace {

constexpr std::int64_t look_again_ms = 10000;

libraries libraries_of(const release::installed_release& r) {
  libraries out;
  for (const auto& l : r.libraries) out.push_back({l.name, l.vsn, l.dir});
  return out;
}

// get_new_libs/2: those of other versions than now.
libraries new_libraries(const release::installed_release& now, const release::installed_release& then) {
  libraries out;
  for (const auto& l : now.libraries)
    for (const auto& n : then.libraries)
      if (n.name.same(l.name) && !exactly_equal(n.vsn, l.vsn)) out.push_back({n.name, n.vsn, n.dir});
  return out;
}

std::int64_t milliseconds(term t) { return is(t, "infinity") ? -1 : t.small(); }

evaluation_options options_from(term list) {
  evaluation_options out;
  for (const term o : release::elements(list)) {
    if (!o.is_tuple(2)) continue;
    if (is(o[0], "suspend_timeout")) out.suspend_timeout = milliseconds(o[1]);
    if (is(o[0], "code_change_timeout")) out.code_change_timeout = milliseconds(o[1]);
    if (is(o[0], "update_paths")) out.update_paths = is(o[1], "true");
  }
  return out;
}

// One request at work.
class turn {
 public:
  turn(session& s, handler_state& state, term from) : s_(s), state_(state), installed_(s, state), from_(from) {}

  // The answer; none when it has been sent already.
  routine<term> handle(term request) {
    term error;
    try {
      if (is(request, "which_releases")) co_return which();
      if (is_tagged(request, "unpack_release", 2)) co_return ok(installed_.unpack(release::text_of(request[1])));
      if (is_tagged(request, "check_install_release", 3)) co_return co_await check(request[1], is(request[2], "true"));
      if (is_tagged(request, "install_release", 4)) co_return co_await install(request[1], request[3]);
      if (is_tagged(request, "make_permanent", 2)) co_return make_permanent(request[1]);
      if (is_tagged(request, "reboot_old_release", 2)) co_return reboot_old(request[1]);
      if (is_tagged(request, "remove_release", 2)) co_return installed_.remove(request[1]), atom("ok");
      if (is_tagged(request, "set_unpacked", 3)) co_return ok(installed_.set_unpacked(release::text_of(request[1]), request[2]));
      if (is_tagged(request, "set_removed", 2)) co_return installed_.set_removed(request[1]), atom("ok");
      if (is_tagged(request, "install_file", 3)) co_return installed_.install_file(release::text_of(request[1]), request[2]), atom("ok");
      error = s_.tuple(atom("unknown_request"), request);
    } catch (const failure& f) {
      error = f.reason;
    }
    co_return s_.tuple(atom("error"), error);
  }

 private:
  term ok(term value) { return s_.tuple(atom("ok"), value); }
  term described(const char* word, const script& way) { return s_.tuple(atom(word), way.vsn, way.description); }

  term which() {
    terms out;
    for (const auto& r : state_.releases) {
      terms libs;
      for (const auto& l : r.libraries) libs.push_back(s_.text(release::text_of(l.name) + "-" + release::text_of(l.vsn)));
      out.push_back(s_.tuple(r.name, r.vsn, release::list_of(s_.heap(), libs), r.status));
    }
    return release::list_of(s_.heap(), out);
  }

  routine<term> check(term vsn, bool purge) {
    const auto r = installed_.find(vsn);
    if (is(r.status, "current")) throw failure{s_.tuple(atom("already_installed"), vsn)};
    bool has_relup = false;
    installed_.check_files(r, has_relup);
    if (!has_relup && !may_go_back_to(r)) co_return s_.tuple(atom("ok"), vsn, nil);
    const auto way = installed_.script_between(installed_.latest(), r);
    evaluator e(s_, libraries_of(r), {}, {});
    const term checked = co_await e.check(way.instructions);
    if (is(checked[0], "error")) throw failure{checked[1]};
    if (purge) {
      terms modules = release::elements(checked[1]);
      const terms more = check_old_processes(s_, way.instructions, false);
      release::append(modules, more);
      for (const term m : modules) co_await release_handler::purge(s_, m, false);
    }
    co_return described("ok", way);
  }

  // A release without a relup of its own: the one that runs may have one that leads back.
  bool may_go_back_to(const release::installed_release& r) {
    try {
      installed_.script_between(installed_.latest(), r);
      return true;
    } catch (const failure&) {
      return false;
    }
  }

  routine<term> install(term vsn, term install_options) {
    const auto to = installed_.find(vsn);
    if (is(to.status, "current")) throw failure{s_.tuple(atom("already_installed"), vsn)};
    const auto from = installed_.latest();
    const auto way = installed_.script_between(from, to);
    if (!way.instructions.empty() && is(way.instructions[0], "restart_new_emulator")) co_return co_await restart_as(to, "continue_after_restart", way, nullptr);

    const auto before = co_await s_.apply("application_controller", "prep_config_change", nil);
    evaluator e(s_, libraries_of(to), new_libraries(from, to), options_from(install_options));
    const term new_data = s_.list(installed_.specifications(to), installed_.configuration(to));
    const term old_data = s_.list(nil, installed_.configuration(from));
    e.on_rollback = [this, old_data]() -> routine<void> { co_await s_.apply("application_controller", "change_application_data", old_data); };
    co_await s_.apply("application_controller", "change_application_data", new_data);

    const auto result = co_await e.run(way.instructions);
    switch (result.how) {
      case evaluation::done: break;
      case evaluation::restart_emulator:
      case evaluation::restart_new_emulator: co_return co_await restart_as(to, "ok", way, &e);
      default:
        if (e.damaged()) start_again();
        throw failure{result.reason};
    }
    if (before.value) {
      const term environments = s_.list(before.value);
      co_await s_.apply("application_controller", "config_change", environments);
    }
    installed_.set_current(vsn);
    remember_unpurged(result.unpurged);
    co_return described("ok", way);
  }

  // The rest of the way leads through a restart of the program: it comes up as the new release, which is not permanent yet.
  routine<term> restart_as(const release::installed_release& to, const char* answer, const script& way, evaluator* done) {
    const auto* o = options_of(s_.node());
    term problem;
    if (!o || !o->restart) problem = atom("static_emulator");
    try {
      if (!problem) installed_.set_restarting(to.vsn);
    } catch (const failure& f) {
      problem = f.reason;
    }
    if (problem) {
      if (done) co_await done->take_back(problem);
      throw failure{problem};
    }
    actors::gen::reply(s_.t.self(), from_, described(answer, way));
    o->restart(release::text_of(to.vsn));
    co_return term{};
  }

  // Not everything became what it was: better a node that has just started than one of two minds.
  void start_again() {
    const auto* o = options_of(s_.node());
    if (!o || !o->restart) return;
    s_.log(actors::log_level::error, "the node starts again as its permanent release");
    o->restart(release::text_of(installed_.permanent().vsn));
  }

  term make_permanent(term vsn) {
    if (!installed_.make_permanent(vsn)) return atom("ok");
    std::erase_if(state_.unpurged, [this](term t) {
      if (!is(t[1], "brutal_purge")) return false;
      s_.node().code().purge(t[0], false, [](bool) {});
      return true;
    });
    return atom("ok");
  }

  term reboot_old(term vsn) {
    const auto* o = options_of(s_.node());
    if (!o || !o->restart) throw failure{atom("static_emulator")};
    installed_.make_old_permanent(vsn);
    actors::gen::reply(s_.t.self(), from_, atom("ok"));
    o->restart(release::text_of(vsn));
    return {};
  }

  void remember_unpurged(const std::vector<unpurged_module>& modules) {
    for (const auto& m : modules) {
      std::erase_if(state_.unpurged, [&](term t) { return t[0].same(m.name); });
      state_.unpurged.push_back(s_.tuple(m.name, atom(m.soft ? "soft_purge" : "brutal_purge")));
    }
    if (state_.unpurged.empty() || state_.timer) return;
    state_.timer = true;
    s_.node().send_after(look_again_ms, s_.t.self().pid(), atom("timeout"), s_.heap());
  }

  session& s_;
  handler_state& state_;
  installation installed_;
  term from_;
};

// ---- the callbacks

routine<term> handle_call(talk& t, services::owned request, services::owned from, services::owned old) {
  session s(t, root_of(t.node()));
  auto state = state_of(s.heap(), old.get());
  // resend_sync_nodes/1: what has come too early is waited for from now on.
  if (is_tagged(request.get(), "install_release", 4)) {
    for (const term m : state.pre_sync_nodes) t.self().send(t.self().pid(), m);
    state.pre_sync_nodes.clear();
  }
  turn at_work(s, state, s.keep(from.get()));
  const term asked = s.keep(request.get());
  const term answer = co_await at_work.handle(asked);
  auto& b = t.heap();
  const term next = copy(b, state_term(s.heap(), state));
  co_return answer ? make_tuple_of(b, atom("reply"), copy(b, answer), next) : make_tuple_of(b, atom("noreply"), next);
}

routine<term> handle_info(talk& t, services::owned message, services::owned old) {
  session s(t, root_of(t.node()));
  auto state = state_of(s.heap(), old.get());
  const term m = s.keep(message.get());
  if (is(m, "timeout")) {
    state.timer = false;
    terms left;
    const terms unpurged = state.unpurged;
    for (const term u : unpurged) {
      const bool clean = co_await purge(s, u[0], true);
      if (!clean) left.push_back(u);
    }
    state.unpurged = left;
    if (!left.empty()) {
      state.timer = true;
      t.node().send_after(look_again_ms, t.self().pid(), atom("timeout"), s.heap());
    }
  } else if (is_tagged(m, "sync_nodes", 3)) {
    state.pre_sync_nodes.insert(state.pre_sync_nodes.begin(), m);
  } else if (!is_tagged(m, "nodedown", 2) && !(m.is_tuple(2) && is(m[0], "$release_handler"))) {
    s.log(actors::log_level::notice, "got unknown message: " + to_text(m));
  }
  auto& b = t.heap();
  const term next = copy(b, state_term(s.heap(), state));
  co_return make_tuple_of(b, atom("noreply"), next);
}

term init_1(call& c) {
  return services::run_routine(c, [](talk& t) -> routine<term> {
    session s(t, root_of(t.node()));
    handler_state state;
    state.root = s.root;
    const char* dir = std::getenv("RELDIR");
    state.releases_dir = dir && *dir ? dir : s.root + "/releases";
    if (const auto* o = options_of(t.node())) installation(s, state).open(o->name, o->vsn, o->erts_vsn);
    auto& b = t.heap();
    const term out = make_tuple_of(b, atom("ok"), copy(b, state_term(s.heap(), state)));
    co_return out;
  });
}
term handle_call_3(call& c) {
  const services::owned request(c[0]), from(c[1]), state(c[2]);
  return services::run_routine(c, [&](talk& t) { return handle_call(t, request, from, state); });
}
term handle_info_2(call& c) {
  const services::owned message(c[0]), state(c[1]);
  return services::run_routine(c, [&](talk& t) { return handle_info(t, message, state); });
}
term handle_cast_2(call& c) { return c.tuple(atom("noreply"), c[1]); }
term terminate_2(call&) { return services::ok(); }
term code_change_3(call& c) { return c.tuple(services::ok(), c[1]); }

}  // namespace

void add_handler_callbacks(actors::code_server& code) {
  using services::bif;
  static constexpr services::builtin functions[] = {
      {"init", 1, bif<init_1>}, {"handle_call", 3, bif<handle_call_3>}, {"handle_cast", 2, bif<handle_cast_2>},
      {"handle_info", 2, bif<handle_info_2>}, {"terminate", 2, bif<terminate_2>}, {"code_change", 3, bif<code_change_3>},
  };
  code.add_builtin("release_handler", functions);
}

}  // namespace cnode::release_handler
