// Builtin functions that wait, written as coroutines: co_await cx.receive(...) is Erlang's receive, co_await cx.apply(...) an external
// call. To the host such a function looks like any other that returned CNODE_SUSPEND.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include <cnode/actors/behaviour.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/module.h>
#include <cnode/term.hpp>

#include <cnode/actors/task.hpp>

namespace cnode::actors {

// An Erlang exception on its way through C++ frames of builtin functions.
struct raised {
  term error_class, reason, stacktrace;
};
[[noreturn]] void throw_exit(term reason);
[[noreturn]] void throw_error(term reason);

class call_context {
 public:
  explicit call_context(cnode_env* env) : env_(env) {}
  call_context(const call_context&) = delete;
  ~call_context();

  cnode_env* env() const { return env_; }
  process& self() const { return actors::self(env_); }
  block& heap() const { return heap_of(env_); }

  using matcher = std::function<bool(term message)>;
  struct receive_awaiter;
  struct apply_awaiter;
  // The first message that matches, removed from the mailbox; none when the time (ms, negative: for ever) is over.
  receive_awaiter receive(matcher match, std::int64_t timeout_ms);
  // M:F(args) as an external call (the host loads the module first when it is only on the path). Never throws what the function raised.
  task<outcome> apply(term module, term function, term args);
  // The same; what the function raised is thrown.
  task<term> call(term module, term function, term args);
  // Ends the function by calling M:F(args) in its place, when the coroutine returns: `co_return cx.tail_call(...)`. What it made goes,
  // but for args: so loops, as in Erlang, keep their process small.
  term tail_call(term module, term function, term args);

  // For run_waiting's entry points.
  void resume(cnode_env* env, term message);
  bool matches(cnode_env* env, term message);
  void suspend(cnode_env* env, void* frame) const;  // fills env->continuation
  bool set_tail_call(cnode_env* env) const;         // false: there was no tail_call

 private:
  bool applied(cnode_term result);  // true: out_ is set; false: it waits

  cnode_env* env_;
  std::coroutine_handle<> waiting_;
  matcher match_;
  std::int64_t timeout_ms_ = -1;
  term message_;
  bool adopted_ = false;  // continuation_ is that of a function we called
  cnode_continuation continuation_{};
  outcome out_;
  term tail_module_, tail_function_, tail_args_;
};

struct call_context::receive_awaiter {
  call_context& cx;
  bool await_ready() const { return false; }
  void await_suspend(std::coroutine_handle<> h) const { cx.waiting_ = h; }
  term await_resume() const { return cx.message_; }
};

struct call_context::apply_awaiter {
  call_context& cx;
  term module, function, args;
  bool await_ready() const;
  void await_suspend(std::coroutine_handle<> h) const { cx.waiting_ = h; }
  outcome await_resume() const { return cx.out_; }
};

// The body of a waiting builtin: starts the coroutine that `make` makes of the arguments and answers the host as a cnode_function does.
cnode_term run_waiting(cnode_env* env, const cnode_term* args, task<term> (*make)(call_context&, const cnode_term*));
// The same of a function that does not wait.
cnode_term run_at_once(cnode_env* env, const cnode_term* args, term (*function)(cnode_env*, const cnode_term*));

}  // namespace cnode::actors
