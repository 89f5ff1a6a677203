// Coroutines for callbacks that wait: task<T>, co_await another task, co_await apply(M, F, args...).
//
// While a task waits its process runs nothing else and its other messages stay in the mailbox, in order, as a BEAM process's do in
// `receive`. Its frame is code of this version: a purge kills the process and destroys the frame (destructors run).
// A task is lazy: it starts when it is awaited, or when the host called the function that returned it.
#pragma once

#include <coroutine>
#include <exception>
#include <new>
#include <optional>
#include <stdexcept>
#include <variant>

#include <cnode/error.hpp>

namespace cnode {
inline namespace module_api {

// Module:Function(Args), looked up when it happens: always the then current version.
// Returned from a function or with co_return it is a tail call, made after this function's frame is gone: the way for a loop to move to
// new code. With co_await it is a call whose value is a term.
struct [[nodiscard("nothing is called: co_await it in a coroutine (task<>), or return it")]] external_call {
  term module, function, args;
};

template <class... A>
external_call apply(atom module, atom function, const A&... args) {
  return {module, function, list(args...)};
}
// Goes on as another exported function of this module, in its current version: `Mod.server()` at the end of a receive loop.
template <class... A>
external_call become(std::string_view function, const A&... args) {
  return {this_module(), atom{function}, list(args...)};
}

template <class T = term>
class task;

namespace detail {

// What the innermost awaiter waits for. Lives in its coroutine's frame.
struct waiting {
  bool (*match)(waiting&, term message) = nullptr;  // null: takes the first message
  std::int64_t timeout_ms = -1;
  term message;                                     // what came; none: the timeout
};

// One callback that is a coroutine: the frame the host holds.
struct run {
  std::coroutine_handle<> next;  // to be resumed by the driver (a loop, so nested tasks never deepen the stack)
  waiting* wait = nullptr;
  virtual cnode_term finish() = 0;  // throws what the task threw
  virtual ~run() = default;

  static void* operator new(std::size_t bytes) { return take_frame(bytes); }
  static void operator delete(void* p, std::size_t bytes) { host().give_frame(p, bytes); }
  static void* take_frame(std::size_t bytes) {
    if (void* p = host().take_frame(bytes)) return p;
    throw std::bad_alloc();
  }
};

// An external_call in as few bytes as it takes.
struct tail_call {
  std::uint32_t module, function;
  term args;
  tail_call(const external_call& c) : module(term{c.module}.atom_index()), function(term{c.function}.atom_index()), args(c.args) {}
  external_call call() const { return {term{cnode_make_atom(module)}, term{cnode_make_atom(function)}, args}; }
};

struct promise_base {
  run* owner = nullptr;              // null: being destroyed
  union {
    std::coroutine_handle<> parent;  // who awaits us; none: the root
    bool* destroyed;                 // who destroys the frame learns here that it is gone
  };

  promise_base() : parent() {}

  static void* operator new(std::size_t bytes) { return run::take_frame(bytes); }
  static void operator delete(void* p, std::size_t bytes) { host().give_frame(p, bytes); }

  ~promise_base() {
    if (!owner && destroyed) *destroyed = true;
  }
  std::suspend_always initial_suspend() noexcept { return {}; }
};

// A wait of a coroutine for a message: derived awaiters say what they take and what co_await gives.
struct message_awaiter : waiting {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> handle) noexcept {
    run* owner = handle.promise().owner;
    owner->wait = this;
    owner->next = handle;
  }
  term await_resume() const noexcept { return message; }
};

task<term> call_external(external_call call);

template <class T>
struct promise;

struct final_awaiter {
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> handle) noexcept;
  void await_resume() const noexcept {}
};

template <class T>
struct task_awaiter {
  std::coroutine_handle<promise<T>> child;
  bool await_ready() const noexcept { return false; }
  template <class Parent>
  void await_suspend(std::coroutine_handle<Parent> handle) noexcept {
    auto& p = child.promise();
    p.owner = handle.promise().owner;
    p.parent = handle;
    p.owner->next = child;
  }
  T await_resume() { return child.promise().take(); }
};

}  // namespace detail

