#include "scheduler.hpp"

#include <algorithm>
#include <string>
#include <utility>

#include <pthread.h>

#include <cnode/actors/code_server.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>
#include <cnode/protocol/unused_memory.hpp>

#include "core.hpp"
#include "crash_report.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {

thread_local worker* current_worker = nullptr;

void name_thread(const char* name) { ::pthread_setname_np(::pthread_self(), name); }

// So many slices run between two looks at the sockets.
constexpr unsigned slices_per_poll = 16;
constexpr std::chrono::milliseconds watch_busy{10}, watch_idle{100};
constexpr std::chrono::seconds longest_wait{3600};
// A thread that has had nothing to do for so long gives back what it keeps for reuse. A node rests when between two looks in such a
// distance, twice, it has run less than a few hundred slices.
constexpr std::chrono::seconds rest_after{1};
constexpr std::uint64_t restful_progress = 500;
constexpr unsigned restful_looks = 2;

class condition_poller final : public poller {
 public:
  void wait(std::chrono::steady_clock::time_point deadline) override {
    std::unique_lock guard(lock_);
    ready_.wait_until(guard, deadline, [&] { return tokens_ > 0; });
    if (tokens_ > 0) --tokens_;
  }
  void poll() override {}
  void wake() override {
    {
      std::lock_guard guard(lock_);
      ++tokens_;
    }
    ready_.notify_one();
  }
  void flush() override {}

 private:
  std::mutex lock_;
  std::condition_variable ready_;
  unsigned tokens_ = 0;
};

}  // namespace

worker* this_worker() { return current_worker; }
std::unique_ptr<poller> make_condition_poller() { return std::make_unique<condition_poller>(); }

scheduler::scheduler(runtime& node, const runtime_config& config, std::unique_ptr<poller> events)
    : node_(node),
      manual_(config.manual),
      threads_(config.manual ? 1 : config.schedulers ? config.schedulers : std::max(1u, std::thread::hardware_concurrency())),
      long_schedule_(config.long_schedule),
      events_(std::move(events)) {
  for (unsigned i = 0; i < threads_ + max_spares; ++i) {
    workers_.push_back(std::make_unique<worker>());
    workers_.back()->pool = this;
  }
  used_ = threads_;
}

scheduler::~scheduler() {
  stop(std::chrono::milliseconds{0});
  join();
}

void scheduler::start() {
  if (manual_ || started_.exchange(true)) return;
  for (unsigned i = 0; i < threads_; ++i) {
    auto& w = *workers_[i];
    w.in_use = true;
    w.thread = std::thread([this, &w] { run(w, false); });
  }
  watchdog_ = std::thread([this] { watch(); });
}

std::size_t scheduler::stop(std::chrono::milliseconds patience) {
  {
    std::lock_guard guard(watch_lock_);
    if (stopping_.exchange(true)) return 0;
  }
  watch_.notify_all();
  if (watchdog_.joinable()) watchdog_.join();
  const auto deadline = std::chrono::steady_clock::now() + patience;
  std::size_t held_up = 0;
  for (auto& w : workers_) {
    if (!w->thread.joinable()) continue;
    for (events_->wake(); !w->ended && std::chrono::steady_clock::now() < deadline; events_->wake())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    if (w->ended) {
      w->thread.join();
    } else {
      ++held_up;
      node_.log(log_level::warning, running(*w) + " and does not return: its thread is left behind");
    }
  }
  return held_up;
}

void scheduler::join() {
  for (auto& w : workers_) {
    for (; w->thread.joinable() && !w->ended; std::this_thread::sleep_for(std::chrono::milliseconds(1))) events_->wake();
    if (w->thread.joinable()) w->thread.join();
  }
}

void scheduler::make_runnable(process& p) {
  auto* w = current_worker;
  const bool own = w && w->pool == this;
  if (!own) w = workers_[next_.fetch_add(1, std::memory_order_relaxed) % threads_].get();
  std::uint32_t length;
  if (auto* ring = own ? w->ring.load(std::memory_order_relaxed) : nullptr; ring && ring->push(&p, length)) {
    if (length > 1 || w->length.load(std::memory_order_relaxed) > 0 || w->blocking.load(std::memory_order_relaxed)) wake();
    return;
  }
  p.run_next_ = nullptr;
  {
    std::lock_guard guard(w->lock);
    (w->last ? w->last->run_next_ : w->first) = &p;
    w->last = &p;
    length = w->length.load(std::memory_order_relaxed) + 1;
    w->length.store(length);
  }
  // What this thread queues it runs itself as soon as it is free: nobody is woken for one process.
  if (!own || length > 1 || w->blocking.load(std::memory_order_relaxed)) wake();
}

