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
    if (caller) answer = caught(b, out, {{"do_terminate", 7}, {caller, arity}, {"handle_msg", 6}}, behaviour_);
    else answer = caught(b, out, {{"do_terminate", 7}, {"handle_msg", 6}}, behaviour_);
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
  end(self, names().exit, reason, with_frames(self.scratch(), make_list_of(self.scratch(), own_frame(self.scratch(), "terminate_server", 4)), {}));
}

// ---- sys

// {Module, Id, State} for each
term gen_event::system_state(process& self) {
  auto& b = self.scratch();
  std::vector<term> all;
  for (const auto& h : handlers_) all.push_back(make_tuple_of(b, h.module, h.id.get() ? h.id.get() : names().false_, h.state.get()));
  return make_list(b, all.data(), all.size());
}

// gen_event:system_replace_state/2: a handler for which the function fails keeps its state.
task<term> gen_event::replace_state(process& self, term fun) {
  const auto& n = names();
  auto& b = self.scratch();
  std::vector<term> all;
  for (auto& h : handlers_) {
    const term id = h.id.get() ? h.id.get() : n.false_;
    const term now = make_tuple_of(b, h.module, id, h.state.get());
    const outcome out = co_await apply_fun(self, fun, now);
    const term next = out.result;
    if (out.kind == outcome::value && next.is_tuple(3) && next[0].same(h.module) && exactly_equal(next[1], id)) {
      all.push_back(without_natives(self, next));
      h.state.set(next[2]);
    } else {
      all.push_back(without_natives(self, now));
    }
  }
  co_return make_tuple_of(b, make_list(b, all.data(), all.size()));
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
    co_return make_tuple_of(b, n.error, caught(b, what, {{"system_code_change", 4}}, behaviour_, true));
  }
  for (auto& [h, state] : changed) h->state.set(state);
  co_return n.ok;
}

// gen_event:format_status/2
task<term> gen_event::status(process& self) {
  const auto& n = names();
  auto& b = self.scratch();
  const auto titled = [&](const char* title, term value) { return make_tuple_of(b, make_charlist(b, title), value); };
  term log = debug_.logged_events(b);
  std::vector<term> shown;
  for (const auto& h : handlers_) {
    const term keys[] = {n.log, n.state};
    const term values[] = {log, without_natives(self, h.state.get())};
    const term status = co_await format_status(self, h.module, n.normal, make_map(b, keys, values, 2),
                                               make_list_of(b, self.dictionary(b), values[1]));
    const term own = map_get(status, n.status_key);
    log = map_get(status, n.log);
    shown.push_back(make_tuple_of(b, atom("handler"), h.module, h.id.get() ? h.id.get() : n.false_, own ? own : map_get(status, n.state),
                                  h.supervised.get() ? h.supervised.get() : n.false_));
  }
  const term header = make_tuple_of(b, n.header, status_header(b, "Status for event handler", event_name(self)));
  const term facts = make_tuple_of(b, n.data, make_list_of(b, titled("Status", suspended_ ? n.suspended : n.running), titled("Logged Events", log),
                                                           titled("Parent", parent_)));
  const term items = make_tuple_of(b, atom("items"), titled("Installed handlers", make_list(b, shown.data(), shown.size())));
  co_return make_list_of(b, header, facts, items);
}

void gen_event::release_old_natives(process& self, term module) {
  for (auto& h : handlers_) {
    if (!h.module.same(module)) continue;
    bool changed = false;
    const term t = actors::release_old_natives(self, h.state.get(), module, changed);
    if (changed) h.state.set(t);
    // Former states in the arena hold on to their objects.
    if (h.state.holds_outside()) h.state.compact();
  }
}

namespace {
// The states, by the handlers' names.
struct saved_event final : saved_state {
  block_ptr states;
};
}  // namespace

std::shared_ptr<saved_state> gen_event::save(process& self) {
  cnode_env env{};
  env.heap = &self.scratch();
  env.process = &self;
  const term whole = natives_to_terms(&env, system_state(self));
  if (!whole) return {};
  auto out = std::make_shared<saved_event>();
  out->states = copy_to_block(whole);
  return out;
}

void gen_event::restore(process&, saved_state& s) {
  auto* saved = dynamic_cast<saved_event*>(&s);
  if (!saved) return;
  for (term t = saved->states->root; t.is_cons(); t = t.tail())
    for (auto& h : handlers_)
      if (h.module.same(t.head()[0]) && exactly_equal(h.id.get() ? h.id.get() : names().false_, t.head()[1])) h.state.set(t.head()[2]);
}

std::unique_ptr<behaviour> make_gen_event(const gen::server_start& start) { return std::make_unique<gen_event>(start); }

}  // namespace cnode::actors
