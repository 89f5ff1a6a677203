// Signals on their way: posted by any thread to the inbox, a stack; taken out by the process's own thread, messages into the mailbox.
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

bool core::try_post(process& p, block_ptr& s) {
  auto* b = s.get();
  auto* head = p.inbox_.load();
  do {
    if (head == closed()) return false;
    b->next = head;
  } while (!p.inbox_.compare_exchange_weak(head, b));
  s.release();
  make_runnable(p);
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
  runtime_access::of(node).table.with(pid, [&](process& p) {
    posted = try_post(p, s);
    if (posted && kill) mark_killed(p);
  });
  if (!posted) answer_for_dead(node, pid, std::move(s));
}

// The callback that runs right now learns it from its env. Leaving the callback waits until bit 0 is off again.
void core::mark_killed(process& p) {
  auto v = p.env_.load();
  while (v != 0) {
    if (v & 1) {
      v = p.env_.load();
      continue;
    }
    if (!p.env_.compare_exchange_weak(v, v | 1)) continue;
    __atomic_store_n(&reinterpret_cast<cnode_env*>(v)->flags, 1u, __ATOMIC_RELAXED);
    p.env_.store(v);
    return;
  }
}

// ---- the process's own thread

bool core::drain(process& p) {
  if (p.inbox_.load(std::memory_order_relaxed) == nullptr) return false;
  auto* newest = p.inbox_.exchange(nullptr);
  block* oldest = nullptr;
  while (newest) {
    auto* next = newest->next;
    newest->next = oldest;
    oldest = newest;
    newest = next;
  }
  while (oldest) {
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
  core::drain(*this);
  for (auto** slot = &mailbox_; *slot; slot = &(*slot)->next) {
    if (match(context, (*slot)->root)) return core::remove(*this, slot);
  }
  return nullptr;
}

void process::rescan() { scan_ = &mailbox_; }
std::size_t process::message_queue_len() const { return mailbox_length_; }

}  // namespace cnode::actors
