// Where idle schedulers wait: the sockets of established connections, or wake().
//
// At most one thread at a time looks at the sockets (the leader); the others sleep on a condition variable. A leader that
// got an event takes it and its processes along and wakes nobody: handing the sockets to another thread costs more than most
// callbacks do. When it stays away, the sweep does: armed when a leader leaves sleepers behind, some milliseconds later
// another thread becomes leader.
//
// A socket is registered once, edge-triggered: its owner reads until there is no more. While many answers leave per millisecond
// the leader lets requests gather for a moment before it looks again (gathering.hpp).
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <vector>

#include <cnode/actors/runtime.hpp>

#include "gathering.hpp"

namespace cnode::node {

class peer_connection;

class event_poller final : public actors::poller {
 public:
  event_poller();  // throws std::system_error when the process has no descriptors left
  ~event_poller() override;
  event_poller(const event_poller&) = delete;
  event_poller& operator=(const event_poller&) = delete;

  void wait(std::chrono::steady_clock::time_point deadline) override;
  void poll() override;
  void wake() override;
  void flush() override;

  // From now on the leader tells `p` what happens on its descriptor; held until remove(). 0 when the kernel takes no more of them.
  // Any thread, as the three that follow.
  std::uint64_t add(std::shared_ptr<peer_connection> p, int descriptor, bool room_wanted);
  void remove(std::uint64_t id, int descriptor);
  void await_room(std::uint64_t id, int descriptor);  // told when it can be written to, also when it can be now
  void again(std::uint64_t id);                       // told as if it could be read

  // Called when something should be looked after within some milliseconds: output not flushed, sockets without a leader.
  // Before the first wait. Any thread calls it; it must be cheap and must not block.
  void on_arm(std::function<void()> arm) { arm_ = std::move(arm); }
  // The sweep: makes a sleeping thread the leader when there is none.
  void offer_leadership();
  // Output of `p` waits for this thread's flush(). False when this is no scheduler thread: nobody would flush.
  static bool mark_dirty(peer_connection& p);
  // The open connection to that node if this thread has sent over it last, since its last flush(). It stays until the next one. Who
  // answers many requests of one node finds it without asking the table.
  peer_connection* sent_to(term node) const;
  void arm() { if (arm_) arm_(); }

 private:
  struct source {
    std::shared_ptr<peer_connection> peer;
    std::uint32_t generation = 1;  // tells the users of a place apart
  };
  bool take_leadership();
  void leave_leadership();
  // The leader's. True: something happened.
  bool look(std::chrono::nanoseconds timeout, std::chrono::steady_clock::time_point now = {});
  bool rest(std::chrono::steady_clock::time_point now, std::chrono::steady_clock::time_point deadline);
  std::shared_ptr<peer_connection> find(std::uint64_t id);
  void interrupt();                    // a leader that waits
  void close_all();

  const int epoll_, rest_, interrupter_;  // all sockets and the interrupter; the interrupter alone; an eventfd
  std::function<void()> arm_;
  std::atomic<bool> pending_{false};   // a wake() nobody has seen yet
  std::atomic<int> waiting_{0};
  std::atomic<std::uint64_t> sent_{0}; // messages that were flushed
  gathering gathering_;                // the leader's, as is the next
  bool at_once_ = false;               // the last look found something without waiting

  std::mutex sources_mutex_;           // guards the next three; taken after a connection's own
  std::vector<source> sources_;
  std::vector<std::uint32_t> free_;
  std::vector<std::uint64_t> again_;
  std::atomic<bool> any_again_{false};

  std::mutex mutex_;                   // guards what follows
  std::condition_variable sleepers_wake_;
  bool leader_ = false;
  bool leader_blocks_ = false;         // the leader waits for events
  int sleepers_ = 0, wakes_ = 0;
};

}  // namespace cnode::node
