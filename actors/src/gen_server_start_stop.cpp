// Beginning and end of a gen_server: init_it, terminate, the reports.
#include <cnode/actors/code_server.hpp>
#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>

#include "gen_server.hpp"
#include "native_terms.hpp"

namespace cnode::actors {

// What gen_server.erl's own frames add to the stack trace of the callback that ran.
term gen_server::callback_stack(block& b, term stacktrace) const {
  if (kind_ == kind::continue_) return with_frames(b, stacktrace, {{"try_dispatch", 4}, {"loop", 7}});
  return with_frames(b, stacktrace, {{kind_ == kind::call ? "try_handle_call" : "try_dispatch", 4}, {"handle_msg", 6}});
}

term gen_server::own_module(process& self) const {
  if (!module_.same(names().supervisor)) return module_;
  const term initial = self.dictionary_get(names().initial_call);
  return initial && initial.is_tuple(3) ? initial[1] : module_;
}

// gen_server:init_it/6
task<void> gen_server::init_it(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  if (!co_await register_name(self)) co_return;
  const auto* born_in = hold_current(self.node().code(), own_module(self)).get();
  const outcome out = co_await call(self, module_, n.init, args_);
  term r = out.result;
  if (out.kind == outcome::raised) {
    if (!out.error_class.same(atom("throw"))) {
      const term trace = with_frames(b, out.stacktrace, {{"init_it", 2}, {"init_it", 6}});
      const term reason = out.error_class.same(n.error) ? make_tuple_of(b, out.reason, trace) : out.reason;
      co_await unregister(self);
      acknowledge(self, make_tuple_of(b, n.error, reason));
      co_await pause_awaiter{*this, self};
      end(self, out.error_class, out.reason, trace);
      co_return;
    }
    r = out.reason;
  }
  const auto size = r.is_tuple() ? r.size() : 0;
  started();
  if ((size == 2 || size == 3) && r[0].same(n.ok)) {
    if (const term how = size == 3 ? r[2] : term{}; !how || is_how(how)) {
      // An upgrade that exchanges the module just now resumes us: as after sys:suspend, the loop waits.
      held_ = hold_if_wanted(self, own_module(self), born_in);
      acknowledge(self, make_tuple_of(b, n.ok, self.pid()));
      continue_next_ = next(self, r[1], how);
      co_return;
    }
  } else if (size == 2 && (r[0].same(n.stop) || r[0].same(n.error))) {
    const bool stop = r[0].same(n.stop);
    co_await unregister(self);
    acknowledge(self, make_tuple_of(b, n.error, r[1]));
    // {error, Reason} (since OTP 26) ends without a word; {stop, Reason} is an exit with that reason.
    if (stop) {
      co_await pause_awaiter{*this, self};
      end(self, n.exit, r[1], with_frames(b, nil, {}));
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
  co_await pause_awaiter{*this, self};
  end(self, n.exit, error, with_frames(b, nil, {}));
}

// The parent's exit (no function) as gen_server:decode_msg/8 has it, or sys:terminate.
task<void> gen_server::end_by(process& self, term reason, const char* own_function, int arity) {
  const auto& n = names();
  const term last_message = own_function ? nil : make_tuple_of(self.scratch(), n.EXIT, parent_, reason);
  const failure why{n.exit, reason, {}, own_function ? own_function : "decode_msg", own_function ? arity : 8};
  co_await terminate(self, why, {}, last_message, state_.get());
}

// gen_server:terminate/10
task<void> gen_server::terminate(process& self, failure why, term from, term last_message, term state, term reply) {
  const auto& n = names();
  auto& b = self.scratch();
  self.set_timeout(-1);
  const term trace = stack(b, why);
  if (exports(self, module_, n.terminate, 2)) {
    const term reason = why.error_class.same(n.error) ? make_tuple_of(b, why.reason, trace) : why.reason;
    const outcome out = co_await call(self, module_, n.terminate, reason, state);
    if (out.kind == outcome::raised && !out.error_class.same(atom("throw"))) {
      const failure own{out.error_class, out.reason, with_frames(b, out.stacktrace, {{"try_terminate", 3}, {"terminate", 10}})};
      co_await error_info(self, own, from, last_message, state);
      if (reply) gen::reply(self, from, reply);
      end(self, own.error_class, own.reason, own.stacktrace);
      co_return;
    }
  }
  if (!why.error_class.same(n.exit) || !is_shutdown(why.reason)) co_await error_info(self, why, from, last_message, state);
  if (reply) {
    gen::reply(self, from, reply);
    if (!debug_.empty()) debug(self, make_tuple_of(b, n.out, reply, from, state));
  }
  end(self, why.error_class, why.reason, trace);
}

// gen_server:error_info/8
task<void> gen_server::error_info(process& self, failure why, term from, term message, term state) {
  const auto& n = names();
  auto& b = self.scratch();
  const term keys[] = {n.reason, n.state, n.message, n.log};
  const term values[] = {why.reason, without_natives(self, state), message, debug_.logged_events(b)};
  const term status = co_await format_state(self, n.terminate, make_map(b, keys, values, 4));
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
  // The reason of what the callback itself said comes without a stack.
  report.reason = why.own_function ? get(n.reason) : make_tuple_of(b, get(n.reason), why.stacktrace);
  report.client_info = reports::client_info(self, from, b);
  reports::gen_server_terminated(self, report);
}

}  // namespace cnode::actors
