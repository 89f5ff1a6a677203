// The loop: messages in, callbacks, what they return.
#include <cnode/actors/gen_server.hpp>

#include <utility>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_order.hpp>

#include "gen_server_call.hpp"
#include "native_terms.hpp"
#include "otp_atoms.hpp"
#include "start_note.hpp"
#include <cnode/actors/task.hpp>

namespace cnode::actors {

namespace {

// ?is_timeout: infinity or a non-negative integer. Beyond what a timer can hold is as good as infinity.
bool is_timeout(term t, std::int64_t& ms) {
  if (t.same(names().infinity)) {
    ms = -1;
    return true;
  }
  if (t.kind() == CNODE_BIG_POS) {
    ms = -1;
    return true;
  }
  if (!t.is_small() || t.small() < 0) return false;
  ms = t.small();
  return true;
}

}  // namespace

gen_server::gen_server(const gen::server_start& s) : setup_(block::make(64)), note_(s.note), linked_start_(s.link) {
  const auto keep = [this](term t) { return t ? copy(*setup_, t) : t; };
  module_ = keep(s.module);
  args_ = keep(s.args);
  name_ = keep(s.name);
  starter_ = keep(s.starter);
  parent_ = keep(s.parent);
  options_ = keep(s.options.debug);
  if (s.options.hibernate_after) is_timeout(s.options.hibernate_after, hibernate_after_);
}

gen_server::~gen_server() = default;

term gen_server::event_name(process& self) const { return gen::name_of(name_, self.pid()); }

term gen_server::current_function(process&, block& b) {
  if (hibernating_) return make_tuple_of(b, atom("erlang"), names().hibernate, small(3));
  if (suspended_) return make_tuple_of(b, names().sys, atom("suspend_loop"), small(6));
  return make_tuple_of(b, names().gen_server, names().loop, small(7));
}

void gen_server::run(process& self, task<void> t) {
  task_ = std::make_unique<task<void>>(std::move(t));
  task_->start();
  if (task_->done()) end_task(self);
}

void gen_server::end_task(process& self) {
  auto t = std::move(task_);
  t->take();
  if (std::exchange(continue_next_, false)) step(self, kind::continue_, continue_, {});
  else if (purge_due_ && !task_ && !in_callback_ && !self.exiting()) release_purged(self);
}

void gen_server::start(process& self) {
  if (!parent_) parent_ = self.pid();
  if (options_) debug_.set(self, options_);
  run(self, init_it(self));
}

void gen_server::debug(process& self, term event) { debug_.handle(self, event_name(self), event); }

void gen_server::receive(process& self, block_ptr& message) {
  if (pausing_) return end_pause(self);
  const auto& n = names();
  const term m = message->root;
  if (m.is_tuple(3)) {
    if (m[0].same(n.system)) {
      message_ = std::move(message);
      return run(self, system_message(self, m[1], m[2]));
    }
    if (m[0].same(n.EXIT) && exactly_equal(m[1], parent_)) {
      message_ = std::move(message);
      suspended_ = false;
      return run(self, terminate(self, {n.exit, m[2], {}, false, "decode_msg", 8}, {}, m, state_.get(), {}, false));
    }
  }
  if (suspended_) return;
  message_ = std::move(message);
  handle(self);
}

void gen_server::timeout(process& self) {
  if (pausing_) return end_pause(self);
  if (suspended_) return;
  if (timeout_ < 0) {  // gen_server:loop/7 with hibernate_after
    hibernating_ = true;
    return loop(self);
  }
  message_ = immediate_block(names().timeout);
  handle(self);
}

void gen_server::handle(process& self) {
  const auto& n = names();
  const term m = message_->root;
  hibernating_ = false;
  timeout_ = -1;
  if (!debug_.empty()) debug(self, make_tuple_of(self.scratch(), n.in, m));
  if (m.is_tuple(3) && m[0].same(n.gen_call)) return step(self, kind::call, m[2], m[1]);
  if (m.is_tuple(2) && m[0].same(n.gen_cast)) return step(self, kind::cast, m[1], {});
  step(self, kind::info, m, {});
}

void gen_server::step(process& self, kind k, term message, term from) {
  const auto& n = names();
  kind_ = k;
  from_ = from;
  in_callback_ = true;
  if (k == kind::call) {
    const term args[] = {message, from, state_.get()};
    return self.call(module_, n.handle_call, args);
  }
  const term args[] = {message, state_.get()};
  self.call(module_, k == kind::cast ? n.handle_cast : k == kind::info ? n.handle_info : n.handle_continue, args);
}

void gen_server::returned(process& self, outcome result) {
  if (waiting_) {
    outcome_ = result;
    done_ = true;
    if (starting_) return;
    waiting_.resume();
    if (task_ && task_->done()) end_task(self);
    return;
  }
  if (!finish(self, result)) return;
  // The continuation's call starts when this function has come back.
  step(self, kind::continue_, continue_, {});
}

// The last elements of a callback's tuple: NewState, and perhaps Timeout, hibernate or {continue, C}. True: continue_ is set.
bool gen_server::next(process& self, term state, term how, bool has_how, bool& understood) {
  const auto& n = names();
  understood = true;
  timeout_ = -1;
  hibernating_ = false;
  if (has_how) {
    if (how.is_tuple(2) && how[0].same(n.continue_)) {
      continue_ = copy(self.scratch(), how[1]);  // it may lie in the former state
      state_.set(state);
      return true;
    }
    if (how.same(n.hibernate)) hibernating_ = true;
    else if (!is_timeout(how, timeout_)) return understood = false;
  }
  state_.set(state);
  loop(self);
  return false;
}

// Waits for the next message.
void gen_server::loop(process& self) {
  message_.reset();
  from_ = {};
  continue_ = {};
  in_callback_ = false;
  if (std::exchange(held_, false)) suspended_ = true;
  if (purge_due_ && !task_) release_purged(self);
  if (hibernating_) state_.compact();
  if (timeout_ >= 0) self.set_timeout(timeout_);
  else if (!hibernating_ && hibernate_after_ >= 0) self.set_timeout(hibernate_after_);
}

bool gen_server::finish(process& self, const outcome& out) {
  const auto& n = names();
  term r = out.result;
  const term message = kind_ == kind::continue_ ? make_tuple_of(self.scratch(), n.continue_, continue_)
                       : kind_ == kind::call    ? message_->root[2]
                                                : message_->root;
  if (kind_ == kind::continue_ && !debug_.empty()) debug(self, message);
  if (out.kind == outcome::raised) {
    if (out.error_class.same(atom("throw"))) {
      r = out.reason;  // a thrown value counts as returned
    } else if (kind_ == kind::info && out.error_class.same(n.error) && out.reason.same(n.undef) && !exports(self, n.handle_info, 2)) {
      reports::no_handle_info(self, module_, message);
      if (!debug_.empty()) debug(self, make_tuple_of(self.scratch(), n.noreply, state_.get()));
      loop(self);
      return false;
    } else {
      run(self, terminate(self, {out.error_class, out.reason, out.stacktrace, true}, from_, message, state_.get(), {}, false));
      return false;
    }
  }
  const int common_arity = debug_.empty() ? 8 : 9;
  bool understood = true;
  if (r.is_tuple() && r.size() >= 2 && r.size() <= 4) {
    const auto size = r.size();
    if (kind_ == kind::call && r[0].same(n.reply) && size >= 3) {
      std::int64_t ms;
      if (size == 3 || r[3].same(n.hibernate) || is_timeout(r[3], ms) || (r[3].is_tuple(2) && r[3][0].same(n.continue_))) {
        gen::reply(self, from_, r[1]);
        if (!debug_.empty()) debug(self, make_tuple_of(self.scratch(), n.out, r[1], from_, r[2]));
        return next(self, r[2], size == 4 ? r[3] : term{}, size == 4, understood);
      }
    } else if (kind_ == kind::call && r[0].same(n.stop) && size == 4) {
      run(self, terminate(self, {n.exit, r[1], {}, false, "handle_msg", 6}, from_, message, r[3], r[2], true));
      return false;
    } else if (r[0].same(n.noreply) && size <= 3) {
      std::int64_t ms;
      if (size == 2 || r[2].same(n.hibernate) || is_timeout(r[2], ms) || (r[2].is_tuple(2) && r[2][0].same(n.continue_))) {
        if (!debug_.empty()) debug(self, make_tuple_of(self.scratch(), n.noreply, r[1]));
        return next(self, r[1], size == 3 ? r[2] : term{}, size == 3, understood);
      }
    } else if (r[0].same(n.stop) && size == 3) {
      run(self, terminate(self, {n.exit, r[1], {}, false, "handle_common_reply", common_arity}, from_, message, r[2], {}, false));
      return false;
    }
  }
  const term bad = make_tuple_of(self.scratch(), n.bad_return_value, r);
  run(self, terminate(self, {n.exit, bad, {}, false, "handle_common_reply", common_arity}, from_, message, state_.get(), {}, false));
  return false;
}

void gen_server::stopping(process&, term reason) {
  if (note_) note_->set(reason);
}

void gen_server::purging(process& self, term module) {
  if (!module.same(module_)) return;
  // A callback or a system message that waits holds terms of the state: afterwards.
  if (in_callback_ || task_) {
    purge_due_ = true;
    return;
  }
  release_purged(self);
}

void gen_server::release_purged(process& self) {
  purge_due_ = false;
  if (!state_.get()) return;
  bool changed = false;
  const term t = release_old_natives(self, state_.get(), module_, changed);
  if (changed) state_.set(t);
  // Former states in the arena hold on to their objects.
  if (state_.holds_outside()) state_.compact();
}

}  // namespace cnode::actors
