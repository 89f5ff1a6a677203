#include "event_poller.hpp"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstddef>
#include <system_error>
#include <utility>

#include "peer_connection.hpp"

namespace cnode::node {
namespace {

using clock = std::chrono::steady_clock;

// Sockets that are looked after before the processes run that they gave work to.
constexpr int events_at_once = 32;
// A look that took no longer has not slept.
constexpr std::chrono::microseconds no_sleep{4};
constexpr std::size_t remembered = 64;
constexpr std::uint64_t interrupter_id = 0;
constexpr std::uint32_t reading = EPOLLIN | EPOLLRDHUP | EPOLLET;

struct thread_state {
  bool scheduler = false;
  bool leads = false;     // in wait()
  bool punctual = false;
  std::uint64_t sent = 0;
  std::vector<std::shared_ptr<peer_connection>> dirty;  // until the next flush
};
thread_local thread_state this_thread;

std::uint32_t place_of(std::uint64_t id) { return static_cast<std::uint32_t>(id); }
std::uint32_t generation_of(std::uint64_t id) { return static_cast<std::uint32_t>(id >> 32); }

timespec to_timespec(std::chrono::nanoseconds t) {
  const auto ns = std::max<std::int64_t>(t.count(), 0);
  return {static_cast<time_t>(ns / 1'000'000'000), static_cast<long>(ns % 1'000'000'000)};
}

int wait_for_events(int epoll, epoll_event* events, std::chrono::nanoseconds timeout) {
  static std::atomic<bool> coarse{false};
  if (timeout.count() <= 0) return ::epoll_wait(epoll, events, events_at_once, 0);
  if (!coarse.load(std::memory_order_relaxed)) {
    const auto t = to_timespec(timeout);
    const int n = ::epoll_pwait2(epoll, events, events_at_once, &t, nullptr);
    if (n >= 0 || errno != ENOSYS) return n;
    coarse = true;  // Linux before 5.11
  }
  const auto ms = std::chrono::ceil<std::chrono::milliseconds>(timeout).count();
  return ::epoll_wait(epoll, events, events_at_once, static_cast<int>(std::min<std::int64_t>(ms, 1 << 30)));
}

}  // namespace

event_poller::event_poller()
    : epoll_(::epoll_create1(EPOLL_CLOEXEC)), rest_(::epoll_create1(EPOLL_CLOEXEC)), interrupter_(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  epoll_event e{};
  // Each write is an edge: nobody reads it.
  e.events = EPOLLIN | EPOLLET;
  e.data.u64 = interrupter_id;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, interrupter_, &e) == 0 && ::epoll_ctl(rest_, EPOLL_CTL_ADD, interrupter_, &e) == 0) return;
  const auto error = errno;
  close_all();
  throw std::system_error(error, std::generic_category(), "epoll");
}

event_poller::~event_poller() { close_all(); }

void event_poller::close_all() {
  for (const int descriptor : {epoll_, rest_, interrupter_})
    if (descriptor >= 0) ::close(descriptor);
}

// ---- sockets

std::uint64_t event_poller::add(std::shared_ptr<peer_connection> p, int descriptor, bool room_wanted) {
  std::lock_guard lock(sources_mutex_);
  if (free_.empty()) {
    free_.push_back(static_cast<std::uint32_t>(sources_.size()));
    sources_.emplace_back();
  }
  const auto place = free_.back();
  auto& s = sources_[place];
  const auto id = static_cast<std::uint64_t>(s.generation) << 32 | place;
  epoll_event e{};
  e.events = reading | (room_wanted ? EPOLLOUT : 0u);
  e.data.u64 = id;
  if (::epoll_ctl(epoll_, EPOLL_CTL_ADD, descriptor, &e) != 0) return 0;
  free_.pop_back();
  s.peer = std::move(p);
  return id;
}

void event_poller::remove(std::uint64_t id, int descriptor) {
  std::shared_ptr<peer_connection> gone;  // let go without the lock
  std::lock_guard lock(sources_mutex_);
  auto& s = sources_[place_of(id)];
  if (s.generation != generation_of(id) || !s.peer) return;
  ::epoll_ctl(epoll_, EPOLL_CTL_DEL, descriptor, nullptr);
  gone.swap(s.peer);
  if (++s.generation == 0) s.generation = 1;
  free_.push_back(place_of(id));
}

void event_poller::await_room(std::uint64_t id, int descriptor) {
  epoll_event e{};
  e.events = reading | EPOLLOUT;
  e.data.u64 = id;
  ::epoll_ctl(epoll_, EPOLL_CTL_MOD, descriptor, &e);
}

void event_poller::again(std::uint64_t id) {
  {
    std::lock_guard lock(sources_mutex_);
    again_.push_back(id);
    any_again_.store(true);
  }
  if (this_thread.leads) return;
  std::lock_guard lock(mutex_);
  if (leader_blocks_) interrupt();
}