void scheduler::wake() {
  if (!manual_ && idle_.load() > 0 && !waking_.exchange(true)) events_->wake();
}

void scheduler::about_to_block() {
  auto* w = current_worker;
  if (manual_ || !w || w->pool != this) return;
  w->blocking = true;
  if (idle_.load() > 0) wake();
  else watch_.notify_one();
}

process* scheduler::pop(worker& w) {
  auto* ring = w.ring.load(std::memory_order_acquire);
  if (!ring) return pop_listed(w);
  // Neither part may keep the other waiting.
  constexpr unsigned turn = 8;
  if (&w == current_worker && ++w.taken % turn == 0)
    if (auto* p = pop_listed(w)) return p;
  if (auto* p = ring->pop()) return p;
  return pop_listed(w);
}

process* scheduler::pop_listed(worker& w) {
  if (w.length.load() == 0) return nullptr;
  std::lock_guard guard(w.lock);
  auto* p = w.first;
  if (!p) return nullptr;
  w.first = p->run_next_;
  if (!w.first) w.last = nullptr;
  p->run_next_ = nullptr;
  w.length.store(w.length.load(std::memory_order_relaxed) - 1);
  return p;
}

process* scheduler::take(worker& w) {
  if (auto* p = pop(w)) return p;
  const auto used = used_.load(std::memory_order_relaxed);
  for (unsigned i = 0; i < used; ++i) {
    auto& other = *workers_[i];
    if (&other == &w) continue;
    if (auto* p = pop(other)) {
      if (other.queued() > 0) wake();
      return p;
    }
  }
  return nullptr;
}

bool scheduler::anything_queued() const {
  const auto used = used_.load(std::memory_order_relaxed);
  for (unsigned i = 0; i < used; ++i) {
    if (workers_[i]->queued() > 0) return true;
  }
  return false;
}

bool scheduler::run_one() {
  auto* before = current_worker;
  current_worker = workers_[0].get();
  auto* p = take(*current_worker);
  if (p) core::run_slice(*p, true);
  current_worker = before;
  return p != nullptr;
}

void scheduler::run(worker& w, bool spare) {
  current_worker = &w;
  if (!w.ring.load(std::memory_order_relaxed)) w.ring = new run_ring;
  cover_this_thread();
  name_thread(spare ? "spare" : "scheduler");
  unsigned slices = 0;
  bool idle_long = false, woken = false;
  while (!stopping_.load(std::memory_order_relaxed)) {
    if (auto* p = take(w)) {
      // Several may have counted on the one thread that was woken; what it leaves is for the next.
      if (std::exchange(woken, false) && anything_queued()) wake();
      w.begin_work();
      core::run_slice(*p, false);
      w.end_work();
      w.keeps_memory = true;
      idle_long = false;
      runtime_access::fire_timers(node_);
      if (++slices % slices_per_poll == 0) {
        events_->flush();
        events_->poll();
      }
      continue;
    }
    events_->flush();
    if (runtime_access::fire_timers(node_)) continue;
    wait_for_work(w, spare, idle_long);
    woken = true;
    if (spare && idle_long) break;
  }
  events_->flush();
  current_worker = nullptr;
  if (spare) {
    // Its queue is empty: only its own thread adds to it.
    spares_.fetch_sub(1);
    w.in_use = false;
  }
  w.ended = true;
}

void scheduler::wait_for_work(worker& w, bool spare, bool& idle_long) {
  idle_.fetch_add(1);
  w.waiting = true;
  if (!anything_queued() && !stopping_) {
    const auto now = node_.now();
    // A spare thread that finds nothing to do for a second is not needed.
    const auto longest = now + (spare || w.keeps_memory ? rest_after : longest_wait);
    events_->wait(std::min(runtime_access::next_timer(node_), longest));
    const bool rested = !anything_queued() && node_.now() >= longest;
    idle_long = spare && rested;
    if (rested && std::exchange(w.keeps_memory, false)) release_memory_of_thread();
  }
  w.waiting = false;
  idle_.fetch_sub(1);
  waking_ = false;
}

// ---- watchdog