template <class T>
class [[nodiscard("nothing runs: co_await it in a coroutine (task<>), or return it")]] task {
 public:
  using promise_type = detail::promise<T>;
  explicit task(std::coroutine_handle<promise_type> handle) noexcept : handle_(handle) {}
  task(task&& other) noexcept : handle_(std::exchange(other.handle_, {})) {}
  task& operator=(task&& other) noexcept {
    std::swap(handle_, other.handle_);
    return *this;
  }
  ~task() {
    if (!handle_) return;
    bool destroyed = false;
    handle_.promise().owner = nullptr;
    handle_.promise().destroyed = &destroyed;
    try {
      handle_.destroy();
      // A destructor that throws takes the coroutine to its end, as an exception of its body does: the frame is still there.
      if (!destroyed) handle_.destroy();
    } catch (...) {  // nobody is left to hear of it
    }
  }
  detail::task_awaiter<T> operator co_await() const noexcept { return {handle_}; }
  promise_type& promise() const { return handle_.promise(); }
  std::coroutine_handle<promise_type> handle() const { return handle_; }

 private:
  std::coroutine_handle<promise_type> handle_;
};

namespace detail {

template <class T>
struct promise : promise_base {
  // What came of it: a value, a tail call, that call as a task (when it was awaited, not called by the host), an exception.
  std::variant<std::monostate, T, tail_call, task<term>, std::exception_ptr> outcome;

  void unhandled_exception() noexcept { outcome.template emplace<4>(std::current_exception()); }
  const tail_call* tail() const { return std::get_if<2>(&outcome); }
  task<T> get_return_object() noexcept { return task<T>{std::coroutine_handle<promise>::from_promise(*this)}; }
  final_awaiter final_suspend() noexcept { return {}; }
  template <class U>
  void return_value(U&& v) {
    if constexpr (std::is_same_v<std::decay_t<U>, external_call>) {
      outcome.template emplace<2>(v);
    } else if constexpr (std::is_same_v<T, term>) {
      outcome.template emplace<1>(encode(v));
    } else {
      outcome.template emplace<1>(std::forward<U>(v));
    }
  }
  T take();
};

template <>
struct promise<void> : promise_base {
  std::exception_ptr exception;

