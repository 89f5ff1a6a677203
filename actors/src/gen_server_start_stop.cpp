// Beginning and end of a gen_server: init_it, terminate, the reports.
#include <cnode/actors/code_server.hpp>
#include <cnode/actors/gen_server.hpp>
#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>

#include "gen_server_call.hpp"
#include "native_terms.hpp"
#include "otp_atoms.hpp"
#include "start_note.hpp"
#include <cnode/actors/task.hpp>

namespace cnode::actors {

namespace {

bool is_timeout(term t) {
  return t.same(names().infinity) || t.kind() == CNODE_BIG_POS || (t.is_small() && t.small() >= 0);
}

// What gen_server.erl's own frames add to a callback's stack trace. Where they begin depends on the callback.
term with_own_frames(block& b, term stacktrace, term callback) {
  const auto& n = names();
  std::vector<term> frames;
  for (; stacktrace.is_cons(); stacktrace = stacktrace.tail()) frames.push_back(stacktrace.head());
  const auto frame = [&](term m, term f, int arity) { frames.push_back(make_tuple_of(b, m, f, small(arity), nil)); };
  if (callback.same(n.init)) {
    frame(n.gen_server, n.init_it, 2);
    frame(n.gen_server, n.init_it, 6);
  } else if (callback && callback.same(n.terminate)) {
    frame(n.gen_server, atom("try_terminate"), 3);
    frame(n.gen_server, n.terminate, 10);
  } else if (callback && callback.same(n.handle_continue)) {
    frame(n.gen_server, n.try_dispatch, 4);
    frame(n.gen_server, n.loop, 7);
  } else if (callback) {
    frame(n.gen_server, callback.same(n.handle_call) ? n.try_handle_call : n.try_dispatch, 4);
    frame(n.gen_server, n.handle_msg, 6);
  }
  frame(n.proc_lib, n.init_p_do_apply, 3);
  return make_list(b, frames.data(), frames.size());
}

}  // namespace

gen_server::call_awaiter gen_server::external(process& self, term module, term function, term a, term b, term c) {
  return {*this, self, module, function, {a, b, c}, c ? 3u : b ? 2u : a ? 1u : 0u};
}

gen_server::call_awaiter gen_server::callback(process& self, term function, term a, term b, term c) {
  return external(self, module_, function, a, b, c);
}

bool gen_server::exports(process& self, term function, std::uint32_t arity) const {
  auto f = self.node().code().find(module_, function, arity);
  if (f) f.version->release();
  return static_cast<bool>(f);
}

term gen_server::own_module(process& self) const {
  if (!module_.same(names().supervisor)) return module_;
  const term initial = self.dictionary_get(names().initial_call);
  return initial && initial.is_tuple(3) ? initial[1] : module_;
}

void gen_server::acknowledge(process& self, term result) {
  acknowledged_ = true;
  if (starter_) self.send(starter_, make_tuple_of(self.scratch(), names().ack, self.pid(), result));
}

// A linked starter that does not trap exits dies with us. BEAM's server has its crash report to write between the answer and the end,
// in which the starter goes on with {error, Reason} (a process of rpc hands it over and is gone); so we leave it a moment.
gen_server::pause_awaiter gen_server::let_starter_go_on(process& self) { return {*this, self}; }

void gen_server::end_pause(process& self) {
  pausing_ = false;
  waiting_.resume();
  if (task_ && task_->done()) end_task(self);
}

// gen:register_name/1, gen_server:init_it/6
task<void> gen_server::init_it(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  if (name_ && name_[0].same(n.local)) {
    if (!self.node().register_name(name_[1], self.pid())) {
      const term taken = self.node().whereis(name_[1]);
      acknowledge(self, make_tuple_of(b, n.error, make_tuple_of(b, n.already_started, taken ? taken : n.undefined)));
      self.exit(n.normal);
      co_return;
    }
  } else if (name_) {
    const bool via = name_[0].same(n.via);
    const term registry = via ? name_[1] : n.global, key = via ? name_[2] : name_[1];
    const outcome registered = co_await external(self, registry, n.register_name, key, self.pid());
    if (registered.kind == outcome::raised) {
      const term trace = with_own_frames(b, registered.stacktrace, {});
      end(self, registered.error_class, registered.reason, trace);
      co_return;
    }
    if (!registered.result.same(n.yes)) {
      const outcome where = co_await external(self, registry, n.whereis_name, key);
      const term taken = where.kind == outcome::value ? where.result : n.undefined;
      acknowledge(self, make_tuple_of(b, n.error, make_tuple_of(b, n.already_started, taken)));
      self.exit(n.normal);
      co_return;
    }
  }

  const auto* born_in = hold_current(self.node().code(), own_module(self)).get();
  const outcome out = co_await callback(self, n.init, args_);
  term r = out.result;
  if (out.kind == outcome::raised) {
    if (!out.error_class.same(atom("throw"))) {
      const term trace = with_own_frames(b, out.stacktrace, n.init);
      const term reason = out.error_class.same(n.error) ? make_tuple_of(b, out.reason, trace) : out.reason;
      co_await unregister(self);
      acknowledge(self, make_tuple_of(b, n.error, reason));
      co_await let_starter_go_on(self);
      end(self, out.error_class, out.reason, trace);
      co_return;
    }
    r = out.reason;
  }
  const auto size = r.is_tuple() ? r.size() : 0;
  args_ = {};
  if ((size == 2 || size == 3) && r[0].same(n.ok)) {
    const bool continues = size == 3 && r[2].is_tuple(2) && r[2][0].same(n.continue_);
    if (size == 2 || r[2].same(n.hibernate) || continues || is_timeout(r[2])) {
      // An upgrade that exchanges the module just now resumes us: as after sys:suspend, the loop waits.
      held_ = hold_if_wanted(self, own_module(self), born_in);
      acknowledge(self, make_tuple_of(b, n.ok, self.pid()));
      bool understood;
      continue_next_ = next(self, r[1], size == 3 ? r[2] : term{}, size == 3, understood);
      co_return;
    }
  } else if (size == 2 && (r[0].same(n.stop) || r[0].same(n.error))) {
    const bool stop = r[0].same(n.stop);
    co_await unregister(self);
    acknowledge(self, make_tuple_of(b, n.error, r[1]));
    // {error, Reason} (since OTP 26) ends without a word; {stop, Reason} is an exit with that reason.
    if (stop) {
      co_await let_starter_go_on(self);
      end(self, n.exit, r[1], with_own_frames(b, nil, {}));
    } else {
      self.exit(n.normal);
    }
    co_return;
  } else if (r.same(n.ignore)) {
    co_await unregister(self);
    acknowledge(self, n.ignore);
    self.exit(n.normal);
    co_return;
  }
  const term error = make_tuple_of(b, n.bad_return_value, r);
  acknowledge(self, make_tuple_of(b, n.error, error));
  co_await let_starter_go_on(self);
  end(self, n.exit, error, with_own_frames(b, nil, {}));
}

task<void> gen_server::unregister(process& self) {
  const auto& n = names();
  if (!name_) co_return;
  if (name_[0].same(n.local)) {
    self.node().unregister_name(name_[1]);
  } else {
    const bool via = name_[0].same(n.via);
    // GCC 12 works out both sides of a ?: inside a co_await expression.
    const term registry = via ? name_[1] : n.global, key = name_[via ? 2 : 1];
    co_await external(self, registry, n.unregister_name, key);
  }
}

// proc_lib:exit_p/3
void gen_server::end(process& self, term error_class, term reason, term stacktrace) {
  const auto& n = names();
  auto& b = self.scratch();
  reports::crash(self, error_class, reason, stacktrace);
  term why = reason;
  if (error_class.same(n.error)) why = make_tuple_of(b, reason, stacktrace);
  self.exit(without_natives(self, why));
}

// gen_server:terminate/10. With has_reply, `reply` is sent after the callback has been called, whatever it did.
task<void> gen_server::terminate(process& self, crash_info why, term from, term last_message, term state, term reply, bool has_reply) {
  const auto& n = names();
  auto& b = self.scratch();
  self.set_timeout(-1);
  const term called = kind_ == kind::call ? n.handle_call : kind_ == kind::continue_ ? n.handle_continue : n.handle_info;
  term raised_in = why.stacktrace ? why.stacktrace : nil;
  if (why.own_function) raised_in = make_list_of(b, make_tuple_of(b, n.gen_server, atom(why.own_function), small(why.own_arity), nil));
  const term trace = with_own_frames(b, raised_in, why.report_stacktrace ? called : term{});
  const term terminate_reason = why.error_class.same(n.error) ? make_tuple_of(b, why.reason, trace) : why.reason;

  outcome out{};
  out.kind = outcome::value;
  if (exports(self, n.terminate, 2)) out = co_await callback(self, n.terminate, terminate_reason, state);
  if (out.kind == outcome::raised && !out.error_class.same(atom("throw"))) {
    const term own = with_own_frames(b, out.stacktrace, n.terminate);
    co_await error_info(self, out.reason, own, true, from, last_message, state);
    if (has_reply) gen::reply(self, from, reply);
    end(self, out.error_class, out.reason, own);
    co_return;
  }
  const bool silent = why.error_class.same(n.exit) && (why.reason.same(n.normal) || why.reason.same(n.shutdown) ||
                                                       (why.reason.is_tuple(2) && why.reason[0].same(n.shutdown)));
  if (!silent) co_await error_info(self, why.reason, trace, why.report_stacktrace, from, last_message, state);
  if (has_reply) {
    gen::reply(self, from, reply);
    if (!debug_.empty()) debug(self, make_tuple_of(b, n.out, reply, from, state));
  }
  end(self, why.error_class, why.reason, trace);
}

// gen_server:error_info/8
task<void> gen_server::error_info(process& self, term reason, term stacktrace, bool with_stacktrace, term from, term message,
                                  term state) {
  const auto& n = names();
  auto& b = self.scratch();
  const term keys[] = {n.reason, n.state, n.message, n.log};
  const term values[] = {reason, without_natives(self, state), message, debug_.logged_events(b)};
  const term status = co_await format_status(self, n.terminate, make_map(b, keys, values, 4), true);
  const auto get = [&](term key) { return map_get(status, key); };
  term shown = get(n.EXIT);
  if (!shown) shown = get(n.status_key);
  if (!shown) shown = get(n.state);
  const term log = co_await format_log_state(self, get(n.log));
  reports::server_terminate report;
  report.name = event_name(self);
  report.last_message = get(n.message);
  report.state = shown;
  report.log = log;
  report.reason = with_stacktrace ? make_tuple_of(b, get(n.reason), stacktrace) : get(n.reason);
  report.client_info = reports::client_info(self, from, b);
  reports::gen_server_terminated(self, report);
}

}  // namespace cnode::actors
