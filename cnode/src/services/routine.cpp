#include "routine.hpp"

namespace cnode::services {

namespace {

struct function_talk final : talk {
  routine<term> body;

  void attach(call& c) { self_ = &c.self(), env_ = c.env; }
  void go_on(term message) { resume(message); }
  void go_on(const applied& a) {
    out_ = &a;
    resume({});
  }
  bool wants_apply() { return std::exchange(applies_, false); }
  const function_call& mfa() const { return mfa_; }
  bool matches(term m) const { return match_(m); }
  std::int64_t timeout() const { return timeout_ms_; }
};

term step(call& c, const std::shared_ptr<function_talk>& f) {
  if (f->body.done()) {
    try {
      return f->body.take();
    } catch (const raised_in_routine& r) {
      return actors::raise(c.env, r.error_class, copy(c.heap(), r.reason.get()));
    }
  }
  if (f->wants_apply()) {
    const auto mfa = f->mfa();
    return apply_then(c, mfa.module, mfa.function, mfa.args, [f](call& again, const applied& a) {
      f->attach(again);
      f->go_on(a);
      return step(again, f);
    });
  }
  return c.wait(when([f](term m) { return f->matches(m); },
                     [f](call& again, term m) {
                       f->attach(again);
                       f->go_on(m);
                       return step(again, f);
                     }),
                f->timeout());
}

}  // namespace

term run_routine(call& c, const std::function<routine<term>(talk&)>& make) {
  auto f = std::make_shared<function_talk>();
  f->attach(c);
  f->body = make(*f);
  f->body.start();
  return step(c, f);
}

// ---- processes

void routine_process::start(actors::process& self) {
  self_ = &self;
  self.set_async_dist();
  body_ = main();
  body_.start();
  settle();
}

void routine_process::receive(actors::process&, block_ptr& message) {
  if (!match_ || !match_(message->root)) return;
  held_ = std::move(message);
  go_on(held_->root);
}

void routine_process::timeout(actors::process&) { go_on({}); }

void routine_process::go_on(term message) {
  match_ = {};
  resume(message);
  settle();
  self_->rescan();
}

void routine_process::settle() {
  if (!body_.done()) return self_->set_timeout(timeout_ms_);
  body_.take();
  self_->exit(atom("normal"));
}

term routine_process::current_function(actors::process&, block& b) { return make_tuple_of(b, atom("global"), function_, small(1)); }

}  // namespace cnode::services
