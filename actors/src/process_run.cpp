// One slice of a process: signals first, then its pending call or the next message, until there is nothing to do or the budget is spent.
#include <exception>

#include <cnode/actors/output_wait.hpp>

#include "core.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {
constexpr unsigned slice_steps = 200;
constexpr unsigned steps_per_clock = 16;
constexpr std::chrono::milliseconds slice_time{1};

thread_local process* running_here = nullptr;
}  // namespace

process* running_process() { return running_here; }
void set_running_process(process* p) { running_here = p; }

term suspend_running_process() {
  return running_here ? core::await_output(*running_here) : term{};
}

void resume_process(runtime& node, term pid) {
  auto b = block::make(4);
  b->tag = static_cast<std::uint32_t>(signal::run);
  b->root = term{reinterpret_cast<std::uintptr_t>(new std::function<void(process&)>(core::output_is_free))};
  core::post_to(node, pid, std::move(b));
}

term core::await_output(process& p) {
  if (p.output_ & (awaits_output | async_dist)) return {};
  p.output_ |= awaits_output;
  return p.pid_;
}

void core::output_is_free(process& p) { p.output_ &= static_cast<std::uint8_t>(~awaits_output); }

// What a behaviour throws is a bug of the node's own code: it costs the process, no more.
template <class F>
void core::guarded(process& p, F f) {
  ++p.reductions_;
  const auto outer = p.flags_ & in_callback;
  p.flags_ |= in_callback;
  struct restore {
    process& p;
    std::uint32_t outer;
    ~restore() { p.flags_ = (p.flags_ & ~static_cast<std::uint32_t>(in_callback)) | outer; }
  } at_end{p, outer};
  try {
    f();
    return;
  } catch (const std::exception& e) {
    auto b = block::make(32);
    p.exit(make_tuple_of(*b, a().internal_error, make_binary(*b, e.what())));
  } catch (...) {
    p.exit(a().internal_error);
  }
}

void core::run_slice(process& p, bool one_step) {
  // The table's reference keeps it: that goes when the process ends, which is on this thread or leaves us another one (held).
  p.status_.store(running, std::memory_order_release);
  auto* before = running_here;
  running_here = &p;
  auto* w = this_worker();
  if (w) w->pid.store(p.pid_.word(), std::memory_order_relaxed);
  const auto reductions = p.reductions_;
  drain_first(p);
  std::chrono::steady_clock::time_point end{};
  for (unsigned n = 1;; ++n) {
    const bool worked = step(p);
    if (p.flags_ & exiting) break;
    if (!worked || one_step || n >= slice_steps) break;
    if (n % steps_per_clock == 0) {
      const auto now = std::chrono::steady_clock::now();
      if (n == steps_per_clock) end = now + slice_time;
      else if (now >= end) break;
    }
  }
  if (w) w->reductions.store(w->reductions.load(std::memory_order_relaxed) + p.reductions_ - reductions, std::memory_order_relaxed);
  if (p.flags_ & exiting) {
    process_ptr others(p.flags_ & held ? &p : nullptr, false);
    finish(p);
    running_here = before;
    return;
  }
  if (!p.activation_) p.scratch_.reset();
  running_here = before;
  if (!has_work(p)) note_idle(p);
  while (!has_work(p)) {
    auto expected = static_cast<std::uint32_t>(running);
    if (p.status_.compare_exchange_strong(expected, idle)) return;
    // Notified, perhaps of what has been handled since: once more.
    p.status_.exchange(running);
  }
  p.status_.store(queued, std::memory_order_release);
  runtime_access::of(*p.node_).sched.make_runnable(p);
}

bool core::has_work(process& p) {
  if (p.inbox_.load() != nullptr || p.deferred_) return true;
  if (p.output_ & awaits_output) return false;
  if (!(p.flags_ & started)) return true;
  if (auto* c = p.activation_) {
    if (c->at == activation::ready) return true;
    return c->at == activation::suspended && (*c->scan || c->timed_out || c->env.continuation.timeout_ms == 0);
  }
  return *p.scan_ || (p.flags_ & timer_due);
}

