// The callback module application_controller: what each request does. Read it next to application_controller.erl.
//
//   start_application -> check_start_cond -> a starter process -> application_master:start_link
//                        {application_started, Name, {ok, Master} | {error, R} | {info, R}} from the starter -> whoever asked is answered
#include <algorithm>

#include <cnode/actors/gen.hpp>
#include <cnode/actors/reports.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "../builtin_calls.hpp"
#include "../otp_atoms.hpp"
#include "application_process.hpp"
#include "application_spec.hpp"
#include "controller_state.hpp"

namespace cnode::actors {

namespace {

// to_string/1
term slogan(block& b, term reason) { return make_charlist(b, to_text(reason)); }

void report_exited(call_context& cx, term app, term reason, term type) {
  cx.self().node().log(log_level::notice, "    application: " + to_text(app) + "\n    exited: " + to_text(reason) + "\n    type: " + to_text(type));
}

// One request at work.
struct turn {
  call_context& cx;
  controller_state& s;
  term state;  // the term that holds s

  block& heap() const { return cx.heap(); }
  template <class... T>
  term tuple(T... e) const { return make_tuple_of(heap(), e...); }
  term error(term reason) const { return tuple(names().error, reason); }
  term reply(term value) const { return tuple(names().reply, value, state); }
  term noreply() const { return tuple(names().noreply, state); }
  // The list is what others read; it follows each change.
  void set_running(std::vector<running_application> list) const {
    s.running = std::move(list);
    s.publish();
  }
  void remove_running(term app) const {
    std::erase_if(s.running, [app](const auto& r) { return r.name.same(app); });
    s.publish();
  }

  // ---- loading
  // With what it includes, and what that includes; depth first, as specifications may nest as deep as they like.
  void load(new_application first) const {
    auto& b = heap();
    std::vector<new_application> open{std::move(first)};
    std::vector<term> wanted;  // the next one last
    for (;;) {
      while (!open.empty()) {
        const new_application fresh = std::move(open.back());
        open.pop_back();
        const auto& app = *fresh.app;
        const term env = merge_app_env(b, fresh.env, copy(b, key_value(s.config.get(), app.name, nil)));
        add_env(*s.table, app.name, env);
        std::vector<term> included;
        for (term l = copy(b, app.included.get()); l.is_cons(); l = l.tail()) included.push_back(l.head());
        wanted.insert(wanted.end(), included.rbegin(), included.rend());
        s.table->insert(fresh.app);
      }
      if (wanted.empty()) return;
      const term next = wanted.back();
      wanted.pop_back();
      if (!is_loaded(next)) open.push_back(find_application(b, cx.self().node(), next));
    }
  }
  bool is_loaded(term application) const { return s.table->loaded(application_name(heap(), application)) != nullptr; }

  task<term> load_application(term application) const {
    if (is_loaded(application)) co_return error(tuple(atom("already_loaded"), application));
    load(find_application(heap(), cx.self().node(), application));
    co_return names().ok;
  }

  void unload(term first) const {
    for (std::vector<term> open{first}; !open.empty();) {
      const term app = open.back();
      open.pop_back();
      const auto loaded = s.table->loaded(app);
      if (!loaded) continue;
      s.table->delete_env(app);
      s.table->erase(app);
      for (term l = loaded->included.get(); l.is_cons(); l = l.tail())
        if (l.head().is_atom()) open.push_back(l.head());
    }
  }
  term unload_application(term app) const {
    if (app.is_atom() && s.find_running(app)) return error(tuple(names().running, app));
    // What is no name takes the controller of a BEAM node down, and the node with it.
    if (!app.is_atom()) return error(tuple(atom("bad_application"), app));
    if (!s.table->loaded(app)) return error(tuple(atom("not_loaded"), app));
    unload(app);
    return names().ok;
  }

