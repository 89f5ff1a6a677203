// The end of a gen_statem, its reports, and what sys asks of it.
#include <algorithm>

#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "gen_statem.hpp"
#include "native_terms.hpp"

namespace cnode::actors {

namespace {

// gen_statem:event_string/1
std::string event_string(block& b, term e) {
  const bool is_call = e.is_tuple(2) && e[0].is_tuple(2) && e[0][0].same(names().call) && e[0][1].is_tuple(2);
  auto text = is_call ? io_lib_format("call ~tp from ~tw", make_list_of(b, e[1], e[0][1][0]))
                      : io_lib_format("~tw ~tp", make_list_of(b, e.is_tuple(2) ? e[0] : e, e.is_tuple(2) ? e[1] : nil));
  return text ? *text : std::string{};
}

}  // namespace

// gen_statem:print_event/3
sys::event_text print_statem_event(block& b, term event, term name) {
  const auto& n = names();
  const auto size = event.is_tuple() ? event.size() : 0;
  if (size == 3 && event[0].same(n.in))
    return {"*DBG* ~tp receive ~ts in state ~tp~n", make_list_of(b, name, make_charlist(b, event_string(b, event[1])), event[2])};
  if (size == 3 && event[0].same(n.out) && event[2].is_tuple(2))
    return {"*DBG* ~tp send ~tp to ~tw~n", make_list_of(b, name, event[1], event[2][0])};
  if (size == 3 && event[0].same(atom("enter"))) return {"*DBG* ~tp enter ~tp in state ~tp~n", make_list_of(b, name, event[1], event[2])};
  if (size == 3 && event[0].same(n.module)) return {"*DBG* ~tp module ~tp in state ~tp~n", make_list_of(b, name, event[1], event[2])};
  if (size == 3 && event[0].same(atom("start_timer")))
    return {"*DBG* ~tp start_timer ~tp in state ~tp~n", make_list_of(b, name, event[1], event[2])};
  if (size == 3 && event[0].same(n.terminate))
    return {"*DBG* ~tp terminate ~tp in state ~tp~n", make_list_of(b, name, event[1], event[2])};
  if (size == 4) {  // postpone, consume
    auto states = exactly_equal(event[2], event[3]) ? io_lib_format("~tp", make_list_of(b, event[2]))
                                                    : io_lib_format("~tp => ~tp", make_list_of(b, event[2], event[3]));
    return {"*DBG* ~tp ~tw ~ts in state ~ts~n",
            make_list_of(b, name, event[0], make_charlist(b, event_string(b, event[1])), make_charlist(b, states ? *states : std::string{}))};
  }
  return {"*DBG* ~tp dbg ~tp~n", make_list_of(b, name, event)};
}

// ---- the end

// gen_statem:terminate/7
task<void> gen_statem::terminate(process& self, failure why, state_data s) {
  const auto& n = names();
  auto& b = self.scratch();
  self.set_timeout(-1);
  const term module = modules_.front();
  if (exports(self, module, n.terminate, 3)) {
    const outcome out = co_await call(self, module, n.terminate, why.reason, s.state, s.data);
    if (out.kind == outcome::raised && !out.error_class.same(atom("throw"))) {
      const term trace = with_frames(b, out.stacktrace, {{"terminate", 7}});
      co_await error_info(self, {out.error_class, out.reason, trace}, s);
      end(self, out.error_class, out.reason, trace);
      co_return;
    }
  }
  if (!is_shutdown(why.reason)) co_await error_info(self, why, s);
  else if (!debug_.empty()) debug(self, make_tuple_of(b, n.terminate, why.reason, s.state));
  end(self, why.error_class, why.reason, stack(b, why));
}

// gen_statem:do_reply_then_terminate/8
task<void> gen_statem::terminate_after_replies(process& self, failure why, state_data s, term replies) {
  const auto& n = names();
  auto& b = self.scratch();
  if (!replies.is_list()) replies = make_list_of(b, replies);
  for (; replies.is_cons(); replies = replies.tail()) {
    const term r = replies.head();
    if (!r.is_tuple(3) || !r[0].same(n.reply) || !r[1].is_tuple(2) || !r[1][0].is_pid()) {
      why = {n.error, make_tuple_of(b, atom("bad_reply_action_from_state_function"), r), {}, "do_reply_then_terminate", 8};
      break;
    }
    gen::reply(self, r[1], r[2]);
    if (!debug_.empty()) debug(self, make_tuple_of(b, n.out, r[2], r[1]));
  }
  co_await terminate(self, why, s);
}

task<void> gen_statem::end_by(process& self, term reason, const char* own_function, int arity) {
  const failure why{names().exit, reason, {}, own_function ? own_function : "loop_receive", own_function ? arity : 3};
  co_await terminate(self, why, current());
}

term gen_statem::queue_list(process& self) const {
  auto& b = self.scratch();
  std::vector<term> all;
  for (const auto& e : queue_) all.push_back(make_tuple_of(b, e.type, e.content));
  return make_list(b, all.data(), all.size());
}

term gen_statem::postponed_list(process& self) const {
  auto& b = self.scratch();
  term list = nil;
  for (const auto& e : postponed_) list = make_cons(b, make_tuple_of(b, e.type, e.content), list);
  return list;
}

// gen_statem:list_timeouts/1, in the order of maps:fold/3
term gen_statem::timeout_list(process& self) const {
  auto& b = self.scratch();
  std::vector<const timer*> all;
  for (const auto& t : timers_) all.push_back(&t);
  std::sort(all.begin(), all.end(), [](const timer* a, const timer* c) { return compare_exact(a->type.get(), c->type.get()) < 0; });
  term list = nil;
  for (const auto* t : all) list = make_cons(b, make_tuple_of(b, t->type.get(), t->content), list);
  return list;
}

// gen_statem:error_info/7
task<void> gen_statem::error_info(process& self, failure why, state_data s) {
  const auto& n = names();
  auto& b = self.scratch();
  const term queue = queue_list(self);
  const term state = without_natives(self, s.state), data = without_natives(self, s.data);
  const term keys[] = {n.reason, n.state, n.data, atom("queue"), atom("postponed"), atom("timeouts"), n.log};
  const term values[] = {why.reason, state, data, queue, postponed_list(self), timeout_list(self), debug_.logged_events(b)};
  const term status = co_await format_status(self, modules_.front(), n.terminate, make_map(b, keys, values, 7),
                                             make_list_of(b, self.dictionary(b), state, data));
  const auto get = [&](term key) { return map_get(status, key); };
  const term own = get(n.status_key);
  reports::statem_terminate report;
  report.name = event_name(self);
  report.queue = get(atom("queue"));
  report.postponed = get(atom("postponed"));
  report.modules = make_list(b, modules_.data(), modules_.size());
  report.callback_mode = atom(state_functions_ ? "state_functions" : "handle_event_function");
  report.state_enter = state_enter_ ? n.true_ : n.false_;
  report.state = own ? own : make_tuple_of(b, get(n.state), get(n.data));
  report.timeouts = make_tuple_of(b, small(static_cast<std::int64_t>(timers_.size())), get(atom("timeouts")));
  report.log = get(n.log);
  report.error_class = why.error_class;
  report.reason = get(n.reason);
  report.stacktrace = stack(b, why);
  term from;
  if (!queue_.empty() && queue_.front().type.is_tuple(2) && queue_.front().type[0].same(n.call)) from = queue_.front().type[1];
  report.client_info = reports::client_info(self, from, b);
  reports::gen_statem_terminated(self, report);
}

// ---- sys

// gen_statem:system_code_change/4: the callback mode may be another afterwards.
task<term> gen_statem::code_change(process& self, term, term old_vsn, term extra) {
  const auto& n = names();
  auto& b = self.scratch();
  const outcome out = co_await call(self, modules_.front(), n.code_change, old_vsn, current().state, current().data, extra);
  const term r = caught(b, out, {{"system_code_change", 4}}, true);
  if (r.is_tuple(3) && r[0].same(n.ok)) {
    const state_data next{r[1], r[2]};
    const failure failed = co_await get_callback_mode(self, modules_, "system_code_change", 4, true);
    if (!failed.reason) {
      set(self, next);
      co_return n.ok;
    }
    const term what = failed.error_class.same(n.error) ? make_tuple_of(b, failed.reason, failed.stacktrace) : failed.reason;
    co_return make_tuple_of(b, n.error, make_tuple_of(b, n.EXIT, what));
  }
  if (r.is_tuple(2) && r[0].same(n.ok)) {
    const outcome clause{outcome::raised, {}, n.error, make_tuple_of(b, atom("case_clause"), without_natives(self, r)), nil};
    co_return make_tuple_of(b, n.error, caught(b, clause, {{"system_code_change", 4}}, true));
  }
  co_return make_tuple_of(b, n.error, without_natives(self, r));
}

// gen_statem:format_status/2
task<term> gen_statem::status(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  const term state = without_natives(self, current().state), data = without_natives(self, current().data);
  const term keys[] = {n.state, n.data, atom("postponed"), n.log, atom("timeouts")};
  const term values[] = {state, data, postponed_list(self), debug_.logged_events(b), timeout_list(self)};
  const term map = make_map(b, keys, values, 5);
  const term status = co_await format_status(self, modules_.front(), n.normal, map, make_list_of(b, self.dictionary(b), state, data));
  const auto shown_as = [&](term value) {
    return make_list_of(b, make_tuple_of(b, n.data, make_list_of(b, titled(b, "State", value))));
  };
  term shown, from = status;
  if (const term failure = map_get(status, n.EXIT)) {
    shown = shown_as(make_tuple_of(b, state, failure));
    from = map;
  } else if (const term own = map_get(status, n.status_key)) {
    shown = own.is_list() ? own : make_list_of(b, own);
  } else {
    shown = shown_as(make_tuple_of(b, map_get(status, n.state), map_get(status, n.data)));
  }
  const term timeouts = make_tuple_of(b, small(static_cast<std::int64_t>(timers_.size())), map_get(from, atom("timeouts")));
  const term facts = make_tuple_of(
      b, n.data,
      make_list_of(b, titled(b, "Status", suspended_ ? n.suspended : n.running), titled(b, "Parent", parent_),
                   titled(b, "Modules", make_list(b, modules_.data(), modules_.size())), titled(b, "Time-outs", timeouts),
                   titled(b, "Logged Events", map_get(from, n.log)), titled(b, "Postponed", map_get(from, atom("postponed")))));
  const term header = make_tuple_of(b, n.header, status_header(b, "Status for state machine", event_name(self)));
  co_return make_cons(b, header, make_cons(b, facts, shown));
}

}  // namespace cnode::actors
