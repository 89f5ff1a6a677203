#include "apply.hpp"

namespace cnode::services {

namespace {

// Wraps the continuation of the applied function: same waiting, and `then` where it ends.
struct frame {
  term mfa;  // in the process's heap: valid until the function that applies has ended, however often it was resumed
  after_apply then;
  cnode_continuation inner{};

  ~frame() {
    if (inner.destroy) inner.destroy(inner.frame);
  }
};

cnode_term resume(cnode_env* env, void* p, cnode_term message);

void destroy(void* p) { delete static_cast<frame*>(p); }

int match(cnode_env* env, void* p, cnode_term message) {
  auto* f = static_cast<frame*>(p);
  return f->inner.match ? f->inner.match(env, f->inner.frame, message) : 1;
}

term finish(call& c, frame& f, cnode_term value) {
  const term mfa = f.mfa;
  applied a{mfa[0], mfa[1], mfa[2], term{value}, {}, {}, {}};
  if (!a.value) {
    a.error_class = term{c.env->error_class};
    a.reason = term{c.env->reason};
    a.stacktrace = term{c.env->stacktrace};
    c.env->outcome = 0;
    c.env->stacktrace = CNODE_NONE;
    a.stacktrace = stack_of(c, a);
  }
  return f.then(c, a);
}

// The applied function has returned `value` or none with its outcome in env.
term go_on(call& c, std::unique_ptr<frame> f, cnode_term value) {
  if (value == CNODE_NONE && c.env->outcome == CNODE_SUSPEND) {
    f->inner = c.env->continuation;
    c.env->continuation = {f.get(), resume, destroy, match, f->inner.timeout_ms};
    f.release();
    return {};
  }
  return finish(c, *f, value);
}

cnode_term resume(cnode_env* env, void* p, cnode_term message) {
  std::unique_ptr<frame> f(static_cast<frame*>(p));
  const auto inner = std::exchange(f->inner, {});
  env->outcome = 0;
  call c{env, nullptr};
  const auto value = inner.resume(env, inner.frame, message);
  return go_on(c, std::move(f), value).word();
}

term apply_now(call& c, std::unique_ptr<frame> f) {
  const term mfa = f->mfa;
  const auto value = actors::host_functions().apply(c.env, mfa[0].word(), mfa[1].word(), mfa[2].word());
  return go_on(c, std::move(f), value);
}

term raise_in_applied(call& c, std::unique_ptr<frame> f, term reason, term stacktrace) {
  c.env->error_class = atom("error").word();
  c.env->reason = reason.word();
  c.env->stacktrace = stacktrace.word();
  return finish(c, *f, CNODE_NONE);
}

}  // namespace

term stack_of(call& c, const applied& a) {
  if (a.stacktrace && !a.stacktrace.is_nil()) return a.stacktrace;
  const bool with_args = is(a.reason, "undef") || is(a.reason, "badarg") || is(a.reason, "function_clause") || is(a.reason, "badarith");
  const auto n = list_length(a.args);
  const term third = with_args || n < 0 ? a.args : small(n);
  return c.list(c.tuple(a.module, a.function, third, nil));
}

term apply_then(call& c, term module, term function, term args, after_apply then) {
  auto f = std::make_unique<frame>();
  f->mfa = c.tuple(module, function, args);
  f->then = std::move(then);
  // erlang:apply/3: atoms and a proper list, or badarg.
  if (!module.is_atom() || !function.is_atom() || list_length(args) < 0)
    return raise_in_applied(c, std::move(f), atom("badarg"), c.list(c.tuple(atom("erlang"), atom("apply"), c.list(module, function, args), nil)));
  return apply_now(c, std::move(f));
}

}  // namespace cnode::services