bool core::step(process& p) {
  drain(p);
  if ((p.flags_ & exiting) || (p.output_ & awaits_output)) return false;
  if (!(p.flags_ & started)) {
    p.flags_ |= started;
    guarded(p, [&] { p.behaviour_->start(p); });
    after_behaviour(p);
    return true;
  }
  if (auto* c = p.activation_) {
    if (c->at == activation::ready) {
      ++p.reductions_;
      guarded(p, [&] { run_call(p); });
    } else if (c->at != activation::suspended || !go_on_waiting(p, *c)) {
      return false;
    }
    after_behaviour(p);
    return true;
  }
  if (*p.scan_) return offer_message(p);
  if (p.flags_ & timer_due) {
    p.flags_ &= ~timer_due;
    ++p.timer_generation_;
    guarded(p, [&] { p.behaviour_->timeout(p); });
    after_behaviour(p);
    return true;
  }
  return false;
}

bool core::offer_message(process& p) {
  p.offered_ = p.scan_;
  auto message = remove(p, p.scan_);
  const auto timer = p.timer_generation_;
  guarded(p, [&] { p.behaviour_->receive(p, message); });
  if (message) {
    // Left: it goes back to where it was.
    auto* b = message.release();
    b->next = *p.offered_;
    if (p.mailbox_end_ == p.offered_) p.mailbox_end_ = &b->next;
    const bool scanned_here = p.scan_ == p.offered_;
    *p.offered_ = b;
    ++p.mailbox_length_;
    if (scanned_here) p.scan_ = &b->next;
  } else if (timer == p.timer_generation_) {
    disarm(p);
  }
  p.offered_ = nullptr;
  after_behaviour(p);
  return true;
}

void core::after_behaviour(process& p) {
  if (!p.activation_ && p.scratch_) p.scratch_->reset();
}

bool core::go_on_waiting(process& p, activation& c) {
  while (auto* b = *c.scan) {
    const auto& k = c.env.continuation;
    ++p.reductions_;
    if (!k.match || k.match(&c.env, k.frame, b->root.word())) {
      auto message = remove(p, c.scan);
      auto root = message->root;
      if (auto* e = p.extras_.get(); e && e->call.number && ends_call(e->call, root)) e->call.message = std::move(message);
      else root = take_over(p, std::move(message));
      guarded(p, [&] { resume(p, root); });
      return true;
    }
    c.scan = &b->next;
  }
  if (!c.timed_out && c.env.continuation.timeout_ms != 0) return false;
  guarded(p, [&] { resume(p, term{}); });
  return true;
}

// What a waiting function gets is part of its memory from now on. Of a small message that is a copy, so that its block is free for the next.
term core::take_over(process& p, block_ptr message) {
  constexpr std::size_t small_words = 24;
  const auto root = message->root;
  if (is_immediate(root)) return root;
  if (message->used_words() <= small_words) return copy(p.scratch(), root);
  p.scratch().adopt(std::move(message));
  return root;
}

// ---- the process's timeout

void process::set_timeout(std::int64_t ms) {
  opened lock(*this);
  core::disarm(*this);
  if (ms >= 0) core::arm(*this, ms);
}

void core::arm(process& p, std::int64_t ms) {
  ++p.timer_generation_;
  if (ms == 0) {
    p.flags_ |= timer_due;
    return;
  }
  p.flags_ |= timer_armed;
  p.timer_ = runtime_access::notify_after(*p.node_, std::chrono::milliseconds(ms), p.pid_, p.timer_generation_ & 0x7fffffff);
}

void core::disarm(process& p) {
  if (p.flags_ & timer_armed) runtime_access::of(*p.node_).clockwork.cancel(p.timer_);
  p.flags_ &= ~(timer_armed | timer_due);
  ++p.timer_generation_;
}

}  // namespace cnode::actors
