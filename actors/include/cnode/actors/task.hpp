// A lazily started C++ coroutine with a result. What it waits for is up to the awaitables (call_context.hpp for builtin functions,
// gen_server's own for callbacks); a task that never has to wait runs through like a function, without nesting the stack.
#pragma once

#include <coroutine>
#include <exception>
#include <optional>
#include <utility>

namespace cnode::actors {

template <class T>
class task;

namespace detail {

struct task_promise_base {
  std::coroutine_handle<> continuation;  // who awaits us; empty while we have not had to wait
  std::exception_ptr exception;

  struct final_awaiter {
    bool await_ready() noexcept { return false; }
    template <class Promise>
    std::coroutine_handle<> await_suspend(std::coroutine_handle<Promise> h) noexcept {
      auto next = h.promise().continuation;
      return next ? next : std::noop_coroutine();
    }
    void await_resume() noexcept {}
  };
  std::suspend_always initial_suspend() noexcept { return {}; }
  final_awaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() { exception = std::current_exception(); }
};

template <class T>
struct task_promise : task_promise_base {
  std::optional<T> value;
  task<T> get_return_object();
  void return_value(T v) { value.emplace(std::move(v)); }
  T take() {
    if (exception) std::rethrow_exception(exception);
    return std::move(*value);
  }
};

template <>
struct task_promise<void> : task_promise_base {
  task<void> get_return_object();
  void return_void() {}
  void take() {
    if (exception) std::rethrow_exception(exception);
  }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::task_promise<T>;
  using handle = std::coroutine_handle<promise_type>;

  task() = default;
  explicit task(handle h) : h_(h) {}
  task(task&& o) noexcept : h_(std::exchange(o.h_, {})) {}
  task& operator=(task&& o) noexcept {
    std::swap(h_, o.h_);
    return *this;
  }
  ~task() {
    if (h_) h_.destroy();
  }

  explicit operator bool() const { return static_cast<bool>(h_); }
  bool done() const { return h_ && h_.done(); }
  // For the outermost task: runs to the first wait or to the end.
  void start() { h_.resume(); }
  // The result; throws what the coroutine threw.
  T take() { return h_.promise().take(); }

  // As an awaitable: runs at once, suspends the awaiting coroutine only when it has to wait itself.
  bool await_ready() {
    h_.resume();
    return h_.done();
  }
  void await_suspend(std::coroutine_handle<> awaiting) { h_.promise().continuation = awaiting; }
  T await_resume() { return h_.promise().take(); }

 private:
  handle h_;
};

namespace detail {
template <class T>
task<T> task_promise<T>::get_return_object() {
  return task<T>{std::coroutine_handle<task_promise>::from_promise(*this)};
}
inline task<void> task_promise<void>::get_return_object() {
  return task<void>{std::coroutine_handle<task_promise>::from_promise(*this)};
}
}  // namespace detail

}  // namespace cnode::actors
