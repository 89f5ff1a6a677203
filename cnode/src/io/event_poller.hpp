// Where idle schedulers wait: the sockets of established connections, or wake().
//
// At most one thread at a time runs the io_context (the leader); the others sleep on a condition variable. A leader that
// got an event takes it and its processes along and wakes nobody: handing the sockets to another thread costs more than most
// callbacks do. When it stays away, the sweep does: armed when a leader leaves sleepers behind, some milliseconds later
// another thread becomes leader.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>

#include <cnode/actors/runtime.hpp>

namespace cnode::node {

class peer_connection;

class event_poller final : public actors::poller {
 public:
  event_poller();
  ~event_poller() override;

  void wait(std::chrono::steady_clock::time_point deadline) override;
  void poll() override;
  void wake() override;
  void flush() override;

  boost::asio::io_context& io() { return io_; }
  // Called when something should be looked after within some milliseconds: output not flushed, sockets without a leader.
  // Before the first wait. Any thread calls it; it must be cheap and must not block.
  void on_arm(std::function<void()> arm) { arm_ = std::move(arm); }
  // The sweep: makes a sleeping thread the leader when there is none.
  void offer_leadership();
  // Output of `p` waits for this thread's flush(). False when this is no scheduler thread: nobody would flush.
  static bool mark_dirty(const std::shared_ptr<peer_connection>& p);
  void arm() { if (arm_) arm_(); }

 private:
  bool take_leadership();
  void leave_leadership();

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  std::function<void()> arm_;
  std::atomic<bool> pending_{false};   // a wake() nobody has seen yet
  std::atomic<int> waiting_{0};
  std::mutex mutex_;                   // guards what follows
  std::condition_variable sleepers_wake_;
  bool leader_ = false;
  bool leader_blocks_ = false;         // the leader waits for events
  int sleepers_ = 0, wakes_ = 0;
};

}  // namespace cnode::node
