#include "callback_process.hpp"

#include <utility>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "native_terms.hpp"

namespace cnode::actors {

callback_process::callback_process(const gen::server_start& s, term behaviour_name, sys::event_formatter print_event)
    : behaviour_(behaviour_name), note_(s.note), linked_start_(s.link), debug_(print_event, behaviour_name) {
  const auto keep = [this](term t) {
    if (!t || (!t.is_boxed() && !t.is_cons())) return t;
    if (!setup_) setup_ = block::make(24);
    return copy(*setup_, t);
  };
  module_ = keep(s.module);
  args_ = keep(s.args);
  name_ = keep(s.name);
  starter_ = keep(s.starter);
  parent_ = keep(s.parent);
  options_ = keep(s.options.debug);
  if (const term t = s.options.hibernate_after; t && t.is_small() && t.small() >= 0) hibernate_after_ = t.small();
}

callback_process::~callback_process() = default;

// ---- coroutines

bool callback_process::call_awaiter::await_suspend(std::coroutine_handle<> h) {
  server.waiting_ = h;
  server.starting_ = true;
  server.done_ = false;
  self.call(module, function, std::span<const term>(args.data(), count));
  server.starting_ = false;
  return !server.done_;  // already there: go on without suspending
}

outcome callback_process::call_awaiter::await_resume() {
  server.waiting_ = {};
  return server.outcome_;
}

void callback_process::pause_awaiter::await_suspend(std::coroutine_handle<> h) {
  server.waiting_ = h;
  server.pausing_ = true;
  server.kept_ = self.take_scratch();  // what the coroutine goes on with lies there
  self.set_timeout(1);
}

void callback_process::pause_awaiter::await_resume() {
  server.waiting_ = {};
  self.scratch().adopt(std::move(server.kept_));
}

void callback_process::yield_awaiter::await_suspend(std::coroutine_handle<> h) {
  server.waiting_ = h;
  server.yielding_ = server.yielded_ = true;
  self.set_timeout(0);
}

void callback_process::run(process& self, task<void> t) {
  task_ = std::make_unique<task<void>>(std::move(t));
  task_->start();
  if (task_->done()) end_task(self);
}

void callback_process::end_task(process& self) {
  auto t = std::move(task_);
  t->take();
  if (self.exiting()) return;
  release_due(self);
  if (setup_ && !args_) drop_setup();
  if (std::exchange(yielded_, false)) self.rescan();
  task_ended(self);
  if (request_due_) self.set_timeout(0);
}

void callback_process::go_on(process& self) {
  pausing_ = yielding_ = false;
  std::exchange(waiting_, {}).resume();
  if (task_ && task_->done()) end_task(self);
}

void callback_process::start(process& self) {
  if (!parent_) parent_ = self.pid();
  if (options_) debug_.set(self, options_);
  run(self, init_it(self));
}

void callback_process::receive(process& self, block_ptr& message) {
  if (pausing_) return go_on(self);
  if (yielding_) return;
  const auto& n = names();
  const term m = message->root;
  if (m.is_tuple(3) && m[0].same(n.system)) return run(self, system_message(self, std::move(message)));
  if (m.is_tuple(3) && m[0].same(n.EXIT) && exactly_equal(m[1], parent_)) {
    suspended_ = false;
    const term reason = copy(self.scratch(), m[2]);
    message.reset();
    return run(self, end_by(self, reason, nullptr, 0));
  }
  if (suspended_) return;
  hibernating_ = false;
  handle(self, message);
}

void callback_process::returned(process& self, outcome result) {
  outcome_ = result;
  done_ = true;
  if (starting_) return;
  std::exchange(waiting_, {}).resume();
  if (task_ && task_->done()) end_task(self);
}

void callback_process::timeout(process& self) {
  if (pausing_ || yielding_) return go_on(self);
  if (const auto due = std::move(request_due_)) return run(self, system_message(self, std::move(due->message), std::move(due->answered)));
  if (suspended_) return;
  if (timeout_ >= 0) {
    auto message = immediate_block(names().timeout);
    return handle(self, message);
  }
  hibernating_ = true;  // hibernate_after
  compact();
}

void callback_process::stopping(process&, term reason) {
  if (note_) note_->set(reason);
}

term callback_process::current_function(process&, block& b) {
  if (hibernating_) return make_tuple_of(b, atom("erlang"), names().hibernate, small(3));
  if (suspended_) return make_tuple_of(b, names().sys, atom("suspend_loop"), small(6));
  return waits_in(b);
}

void callback_process::purging(process& self, term module) {
  if (!uses(module)) return;
  // A callback or a system message that waits holds terms of the state: afterwards.
  if (task_ || in_callback_) purge_due_.push_back(module);
  else release_old_natives(self, module);
}

void callback_process::release_all_due(process& self) {
  for (const term module : std::exchange(purge_due_, {})) release_old_natives(self, module);
}

void callback_process::release_from(process& self, state_cell& state, term module) {
  if (!state.get()) return;
  bool changed = false;
  const term t = actors::release_old_natives(self, state.get(), module, changed);
  if (changed) state.set(t);
  if (state.holds_outside()) state.compact();
}

// ---- small things

bool callback_process::exports(process& self, term module, term function, std::uint32_t arity) const {
  auto f = self.node().code().find(module, function, arity);
  if (f) f.version->release();
  return static_cast<bool>(f);
}

void callback_process::drop_setup() {
  const auto stays = [](term t) { return t && (t.is_boxed() || t.is_cons()); };
  if (!stays(name_) && !stays(starter_) && !stays(parent_)) setup_.reset();
}

void callback_process::debug(process& self, term event) {
  if (!debug_.empty()) debug_.handle(self, event_name(self), event);
}

void callback_process::acknowledge(process& self, term result) {
  if (starter_) self.send(starter_, make_tuple_of(self.scratch(), names().ack, self.pid(), result));
  note_.reset();  // the starter has heard
}

term callback_process::own_frame(block& b, const char* function, int arity) const {
  return make_tuple_of(b, behaviour_, atom(function), small(arity), nil);
}

term callback_process::stack(block& b, const failure& why) const {
  if (why.own_function) return with_frames(b, nil, {{why.own_function, why.own_arity}});
  return why.stacktrace ? why.stacktrace : nil;
}

term callback_process::with_frames(block& b, term stacktrace, frame_list frames, bool within_sys) const {
  const auto& n = names();
  std::vector<term> all;
  for (term t = stacktrace ? stacktrace : nil; t.is_cons(); t = t.tail()) all.push_back(t.head());
  for (const auto& [function, arity] : frames) all.push_back(own_frame(b, function, arity));
  if (within_sys) {
    all.push_back(make_tuple_of(b, n.sys, atom("do_change_code"), small(5), nil));
    all.push_back(make_tuple_of(b, n.sys, atom("do_cmd"), small(6), nil));
    all.push_back(make_tuple_of(b, n.sys, atom("handle_system_msg"), small(8), nil));
  }
  all.push_back(make_tuple_of(b, n.proc_lib, n.init_p_do_apply, small(3), nil));
  if (all.size() > 8) all.resize(8);  // as backtrace_depth has it
  return make_list(b, all.data(), all.size());
}

term callback_process::caught(block& b, const outcome& out, frame_list frames, bool within_sys) const {
  const auto& n = names();
  if (out.kind == outcome::value) return out.result;
  if (out.error_class.same(atom("throw"))) return out.reason;
  if (!out.error_class.same(n.error)) return make_tuple_of(b, n.EXIT, out.reason);
  return make_tuple_of(b, n.EXIT, make_tuple_of(b, out.reason, with_frames(b, out.stacktrace, frames, within_sys)));
}

term map_put(block& b, term map, term key, term value) {
  std::vector<term> keys, values;
  for (std::uint64_t i = 0; i < map.map_size(); ++i) {
    keys.push_back(map.map_key(i));
    values.push_back(map.map_value(i));
  }
  keys.push_back(key);
  values.push_back(value);
  return make_map(b, keys.data(), values.data(), keys.size());
}

term status_header(block& b, const char* line, term name) {
  if (name.is_pid()) return make_charlist(b, line + (" " + to_text(name)));
  if (name.is_atom()) return make_charlist(b, line + (" " + std::string(atom_text(name))));
  return titled(b, line, name);
}

term titled(block& b, const char* title, term value) { return make_tuple_of(b, make_charlist(b, title), value); }

// ---- beginning and end

// gen:register_name/1
task<bool> callback_process::register_name(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  if (!name_) co_return true;
  term taken;
  if (name_[0].same(n.local)) {
    if (self.node().register_name(name_[1], self.pid())) co_return true;
    taken = self.node().whereis(name_[1]);
  } else {
    const bool via = name_[0].same(n.via);
    const term registry = via ? name_[1] : n.global, key = via ? name_[2] : name_[1];
    const outcome registered = co_await call(self, registry, n.register_name, key, self.pid());
    if (registered.kind == outcome::raised) {
      end(self, registered.error_class, registered.reason, with_frames(b, registered.stacktrace, {}));
      co_return false;
    }
    if (registered.result.same(n.yes)) co_return true;
    const outcome where = co_await call(self, registry, n.whereis_name, key);
    if (where.kind == outcome::value) taken = where.result;
  }
  acknowledge(self, make_tuple_of(b, n.error, make_tuple_of(b, n.already_started, taken ? taken : n.undefined)));
  self.exit(n.normal);
  co_return false;
}

task<void> callback_process::unregister(process& self) {
  const auto& n = names();
  if (!name_) co_return;
  if (name_[0].same(n.local)) {
    self.node().unregister_name(name_[1]);
  } else {
    const bool via = name_[0].same(n.via);
    const term registry = via ? name_[1] : n.global, key = via ? name_[2] : name_[1];
    co_await call(self, registry, n.unregister_name, key);
  }
}

void callback_process::end(process& self, term error_class, term reason, term stacktrace) {
  reports::crash(self, error_class, reason, stacktrace);
  term why = reason;
  if (error_class.same(names().error)) why = make_tuple_of(self.scratch(), reason, stacktrace);
  self.exit(without_natives(self, why));
}

// ---- system messages

task<void> callback_process::system_message(process& self, block_ptr message, answer_taker answered) {
  const auto& n = names();
  auto& b = self.scratch();
  const term from = message->root[1], request = message->root[2];
  const auto is = [&](term name, std::uint64_t size) { return request.is_tuple(size) && request[0].same(name); };
  const bool was_suspended = suspended_;
  bool suspend = suspended_;
  term answer;
  if (request.same(n.suspend)) {
    suspend = true;
    answer = n.ok;
  } else if (request.same(n.resume)) {
    suspend = false;
    answer = n.ok;
  } else if (request.same(n.get_state)) {
    const term state = without_natives(self, system_state(self));
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
    co_await end_by(self, request[1], "system_terminate", 4);
    co_return;
  } else if (is(n.change_code, 4) && suspended_) {
    answer = co_await code_change(self, request[1], request[2], request[3]);
  } else {
    answer = make_tuple_of(b, n.error, make_tuple_of(b, n.unknown_system_msg, request));
  }
  if (answered) std::exchange(answered, {})(answer);
  else gen::reply(self, from, answer);
  suspended_ = suspend;
  if (suspended_) co_return;
  if (was_suspended) self.rescan();
  wait(self);
}

task<outcome> callback_process::apply_fun(process& self, term fun, term state) {
  const auto& n = names();
  auto& b = self.scratch();
  if (fun.kind() != CNODE_EXPORT) {
    // Closures live on the node that made them.
    co_return outcome{outcome::raised, {}, n.error, make_tuple_of(b, n.badfun, fun), nil};
  }
  if (!exactly_equal(fun[2], small(1))) {
    const term reason = make_tuple_of(b, atom("badarity"), make_tuple_of(b, fun, make_list_of(b, without_natives(self, state))));
    co_return outcome{outcome::raised, {}, n.error, reason, nil};
  }
  cnode_env env{};
  env.heap = &b;
  env.process = &self;
  const term whole = natives_to_terms(&env, state);
  if (!whole) co_return outcome{outcome::raised, {}, term{env.error_class}, term{env.reason}, term{env.stacktrace}};
  co_return co_await call(self, fun[0], fun[1], whole);
}

// sys:do_replace_state/3. A state that is none is taken by gen_statem.erl and ends the process at the next event; here it is refused.
task<term> callback_process::replace_state(process& self, term fun) {
  const auto& n = names();
  auto& b = self.scratch();
  outcome out = co_await apply_fun(self, fun, system_state(self));
  if (out.kind == outcome::value) {
    if (set_state(self, out.result)) co_return make_tuple_of(b, without_natives(self, system_state(self)));
    out = {outcome::raised, {}, n.error, make_tuple_of(b, atom("badmatch"), out.result), nil};
  }
  const term where = make_tuple_of(b, behaviour_, n.system_replace_state), what = make_tuple_of(b, out.error_class, out.reason);
  co_return make_tuple_of(b, n.error, make_tuple_of(b, n.callback_failed, where, what));
}

task<term> callback_process::format_status(process& self, term module, term opt, term status, term args) {
  const auto& n = names();
  auto& b = self.scratch();
  const auto failed = [&](const char* what) { return map_put(b, status, n.EXIT, make_charlist(b, std::string(atom_text(module)) + what)); };
  if (exports(self, module, n.format_status, 1)) {
    const outcome out = co_await call(self, module, n.format_status, status);
    if (out.kind == outcome::raised) co_return failed(":format_status/1 crashed");
    if (!out.result.is_map()) co_return failed(":format_status/1 did not return a map");
    // maps:merge(Status, New) must have no more keys than New.
    for (std::uint64_t i = 0; i < status.map_size(); ++i)
      if (!map_get(out.result, status.map_key(i))) co_return failed(":format_status/1 returned a map with unknown keys");
    co_return out.result;
  }
  if (exports(self, module, n.format_status, 2)) {
    const outcome out = co_await call(self, module, n.format_status, opt, args);
    if (out.kind == outcome::value) co_return map_put(b, status, n.status_key, out.result);
    if (out.error_class.same(atom("throw"))) co_return map_put(b, status, n.status_key, out.reason);
    co_return failed(":format_status/2 crashed");
  }
  co_return status;
}

task<term> callback_process::get_status(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  const term misc = co_await status(self);
  co_return make_tuple_of(b, n.status, self.pid(), make_tuple_of(b, n.module, behaviour_),
                          make_list_of(b, self.dictionary(b), suspended_ ? n.suspended : n.running, parent_,
                                       debug_.to_term(b, event_name(self)), misc));
}

// ---- upgrades

// A signal brings it here, in the middle of whatever the process does. What calls a callback is done as a timeout of its own.
bool callback_process::system_request(process& self, term request, std::function<void(term)>& answered) {
  const auto& n = names();
  if (task_ || in_callback_ || request_due_) return false;
  if (request.same(n.suspend)) {
    suspended_ = true;
  } else if (request.same(n.resume)) {
    if (std::exchange(suspended_, false)) self.rescan();
    wait(self);
  } else if (suspended_) {
    auto message = block::make(32);
    message->root = make_tuple_of(*message, n.system, nil, copy(*message, request));
    request_due_ = std::make_unique<due_request>(std::move(message), std::move(answered));
    self.set_timeout(0);
    return true;
  } else {
    return false;
  }
  std::exchange(answered, {})(n.ok);
  return true;
}


namespace {
struct saved_terms final : saved_state {
  block_ptr state;
  std::int64_t timeout = -1;
};
}  // namespace

std::shared_ptr<saved_state> callback_process::save(process& self) {
  cnode_env env{};
  env.heap = &self.scratch();
  env.process = &self;
  const term whole = natives_to_terms(&env, system_state(self));
  if (!whole) return {};
  auto out = std::make_shared<saved_terms>();
  out->state = copy_to_block(whole);
  out->timeout = timeout_;
  return out;
}

void callback_process::restore(process& self, saved_state& s) {
  auto* saved = dynamic_cast<saved_terms*>(&s);
  if (!saved) return;
  set_state(self, saved->state->root);
  timeout_ = saved->timeout;
}

}  // namespace cnode::actors
