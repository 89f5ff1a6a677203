// The manager's loop, and what a handler's callbacks return.
#include "gen_event.hpp"

#include <algorithm>

#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>

#include "native_terms.hpp"

namespace cnode::actors {

gen_event::gen_event(const gen::server_start& s) : callback_process(s, atom("gen_event"), print_manager_event) {}

bool gen_event::uses(term module) const {
  return std::any_of(handlers_.begin(), handlers_.end(), [&](const handler& h) { return h.module.same(module); });
}

term gen_event::waits_in(block& b) const { return make_tuple_of(b, behaviour_, atom("fetch_msg"), small(6)); }

void gen_event::compact() {
  for (auto& h : handlers_) h.state.compact();
}

// gen_event:print_event/3
sys::event_text print_manager_event(block& b, term event, term name) {
  const auto& n = names();
  if (!event.is_tuple(2) || !event[0].same(n.in)) return {"*DBG* ~tp : ~tp~n", make_list_of(b, name, event)};
  const term m = event[1];
  if (m.is_tuple(2) && m[0].same(atom("notify"))) return {"*DBG* ~tp got event ~tp~n", make_list_of(b, name, m[1])};
  if (m.is_tuple(3) && m[2].is_tuple(3) && m[2][0].same(n.call))
    return {"*DBG* ~tp(~tp) got call ~tp~n", make_list_of(b, name, m[2][1], m[2][2])};
  return {"*DBG* ~tp got ~tp~n", make_list_of(b, name, m)};
}

// gen_event:init_it/6
task<void> gen_event::init_it(process& self) {
  auto& b = self.scratch();
  if (!co_await register_name(self)) co_return;
  self.set_trap_exit(true);
  acknowledge(self, make_tuple_of(b, names().ok, self.pid()));
  wait(self);
}

// gen_event:handle_msg/6
task<void> gen_event::handle_message(process& self, block_ptr message) {
  const auto& n = names();
  auto& b = self.scratch();
  const term m = message->root;
  hibernate_next_ = false;
  if (!debug_.empty()) debug(self, make_tuple_of(b, n.in, m));
  if (m.is_tuple(2) && m[0].same(atom("notify"))) {
    co_await notify(self, m[1], "handle_event");
  } else if (m.is_tuple(3) && m[0].same(n.EXIT)) {
    co_await handle_exit(self, m[1], m[2]);
  } else if (m.is_tuple(3) && (m[2].is_tuple() || m[2].is_atom())) {
    const term c = m[2];
    static const term known[] = {atom("sync_notify"),     atom("call"),         atom("add_handler"),      atom("add_sup_handler"),
                                 atom("delete_handler"), atom("swap_handler"), atom("swap_sup_handler"), atom("stop"),
                                 atom("which_handlers"), atom("get_modules")};
    static constexpr std::uint64_t sizes[] = {2, 3, 3, 4, 3, 5, 6, 0, 0, 0};
    bool is_request = false;
    for (std::size_t i = 0; i < std::size(known); ++i)
      is_request = is_request || (sizes[i] == 0 ? c.same(known[i]) : c.is_tuple(sizes[i]) && c[0].same(known[i]));
    if (is_request) co_await request(self, m[1], c);
    else co_await notify(self, m, "handle_info");
  } else {
    co_await notify(self, m, "handle_info");
  }
  if (self.exiting()) co_return;
  hibernating_ = hibernate_next_;
  wait(self);
}

task<void> gen_event::request(process& self, term tag, term c) {
  const auto& n = names();
  auto& b = self.scratch();
  term answer = n.ok;
  if (c.is_atom()) {
    if (c.same(n.stop)) {
      co_await stop_handlers(self);
      gen::reply(self, tag, n.ok);
      end(self, n.exit, n.normal, nil);
      co_return;
    }
    std::vector<term> all;
    for (const auto& h : handlers_) all.push_back(c.same(atom("which_handlers")) ? name_of(b, h) : h.module);
    if (c.same(atom("get_modules"))) {
      std::sort(all.begin(), all.end(), [](term x, term y) { return compare(x, y) < 0; });
      all.erase(std::unique(all.begin(), all.end(), [](term x, term y) { return x.same(y); }), all.end());
    }
    answer = make_list(b, all.data(), all.size());
  } else if (c[0].same(atom("sync_notify"))) {
    co_await notify(self, c[1], "handle_event");
  } else if (c[0].same(n.call)) {
    answer = co_await server_call(self, c[1], c[2]);
  } else if (c[0].same(atom("add_handler"))) {
    answer = co_await add_handler(self, c[1], c[2], {});
  } else if (c[0].same(atom("add_sup_handler"))) {
    answer = co_await add_handler(self, c[1], c[2], c[3]);
  } else if (c[0].same(atom("delete_handler"))) {
    answer = co_await delete_handler(self, c[1], c[2]);
  } else {
    const term supervisor = c.size() == 6 ? c[5] : term{};
    answer = co_await swap_handler(self, c[1], c[2], c[3], c[4], supervisor);
  }
  if (tag.is_tuple(2)) gen::reply(self, tag, without_natives(self, answer));
  else end(self, n.error, n.function_clause, with_frames(b, nil, {{"reply", 2}, {"handle_msg", 6}}));  // gen:reply/2 takes nothing else
}

// ---- callbacks

task<term> gen_event::caught_call(process& self, term module, const char* function, term a, term b, place where) {
  auto& heap = self.scratch();
  outcome out{};
  if (b) out = co_await call(self, module, atom(function), a, b);
  else out = co_await call(self, module, atom(function), a);
  const term r = caught(heap, out, {});
  if (out.kind == outcome::value || !out.error_class.same(names().error)) co_return r;
  // The frames of gen_event.erl between the callback and the process's beginning.
  std::vector<term> frames;
  for (term t = out.stacktrace ? out.stacktrace : nil; t.is_cons(); t = t.tail()) frames.push_back(t.head());
  frames.push_back(own_frame(heap, where.function, where.arity));
  for (int i = 0; i <= where.notified_before; ++i) frames.push_back(own_frame(heap, "server_notify", 4));
  co_return make_tuple_of(heap, names().EXIT,
                          make_tuple_of(heap, out.reason, with_frames(heap, make_list(heap, frames.data(), frames.size()), {{"handle_msg", 6}})));
}

// gen_event:server_notify/4, server_update/4
task<void> gen_event::notify(process& self, term event, const char* function) {
  const auto& n = names();
  auto& b = self.scratch();
  int before = 0;
  for (auto at = handlers_.begin(); at != handlers_.end();) {
    const term state = at->state.get();
    const term r = co_await caught_call(self, at->module, function, event, state, {"server_update", 4, before});
    const auto size = r.is_tuple() ? r.size() : 0;
    if ((size == 2 || (size == 3 && r[2].same(n.hibernate))) && r[0].same(n.ok)) {
      at->state.set(r[1]);
      hibernate_next_ = hibernate_next_ || size == 3;
    } else if (size == 5 && r[0].same(atom("swap_handler"))) {
      const auto next = std::next(at);
      before += co_await swap(self, at, r[1], r[2], r[3], r[4]);
      at = next;
      continue;
    } else if (r.same(atom("remove_handler"))) {
      co_await do_terminate(self, *at, r, state, atom("remove"), n.normal);
      at = handlers_.erase(at);
      continue;
    } else if (function == std::string_view("handle_info") && size == 2 && r[0].same(n.EXIT) && r[1].is_tuple(2) && r[1][0].same(n.undef) &&
               !exports(self, at->module, n.handle_info, 2)) {
      reports::no_event_handle_info(self, at->module, event);
    } else {
      co_await do_terminate(self, *at, make_tuple_of(b, n.error, r), state, event, {});
      at = handlers_.erase(at);
      continue;
    }
    ++before;
    ++at;
  }
}

// gen_event:handle_exit/4: supervised handlers go with their supervisor, the others may be interested.
task<void> gen_event::handle_exit(process& self, term from, term reason) {
  auto& b = self.scratch();
  for (auto at = handlers_.begin(); at != handlers_.end();) {
    if (!at->supervised.get() || !exactly_equal(at->supervised.get(), from)) {
      ++at;
      continue;
    }
    const term last_in = make_tuple_of(b, atom("parent_terminated"), make_tuple_of(b, from, reason));
    co_await do_terminate(self, *at, make_tuple_of(b, names().stop, reason), at->state.get(), last_in, names().shutdown);
    at = handlers_.erase(at);
  }
  co_await notify(self, make_tuple_of(b, names().EXIT, from, reason), "handle_info");
  hibernate_next_ = false;
}

gen_event::position gen_event::find(term wanted) {
  return std::find_if(handlers_.begin(), handlers_.end(), [&](const handler& h) {
    const term id = h.id.get();
    return id ? wanted.is_tuple(2) && wanted[0].same(h.module) && exactly_equal(wanted[1], id) : wanted.same(h.module);
  });
}

term gen_event::name_of(block& b, const handler& h) const {
  return h.id.get() ? make_tuple_of(b, h.module, h.id.get()) : h.module;
}

// gen_event:server_call/4, server_call_update/3
task<term> gen_event::server_call(process& self, term wanted, term query) {
  const auto& n = names();
  auto& b = self.scratch();
  const auto at = find(wanted);
  if (at == handlers_.end()) co_return make_tuple_of(b, n.error, atom("bad_module"));
  const term state = at->state.get();
  const outcome out = co_await call(self, at->module, n.handle_call, query, state);
  const term r = caught(b, out, {{"server_call_update", 3}, {"server_call", 4}, {"handle_msg", 6}});
  const auto size = r.is_tuple() ? r.size() : 0;
  if ((size == 3 || (size == 4 && r[3].same(n.hibernate))) && r[0].same(n.ok)) {
    hibernate_next_ = size == 4;
    const term reply = copy(b, r[1]);  // it may lie in the former state
    at->state.set(r[2]);
    co_return reply;
  }
  if (size == 6 && r[0].same(atom("swap_handler"))) {
    const term reply = copy(b, r[1]);
    co_await swap(self, at, r[2], r[3], r[4], r[5]);
    co_return reply;
  }
  if (size == 2 && r[0].same(atom("remove_handler"))) {
    const term reply = copy(b, r[1]);
    co_await do_terminate(self, *at, r[0], state, atom("remove"), n.normal);
    handlers_.erase(at);
    co_return reply;
  }
  const term error = make_tuple_of(b, n.error, copy(b, r));
  co_await do_terminate(self, *at, error, state, query, {});
  handlers_.erase(at);
  co_return error;
}

// gen_event:server_add_handler/4, server_add_sup_handler/4
task<term> gen_event::add_handler(process& self, term wanted, term args, term supervisor, int swap_arity) {
  const auto& n = names();
  auto& b = self.scratch();
  const bool named = wanted.is_tuple(2);
  const term module = named ? wanted[0] : wanted;
  if (supervisor) self.link(supervisor);
  if (!module.is_atom()) {
    const term frame = make_tuple_of(b, atom("erlang"), atom("apply"), make_list_of(b, module, n.init, make_list_of(b, args)), nil);
    co_return make_tuple_of(b, n.EXIT, make_tuple_of(b, n.badarg, with_frames(b, make_list_of(b, frame), {{"server_add_handler", 4}, {"handle_msg", 6}})));
  }
  const outcome out = co_await call(self, module, n.init, args);
  const term r = swap_arity ? caught(b, out, {{"server_add_handler", 4}, {"server_swap_handler", swap_arity}, {"handle_msg", 6}})
                            : caught(b, out, {{"server_add_handler", 4}, {"handle_msg", 6}});
  const bool hibernates = r.is_tuple(3) && r[2].same(n.hibernate);
  if ((!r.is_tuple(2) && !hibernates) || !r[0].same(n.ok)) co_return r;
  handler h;
  h.module = module;
  if (named) h.id = owned_term(wanted[1]);
  if (supervisor) h.supervised = owned_term(supervisor);
  h.state.set(r[1]);
  handlers_.push_front(std::move(h));
  hibernate_next_ = hibernates;
  co_return n.ok;
}

task<term> gen_event::delete_handler(process& self, term wanted, term args) {
  const auto& n = names();
  auto& b = self.scratch();
  const auto at = find(wanted);
  if (at == handlers_.end()) co_return make_tuple_of(b, n.error, atom("module_not_found"));
  const term answer = co_await do_terminate(self, *at, args, at->state.get(), atom("delete"), n.normal, "server_delete_handler", 4);
  const term kept = copy(b, answer);
  handlers_.erase(at);
  co_return kept;
}

// gen_event:server_swap_handler/6,7. What is not there is as if its terminate had returned error.
task<term> gen_event::swap_handler(process& self, term one, term args1, term other, term args2, term supervisor) {
  const auto& n = names();
  auto& b = self.scratch();
  term state2 = n.error, old_supervisor;
  if (const auto at = find(one); at != handlers_.end()) {
    if (at->supervised.get()) old_supervisor = copy(b, at->supervised.get());
    const term new_supervisor = supervisor ? supervisor : old_supervisor ? old_supervisor : n.false_;
    const term why = make_tuple_of(b, atom("swapped"), other, new_supervisor);
    state2 = co_await do_terminate(self, *at, args1, at->state.get(), atom("swapped"), why);
    state2 = copy(b, state2);
    handlers_.erase(at);
  }
  const int arity = supervisor ? 7 : 6;
  const term argument = make_tuple_of(b, args2, state2), new_supervisor = supervisor ? supervisor : old_supervisor;
  const term r = co_await add_handler(self, other, argument, new_supervisor, arity);
  co_return r.same(n.ok) ? r : make_tuple_of(b, n.error, r);
}

// gen_event:do_swap/7
task<bool> gen_event::swap(process& self, position at, term args1, term state1, term other, term args2) {
  const auto& n = names();
  auto& b = self.scratch();
  handler next;
  const bool named = other.is_tuple(2);
  next.module = named ? other[0] : other;
  if (named) next.id = owned_term(other[1]);
  const term supervisor = at->supervised.get();
  if (supervisor) next.supervised = owned_term(supervisor);
  const term why = make_tuple_of(b, atom("swapped"), other, supervisor ? supervisor : n.false_);
  const term state2 = co_await do_terminate(self, *at, args1, state1, atom("swapped"), why);
  const term argument = make_tuple_of(b, args2, state2);
  const term r = co_await caught_call(self, next.module, "init", argument, {}, {"do_swap", 7});
  if (r.is_tuple(2) && r[0].same(n.ok)) {
    next.state.set(r[1]);
    *at = std::move(next);
    co_return true;
  }
  co_await report(self, next, atom("crash"), make_tuple_of(b, n.error, r), event_name(self));
  handlers_.erase(at);
  co_return false;
}

}  // namespace cnode::actors