  // ---- starting
  application_ptr check_start_cond(term app, term restart_type) const {
    const auto& n = names();
    if (!restart_type.same(n.permanent) && !restart_type.same(n.transient) && !restart_type.same(n.temporary))
      throw_error_tuple(heap(), tuple(atom("invalid_restart_type"), restart_type));
    const auto loaded = s.table->loaded(application_name(heap(), app));
    if (!loaded) throw_error_tuple(heap(), tuple(atom("not_loaded"), app));
    if (s.find_running(app)) throw_error_tuple(heap(), tuple(n.already_started, app));
    for (term l = loaded->applications.get(); l.is_cons(); l = l.tail())
      if (!s.find_started(l.head()) && !is_optional(*loaded, l.head()))
        throw_error_tuple(heap(), tuple(atom("not_started"), copy(heap(), l.head())));
    return loaded;
  }
  // {noreply, _}: who asked is answered when the starter has said how it went. Else the answer.
  term start_application(term app, term restart_type, term from) const {
    const auto owner = std::make_shared<owned_term>(from);
    for (const auto& r : s.requests)
      if (r.name.same(app)) {
        s.requests.insert(s.requests.begin(), {app, owner});
        return noreply();
      }
    application_ptr loaded;
    try {
      loaded = check_start_cond(app, restart_type);
    } catch (const raised& r) {
      return reply(r.reason);
    }
    spawn_starter(loaded->name, names().normal);
    s.starting.insert(s.starting.begin(), {loaded->name, restart_type, names().normal, owner});
    s.requests.insert(s.requests.begin(), {loaded->name, owner});
    return noreply();
  }
  void spawn_starter(term app, term type) const {
    std::vector<term> running;
    for (const auto& r : s.running) running.push_back(r.name);
    const term args = make_list_of(heap(), names().undefined, app, make_list(heap(), running.data(), running.size()), type);
    host_functions().spawn(cx.env(), atom("application_controller").word(), atom("init_starter").word(), args.word(), CNODE_SPAWN_LINK);
  }

  // reply_to_requester/3
  void answer_requesters(term app, term result) const {
    const auto& n = names();
    const term answer = result[0].same(n.ok) ? n.ok : error(result[1]);
    for (const auto& r : s.requests)
      if (r.name.same(app)) gen::reply(cx.self(), r.from->get(), answer);
    std::erase_if(s.requests, [app](const auto& r) { return r.name.same(app); });
  }

  // handle_application_started/3
  term application_started(term app, term result) const {
    const auto& n = names();
    const auto found = std::find_if(s.starting.begin(), s.starting.end(), [app](const auto& e) { return e.name.same(app); });
    if (found == s.starting.end() || !result.is_tuple(2)) return noreply();
    const term restart_type = found->restart_type, what = result[0], reason = result[1];
    answer_requesters(app, result);
    s.starting.erase(found);
    if (what.same(n.ok)) {
      cx.self().node().log(log_level::info, "progress report\n    application: " + to_text(app) + "\n    started_at: " + to_text(this_node().name));
      if (auto* there = s.find_running(app)) there->master = reason;
      else s.running.insert(s.running.begin(), {app, reason});
      if (auto* there = s.find_started(app)) there->restart_type = restart_type;
      else s.started.insert(s.started.begin(), {app, restart_type});
      s.publish();
      return noreply();
    }
    // {info, _}: nothing is said about it.
    if (what.same(n.error)) report_exited(cx, app, reason, restart_type);
    const bool normal = reason.is_tuple(2) && reason[0].is_tuple(2) && reason[0][0].same(n.EXIT) && reason[0][1].same(n.normal);
    if (restart_type.same(n.temporary) || (restart_type.same(n.transient) && normal)) return noreply();
    return tuple(n.stop, slogan(heap(), tuple(atom("application_start_failure"), app, reason)), state);
  }

  // ---- stopping
  task<void> stop_appl(term app, term master, term type) const {
    if (master.is_pid()) {
      cx.self().unlink(master);
      co_await ask_application_master(cx, master, names().stop);
      s.table->erase_master(app);
    }
    report_exited(cx, app, atom("stopped"), type);
  }
  task<term> stop_application(term app) const {
    const auto* running = s.find_running(app);
    const auto* started = s.find_started(app);
    if (!running && !started) co_return error(tuple(atom("not_started"), app));
    if (running) {
      const term master = running->master, type = started ? started->restart_type : names().temporary;
      co_await stop_appl(app, master, type);
      remove_running(app);
    }
    std::erase_if(s.started, [app](const auto& e) { return e.name.same(app); });
    co_return names().ok;
  }

  // {'EXIT', Pid, Reason}
  term process_ended(term pid, term reason) const {
    const auto& n = names();
    s.table->erase_master_pid(pid);
    const auto found = std::find_if(s.running.begin(), s.running.end(), [pid](const auto& r) { return r.master.same(pid); });
    if (found == s.running.end()) return noreply();
    const term app = found->name;
    remove_running(app);
    const auto* started = s.find_started(app);
    const term type = started ? started->restart_type : n.temporary;
    report_exited(cx, app, reason, type);
    if (type.same(n.temporary) || (type.same(n.transient) && reason.same(n.normal))) return noreply();
    return tuple(n.stop, slogan(heap(), tuple(atom("application_terminated"), app, reason)), state);
  }

