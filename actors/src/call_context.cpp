#include "call_context.hpp"

#include <exception>

#include <cnode/actors/code_server.hpp>
#include <cnode/protocol/atom_table.hpp>

#include "otp_atoms.hpp"

namespace cnode::actors {

void throw_exit(term reason) { throw raised{names().exit, reason, {}}; }
void throw_error(term reason) { throw raised{names().error, reason, {}}; }

call_context::~call_context() {
  if (adopted_ && continuation_.destroy) continuation_.destroy(continuation_.frame);
}

call_context::receive_awaiter call_context::receive(matcher match, std::int64_t timeout_ms) {
  match_ = std::move(match);
  timeout_ms_ = timeout_ms;
  return {*this};
}

bool call_context::applied(cnode_term result) {
  for (;;) {
    adopted_ = false;
    if (result != CNODE_NONE) {
      out_ = {outcome::value, term{result}, {}, {}, {}};
      return true;
    }
    switch (env_->outcome) {
      case CNODE_SUSPEND:
        adopted_ = true;
        continuation_ = env_->continuation;
        return false;
      case CNODE_TAIL_CALL: {
        const cnode_term module = env_->tail_module, function = env_->tail_function, args = env_->tail_args;
        env_->outcome = 0;
        result = host_functions().apply(env_, module, function, args);
        continue;
      }
      default:
        out_ = {outcome::raised, {}, term{env_->error_class}, term{env_->reason}, term{env_->stacktrace}};
        return true;
    }
  }
}

bool call_context::apply_awaiter::await_ready() const {
  cx.env_->outcome = 0;
  return cx.applied(host_functions().apply(cx.env_, module.word(), function.word(), args.word()));
}

task<outcome> call_context::apply(term module, term function, term args) {
  co_return co_await apply_awaiter{*this, module, function, args};
}

task<term> call_context::call(term module, term function, term args) {
  const outcome out = co_await apply(module, function, args);
  if (out.kind == outcome::raised) throw raised{out.error_class, out.reason, out.stacktrace};
  co_return out.result;
}

term call_context::tail_call(term module, term function, term args) {
  tail_module_ = module;
  tail_function_ = function;
  tail_args_ = args;
  return args;
}

bool call_context::set_tail_call(cnode_env* env) const {
  if (!tail_module_) return false;
  env->outcome = CNODE_TAIL_CALL;
  env->tail_module = tail_module_.word();
  env->tail_function = tail_function_.word();
  env->tail_args = tail_args_.word();
  return true;
}

void call_context::resume(cnode_env* env, term message) {
  env_ = env;
  if (adopted_) {
    env->outcome = 0;
    adopted_ = false;  // the frame is the callee's while it runs
    if (!applied(continuation_.resume(env, continuation_.frame, message.word()))) return;
  } else {
    message_ = message;
  }
  waiting_.resume();
}

bool call_context::matches(cnode_env* env, term message) {
  if (adopted_) return !continuation_.match || continuation_.match(env, continuation_.frame, message.word()) != 0;
  return match_(message);
}

namespace {

struct waiting_frame {
  explicit waiting_frame(cnode_env* env) : cx(env) {}
  call_context cx;
  task<term> body;
};

cnode_term raise_with(cnode_env* env, term error_class, term reason, term stacktrace) {
  raise(env, error_class, reason);
  if (stacktrace) env->stacktrace = stacktrace.word();
  return CNODE_NONE;
}

cnode_term resume_frame(cnode_env* env, void* frame, cnode_term message);

cnode_term after_step(cnode_env* env, std::unique_ptr<waiting_frame> frame);

void destroy_frame(void* frame) { delete static_cast<waiting_frame*>(frame); }

int match_frame(cnode_env* env, void* frame, cnode_term message) {
  return static_cast<waiting_frame*>(frame)->cx.matches(env, term{message}) ? 1 : 0;
}

cnode_term resume_frame(cnode_env* env, void* frame, cnode_term message) {
  std::unique_ptr<waiting_frame> f(static_cast<waiting_frame*>(frame));
  f->cx.resume(env, term{message});
  return after_step(env, std::move(f));
}

// What f answers or throws, as the host hears it.
template <class F>
cnode_term answer_of(cnode_env* env, F f) {
  try {
    return f();
  } catch (const raised& r) {
    return raise_with(env, r.error_class, r.reason, r.stacktrace);
  } catch (const std::exception& e) {
    auto& b = heap_of(env);
    return raise_with(env, names().error, make_tuple_of(b, names().internal_error, make_binary(b, e.what())), {});
  }
}

cnode_term after_step(cnode_env* env, std::unique_ptr<waiting_frame> frame) {
  if (!frame->body.done()) {
    auto* f = frame.release();
    f->cx.suspend(env, f);
    return CNODE_NONE;
  }
  env->outcome = 0;
  return answer_of(env, [&] {
    const term value = frame->body.take();
    return (frame->cx.set_tail_call(env) ? term{} : value).word();
  });
}

}  // namespace

void call_context::suspend(cnode_env* env, void* frame) const {
  env->outcome = CNODE_SUSPEND;
  env->continuation = {frame, resume_frame, destroy_frame, match_frame, adopted_ ? continuation_.timeout_ms : timeout_ms_};
}

cnode_term run_waiting(cnode_env* env, const cnode_term* args, task<term> (*make)(call_context&, const cnode_term*)) {
  return answer_of(env, [&] {
    auto frame = std::make_unique<waiting_frame>(env);
    frame->body = make(frame->cx, args);
    frame->body.start();
    return after_step(env, std::move(frame));
  });
}

cnode_term run_at_once(cnode_env* env, const cnode_term* args, term (*function)(cnode_env*, const cnode_term*)) {
  return answer_of(env, [&] { return function(env, args).word(); });
}

}  // namespace cnode::actors