  task<void> get_return_object() noexcept;
  final_awaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { exception = std::current_exception(); }
  const tail_call* tail() const { return nullptr; }
  void return_void() noexcept {}
  void take() {
    if (exception) std::rethrow_exception(exception);
  }
};
inline task<void> promise<void>::get_return_object() noexcept {
  return task<void>{std::coroutine_handle<promise>::from_promise(*this)};
}

// An external call that is awaited runs as a task of its own.
struct external_awaiter {
  task<term> body;
  bool await_ready() const noexcept { return false; }
  template <class Parent>
  void await_suspend(std::coroutine_handle<Parent> handle) noexcept {
    task_awaiter<term>{body.handle()}.await_suspend(handle);
  }
  term await_resume() { return body.promise().take(); }
};

template <class T>
T promise<T>::take() {
  if (auto* e = std::get_if<4>(&outcome)) std::rethrow_exception(*e);
  if (auto* called = std::get_if<3>(&outcome)) {
    term t = called->promise().take();
    if constexpr (std::is_same_v<T, term>)
      return t;
    else
      return to<T>(t);
  }
  auto* value = std::get_if<1>(&outcome);
  if (!value) throw std::logic_error("a task ended without co_return");  // compilers do not say so
  return std::move(*value);
}

template <class Promise>
void final_awaiter::await_suspend(std::coroutine_handle<Promise> handle) noexcept {
  auto& p = handle.promise();
  if (!p.owner || !p.parent) return;  // the root: the driver finds nothing more to resume
  if constexpr (requires { p.outcome; }) {
    if (const auto* tail = p.tail()) {
      auto& called = p.outcome.template emplace<3>(call_external(tail->call()));
      auto& t = called.promise();
      t.owner = p.owner;
      t.parent = p.parent;
      p.owner->next = called.handle();
      return;
    }
  }
  p.owner->next = p.parent;
}

cnode_term drive(cnode_env* env, run* r);

inline cnode_term set_tail_call(const external_call& call) noexcept {
  cnode_env* e = env();
  e->outcome = CNODE_TAIL_CALL;
  e->tail_module = call.module.word();
  e->tail_function = call.function.word();
  e->tail_args = call.args.word();
  return CNODE_NONE;
}

// What a function returned, as the host wants it.
template <class T>
struct root_run final : run {
  task<T> body;
  explicit root_run(task<T>&& t) : body(std::move(t)) {
    body.promise().owner = this;
    next = body.handle();
  }
  cnode_term finish() override {
    auto& p = body.promise();
    if (const auto* tail = p.tail()) return set_tail_call(tail->call());
    if constexpr (std::is_void_v<T>) {
      p.take();
      return is<"ok">::value().word();
    } else {
      return encode(p.take()).word();
    }
  }
};

inline cnode_term resume_run(cnode_env* env, void* frame, cnode_term message) {
  auto* r = static_cast<run*>(frame);
  r->wait->message = term{message};
  r->wait = nullptr;
  return drive(env, r);
}

inline void destroy_run(void* frame) {
  auto* r = static_cast<run*>(frame);
  env_scope scope(host().running_env());  // flag 1 is set: host functions that destructors call do nothing
  delete r;
}

inline int match_run(cnode_env* env, void* frame, cnode_term message) {
  env_scope scope(env);
  waiting* wait = static_cast<run*>(frame)->wait;
  try {
    return wait->match(*wait, term{message}) ? 1 : 0;
  } catch (...) {  // as a guard that fails
    return 0;
  }
}

inline int match_inner(cnode_env* env, void* frame, cnode_term message);
inline bool callee_matches(waiting&, term) { return false; }  // an inner_wait: match_inner asks the callee

inline cnode_term drive(cnode_env* env, run* r) {
  return guarded(env, [&]() -> cnode_term {
    while (r->next && r->wait == nullptr) {
      auto handle = std::exchange(r->next, {});
      handle.resume();
    }
    if (r->wait == nullptr) {
      struct frame_owner {
        run* r;
        ~frame_owner() { delete r; }
      } owner{r};
      return r->finish();
    }
    env->outcome = CNODE_SUSPEND;
    const auto match = r->wait->match == nullptr ? nullptr : r->wait->match == callee_matches ? match_inner : match_run;
    env->continuation = {r, resume_run, destroy_run, match, r->wait->timeout_ms};
    return CNODE_NONE;
  });
}

template <class T>
cnode_term start_task(task<T>&& t) {
  return drive(env(), new root_run<T>(std::move(t)));
}

// A function of another module that suspended: its continuation, until it has ended or we are destroyed.
struct inner_wait : message_awaiter {
  cnode_continuation callee{};
  cnode_env* const in = env();
  bool pending = false;
  inner_wait() = default;
  inner_wait(const inner_wait&) = delete;
  ~inner_wait() {
    if (pending) callee.destroy(callee.frame);
  }
  void adopt(const cnode_continuation& c) {
    callee = c;
    pending = true;
    timeout_ms = c.timeout_ms;
    match = nullptr;
    if (c.match != nullptr) match = callee_matches;
  }
  cnode_term resume_inner() {
    pending = false;  // the frame is the callee's again
    return callee.resume(in, callee.frame, message.word());
  }
};

// The callee's function, in whose module the environment is set there.
inline int match_inner(cnode_env* env, void* frame, cnode_term message) {
  const auto& w = static_cast<const inner_wait&>(*static_cast<run*>(frame)->wait);
  return w.callee.match(env, w.callee.frame, message);
}

inline task<term> call_external(external_call call) {
  inner_wait wait;
  cnode_env* const e = wait.in;  // the same for as long as the callback lives
  for (;;) {
    cnode_term value = host().apply(e, call.module.word(), call.function.word(), call.args.word());
    while (value == CNODE_NONE && e->outcome == CNODE_SUSPEND) {
      wait.adopt(e->continuation);
      co_await wait;
      value = wait.resume_inner();
    }
    if (value != CNODE_NONE) co_return term{value};
    if (e->outcome != CNODE_TAIL_CALL) throw raised{e->error_class, e->reason, e->stacktrace};
    call = {term{e->tail_module}, term{e->tail_function}, term{e->tail_args}};
  }
}

}  // namespace detail

// What has not been awaited has no value: reply(call(...), state) does not compile.
template <class T>
struct convert<task<T>> {
  static term to_term(const task<T>&) {
    static_assert(!std::is_same_v<task<T>, task<T>>, "this waits and has no value yet: make the function a coroutine (task<>) and co_await it");
    return {};
  }
};
template <class T>
struct convert<T, std::enable_if_t<std::is_same_v<T, external_call>>> {
  static term to_term(const T&) {
    static_assert(!std::is_same_v<T, external_call>, "this waits and has no value yet: make the function a coroutine (task<>) and co_await it");
    return {};
  }
};

inline detail::external_awaiter operator co_await(const external_call& call) { return {detail::call_external(call)}; }

}  // namespace module_api
}  // namespace cnode