  // ---- the environment
  term set_env(term config, term options) const {
    if (list_length(config) < 0) throw_error(tuple(atom("bad_generator"), config));
    for (term apps = config; apps.is_cons(); apps = apps.tail())
      if (apps.head().is_tuple(2)) add_env(*s.table, apps.head()[0], apps.head()[1]);
    if (is_persistent(options)) s.config = owned_term(merge_env(heap(), copy(heap(), s.config.get()), config));
    return names().ok;
  }
  term set_env(term app, term key, term value, term options) const {  // value none: unset
    if (value) s.table->set_env(app, key, value);
    else s.table->unset_env(app, key);
    if (is_persistent(options)) s.config = owned_term(change_app_env(heap(), copy(heap(), s.config.get()), app, key, value));
    return names().ok;
  }
  static bool is_persistent(term options) { return key_value(options, atom("persistent"), names().false_).same(names().true_); }

  // ---- what runs
  term which_applications() const {
    std::vector<term> rows;
    for (const auto& r : s.running)
      if (const auto app = s.table->loaded(r.name)) rows.push_back(tuple(r.name, copy(heap(), app->description.get()), copy(heap(), app->vsn.get())));
    return make_list(heap(), rows.data(), rows.size());
  }
  term info() const {
    const term record = controller_record(heap(), s);
    const auto entry = [&](const char* key, term value) { return tuple(atom(key), value); };
    return make_list_of(heap(), entry("loaded", loaded_applications(heap(), *s.table)), entry("loading", nil), entry("started", record[6]),
                        entry("start_p_false", nil), entry("running", record[4]), entry("starting", record[2]));
  }
};

bool is_request(term t, std::size_t arity, const char* what) { return t.is_tuple() && t.arity() == arity && t[0].same(atom(what)); }

// As `catch` in the clauses that have one: what is thrown is the answer, an error is {error, Reason}.
task<term> caught(turn t, task<term> body) {
  term failure;
  try {
    co_return co_await body;
  } catch (const raised& r) {
    if (r.error_class.same(atom("throw"))) failure = r.reason;
    else failure = t.error(r.error_class.same(names().error) ? t.tuple(r.reason, r.stacktrace ? r.stacktrace : nil) : r.reason);
  }
  co_return failure;
}

task<term> handle_call(call_context& cx, term request, term from, term state) {
  auto* s = controller_of(state);
  if (!s) throw_error(names().function_clause);
  const turn t{cx, *s, state};
  if (request.same(atom("which_applications"))) co_return t.reply(t.which_applications());
  if (request.same(atom("info"))) co_return t.reply(t.info());
  if (request.same(atom("prep_config_change"))) co_return t.reply(environments_before(cx, *s));
  if (is_request(request, 2, "load_application")) {
    task<term> body = caught(t, t.load_application(request[1]));
    co_return t.reply(co_await body);
  }
  if (is_request(request, 2, "unload_application")) co_return t.reply(t.unload_application(request[1]));
  if (is_request(request, 3, "start_application")) co_return t.start_application(request[1], request[2], from);
  if (is_request(request, 2, "is_running")) co_return t.reply(s->find_running(request[1]) ? names().true_ : names().false_);
  if (is_request(request, 2, "stop_application")) co_return t.reply(co_await t.stop_application(request[1]));
  if (is_request(request, 3, "set_env")) co_return t.reply(t.set_env(request[1], request[2]));
  if (is_request(request, 5, "set_env")) co_return t.reply(t.set_env(request[1], request[2], request[3], request[4]));
  if (is_request(request, 4, "unset_env")) co_return t.reply(t.set_env(request[1], request[2], term{}, request[3]));
  if (is_request(request, 3, "change_application_data")) {
    task<term> body = caught(t, change_application_data(cx, *s, request[1], request[2]));
    co_return t.reply(co_await body);
  }
  if (is_request(request, 2, "config_change")) co_return t.reply(co_await config_change(cx, *s, request[1]));
  if (is_request(request, 2, "start_type")) {
    for (const auto& e : s->starting)
      if (e.name.same(request[1])) co_return t.reply(e.type);
    co_return t.reply(names().local);
  }
  throw_error(names().function_clause);
}

task<term> handle_cast(call_context& cx, term message, term state) {
  auto* s = controller_of(state);
  if (!s || !is_request(message, 3, "application_started")) throw_error(names().function_clause);
  const turn t{cx, *s, state};
  co_return t.application_started(message[1], message[2]);
}

task<term> handle_info(call_context& cx, term message, term state) {
  auto* s = controller_of(state);
  if (!s) throw_error(names().function_clause);
  const turn t{cx, *s, state};
  if (message.is_tuple(3) && message[0].same(names().EXIT)) co_return t.process_ended(message[1], message[2]);
  co_return t.noreply();
}

task<term> init(call_context& cx, term) {
  cx.self().set_trap_exit(true);
  auto s = std::make_unique<controller_state>();
  auto& b = cx.heap();
  s->table = applications_of(cx.self().node());
  const auto config = s->table->config();
  s->config = owned_term(config->root);
  const term undefined = names().undefined;
  const turn t{cx, *s, {}};
  for (const auto& own : s->table->options.own) {
    t.load(make_application(b, specification_of(b, own)));
    s->running.insert(s->running.begin(), {atom(own.name), undefined});
    s->started.insert(s->started.begin(), {atom(own.name), names().permanent});
  }
  s->publish();
  co_return make_tuple_of(b, names().ok, make_controller_state(cx.env(), std::move(s)));
}

// Stops what runs, the newest first; a master that takes longer than kernel's shutdown_timeout is killed.
task<term> terminate(call_context& cx, term state) {
  auto* s = controller_of(state);
  if (!s) co_return names().ok;
  const auto& n = names();
  std::int64_t limit = -1;
  if (const auto configured = s->table->env(atom("kernel"), atom("shutdown_timeout")))
    if (const term ms = (*configured)->root; ms.is_small() && ms.small() >= 0) limit = ms.small();
  const auto running = s->running;
  for (const auto& r : running) {
    if (!r.master.is_pid()) continue;
    const term ref = copy(cx.heap(), cx.self().monitor(r.master));
    cx.self().unlink(r.master);
    cx.self().exit_signal(r.master, n.shutdown);
    const call_context::matcher is_down = [ref](term m) { return m.is_tuple(5) && m[0].same(names().DOWN) && exactly_equal(m[1], ref); };
    if (co_await cx.receive(is_down, limit)) continue;
    cx.self().exit_signal(r.master, n.kill);
    co_await cx.receive(is_down, -1);
  }
  s->running.clear();
  s->publish();
  co_return n.ok;
}

// init_starter/4: [_, Name, Running, Type]
task<term> init_starter(call_context& cx, term name, term running, term type) {
  cx.self().set_trap_exit(true);
  auto& b = cx.heap();
  const auto table = applications_of(cx.self().node());
  const auto app = table->loaded(name);
  term result;
  if (!app) {
    result = make_tuple_of(b, names().error, make_tuple_of(b, atom("not_loaded"), name));
  } else if (app->mod().is_nil()) {
    result = make_tuple_of(b, names().ok, names().undefined);
  } else {
    for (term l = app->applications.get(); l.is_cons() && !result; l = l.tail()) {
      bool runs = is_optional(*app, l.head());
      for (term r = running; r.is_cons() && !runs; r = r.tail()) runs = exactly_equal(r.head(), l.head());
      if (!runs) result = make_tuple_of(b, atom("info"), make_tuple_of(b, atom("not_running"), copy(b, l.head())));
    }
    if (!result) {
      const term args = make_list_of(b, copy(b, app->data.get()), type);
      const outcome out = co_await cx.apply(atom("application_master"), atom("start_link"), args);
      result = out.kind == outcome::value ? out.result : make_tuple_of(cx.heap(), names().error, out.reason);
    }
  }
  auto& h = cx.heap();
  cx.self().send(atom("application_controller"),
                 make_tuple_of(h, names().gen_cast, make_tuple_of(h, atom("application_started"), name, result)));
  co_return names().ok;
}

term code_change(cnode_env* env, term state) { return make_tuple_of(heap_of(env), names().ok, state); }

}  // namespace

bool is_optional(const application& app, term name) {
  for (term l = app.optional.get(); l.is_cons(); l = l.tail())
    if (exactly_equal(l.head(), name)) return true;
  return false;
}

term loaded_applications(block& b, const application_table& table) {
  std::vector<term> rows;
  for (const auto& app : table.all_loaded()) rows.push_back(make_tuple_of(b, app->name, copy(b, app->description.get()), copy(b, app->vsn.get())));
  return make_list(b, rows.data(), rows.size());
}

void add_controller_callbacks(code_server& code) {
  static constexpr builtin_function callbacks[] = {
      {"init", 1, waiting<init>},
      {"handle_call", 3, waiting<handle_call>},
      {"handle_cast", 2, waiting<handle_cast>},
      {"handle_info", 2, waiting<handle_info>},
      {"terminate", 2, waiting<terminate, 1>},
      {"code_change", 3, plain<code_change, 1>},
      {"init_starter", 4, waiting<init_starter, 1, 2, 3>},
  };
  code.add_builtin("application_controller", callbacks);
}

}  // namespace cnode::actors
