// The loop: messages in, callbacks, what they return.
#include "gen_server.hpp"

#include <utility>

#include <cnode/actors/reports.hpp>
#include <cnode/actors/runtime.hpp>

namespace cnode::actors {

namespace {

// ?is_timeout: infinity or a non-negative integer. Beyond what a timer can hold is as good as infinity.
bool is_timeout(term t, std::int64_t& ms) {
  ms = -1;
  if (t.same(names().infinity) || t.kind() == CNODE_BIG_POS) return true;
  if (!t.is_small() || t.small() < 0) return false;
  ms = t.small();
  return true;
}

}  // namespace

bool is_how(term how) {
  std::int64_t ms;
  return how.same(names().hibernate) || is_timeout(how, ms) || (how.is_tuple(2) && how[0].same(names().continue_));
}

gen_server::gen_server(const gen::server_start& s) : callback_process(s, names().gen_server, sys::format_event) {}

term gen_server::waits_in(block& b) const { return make_tuple_of(b, behaviour_, names().loop, small(7)); }

bool gen_server::set_state(process&, term state) {
  state_.set(state);
  return true;
}

void gen_server::handle(process& self, block_ptr& message) {
  const auto& n = names();
  message_ = std::move(message);
  const term m = message_->root;
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
  if (waiting_) return callback_process::returned(self, result);
  if (!finish(self, result)) return;
  // The continuation's call starts when this function has come back.
  step(self, kind::continue_, continue_, {});
}

void gen_server::task_ended(process& self) {
  if (std::exchange(continue_next_, false)) step(self, kind::continue_, continue_, {});
}

bool gen_server::next(process& self, term state, term how) {
  const auto& n = names();
  timeout_ = -1;
  hibernating_ = false;
  if (how) {
    if (how.is_tuple()) {
      continue_ = copy(self.scratch(), how[1]);  // it may lie in the former state
      state_.set(state);
      return true;
    }
    if (how.same(n.hibernate)) hibernating_ = true;
    else is_timeout(how, timeout_);
  }
  state_.set(state);
  loop(self);
  return false;
}

void gen_server::loop(process& self) {
  message_.reset();
  in_callback_ = false;
  release_due(self);
  wait(self);
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
    } else if (kind_ == kind::info && out.error_class.same(n.error) && out.reason.same(n.undef) &&
               !exports(self, module_, n.handle_info, 2)) {
      reports::no_handle_info(self, module_, message);
      if (!debug_.empty()) debug(self, make_tuple_of(self.scratch(), n.noreply, state_.get()));
      loop(self);
      return false;
    } else {
      const failure why{out.error_class, out.reason, callback_stack(self.scratch(), out.stacktrace)};
      run(self, terminate(self, why, from_, message, state_.get()));
      return false;
    }
  }
  const auto stop = [&](const char* function, int arity, term reason, term state, term reply = {}) {
    run(self, terminate(self, {n.exit, reason, {}, function, arity}, from_, message, state, reply));
    return false;
  };
  const int common_arity = debug_.empty() ? 8 : 9;
  if (r.is_tuple() && r.size() >= 2 && r.size() <= 4) {
    const auto size = r.size();
    if (kind_ == kind::call && r[0].same(n.reply) && size >= 3) {
      if (const term how = size == 4 ? r[3] : term{}; !how || is_how(how)) {
        gen::reply(self, from_, r[1]);
        if (!debug_.empty()) debug(self, make_tuple_of(self.scratch(), n.out, r[1], from_, r[2]));
        return next(self, r[2], how);
      }
    } else if (kind_ == kind::call && r[0].same(n.stop) && size == 4) {
      return stop("handle_msg", 6, r[1], r[3], r[2]);
    } else if (r[0].same(n.noreply) && size <= 3) {
      if (const term how = size == 3 ? r[2] : term{}; !how || is_how(how)) {
        if (!debug_.empty()) debug(self, make_tuple_of(self.scratch(), n.noreply, r[1]));
        return next(self, r[1], how);
      }
    } else if (r[0].same(n.stop) && size == 3) {
      return stop("handle_common_reply", common_arity, r[1], r[2]);
    }
  }
  return stop("handle_common_reply", common_arity, make_tuple_of(self.scratch(), n.bad_return_value, r), state_.get());
}

std::unique_ptr<behaviour> make_gen_server(const gen::server_start& start) { return std::make_unique<gen_server>(start); }

}  // namespace cnode::actors
