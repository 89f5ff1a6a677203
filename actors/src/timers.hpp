// Deadlines: a binary heap under one lock. A timer is a function to call or a process to notify.
#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <mutex>
#include <optional>
#include <vector>

#include <cnode/term.hpp>

namespace cnode::actors {

struct timer_task {
  std::function<void()> run;     // empty: notify the process
  term pid;
  std::uint32_t generation = 0;  // of the process's timeout
};

// Any thread.
class timers {
 public:
  using time_point = std::chrono::steady_clock::time_point;

  // `first`: this timer is now the next one to fire.
  std::uint64_t add(time_point deadline, timer_task task, bool* first = nullptr);
  std::optional<time_point> cancel(std::uint64_t id);
  std::optional<time_point> read(std::uint64_t id) const;
  // The next deadline; time_point::max() when there is none. Takes no lock.
  time_point next() const { return time_point{time_point::duration{next_.load(std::memory_order_acquire)}}; }
  // Takes the first timer that is due out of the heap.
  std::optional<timer_task> take_due(time_point now);
  void clear();

 private:
  struct timer {
    time_point deadline;
    std::uint64_t order = 0;      // timers of one deadline fire as they were set
    std::uint32_t generation = 1; // tells the uses of this entry apart
    std::uint32_t position = 0;   // in the heap, from 1; 0: not in use
    timer_task task;
  };
  bool before(std::uint32_t a, std::uint32_t b) const;
  void place(std::size_t position, std::uint32_t index);
  void up(std::size_t position);
  void down(std::size_t position);
  timer* find(std::uint64_t id);
  timer_task take(std::uint32_t index);
  void publish();

  mutable std::mutex lock_;
  std::vector<timer> timers_;
  std::vector<std::uint32_t> heap_, free_;
  std::uint64_t order_ = 0;
  std::atomic<std::int64_t> next_{time_point::duration::max().count()};
};

}  // namespace cnode::actors
