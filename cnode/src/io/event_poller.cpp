#include "event_poller.hpp"

#include <algorithm>
#include <vector>

#include <boost/asio/post.hpp>

#include "peer_connection.hpp"

namespace cnode::node {
namespace {

// Handlers a busy scheduler takes at once before it goes back to its processes.
constexpr int poll_batch = 16;

struct thread_state {
  bool scheduler = false;
  std::vector<std::weak_ptr<peer_connection>> dirty;
};
thread_local thread_state this_thread;

}  // namespace

// One thread at a time runs it, so it need not wake a second one for each event.
event_poller::event_poller() : io_(1), work_(boost::asio::make_work_guard(io_)) {}
event_poller::~event_poller() = default;

bool event_poller::take_leadership() {
  std::lock_guard lock(mutex_);
  if (leader_) return false;
  return leader_ = true;
}

void event_poller::leave_leadership() {
  bool orphaned;
  {
    std::lock_guard lock(mutex_);
    leader_ = leader_blocks_ = false;
    orphaned = sleepers_ > 0;
  }
  if (!orphaned) return;
  if (arm_) arm_();
  else offer_leadership();
}

void event_poller::offer_leadership() {
  std::lock_guard lock(mutex_);
  if (leader_ || sleepers_ <= wakes_) return;
  ++wakes_;
  sleepers_wake_.notify_one();
}

void event_poller::wait(std::chrono::steady_clock::time_point deadline) {
  this_thread.scheduler = true;
  waiting_.fetch_add(1);
  if (pending_.exchange(false) || deadline <= std::chrono::steady_clock::now()) {
    waiting_.fetch_sub(1);
    return poll();
  }
  std::unique_lock lock(mutex_);
  if (!leader_) {
    leader_ = leader_blocks_ = true;
    lock.unlock();
    io_.run_one_until(deadline);
    leave_leadership();
  } else {
    ++sleepers_;
    if (sleepers_wake_.wait_until(lock, deadline, [this] { return wakes_ > 0; })) --wakes_;
    --sleepers_;
    wakes_ = std::min(wakes_, sleepers_);
    lock.unlock();
  }
  waiting_.fetch_sub(1);
  // Whoever woke us put its work where we look next.
  pending_.store(false);
  flush();
}

void event_poller::poll() {
  this_thread.scheduler = true;
  if (!take_leadership()) return;
  for (int i = 0; i < poll_batch && io_.poll_one() > 0; ++i) {
  }
  leave_leadership();
  flush();
}

void event_poller::wake() {
  pending_.store(true);
  if (waiting_.load() == 0) return;
  std::unique_lock lock(mutex_);
  if (sleepers_ > wakes_) {
    ++wakes_;
    sleepers_wake_.notify_one();
  } else if (leader_blocks_) {
    lock.unlock();
    boost::asio::post(io_, [] {});
  }
}

bool event_poller::mark_dirty(const std::shared_ptr<peer_connection>& p) {
  if (!this_thread.scheduler) return false;
  for (const auto& d : this_thread.dirty)
    if (!d.owner_before(p) && !p.owner_before(d)) return true;
  this_thread.dirty.push_back(p);
  return true;
}

void event_poller::flush() {
  this_thread.scheduler = true;
  if (this_thread.dirty.empty()) return;
  for (auto& d : this_thread.dirty)
    if (const auto p = d.lock()) p->flush();
  this_thread.dirty.clear();
}

}  // namespace cnode::node
