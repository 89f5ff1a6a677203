// Scheduler threads: each has a run queue of its own and takes from the others' when it is empty. A watchdog sees to it that a
// callback that does not return delays nobody else: it names it in the log and adds spare threads while they are needed.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include <cnode/actors/runtime.hpp>

#include "parked.hpp"
#include "run_ring.hpp"
#include "spinlock.hpp"

namespace cnode::actors {

class scheduler;

// One scheduler thread, or the caller of run_one in manual mode.
struct worker {
  scheduler* pool = nullptr;
  // The run queue: what its own thread queues, and, under the lock, what others do and what the ring has no room for. The ring is there
  // from the thread's first start on.
  std::atomic<run_ring*> ring{nullptr};
  spinlock lock;
  process* first = nullptr;
  process* last = nullptr;
  std::atomic<std::uint32_t> length{0};  // of the part under the lock
  unsigned taken = 0;                    // by its own thread
  // Read by the watchdog. `progress` is odd while something runs; as long as it stays the same, it is the same piece of work.
  std::atomic<std::uint64_t> progress{0};
  std::atomic<cnode_term> pid{0}, module{0}, function{0};
  std::atomic<std::uint32_t> arity{0};
  std::atomic<module_version*> version{nullptr};  // of the function that runs
  std::atomic<std::uint64_t> reductions{0};
  std::atomic<bool> blocking{false};  // runs a function known to block
  std::atomic<bool> waiting{false};
  std::thread thread;
  std::atomic<bool> in_use{false};
  std::atomic<bool> ended{false};     // its thread can be joined at once
  bool keeps_memory = false;          // has worked since it last gave back what it keeps for reuse; its own
  idle_list idle;                     // its thread's own

  // The watchdog's own.
  std::uint64_t seen_progress = 0;
  std::chrono::steady_clock::time_point seen_at{};
  std::chrono::milliseconds next_report{0};

  ~worker() { delete ring.load(); }
  std::uint32_t queued() const {
    const auto* r = ring.load(std::memory_order_acquire);
    return length.load() + (r ? r->length() : 0);
  }
  void begin_work() { progress.store(progress.load(std::memory_order_relaxed) + 1, std::memory_order_release); }
  void end_work() { begin_work(); }
};

worker* this_worker();  // null outside of scheduler threads

class scheduler {
 public:
  scheduler(runtime& node, const runtime_config& config, std::unique_ptr<poller> events);
  ~scheduler();

  void start();
  // Joins the threads that return within that time; how many do not. Processes stay as they are.
  std::size_t stop(std::chrono::milliseconds patience);
  void join();                      // waits for the rest
  void make_runnable(process& p);   // any thread
  bool run_one();                   // manual mode: one step of one process
  void wake();                      // somebody has something to do (an earlier timer)
  // The function that is about to run on this thread blocks: let others take what waits behind it.
  void about_to_block();

  bool started() const { return started_; }
  unsigned threads() const { return threads_; }
  std::size_t run_queue() const;
  std::uint64_t reductions() const;
  poller& events() { return *events_; }

 private:
  static constexpr unsigned max_spares = 64;
  void run(worker& w, bool spare);
  process* take(worker& w);
  process* pop(worker& w);
  process* pop_listed(worker& w);
  bool anything_queued() const;
  void wait_for_work(worker& w, bool spare, bool& idle_long);
  void watch();
  void look(worker& w, std::chrono::steady_clock::time_point now);
  void look_for_rest(std::chrono::steady_clock::time_point now);
  std::string running(worker& w) const;
  void add_spare();

  runtime& node_;
  const bool manual_;
  const unsigned threads_;
  const std::chrono::milliseconds long_schedule_;
  std::unique_ptr<poller> events_;
  std::vector<std::unique_ptr<worker>> workers_;  // threads_ regular ones, then room for the spares
  std::atomic<unsigned> next_{0}, idle_{0}, spares_{0};
  std::atomic<unsigned> used_{0};  // workers that ever ran: the first so many
  std::atomic<bool> waking_{false}, stopping_{false}, started_{false};
  // The watchdog's: how much had run at the last look and when memory was last given back, and for how many looks nearly nothing has.
  std::uint64_t rest_progress_ = 0, rest_released_ = 0;
  bool rest_kept_ = true;
  unsigned rest_looks_ = 0;
  std::chrono::steady_clock::time_point rest_seen_{};
  std::thread watchdog_;
  std::mutex watch_lock_;
  std::condition_variable watch_;
};

// The poller of a node without sockets.
std::unique_ptr<poller> make_condition_poller();

}  // namespace cnode::actors