std::shared_ptr<peer_connection> event_poller::find(std::uint64_t id) {
  std::lock_guard lock(sources_mutex_);
  const auto& s = sources_[place_of(id)];
  return s.generation == generation_of(id) ? s.peer : nullptr;
}

bool event_poller::look(std::chrono::nanoseconds timeout, clock::time_point now) {
  std::array<epoll_event, events_at_once> events;
  std::vector<std::uint64_t> again;
  if (any_again_.load()) {
    std::lock_guard lock(sources_mutex_);
    again.swap(again_);
    any_again_.store(false);
    timeout = {};
  }
  const int n = wait_for_events(epoll_, events.data(), timeout);
  if (timeout.count() > 0) at_once_ = clock::now() - now < no_sleep;
  for (int i = 0; i < n; ++i) {
    const auto& e = events[static_cast<std::size_t>(i)];
    if (e.data.u64 == interrupter_id) continue;
    const auto p = find(e.data.u64);
    if (!p) continue;
    if (e.events & (EPOLLOUT | EPOLLERR | EPOLLHUP)) p->on_room();
    if (e.events & ~EPOLLOUT) p->on_readable(e.events & (EPOLLRDHUP | EPOLLERR | EPOLLHUP));
  }
  for (const auto id : again)
    if (const auto p = find(id)) p->on_readable(false);
  return n > 0 || !again.empty();
}

// ---- leading

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

void event_poller::wait(clock::time_point deadline) {
  this_thread.scheduler = true;
  const auto now = clock::now();
  waiting_.fetch_add(1);
  std::unique_lock lock(mutex_);
  // Looked at under the lock: who sets it later sees that we wait.
  if (pending_.exchange(false) || deadline <= now) {
    lock.unlock();
    waiting_.fetch_sub(1);
    return poll();
  }
  if (!leader_) {
    leader_ = leader_blocks_ = true;
    lock.unlock();
    this_thread.leads = true;
    if (!rest(now, deadline)) look(deadline - now, now);
    this_thread.leads = false;
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

bool event_poller::rest(clock::time_point now, clock::time_point deadline) {
  const auto pause = gathering_.rest(now, sent_.load(std::memory_order_relaxed), at_once_);
  if (pause.count() <= 0 || now + pause >= deadline || any_again_.load()) return false;
  // The kernel's usual slack is as long as the rest.
  if (!std::exchange(this_thread.punctual, true)) ::prctl(PR_SET_TIMERSLACK, 1000ul);
  epoll_event interrupted;
  const auto t = to_timespec(pause);
  // A kernel without it would rest for a millisecond.
  if (::epoll_pwait2(rest_, &interrupted, 1, &t, nullptr) < 0 && errno == ENOSYS) return false;
  return look({});
}

void event_poller::poll() {
  this_thread.scheduler = true;
  if (!take_leadership()) return;
  look({});
  leave_leadership();
  flush();
}

void event_poller::interrupt() {
  const std::uint64_t one = 1;
  // The counter is never full: a leader's edge is what counts.
  if (::write(interrupter_, &one, sizeof one) < 0) return;
}

void event_poller::wake() {
  // A waiting leader that makes work itself is about to return, and then wakes who is needed.
  if (this_thread.leads) return;
  pending_.store(true);
  if (waiting_.load() == 0) return;
  std::lock_guard lock(mutex_);
  if (sleepers_ > wakes_) {
    ++wakes_;
    sleepers_wake_.notify_one();
  } else if (leader_blocks_) {
    interrupt();
  }
}

// ---- output

bool event_poller::mark_dirty(peer_connection& p) {
  if (!this_thread.scheduler) return false;
  ++this_thread.sent;
  // One that stands further back is flushed twice, which does no harm.
  auto& dirty = this_thread.dirty;
  const auto end = dirty.rbegin() + static_cast<std::ptrdiff_t>(std::min(dirty.size(), remembered));
  if (std::none_of(dirty.rbegin(), end, [&p](const auto& d) { return d.get() == &p; })) dirty.push_back(p.shared_from_this());
  return true;
}

peer_connection* event_poller::sent_to(term node) const {
  if (this_thread.dirty.empty()) return nullptr;
  auto& p = *this_thread.dirty.back();
  return p.about().node.same(node) && &p.poller() == this && !p.closed() ? &p : nullptr;
}

void event_poller::flush() {
  this_thread.scheduler = true;
  if (this_thread.dirty.empty()) return;
  sent_.fetch_add(std::exchange(this_thread.sent, 0), std::memory_order_relaxed);
  for (const auto& d : this_thread.dirty) d->flush();
  this_thread.dirty.clear();
}

}  // namespace cnode::node
