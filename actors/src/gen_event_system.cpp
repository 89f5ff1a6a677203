// The end of handlers and of their manager, and what sys asks of it.
#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>

#include "gen_event.hpp"
#include "native_terms.hpp"

namespace cnode::actors {

// gen_event:do_terminate/7
task<term> gen_event::do_terminate(process& self, const handler& h, term args, term state, term last_in, term why,
                                   const char* caller, int arity) {
  auto& b = self.scratch();
  term answer = names().ok;
  if (exports(self, h.module, names().terminate, 2)) {
    const outcome out = co_await call(self, h.module, names().terminate, args, state);
    if (caller) answer = caught(b, out, {{"do_terminate", 7}, {caller, arity}, {"handle_msg", 6}});
    else answer = caught(b, out, {{"do_terminate", 7}, {"handle_msg", 6}});
  }
  if (!why) why = args[1];
  co_await report(self, h, why, state, last_in);
  co_return answer;
}

// gen_event:report_terminate/5, report_error/5
task<void> gen_event::report(process& self, const handler& h, term why, term state, term last_in) {
  const auto& n = names();
  auto& b = self.scratch();
  const bool silent = why.same(n.normal) || why.same(n.shutdown) || (why.is_tuple(3) && why[0].same(atom("swapped")));
  if (!silent) {
    // format_status sees the reason without what catch put around it.
    const bool caught_exit = why.is_tuple(2) && why[0].same(n.EXIT), with_stack = caught_exit && why[1].is_tuple(2);
    const term reason = with_stack ? why[1][0] : caught_exit ? why[1] : why;
    const term keys[] = {n.state, n.message, n.reason};
    const term values[] = {without_natives(self, state), last_in, reason};
    const term status = co_await format_status(self, h.module, n.terminate, make_map(b, keys, values, 3),
                                               make_list_of(b, self.dictionary(b), values[0]));
    const term shown_reason = map_get(status, n.reason), own = map_get(status, n.status_key);
    reports::event_handler_terminate r;
    r.handler = name_of(b, h);
    r.name = event_name(self);
    r.last_message = map_get(status, n.message);
    r.state = own ? own : map_get(status, n.state);
    r.reason = with_stack    ? make_tuple_of(b, n.EXIT, make_tuple_of(b, shown_reason, why[1][1]))
               : caught_exit ? make_tuple_of(b, n.EXIT, shown_reason)
                             : shown_reason;
    reports::gen_event_handler_terminated(self, r);
  }
  if (const term supervisor = h.supervised.get())
    self.send(supervisor, make_tuple_of(b, atom("gen_event_EXIT"), name_of(b, h), without_natives(self, why)));
}

// gen_event:stop_handlers/2, do_unlink/2
task<void> gen_event::stop_handlers(process& self) {
  const auto& n = names();
  for (auto at = handlers_.begin(); at != handlers_.end(); ++at) co_await do_terminate(self, *at, n.stop, at->state.get(), n.stop, n.shutdown);
  for (const auto& h : handlers_)
    if (const term supervisor = h.supervised.get(); supervisor && !exactly_equal(supervisor, parent_)) self.unlink(supervisor);
}

// gen_event:terminate_server/4
task<void> gen_event::end_by(process& self, term reason, const char*, int) {
  self.set_timeout(-1);
  co_await stop_handlers(self);
  end(self, names().exit, reason, with_frames(self.scratch(), nil, {{"terminate_server", 4}}));
}

// ---- sys

term gen_event::as_listed(block& b, const handler& h) { return make_tuple_of(b, h.module, id_or_false(h), h.state.get()); }

term gen_event::system_state(process& self) {
  auto& b = self.scratch();
  std::vector<term> all;
  for (const auto& h : handlers_) all.push_back(as_listed(b, h));
  return make_list(b, all.data(), all.size());
}

// The states, by the handlers' names.
bool gen_event::set_state(process&, term state) {
  for (; state.is_cons(); state = state.tail())
    for (auto& h : handlers_)
      if (h.module.same(state.head()[0]) && exactly_equal(id_or_false(h), state.head()[1])) h.state.set(state.head()[2]);
  return true;
}

// gen_event:system_replace_state/2: a handler for which the function fails keeps its state.
task<term> gen_event::replace_state(process& self, term fun) {
  auto& b = self.scratch();
  for (auto& h : handlers_) {
    const outcome out = co_await apply_fun(self, fun, as_listed(b, h));
    const term next = out.result;
    if (out.kind == outcome::value && next.is_tuple(3) && next[0].same(h.module) && exactly_equal(next[1], id_or_false(h))) h.state.set(next[2]);
  }
  co_return make_tuple_of(b, without_natives(self, system_state(self)));
}

// gen_event:system_code_change/4: the handlers of that module. One that refuses leaves all as they were.
task<term> gen_event::code_change(process& self, term module, term old_vsn, term extra) {
  const auto& n = names();
  auto& b = self.scratch();
  std::vector<std::pair<handler*, term>> changed;
  for (auto& h : handlers_) {
    if (!h.module.same(module)) continue;
    const term state = h.state.get();
    const outcome out = co_await call(self, module, n.code_change, old_vsn, state, extra);
    const bool threw = out.kind == outcome::raised && out.error_class.same(atom("throw"));
    if (threw) co_return make_tuple_of(b, n.error, without_natives(self, out.reason));
    outcome what = out;
    if (out.kind == outcome::value) {
      if (out.result.is_tuple(2) && out.result[0].same(n.ok)) {
        changed.emplace_back(&h, out.result[1]);
        continue;
      }
      what = {outcome::raised, {}, n.error, make_tuple_of(b, atom("badmatch"), without_natives(self, out.result)), nil};
    }
    std::vector<term> frames;
    for (term t = what.stacktrace ? what.stacktrace : nil; t.is_cons(); t = t.tail()) frames.push_back(t.head());
    frames.push_back(own_frame(b, "-system_code_change/4-fun-0-", 4));
    frames.push_back(make_tuple_of(b, atom("lists"), atom("filtermap_1"), small(2), nil));
    what.stacktrace = make_list(b, frames.data(), frames.size());
    co_return make_tuple_of(b, n.error, caught(b, what, {{"system_code_change", 4}}, true));
  }
  for (auto& [h, state] : changed) h->state.set(state);
  co_return n.ok;
}

// gen_event:format_status/2
task<term> gen_event::status(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  term log = debug_.logged_events(b);
  std::vector<term> shown;
  for (const auto& h : handlers_) {
    const term keys[] = {n.log, n.state};
    const term values[] = {log, without_natives(self, h.state.get())};
    const term status = co_await format_status(self, h.module, n.normal, make_map(b, keys, values, 2),
                                               make_list_of(b, self.dictionary(b), values[1]));
    const term own = map_get(status, n.status_key);
    log = map_get(status, n.log);
    shown.push_back(make_tuple_of(b, atom("handler"), h.module, id_or_false(h), own ? own : map_get(status, n.state),
                                  h.supervised.get() ? h.supervised.get() : n.false_));
  }
  const term header = make_tuple_of(b, n.header, status_header(b, "Status for event handler", event_name(self)));
  const term facts = make_tuple_of(b, n.data, make_list_of(b, titled(b, "Status", suspended_ ? n.suspended : n.running), titled(b, "Logged Events", log),
                                                           titled(b, "Parent", parent_)));
  const term items = make_tuple_of(b, atom("items"), titled(b, "Installed handlers", make_list(b, shown.data(), shown.size())));
  co_return make_list_of(b, header, facts, items);
}

void gen_event::release_old_natives(process& self, term module) {
  for (auto& h : handlers_)
    if (h.module.same(module)) release_from(self, h.state, module);
}

std::unique_ptr<behaviour> make_gen_event(const gen::server_start& start) { return std::make_unique<gen_event>(start); }

}  // namespace cnode::actors
