// System messages (sys.erl) to a gen_server, and how its status looks.
#include <cnode/actors/code_server.hpp>
#include <cnode/actors/gen_server.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "gen_server_call.hpp"
#include "native_terms.hpp"
#include "otp_atoms.hpp"
#include <cnode/actors/task.hpp>

namespace cnode::actors {

namespace {

// What `catch` in gen_server:system_code_change/4 makes of an exception.
term caught(block& b, const outcome& out) {
  const auto& n = names();
  if (out.error_class.same(atom("throw"))) return out.reason;
  std::vector<term> frames;
  for (term t = out.stacktrace ? out.stacktrace : nil; t.is_cons(); t = t.tail()) frames.push_back(t.head());
  const auto frame = [&](term m, const char* f, int arity) { frames.push_back(make_tuple_of(b, m, atom(f), small(arity), nil)); };
  frame(n.gen_server, "system_code_change", 4);
  frame(n.sys, "do_change_code", 5);
  frame(n.sys, "do_cmd", 6);
  frame(n.sys, "handle_system_msg", 8);
  frame(n.proc_lib, "init_p_do_apply", 3);
  const term trace = make_list(b, frames.data(), frames.size());
  return make_tuple_of(b, n.EXIT, out.error_class.same(n.error) ? make_tuple_of(b, out.reason, trace) : out.reason);
}

// gen:format_status_header/2
term status_header(block& b, term name) {
  const std::string line = "Status for generic server";
  if (name.is_pid()) return make_charlist(b, line + " " + to_text(name));
  if (name.is_atom()) return make_charlist(b, line + " " + std::string(atom_text(name)));
  return make_tuple_of(b, make_charlist(b, line), name);
}

term put(block& b, term map, term key, term value) {
  std::vector<term> keys, values;
  for (std::uint64_t i = 0; i < map.map_size(); ++i) {
    keys.push_back(map.map_key(i));
    values.push_back(map.map_value(i));
  }
  keys.push_back(key);
  values.push_back(value);
  return make_map(b, keys.data(), values.data(), keys.size());
}

}  // namespace

task<void> gen_server::system_message(process& self, term from, term request) {
  const auto& n = names();
  auto& b = self.scratch();
  const auto is = [&](term name, std::uint64_t size) { return request.is_tuple(size) && request[0].same(name); };
  const bool was_suspended = suspended_;
  term answer;
  bool suspend = suspended_;
  if (request.same(n.suspend)) {
    suspend = true;
    answer = n.ok;
  } else if (request.same(n.resume)) {
    suspend = false;
    answer = n.ok;
  } else if (request.same(n.get_state)) {
    const term state = without_natives(self, state_.get());
    answer = sys::wants_ok_tuple(from) ? make_tuple_of(b, n.ok, state) : state;
  } else if (is(n.replace_state, 2)) {
    answer = co_await replace_state(self, request[1]);
    if (answer.is_tuple(1)) answer = sys::wants_ok_tuple(from) ? make_tuple_of(b, n.ok, answer[0]) : answer[0];
  } else if (request.same(n.get_status)) {
    answer = co_await get_status(self);
  } else if (is(n.debug, 2)) {
    answer = debug_.command(self, event_name(self), request[1]);
  } else if (is(n.terminate, 2)) {
    gen::reply(self, from, n.ok);
    suspended_ = false;
    co_await terminate(self, {n.exit, request[1], {}, false, "system_terminate", 4}, {}, nil, state_.get(), {}, false);
    co_return;
  } else if (is(n.change_code, 4) && suspended_) {
    answer = co_await code_change(self, request[2], request[3]);
  } else {
    answer = make_tuple_of(b, n.error, make_tuple_of(b, n.unknown_system_msg, request));
  }
  gen::reply(self, from, answer);
  suspended_ = suspend;
  message_.reset();
  if (suspended_) co_return;
  // system_continue: the loop starts again, with its whole timeout.
  if (was_suspended) self.rescan();
  if (timeout_ >= 0) self.set_timeout(timeout_);
  else if (!hibernating_ && hibernate_after_ >= 0) self.set_timeout(hibernate_after_);
}

// gen_server:system_code_change/4. The new code says by its parameter's type how it sees a native object of the old: as its own type,
// as the old type, or as a term. Nothing is converted before.
task<term> gen_server::code_change(process& self, term old_vsn, term extra) {
  const auto& n = names();
  auto& b = self.scratch();
  const outcome out = co_await callback(self, n.code_change, old_vsn, state_.get(), extra);
  const term r = out.kind == outcome::value ? out.result : caught(b, out);
  if (r.is_tuple(2) && r[0].same(n.ok)) {
    state_.set(r[1]);
    co_return n.ok;
  }
  co_return make_tuple_of(b, n.error, without_natives(self, r));
}

// sys:do_replace_state/3; {State} when it went well. Only fun M:F/1 can be applied: closures live on the node that made them.
task<term> gen_server::replace_state(process& self, term fun) {
  const auto& n = names();
  auto& b = self.scratch();
  term error_class = n.error, reason;
  if (fun.kind() == CNODE_EXPORT && exactly_equal(fun[2], small(1))) {
    cnode_env env{};
    env.heap = &b;
    env.process = &self;
    const term whole = natives_to_terms(&env, state_.get());
    outcome out{};
    if (whole) out = co_await external(self, fun[0], fun[1], whole);
    else out = {outcome::raised, {}, term{env.error_class}, term{env.reason}, term{env.stacktrace}};
    if (out.kind == outcome::value) {
      const term shown = without_natives(self, out.result);
      const term answer = make_tuple_of(b, shown);
      state_.set(out.result);
      co_return answer;
    }
    error_class = out.error_class;
    reason = out.reason;
  } else if (fun.kind() == CNODE_EXPORT) {
    reason = make_tuple_of(b, atom("badarity"), make_tuple_of(b, fun, make_list_of(b, without_natives(self, state_.get()))));
  } else {
    reason = make_tuple_of(b, n.badfun, fun);
  }
  co_return make_tuple_of(b, n.error,
                          make_tuple_of(b, n.callback_failed, make_tuple_of(b, n.gen_server, n.system_replace_state),
                                        make_tuple_of(b, error_class, reason)));
}

// gen:format_status/4: honours format_status/1 and the older format_status/2.
task<term> gen_server::format_status(process& self, term opt, term status, bool with_args) {
  const auto& n = names();
  auto& b = self.scratch();
  const auto failed = [&](const char* what) {
    return put(b, status, n.EXIT, make_charlist(b, std::string(atom_text(module_)) + what));
  };
  if (exports(self, n.format_status, 1)) {
    const outcome out = co_await callback(self, n.format_status, status);
    if (out.kind == outcome::raised) co_return failed(":format_status/1 crashed");
    if (!out.result.is_map()) co_return failed(":format_status/1 did not return a map");
    // maps:merge(Status, New) must have no more keys than New.
    for (std::uint64_t i = 0; i < status.map_size(); ++i)
      if (!map_get(out.result, status.map_key(i))) co_return failed(":format_status/1 returned a map with unknown keys");
    co_return out.result;
  }
  if (with_args && exports(self, n.format_status, 2)) {
    const outcome out = co_await callback(self, n.format_status, opt, make_list_of(b, self.dictionary(b), map_get(status, n.state)));
    if (out.kind == outcome::value) co_return put(b, status, n.status_key, out.result);
    if (out.error_class.same(atom("throw"))) co_return put(b, status, n.status_key, out.reason);
    co_return failed(":format_status/2 crashed");
  }
  co_return status;
}

// gen_server:format_log_state/2: states inside logged events are formatted as well.
task<term> gen_server::format_log_state(process& self, term log) {
  const auto& n = names();
  auto& b = self.scratch();
  if (exports(self, n.format_status, 1)) co_return log;
  std::vector<term> events;
  for (; log.is_cons(); log = log.tail()) {
    const term e = log.head();
    const bool out_event = e.is_tuple(4) && e[0].same(n.out), noreply_event = e.is_tuple(2) && e[0].same(n.noreply);
    if (!out_event && !noreply_event) {
      events.push_back(e);
      continue;
    }
    const term state = without_natives(self, e[out_event ? 3 : 1]);
    const term key = n.state;
    const term status = co_await format_status(self, n.terminate, make_map(b, &key, &state, 1), true);
    const term shown = map_get(status, n.state);
    events.push_back(out_event ? make_tuple_of(b, e[0], e[1], e[2], shown) : make_tuple_of(b, e[0], shown));
  }
  co_return make_list(b, events.data(), events.size());
}

// sys:get_status/5 with gen_server:format_status/2 in it.
task<term> gen_server::get_status(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  const term keys[] = {n.state, n.log};
  const term values[] = {without_natives(self, state_.get()), debug_.logged_events(b)};
  const term status = co_await format_status(self, n.normal, make_map(b, keys, values, 2), true);
  const auto data = [&](const char* title, term value) {
    return make_tuple_of(b, n.data, make_list_of(b, make_tuple_of(b, make_charlist(b, title), value)));
  };
  term shown;
  if (const term failure = map_get(status, n.EXIT)) shown = make_list_of(b, data("State", failure));
  else if (const term own = map_get(status, n.status_key)) shown = own.is_list() ? own : make_list_of(b, own);
  else shown = make_list_of(b, data("State", map_get(status, n.state)));

  const term log = co_await format_log_state(self, map_get(status, n.log));
  const term sys_state = suspended_ ? n.suspended : n.running;
  const term header = make_tuple_of(b, n.header, status_header(b, event_name(self)));
  const term facts = make_tuple_of(
      b, n.data,
      make_list_of(b, make_tuple_of(b, make_charlist(b, "Status"), sys_state), make_tuple_of(b, make_charlist(b, "Parent"), parent_),
                   make_tuple_of(b, make_charlist(b, "Logged events"), log)));
  term misc = make_cons(b, header, make_cons(b, facts, shown));
  if (module_.same(n.supervisor)) {
    // supervisor:format_status/2 adds who its callback module is; release_handler asks for it.
    const term initial = self.dictionary_get(n.initial_call);
    const term own = make_tuple_of(b, n.supervisor,
                                   make_list_of(b, make_tuple_of(b, make_charlist(b, "Callback"),
                                                                 initial && initial.is_tuple(3) ? initial[1] : n.undefined)));
    misc = make_list_of(b, header, facts, shown.head(), own);
  }
  co_return make_tuple_of(b, n.status, self.pid(), make_tuple_of(b, n.module, n.gen_server),
                          make_list_of(b, self.dictionary(b), sys_state, parent_, debug_list(self), misc));
}

term gen_server::debug_list(process& self) { return debug_.to_term(self.scratch(), event_name(self)); }

}  // namespace cnode::actors