void scheduler::watch() {
  std::unique_lock guard(watch_lock_);
  bool busy = false;
  while (!stopping_) {
    watch_.wait_for(guard, busy ? watch_busy : watch_idle);
    if (stopping_) break;
    node_.code().look_at_loader();
    const auto now = std::chrono::steady_clock::now();
    look_for_rest(now);
    unsigned stuck = 0, in_use = 0;
    bool queued_behind = false;
    busy = false;
    for (auto& w : workers_) {
      if (!w->in_use) continue;
      ++in_use;
      const auto progress = w->progress.load(std::memory_order_acquire);
      const bool same = progress == w->seen_progress;
      if (progress & 1) busy = true;
      if (!same) {
        w->seen_progress = progress;
        w->seen_at = now;
        w->next_report = long_schedule_;
      }
      const bool stays = (progress & 1) && ((same && now - w->seen_at >= watch_busy) || w->blocking);
      if (!stays) continue;
      ++stuck;
      if (w->queued() > 0) queued_behind = true;
      look(*w, now);
    }
    if (stuck == 0) continue;
    if (idle_.load() > 0) {
      if (queued_behind || anything_queued()) {
        waking_ = false;
        wake();
      }
    } else if (stuck == in_use && spares_.load() < max_spares) {
      add_spare();
    }
  }
}

// Shared caches and the allocator's free pages go back once after each time of work, of many slices or of large messages.
void scheduler::look_for_rest(std::chrono::steady_clock::time_point now) {
  if (now - rest_seen_ < rest_after) return;
  rest_seen_ = now;
  std::uint64_t progress = 0;
  for (auto& w : workers_) progress += w->progress.load(std::memory_order_relaxed);
  const bool kept = kept_memory_noted();
  rest_kept_ = rest_kept_ || kept;
  const auto done = progress - std::exchange(rest_progress_, progress);
  const bool restful = !kept && done < restful_progress;
  rest_looks_ = restful ? std::min(rest_looks_ + 1, restful_looks) : 0;
  if (rest_looks_ < restful_looks || (!rest_kept_ && progress - rest_released_ < restful_progress)) return;
  rest_released_ = progress;
  rest_kept_ = false;
  release_shared_memory();
}

// "<0.1.0> (name) has been running tiny:spin/0 (vsn 1)"; of one that was killed only its function still runs.
std::string scheduler::running(worker& w) const {
  const term pid{w.pid.load()};
  auto text = pid ? to_text(pid) : std::string{"a timer"};
  const auto p = node_.find(pid);
  if (const auto name = p ? p->registered_name() : term{}) text += " (" + to_text(name) + ")";
  if (pid && !p) text += ", killed meanwhile,";
  text += " has been running";
  const term module{w.module.load()}, function{w.function.load()};
  if (module) text += " " + to_text(module) + ":" + to_text(function) + "/" + std::to_string(w.arity.load());
  if (auto* v = w.version.load(std::memory_order_acquire)) {
    const auto vsn = node_.code().vsn_text(*v);
    if (!vsn.empty() && w.version.load(std::memory_order_acquire) == v) text += " (vsn " + vsn + ")";
  }
  return text;
}

void scheduler::look(worker& w, std::chrono::steady_clock::time_point now) {
  const term pid{w.pid.load()};
  // Signals reach it although its function does not return.
  if (auto p = node_.find(pid)) core::handle_meanwhile(*p);
  const auto since = std::chrono::duration_cast<std::chrono::milliseconds>(now - w.seen_at);
  // A function known to block is reported only when its process was killed.
  if (since < w.next_report || (w.blocking && node_.alive(pid))) return;
  // Each time after twice the time.
  w.next_report = 2 * since;
  node_.log(log_level::warning, "long_schedule: " + running(w) + " for " + std::to_string(since.count()) + " ms and more");
}

void scheduler::add_spare() {
  for (unsigned i = threads_; i < workers_.size(); ++i) {
    auto& w = *workers_[i];
    if (w.in_use) continue;
    if (w.thread.joinable()) w.thread.join();
    w.in_use = true;
    w.ended = false;
    w.blocking = false;
    if (used_.load() <= i) used_ = i + 1;
    spares_.fetch_add(1);
    w.thread = std::thread([this, &w] { run(w, true); });
    return;
  }
}

std::size_t scheduler::run_queue() const {
  std::size_t n = 0;
  for (auto& w : workers_) n += w->queued();
  return n;
}

std::uint64_t scheduler::reductions() const {
  std::uint64_t n = 0;
  for (auto& w : workers_) n += w->reductions.load(std::memory_order_relaxed);
  return n;
}

}  // namespace cnode::actors
