// The loop: events in, callbacks, transitions.
#include "gen_statem.hpp"

#include <algorithm>
#include <utility>

#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>

#include "native_terms.hpp"

namespace cnode::actors {

namespace {
// So many events of its own making a process handles before it lets others run.
constexpr unsigned events_in_a_row = 8;
}  // namespace

gen_statem::gen_statem(const gen::server_start& s) : callback_process(s, atom("gen_statem"), print_statem_event), modules_{module_} {}

bool gen_statem::uses(term module) const {
  for (const term m : modules_)
    if (m.same(module)) return true;
  return false;
}

term gen_statem::waits_in(block& b) const { return make_tuple_of(b, behaviour_, atom("loop_receive"), small(3)); }

bool gen_statem::set_state(process&, term state) {
  if (!state.is_tuple(2)) return false;
  state_data_.set(state);
  return true;
}

void gen_statem::set(process& self, state_data s) { state_data_.set(make_tuple_of(self.scratch(), s.state, s.data)); }

// gen_statem:init_it/6, init_result/8
task<void> gen_statem::init_it(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  if (!co_await register_name(self)) co_return;
  set(self, {n.undefined, n.undefined});
  const auto* born_in = hold_current(self.node().code(), module_).get();
  const outcome out = co_await call(self, module_, n.init, args_);
  started();
  const bool threw = out.kind == outcome::raised && out.error_class.same(atom("throw"));
  if (out.kind == outcome::raised && !threw) {
    const term trace = with_frames(b, out.stacktrace, {{"init_it", 6}});
    co_await unregister(self);
    acknowledge(self, make_tuple_of(b, n.error, out.reason));
    co_await error_info(self, {out.error_class, out.reason, trace}, current());
    co_await pause_awaiter{*this, self};
    end(self, out.error_class, out.reason, trace);
    co_return;
  }
  const term r = threw ? out.reason : out.result;
  if ((r.is_tuple(3) || r.is_tuple(4)) && r[0].same(n.ok)) {
    // An upgrade that exchanges the module just now resumes us: as after sys:suspend, the loop waits.
    held_ = hold_if_wanted(self, module_, born_in);
    acknowledge(self, make_tuple_of(b, n.ok, self.pid()));
    set(self, {r[1], r[2]});
    // g++ 12 evaluates both sides of a conditional within co_await.
    const term actions = r.size() == 4 ? r[3] : nil;
    co_await enter(self, actions);
    co_return;
  }
  co_await unregister(self);
  if (r.is_tuple(2) && r[0].same(n.stop)) {
    acknowledge(self, make_tuple_of(b, n.error, r[1]));
    co_await pause_awaiter{*this, self};
    end(self, n.exit, r[1], with_frames(b, nil, {{"init_result", 8}}));
  } else if (r.same(n.ignore)) {
    acknowledge(self, n.ignore);
    self.exit(n.normal);
  } else {
    const term error = make_tuple_of(b, atom("bad_return_from_init"), r);
    acknowledge(self, make_tuple_of(b, n.error, error));
    co_await error_info(self, {n.error, error, {}, "init_result", 8}, current());
    co_await pause_awaiter{*this, self};
    end(self, n.exit, error, with_frames(b, nil, {{"init_result", 8}}));
  }
}

// gen_statem:enter/8
task<void> gen_statem::enter(process& self, term actions) {
  auto& b = self.scratch();
  queue_.push_back({nullptr, atom("internal"), atom("init_state")});
  const failure failed = co_await get_callback_mode(self, modules_, "enter", 8);
  if (failed.reason) {
    co_await terminate(self, failed, current());
    co_return;
  }
  if (!debug_.empty()) debug(self, make_tuple_of(b, atom("enter"), module_, current().state));
  transition t;
  t.next = current();
  t.call_enter = true;
  if (!co_await act(self, t, true, actions)) co_return;
  t.postpone = false;  // the event that is none goes
  if (state_enter_ && !co_await callbacks(self, t, atom("enter"), current().state, false)) co_return;
  transit(self, t);
  co_await loop(self);
}

task<void> gen_statem::handle_message(process& self, block_ptr message) {
  const auto& n = names();
  const term m = message->root;
  event e{std::move(message), n.undefined, m};
  if (m.is_tuple(3) && m[0].same(n.gen_call)) {
    e.type = make_tuple_of(*e.held, n.call, m[1]);
    e.content = m[2];
  } else if (m.is_tuple(2) && m[0].same(n.gen_cast)) {
    e.type = n.cast;
    e.content = m[1];
  } else {
    e.type = atom("info");
    if (m.is_tuple(3) && m[0].same(n.timeout)) {
      const auto i = find_timer(m[2]);
      if (i < timers_.size() && timers_[i].ref && exactly_equal(timers_[i].ref, m[1])) {
        e.type = m[2];
        e.content = copy(*e.held, timers_[i].content);
        timers_.erase(timers_.begin() + static_cast<std::ptrdiff_t>(i));
      }
    }
  }
  if (!debug_.empty()) {
    auto& b = self.scratch();
    debug(self, make_tuple_of(b, n.in, make_tuple_of(b, e.type, e.content), current().state));
  }
  queue_.push_back(std::move(e));
  co_await loop(self);
}

// gen_statem:loop_done/4: until there is nothing to do but to receive.
task<void> gen_statem::loop(process& self) {
  for (unsigned n = 1; !queue_.empty() || !zero_.empty(); ++n) {
    if (n % events_in_a_row == 0) co_await yield_awaiter{*this, self};
    auto& b = self.scratch();
    void* mark = b.mark();
    if (queue_.empty()) take_zero_timeout(self);
    if (!co_await handle_event(self)) co_return;
    self.scratch().release_to(mark);
  }
  wait(self);
}

void gen_statem::take_zero_timeout(process& self) {
  const auto i = find_timer(zero_.front().get());
  event e{std::move(timers_[i].held), term{}, timers_[i].content};
  if (!e.held) e.held = block::make(8);
  e.type = copy(*e.held, timers_[i].type.get());
  zero_.erase(zero_.begin());
  timers_.erase(timers_.begin() + static_cast<std::ptrdiff_t>(i));
  if (!debug_.empty()) {
    auto& b = self.scratch();
    debug(self, make_tuple_of(b, names().in, make_tuple_of(b, e.type, e.content), current().state));
  }
  queue_.push_back(std::move(e));
}

task<bool> gen_statem::handle_event(process& self) {
  transition t;
  t.next = current();
  if (!co_await callbacks(self, t, queue_.front().type, queue_.front().content, true)) co_return false;
  transit(self, t);
  co_return true;
}

// gen_statem:loop_state_callback/11, and loop_state_enter/9 as often as a state is entered.
task<bool> gen_statem::callbacks(process& self, transition& t, term type, term content, bool state_call) {
  const auto& n = names();
  auto& b = self.scratch();
  for (;;) {
    const term module = modules_.front(), state = t.next.state, data = t.next.data;
    outcome out{};
    if (!state_functions_) {
      out = co_await call(self, module, atom("handle_event"), type, content, state, data);
    } else if (state.is_atom()) {
      out = co_await call(self, module, state, type, content, data);
    } else {
      const term args = make_list_of(b, module, state, make_list_of(b, type, content, data));
      out = {outcome::raised, {}, n.error, n.badarg, make_list_of(b, make_tuple_of(b, atom("erlang"), atom("apply"), args, nil))};
    }
    term r = out.result;
    if (out.kind == outcome::raised) {
      if (!out.error_class.same(atom("throw"))) {
        const term trace = with_frames(b, out.stacktrace, {{"loop_state_callback", 11}});
        co_await terminate(self, {out.error_class, out.reason, trace}, current());
        co_return false;
      }
      r = out.reason;  // a thrown value counts as returned
    }
    t.call_enter = false;
    term actions = nil;
    if (!co_await result(self, t, state_call, r, actions)) co_return false;
    if (!actions.is_nil() && !co_await act(self, t, state_call, actions)) co_return false;
    if (!t.call_enter || !state_enter_) co_return true;
    type = atom("enter");
    content = current().state;
    state_call = false;
  }
}

// gen_statem:loop_state_callback_result/11
task<bool> gen_statem::result(process& self, transition& t, bool state_call, term r, term& actions) {
  const auto& n = names();
  auto& b = self.scratch();
  static const term next_state = atom("next_state"), keep_state = atom("keep_state"), keep_all = atom("keep_state_and_data"),
                    repeat_state = atom("repeat_state"), repeat_all = atom("repeat_state_and_data"), stop_and_reply = atom("stop_and_reply");
  const auto size = r.is_tuple() ? r.size() : 0;
  const term tag = size > 0 ? r[0] : r;
  const auto stop = [&](term reason) { return failure{n.exit, reason, {}, "loop_state_callback_result", 11}; };
  if (tag.same(next_state) && (size == 3 || size == 4)) {
    const bool same = exactly_equal(r[1], t.next.state);
    if (!same && !state_call) {
      const term reason = make_tuple_of(b, atom("bad_state_enter_return_from_state_function"), r);
      co_await terminate(self, {n.error, reason, {}, "loop_state_callback_result", 11}, t.next);
      co_return false;
    }
    t.next = {same ? t.next.state : r[1], r[2]};
    t.call_enter = !same;
    if (size == 4) actions = r[3];
    co_return true;
  }
  if ((tag.same(keep_state) || tag.same(repeat_state)) && (size == 2 || size == 3)) {
    t.next.data = r[1];
    t.call_enter = tag.same(repeat_state);
    if (size == 3) actions = r[2];
    co_return true;
  }
  if ((tag.same(keep_all) || tag.same(repeat_all)) && (size == 0 || size == 2)) {
    t.call_enter = tag.same(repeat_all);
    if (size == 2) actions = r[1];
    co_return true;
  }
  if (tag.same(n.stop) && size != 1 && size <= 3) {
    const failure why = stop(size == 0 ? n.normal : r[1]);
    const state_data last{t.next.state, size == 3 ? r[2] : t.next.data};
    co_await terminate(self, why, last);
    co_return false;
  }
  if (tag.same(stop_and_reply) && (size == 3 || size == 4)) {
    const failure why = stop(r[1]);
    const state_data last{t.next.state, size == 4 ? r[3] : t.next.data};
    co_await terminate_after_replies(self, why, last, r[2]);
    co_return false;
  }
  const term reason = make_tuple_of(b, atom("bad_return_from_state_function"), r);
  co_await terminate(self, {n.error, reason, {}, "loop_state_callback_result", 11}, t.next);
  co_return false;
}

// gen_statem:loop_state_transition/9 and on to loop_done/5
void gen_statem::transit(process& self, transition& t) {
  auto& b = self.scratch();
  const term before = current().state;
  event handled = std::move(queue_.front());
  queue_.pop_front();
  if (!debug_.empty()) {
    const term what = atom(t.postpone ? "postpone" : "consume");
    debug(self, make_tuple_of(b, what, make_tuple_of(b, handled.type, handled.content), before, t.next.state));
  }
  if (t.postpone) postponed_.push_back(std::move(handled));
  if (!exactly_equal(before, t.next.state)) {
    for (auto i = postponed_.rbegin(); i != postponed_.rend(); ++i) queue_.push_front(std::move(*i));
    postponed_.clear();
    if (const auto i = find_timer(atom("state_timeout")); i < timers_.size()) cancel_timer(self, i);
  }
  if (const auto i = find_timer(names().timeout); i < timers_.size()) cancel_timer(self, i);
  start_timeouts(self, t);
  for (auto i = t.next_events.rbegin(); i != t.next_events.rend(); ++i) {
    auto held = block::make(16);
    const term type = copy(*held, i->state), content = copy(*held, i->data);
    queue_.push_front({std::move(held), type, content});
  }
  hibernating_ = t.hibernate;
  set(self, t.next);
}

void gen_statem::release_old_natives(process& self, term module) {
  const auto release = [&](term t, auto replace) {
    if (!contains_native(t)) return;
    bool changed = false;
    const term now = actors::release_old_natives(self, t, module, changed);
    if (changed) replace(now);
  };
  release_from(self, state_data_, module);
  const auto renew = [](event& e, term content) {
    auto held = block::make(16);
    e.type = copy(*held, e.type);
    e.content = copy(*held, content);
    e.held = std::move(held);
  };
  for (auto& e : postponed_) release(e.content, [&](term t) { renew(e, t); });
  for (auto& timer : timers_)
    release(timer.content, [&](term t) {
      auto held = block::make(16);
      if (timer.ref) timer.ref = copy(*held, timer.ref);
      timer.content = copy(*held, t);
      timer.held = std::move(held);
    });
}

namespace {
// How the state is handled is of the version, too: code_change may have asked for another callback mode.
struct saved_machine final : saved_state {
  std::shared_ptr<saved_state> state;
  std::vector<term> modules;
  bool state_functions = true, state_enter = false;
  std::vector<owned_term> timers;
};
}  // namespace

std::shared_ptr<saved_state> gen_statem::save(process& self) {
  auto out = std::make_shared<saved_machine>();
  out->state = callback_process::save(self);
  if (!out->state) return {};
  out->modules = modules_;
  out->state_functions = state_functions_;
  out->state_enter = state_enter_;
  for (const auto& t : timers_) out->timers.emplace_back(t.ref);
  return out;
}

void gen_statem::restore(process& self, saved_state& s) {
  auto* saved = dynamic_cast<saved_machine*>(&s);
  if (!saved) return;
  callback_process::restore(self, *saved->state);
  modules_ = saved->modules;
  state_functions_ = saved->state_functions;
  state_enter_ = saved->state_enter;
  // Timeouts that have been started since are no event of that state.
  for (auto i = timers_.size(); i-- > 0;)
    if (std::none_of(saved->timers.begin(), saved->timers.end(), [&](const owned_term& t) { return t.get() && timers_[i].ref && exactly_equal(t.get(), timers_[i].ref); }))
      cancel_timer(self, i);
}

std::unique_ptr<behaviour> make_gen_statem(const gen::server_start& start) { return std::make_unique<gen_statem>(start); }

}  // namespace cnode::actors
