// Actions of a callback's result, and the timeouts they start.
#include <chrono>

#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>

#include "gen_statem.hpp"

namespace cnode::actors {

namespace {

bool is_integer(term t) { return t.is_small() || t.kind() == CNODE_BIG_POS || t.kind() == CNODE_BIG_NEG; }
bool is_relative(term t) { return t.same(names().infinity) || t.kind() == CNODE_BIG_POS || (t.is_small() && t.small() >= 0); }
bool is_absolute(term t) { return t.same(names().infinity) || is_integer(t); }

bool is_timeout_type(term t) {
  static const term state_timeout = atom("state_timeout");
  return t.same(names().timeout) || t.same(state_timeout) || (t.is_tuple(2) && t[0].same(names().timeout));
}
bool is_from(term t) { return t.is_tuple(2) && t[0].is_pid(); }
bool is_event_type(term t) {
  const auto& n = names();
  static const term info = atom("info"), internal = atom("internal");
  if (t.is_tuple(2) && t[0].same(n.call)) return is_from(t[1]);
  return t.same(n.cast) || t.same(info) || t.same(internal) || is_timeout_type(t);
}
bool is_boolean(term t) { return t.same(names().true_) || t.same(names().false_); }

// [{abs, Boolean}]: what the last one says; -1 for anything else.
int parse_abs(term options) {
  int abs = 0;
  for (; options.is_cons(); options = options.tail()) {
    const term o = options.head();
    if (!o.is_tuple(2) || !o[0].same(atom("abs")) || !is_boolean(o[1])) return -1;
    abs = o[1].same(names().true_);
  }
  return options.is_nil() ? abs : -1;
}

bool of_timer(void* wanted, term m) {
  return m.is_tuple(3) && m[0].same(names().timeout) && exactly_equal(m[1], *static_cast<term*>(wanted));
}

}  // namespace

// gen_statem:loop_actions_list/12
task<bool> gen_statem::act(process& self, transition& t, bool state_call, term actions) {
  const auto& n = names();
  auto& b = self.scratch();
  static const term postpone = atom("postpone"), next_event = atom("next_event"), change = atom("change_callback_module"),
                    push = atom("push_callback_module"), pop = atom("pop_callback_module");
  if (!actions.is_list()) actions = make_list_of(b, actions);
  for (; actions.is_cons(); actions = actions.tail()) {
    const term a = actions.head();
    failure bad{n.error, {}, {}, "loop_actions_list", 13};
    const char* wrong = "bad_action_from_state_function";
    if (a.is_tuple(3) && a[0].same(n.reply)) {
      if (is_from(a[1])) {
        gen::reply(self, a[1], a[2]);
        if (!debug_.empty()) debug(self, make_tuple_of(b, n.out, a[2], a[1]));
        continue;
      }
      bad.own_function = "loop_actions_reply";
      bad.own_arity = 14;
    } else if (a.is_tuple(2) && a[0].same(n.hibernate) && is_boolean(a[1])) {
      t.hibernate = a[1].same(n.true_);
      continue;
    } else if (a.same(n.hibernate)) {
      t.hibernate = true;
      continue;
    } else if (a.is_tuple(2) && a[0].same(postpone) && (a[1].same(n.false_) || (a[1].same(n.true_) && state_call))) {
      t.postpone = a[1].same(n.true_);
      continue;
    } else if (a.same(postpone)) {
      if (state_call) {
        t.postpone = true;
        continue;
      }
      wrong = "bad_state_enter_action_from_state_function";
      bad.own_arity = 12;
    } else if (a.is_tuple(3) && a[0].same(next_event)) {
      if (state_call && is_event_type(a[1])) {
        t.next_events.push_back({a[1], a[2]});
        if (!debug_.empty()) debug(self, make_tuple_of(b, n.in, make_tuple_of(b, a[1], a[2]), t.next.state));
        continue;
      }
      if (!state_call) wrong = "bad_state_enter_action_from_state_function";
      bad.own_function = "loop_actions_next_event_bad";
      bad.own_arity = 9;
    } else if ((a.is_tuple(2) && (a[0].same(change) || a[0].same(push)) && a[1].is_atom()) || (a.same(pop) && modules_.size() > 1)) {
      if (state_call) {
        if (!co_await change_module(self, t, state_call, a)) co_return false;
        continue;
      }
      wrong = "bad_state_enter_action_from_state_function";
      bad.own_arity = 12;
    } else if (timeout_action(self, t, a)) {
      continue;
    }
    bad.reason = make_tuple_of(b, atom(wrong), a);
    co_await terminate(self, bad, t.next);
    co_return false;
  }
  if (!actions.is_nil()) {
    // No clause of gen_statem's own takes an improper list.
    end(self, n.error, n.function_clause, with_frames(b, nil, {{"loop_actions_list", 12}}));
    co_return false;
  }
  co_return true;
}

task<bool> gen_statem::change_module(process& self, transition& t, bool, term action) {
  auto& b = self.scratch();
  auto modules = modules_;
  if (action.is_atom()) {
    modules.erase(modules.begin());
  } else if (action[0].same(atom("push_callback_module"))) {
    modules.insert(modules.begin(), action[1]);
  } else {
    modules.front() = action[1];
  }
  const failure failed = co_await get_callback_mode(self, std::move(modules), "loop_actions_list", 12);
  if (failed.reason) {
    co_await terminate(self, failed, t.next);
    co_return false;
  }
  if (!debug_.empty()) debug(self, make_tuple_of(b, names().module, modules_.front(), t.next.state));
  co_return true;
}

bool gen_statem::timeout_action(process& self, transition& t, term a) {
  auto& b = self.scratch();
  const auto& n = names();
  if (a.is_tuple(4)) {
    if (!is_timeout_type(a[0])) return false;
    const term options = a[3].is_list() ? a[3] : make_list_of(b, a[3]);
    const int abs = parse_abs(options);
    if (abs < 0 || !(abs ? is_absolute(a[1]) : is_relative(a[1]))) return false;
    t.timeouts.push_back(abs ? make_tuple_of(b, a[0], a[1], a[2], options) : make_tuple_of(b, a[0], a[1], a[2]));
  } else if (a.is_tuple(3)) {
    if (!is_timeout_type(a[0]) || !(is_relative(a[1]) || a[1].same(atom("update")))) return false;
    t.timeouts.push_back(a);
  } else if (a.is_tuple(2)) {
    if (!is_timeout_type(a[0]) || !a[1].same(atom("cancel"))) return false;
    t.timeouts.push_back(make_tuple_of(b, a[0], n.infinity, n.undefined));
  } else {
    if (!is_relative(a)) return false;
    t.timeouts.push_back(make_tuple_of(b, n.timeout, a, a));
  }
  return true;
}

std::size_t gen_statem::find_timer(term type) const {
  std::size_t i = 0;
  while (i < timers_.size() && !exactly_equal(timers_[i].type.get(), type)) ++i;
  return i;
}

// gen_statem:cancel_timer/3: a timer that has fired has its message in the mailbox, or on the way there.
void gen_statem::cancel_timer(process& self, std::size_t index) {
  auto& timer = timers_[index];
  if (!timer.ref) {
    std::erase_if(zero_, [&](const owned_term& z) { return exactly_equal(z.get(), timer.type.get()); });
  } else if (self.node().cancel_timer(timer.ref) < 0) {
    self.take_message(of_timer, &timer.ref);
  }
  timers_.erase(timers_.begin() + static_cast<std::ptrdiff_t>(index));
}

// gen_statem:loop_timeouts/12. Of several of one type the last counts. One that takes the place of another that is due at once is a timer as any
// other, as from OTP 29 on; before that it is lost.
void gen_statem::start_timeouts(process& self, transition& t) {
  const auto& n = names();
  auto& b = self.scratch();
  std::vector<term> seen, due;
  for (auto i = t.timeouts.rbegin(); i != t.timeouts.rend(); ++i) {
    const term type = (*i)[0], time = (*i)[1], content = (*i)[2];
    bool is_seen = false;
    for (const term s : seen) is_seen = is_seen || exactly_equal(s, type);
    if (is_seen) continue;
    seen.push_back(type);
    auto at = find_timer(type);
    if (time.same(n.infinity)) {
      if (at < timers_.size()) cancel_timer(self, at);
      continue;
    }
    auto held = block::make(16);
    const term kept = copy(*held, content);
    if (time.same(atom("update"))) {
      if (at < timers_.size()) {
        if (timers_[at].ref) timers_[at].ref = copy(*held, timers_[at].ref);
        timers_[at].content = kept;
        timers_[at].held = std::move(held);
        continue;
      }
    } else if (!debug_.empty()) {
      const term options = i->size() == 4 ? (*i)[3] : nil;
      debug(self, make_tuple_of(b, atom("start_timer"), make_tuple_of(b, type, time, content, options), t.next.state));
    }
    term ref;
    if (time.same(atom("update")) || (time.is_small() && time.small() == 0)) {
      due.push_back(type);
    } else {
      std::int64_t ms = std::int64_t{1} << 50;  // for ever
      if (time.is_small()) ms = time.small();
      if (i->size() == 4) {
        const auto now = std::chrono::duration_cast<std::chrono::milliseconds>(self.node().now().time_since_epoch()).count();
        ms = time.kind() == CNODE_BIG_NEG ? 0 : time.is_small() ? std::max<std::int64_t>(time.small() - now, 0) : ms;
      }
      ref = copy(*held, self.node().send_after(ms, self.pid(), type, b, true));
    }
    if (at < timers_.size()) cancel_timer(self, at);
    timers_.push_back({owned_term(type), ref, std::move(held), kept});
  }
  for (auto i = due.rbegin(); i != due.rend(); ++i) zero_.emplace_back(*i);
}

task<gen_statem::failure> gen_statem::get_callback_mode(process& self, std::vector<term> modules, const char* caller, int arity, bool within_sys) {
  const auto& n = names();
  auto& b = self.scratch();
  const term module = modules.front();
  const outcome out = co_await call(self, module, atom("callback_mode"));
  if (out.kind == outcome::raised && !out.error_class.same(atom("throw"))) {
    const term trace = with_frames(b, out.stacktrace, {{"get_callback_mode", 2}, {caller, arity}}, within_sys);
    co_return failure{out.error_class, out.reason, trace};
  }
  const term r = out.kind == outcome::raised ? out.reason : out.result;
  term mode;
  bool enter = false, understood = true;
  term rest = r.is_list() ? r : make_list_of(b, r);
  for (; rest.is_cons(); rest = rest.tail()) {
    const term h = rest.head();
    if (h.same(atom("state_functions")) || h.same(atom("handle_event_function"))) mode = h;
    else if (h.same(atom("state_enter"))) enter = true;
    else understood = false;
  }
  if (!understood || !mode || !rest.is_nil()) {
    const term trace = with_frames(b, nil, {{"callback_mode_result", 6}, {caller, arity}}, within_sys);
    co_return failure{n.error, make_tuple_of(b, atom("bad_return_from_callback_mode"), r), trace};
  }
  modules_ = std::move(modules);
  state_functions_ = mode.same(atom("state_functions"));
  state_enter_ = enter;
  co_return failure{};
}

}  // namespace cnode::actors
