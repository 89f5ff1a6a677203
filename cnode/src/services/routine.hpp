// Functions and processes of the services that wait several times, written as coroutines: co_await t.wait_for(...) is Erlang's receive,
// co_await t.apply(...) an external call. What a routine keeps across a co_await must be owned, kept or immediate.
//
// GCC 12 destroys some temporaries of a co_await expression twice: what has a destructor gets a name first, and goes by reference.
#pragma once

#include <coroutine>
#include <functional>
#include <memory>

#include <cnode/actors/task.hpp>

#include "apply.hpp"
#include "owned.hpp"

namespace cnode::services {

// A service's coroutine: awaited it runs on to its first wait.
template <class T = void>
using routine = actors::task<T>;

// How a routine ends other than with a value.
struct raised_in_routine {
  term error_class;
  owned reason;
};

// A routine's process and what it waits for. Used on that process's thread only.
class talk {
 public:
  using matcher = std::function<bool(term message)>;

  virtual ~talk() = default;
  actors::process& self() const { return *self_; }
  actors::runtime& node() const { return self_->node(); }
  block& heap() const { return self_->scratch(); }
  cnode_env* env() const { return env_; }  // of the function; null in a process of its own
  template <class... T>
  term tuple(T... e) const {
    return make_tuple_of(heap(), e...);
  }
  template <class... T>
  term list(T... e) const {
    return make_list_of(heap(), e...);
  }

  struct receiving {
    talk& t;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) const { t.waiting_ = h; }
    term await_resume() const { return t.message_; }
  };
  // The first message that matches; none when the time (ms, negative: for ever) is over. Valid until the next wait.
  receiving wait_for(const matcher& m, std::int64_t timeout_ms = -1) {
    match_ = m;
    timeout_ms_ = timeout_ms;
    return {*this};
  }

  struct applying {
    talk& t;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h) const { t.waiting_ = h; }
    const applied& await_resume() const { return *t.out_; }
  };
  // Only in functions, not in processes of their own. What it gives is valid until the next wait.
  applying apply(term module, term function, term args) {
    mfa_ = {module, function, args};
    applies_ = true;
    return {*this};
  }

 protected:
  struct function_call {
    term module, function, args;
  };
  void resume(term message) {
    message_ = message;
    waiting_.resume();
  }

  actors::process* self_ = nullptr;
  cnode_env* env_ = nullptr;
  std::coroutine_handle<> waiting_;
  matcher match_;
  std::int64_t timeout_ms_ = -1;
  term message_;
  bool applies_ = false;
  function_call mfa_;
  const applied* out_ = nullptr;
};

// What a routine makes on its heap meanwhile goes at the end: for those that never return.
class heap_use {
 public:
  explicit heap_use(const talk& t) : heap_(t.heap()), mark_(heap_.mark()) {}
  ~heap_use() { heap_.release_to(mark_); }
  heap_use(const heap_use&) = delete;

 private:
  block& heap_;
  void* mark_;
};

// The body of a builtin function; must be its last act. `make` is called at once.
term run_routine(call& c, const std::function<routine<term>(talk&)>& make);

// A process that is one routine and ends with it.
class routine_process : public actors::behaviour, protected talk {
 public:
  explicit routine_process(std::string_view function) : function_(atom(function)) {}
  void start(actors::process& self) final;
  void receive(actors::process& self, block_ptr& message) final;
  void timeout(actors::process& self) final;
  void returned(actors::process&, actors::outcome) final {}
  term current_function(actors::process& self, block& b) override;

 protected:
  virtual routine<void> main() = 0;

 private:
  void go_on(term message);
  void settle();

  term function_;
  routine<void> body_;
  block_ptr held_;
};

}  // namespace cnode::services
