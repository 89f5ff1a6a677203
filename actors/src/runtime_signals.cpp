// Where a message goes: to a pid, a name, a name elsewhere or an alias. And references and the timers they name.
#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {

block_ptr message_block(term message) {
  auto b = is_immediate(message) ? immediate_block(message) : copy_to_block(message);
  b->tag = static_cast<std::uint32_t>(signal::message);
  return b;
}

}  // namespace

bool runtime_access::send_remote(runtime& r, term node, const dist::control_message& m, term message) {
  auto* d = of(r).dist;
  return d && d->send(node, m, message);
}

// `make` gives the block when it is really needed here: sends to other nodes need no copy.
template <class Make>
static void route(runtime& r, term to, term message, term from, Make make) {
  if (to.is_local_pid()) return core::post_to(r, to, make());
  if (to.is_atom()) {
    const auto pid = r.whereis(to);
    if (pid) core::post_to(r, pid, make());
    return;
  }
  if (to.is_tuple(2) && to[0].is_atom() && to[1].is_atom()) {
    if (to[1].same(this_node().name)) return route(r, to[0], message, from, make);
    runtime_access::send_remote(r, to[1], dist::reg_send{from, to[0], {}}, message);
    return;
  }
  if (to.kind() == CNODE_PID) {
    // With our name it is a pid of an earlier life of this node: nobody.
    if (!named_as_us(to)) runtime_access::send_remote(r, node_of(to).node, dist::send{from, to, {}}, message);
    return;
  }
  if (!to.is_ref()) return;
  if (!named_as_us(to)) {
    runtime_access::send_remote(r, node_of(to).node, dist::alias_send{from, to, {}}, message);
  } else if (is_our_alias(to)) {
    auto b = make();
    b->root = make_tuple_of(*b, copy(*b, to), b->root);
    b->tag = static_cast<std::uint32_t>(signal::alias_message);
    core::post_to(r, alias_owner(to), std::move(b));
  }
}

void runtime_access::send_to(runtime& r, term to, term message, term from) {
  route(r, to, message, from, [&] { return message_block(message); });
}

void runtime::send(term to, block_ptr message, term from) {
  const auto m = message->root;
  // Control messages from nobody in particular carry the node's own process.
  route(*this, to, m, from ? from : default_group_leader(), [&] {
    message->tag = static_cast<std::uint32_t>(signal::message);
    return std::move(message);
  });
}

void runtime::exit_signal(term from, term to, term reason) {
  if (to.is_local_pid()) {
    auto b = block::make(24);
    b->root = make_tuple_of(*b, from ? copy(*b, from) : nil, copy(*b, reason));
    b->tag = static_cast<std::uint32_t>(signal::exit);
    core::post_to(*this, to, std::move(b));
  } else if (to.kind() == CNODE_PID && !named_as_us(to)) {
    runtime_access::send_remote(*this, node_of(to).node, dist::exit2{from, to, reason, {}});
  }
}

// ---- references

term runtime::make_ref(block& b) { return build_ref(b, runtime_access::new_ref(*this)); }

term runtime::send_after(std::int64_t ms, term to, term message, block& b, bool start_timer_form) {
  const auto number = runtime_access::new_ref(*this);
  const auto ref = build_ref(b, number);
  auto m = block::make(32);
  m->root = copy(*m, message);
  if (start_timer_form) m->root = make_tuple_of(*m, a().timeout, copy(*m, ref), m->root);
  // std::function wants to copy what it holds.
  auto held = std::make_shared<std::pair<owned_term, block_ptr>>(owned_term(to), std::move(m));
  std::lock_guard guard(impl_->timer_refs_lock);
  // A timer to a process lives as long as that process (erlang:send_after/4); to a name it is looked up when it fires.
  const bool to_process = to.is_local_pid();
  if (to_process && !impl_->table.with(to, [](process& p) { p.timers_to_it_ = true; })) return ref;
  const auto id = after(std::chrono::milliseconds(ms < 0 ? 0 : std::min<std::int64_t>(ms, std::int64_t{1} << 50)), [this, number, held] {
    {
      std::lock_guard g(impl_->timer_refs_lock);
      impl_->forget_timer(number);
    }
    send(held->first.get(), std::move(held->second));
  });
  impl_->timer_refs[number] = {id, to_process ? to : term{}};
  if (to_process) impl_->timers_to[to.word()].insert(number);
  return ref;
}

void runtime::impl::forget_timer(std::uint64_t number) {
  const auto t = timer_refs.find(number);
  if (t == timer_refs.end()) return;
  if (const auto to = t->second.to) {
    const auto all = timers_to.find(to.word());
    all->second.erase(number);
    if (all->second.empty()) timers_to.erase(all);
  }
  timer_refs.erase(t);
}

// It is out of the table already: no timer can be added.
void runtime_access::cancel_timers_to(runtime& r, term pid) {
  auto& impl = of(r);
  std::lock_guard guard(impl.timer_refs_lock);
  const auto all = impl.timers_to.find(pid.word());
  if (all == impl.timers_to.end()) return;
  for (const auto number : all->second) {
    const auto t = impl.timer_refs.find(number);
    r.cancel(t->second.id);
    impl.timer_refs.erase(t);
  }
  impl.timers_to.erase(all);
}

namespace {
// Rounded up, as erlang:cancel_timer/1 does: 0 only when it is due.
std::int64_t milliseconds_left(std::chrono::nanoseconds left) { return (left.count() + 999999) / 1000000; }
}  // namespace

std::int64_t runtime::cancel_timer(term ref) {
  if (!is_our_ref(ref)) return -1;
  std::lock_guard guard(impl_->timer_refs_lock);
  const auto t = impl_->timer_refs.find(ref_number(ref));
  if (t == impl_->timer_refs.end()) return -1;
  const auto left = cancel(t->second.id);
  impl_->forget_timer(ref_number(ref));
  return left ? milliseconds_left(*left) : -1;
}

std::int64_t runtime::read_timer(term ref) const {
  if (!is_our_ref(ref)) return -1;
  std::lock_guard guard(impl_->timer_refs_lock);
  const auto t = impl_->timer_refs.find(ref_number(ref));
  if (t == impl_->timer_refs.end()) return -1;
  const auto left = read(t->second.id);
  return left ? milliseconds_left(*left) : -1;
}

}  // namespace cnode::actors
