// Signals on their way: posted by any thread to the inbox, a stack; taken out by the process's own thread, messages into the mailbox.
#include <thread>
#include <utility>

#include "biased_lock.hpp"
#include "core.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

block_ptr core::make_signal(signal kind, term field, std::size_t words) {
  auto b = block::make(words);
  b->root = is_immediate(field) ? field : copy(*b, field);
  b->tag = static_cast<std::uint32_t>(kind);
  return b;
}

void core::drop_signal(block_ptr s) noexcept {
  // The function of a `run` signal goes with it.
  if (s && static_cast<signal>(s->tag) == signal::run) {
    delete reinterpret_cast<std::function<void(process&)>*>(static_cast<std::uintptr_t>(s->root.word()));
  }
}

bool core::try_post(process& p, block* newest, block* oldest) {
  auto* head = p.inbox_.load();
  do {
    if (head == closed()) return false;
    oldest->next = head;
  } while (!p.inbox_.compare_exchange_weak(head, newest));
  make_runnable(p);
  return true;
}

bool core::try_post(process& p, block_ptr& s) {
  if (!try_post(p, s.get(), s.get())) return false;
  s.release();
  return true;
}

// A lost wake-up is impossible: the runner says `running` before it looks into the inbox, and we look at the status after we have
// put the signal there, all in one total order.
void core::make_runnable(process& p) {
  auto s = p.status_.load();
  for (;;) {
    if (s == idle) {
      if (p.status_.compare_exchange_weak(s, queued)) return runtime_access::of(*p.node_).sched.make_runnable(p);
    } else if (s == running) {
      if (p.status_.compare_exchange_weak(s, notified)) return;
    } else {
      return;
    }
  }
}

void core::post_to(runtime& node, term pid, block_ptr s) {
  const bool kill = static_cast<signal>(s->tag) == signal::exit && s->root.element(1).same(a().kill);
  bool posted = false;
  process_ptr killed;
  runtime_access::of(node).table.with(pid, [&](process& p) {
    posted = try_post(p, s);
    if (!posted || !kill) return;
    p.kill_pending_ = true;
    // One that does not run finds the signal before it enters a function again.
    if (const auto s = p.status_.load(); s == running || s == notified) killed = process_ptr(&p);
  });
  if (killed) handle_meanwhile(*killed);
  if (!posted) answer_for_dead(node, pid, std::move(s));
}

void arrivals::add(term pid, block_ptr signal) {
  if (!pid.same(pid_)) {
    deliver();
    pid_ = pid;
  }
  auto* b = signal.release();
  b->next = newest_;
  if (!newest_) oldest_ = b;
  newest_ = b;
}

void arrivals::post() {
  auto* newest = std::exchange(newest_, nullptr);
  bool posted = false;
  runtime_access::of(node_).table.with(pid_, [&](process& p) { posted = core::try_post(p, newest, oldest_); });
  if (posted) return;
  oldest_->next = nullptr;
  auto* oldest = core::oldest_first(newest);
  while (oldest) {
    block_ptr s{oldest};
    oldest = s->next;
    s->next = nullptr;
    core::answer_for_dead(node_, pid_, std::move(s));
  }
}

// ---- signals for a process that is inside a function of a module

bool core::try_take(process& p) {
  if (p.taken_.exchange(true)) return false;
  look_after_store();
  if (p.open_.load()) return true;
  give_back(p);
  return false;
}

void core::lock_own(process& p) {
  store_then_look(p.open_, false);
  for (unsigned spins = 0; p.taken_.load(); ++spins) {
    if (spins > 100) std::this_thread::yield();
  }
}

const process*& opened::held() {
  thread_local const process* p = nullptr;
  return p;
}

opened::opened(const process& p) {
  if (held() == &p || !p.env_.load(std::memory_order_relaxed)) return;
  locked_ = const_cast<process*>(&p);
  core::lock_own(*locked_);
  held() = &p;
}

opened::~opened() {
  if (!locked_) return;
  held() = nullptr;
  store_then_look(locked_->open_, true);
  // Who wanted to end it meanwhile found it locked.
  if (locked_->kill_pending_) core::handle_meanwhile(*locked_);
}

void core::close(process& p) {
  lock_own(p);
  p.env_.store(nullptr, std::memory_order_relaxed);
}

// Those that run code of the process, or look at what its function is using.
bool core::can_wait(signal s) {
  switch (s) {
    case signal::group_leader:
    case signal::info_request:
    case signal::purge:
    case signal::timeout:
    case signal::call_ready:
    case signal::run: return true;
    default: return false;
  }
}

