// Threads that the host owns, for work that must not hold up a scheduler: polling a device, waiting in a library.
//
//   start_thread("sampler", [to = self()](thread_context& t) {
//     while (!t.cancelled()) {
//       t.send(to, tuple("sample"_a, read_sensor()));
//       t.wait(100);
//     }
//   });
//
// The thread belongs to the process that started it and keeps its version of the module mapped until it has returned. When the process
// ends it is asked to stop and what it sends goes nowhere. A purge of its code does the same, and is an exit signal `killed` to the
// process: restart the thread in code_change, or trap exits. An exception ends the process as that of a linked process would.
// What the function captures must own its values: no term, no string_view. pid is a value.
#pragma once

#include <memory>
#include <type_traits>

#include <cnode/process.hpp>
#include <cnode/task.hpp>

namespace cnode {
inline namespace module_api {

// Only for the thread it was given to.
class thread_context {
 public:
  // True once the thread should return: its process has ended, its code was purged, or stop_thread was called.
  bool cancelled() const noexcept { return (__atomic_load_n(&detail::env()->flags, __ATOMIC_ACQUIRE) & 3) != 0; }
  // Sleeps that long (infinity: until asked to stop). True: it is asked to stop.
  bool wait(std::int64_t ms) { return detail::host().thread_wait(detail::env(), ms) != 0; }
  // The message's memory goes when it has been sent.
  template <class Target, class Message>
  void send(const Target& to, const Message& message) {
    void* mark = detail::host().heap_mark(detail::env());
    module_api::send(to, message);
    detail::host().heap_release(detail::env(), mark);
  }
  // The process it belongs to.
  pid owner() const { return self(); }
};

namespace detail {

template <class T>
struct waits : std::is_same<T, external_call> {};
template <class T>
struct waits<task<T>> : std::true_type {};
template <class F>
constexpr bool returns_what_waits() {
  if constexpr (std::is_invocable_v<F&, thread_context&>) return waits<std::invoke_result_t<F&, thread_context&>>::value;
  else return waits<std::invoke_result_t<F&>>::value;
}
template <class F>
inline constexpr bool thread_function_returns = !returns_what_waits<F>();

template <class F>
void run_thread(cnode_env* env, void* argument) noexcept {
  guarded(env, [&] {
    thread_context context;
    auto& function = *static_cast<F*>(argument);
    if constexpr (std::is_invocable_v<F&, thread_context&>)
      function(context);
    else
      function();
    return is<"ok">::value().word();
  });
}

template <class F>
void destroy_thread(void* argument) noexcept {
  delete static_cast<F*>(argument);
}

}  // namespace detail

// The name shows in gdb, top -H and perf (15 characters of it). Raises system_limit when there can be no more threads.
template <class F>
reference start_thread(const char* name, F&& function) {
  using body = std::decay_t<F>;
  static_assert(detail::thread_function_returns<body>, "a thread cannot wait for messages: no task, no external_call; let its process do that");
  auto owned = std::make_unique<body>(std::forward<F>(function));
  const auto thread = detail::host().start_thread(detail::env(), name, detail::run_thread<body>, detail::destroy_thread<body>, owned.get());
  if (thread == CNODE_NONE) throw raised{detail::env()->error_class, detail::env()->reason, detail::env()->stacktrace};
  owned.release();
  return reference{term{thread}};
}

// Asks it to stop; what it sends until it returns still goes. False: there is no such thread any more.
inline bool stop_thread(reference thread) { return detail::host().stop_thread(detail::env(), term{thread}.word()) != 0; }

}  // namespace module_api
}  // namespace cnode