void core::handle_meanwhile(process& p) {
  if (!try_take(p)) return;
  const auto* before = opened::held();
  opened::held() = &p;
  if (!(p.flags_ & exiting)) {
    handle_in_order(p, take_inbox(p, std::exchange(p.deferred_, nullptr)), true);
    if (p.flags_ & exiting) {
      __atomic_store_n(&p.env_.load()->flags, 1u, __ATOMIC_RELAXED);
      // The table's reference goes, but the function has not returned.
      p.retain();
      p.flags_ |= held;
      announce(p);
    }
  }
  p.kill_pending_ = false;
  opened::held() = before;
  give_back(p);
}

// ---- the process's own thread

// What is in the inbox, behind what is already out of it; oldest first.
block* core::take_inbox(process& p, block* with) {
  auto* newest = p.inbox_.load(std::memory_order_relaxed);
  if (newest && newest != closed()) newest = p.inbox_.exchange(nullptr);
  auto* oldest = newest == closed() ? nullptr : oldest_first(newest);
  if (!with) return oldest;
  auto* last = with;
  while (last->next) last = last->next;
  last->next = oldest;
  return with;
}

block* core::oldest_first(block* newest) {
  block* oldest = nullptr;
  while (newest) {
    auto* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  return oldest;
}

void core::handle_in_order(process& p, block* oldest, bool function_runs) {
  while (oldest) {
    if (function_runs && !(p.flags_ & exiting) && can_wait(static_cast<signal>(oldest->tag))) {
      // A kill overtakes them; everything else waits behind them.
      auto** link = &oldest;
      while (*link && !(static_cast<signal>((*link)->tag) == signal::exit && (*link)->root.element(1).same(a().kill))) link = &(*link)->next;
      if (!*link) {
        p.deferred_ = oldest;
        return;
      }
      block_ptr kill{*link};
      *link = kill->next;
      kill->next = nullptr;
      handle(p, std::move(kill));
      continue;
    }
    block_ptr s{oldest};
    oldest = oldest->next;
    s->next = nullptr;
    if (p.flags_ & exiting) {
      answer_for_dead(*p.node_, p.pid_, std::move(s));
    } else if (s->tag == static_cast<std::uint32_t>(signal::message)) {
      append(p, std::move(s));
    } else {
      handle(p, std::move(s));
    }
  }
}

// At the beginning of a slice, right after `running`: the exchange orders the two for whoever posts (make_runnable).
void core::drain_first(process& p) {
  auto* newest = p.inbox_.load(std::memory_order_relaxed);
  if (newest == closed()) return;
  if (!newest) {
    // Nothing there, as it seems: to look by writing is what makes it sure.
    if (p.inbox_.compare_exchange_strong(newest, nullptr)) {
      if (!p.deferred_) return;
    }
  }
  drain(p);
}

bool core::drain(process& p) {
  if (p.inbox_.load(std::memory_order_relaxed) == nullptr && !p.deferred_) return false;
  p.kill_pending_.store(false, std::memory_order_relaxed);
  const bool runs = p.env_.load(std::memory_order_relaxed) != nullptr;
  handle_in_order(p, take_inbox(p, std::exchange(p.deferred_, nullptr)), runs);
  return true;
}

void core::append(process& p, block_ptr message) {
  auto* b = message.release();
  b->next = nullptr;
  *p.mailbox_end_ = b;
  p.mailbox_end_ = &b->next;
  ++p.mailbox_length_;
}

block_ptr core::remove(process& p, block** slot) {
  auto* b = *slot;
  *slot = b->next;
  // Whatever stood right behind the message stands where the message was.
  if (p.mailbox_end_ == &b->next) p.mailbox_end_ = slot;
  if (p.scan_ == &b->next) p.scan_ = slot;
  if (p.offered_ == &b->next) p.offered_ = slot;
  if (p.activation_ && p.activation_->scan == &b->next) p.activation_->scan = slot;
  --p.mailbox_length_;
  b->next = nullptr;
  return block_ptr{b};
}

block_ptr process::take_message(bool (*match)(void*, term), void* context) {
  opened lock(*this);
  core::drain(*this);
  for (auto** slot = &mailbox_; *slot; slot = &(*slot)->next) {
    if (match(context, (*slot)->root)) return core::remove(*this, slot);
  }
  return nullptr;
}

void process::rescan() {
  opened lock(*this);
  scan_ = &mailbox_;
}
std::size_t process::message_queue_len() const {
  opened lock(*this);
  return mailbox_length_;
}

}  // namespace cnode::actors
