// A process's attributes: what it knows about itself without asking anybody.
#include <cnode/actors/process.hpp>

#include "core.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

const atoms& a() {
  static const atoms all;
  return all;
}

term behaviour::current_function(process&, block& b) {
  return make_tuple_of(b, atom("gen_server"), atom("loop"), small(7));
}

process::process(runtime& node, term pid, std::unique_ptr<behaviour> b) : node_(&node), pid_(pid), behaviour_(std::move(b)) {}

process::~process() {
  while (mailbox_) {
    block_ptr gone{mailbox_};
    mailbox_ = gone->next;
  }
  while (deferred_) {
    block_ptr gone{deferred_};
    deferred_ = gone->next;
    core::drop_signal(std::move(gone));
  }
  // A process that never ended (its runtime went away) may still have signals.
  auto* s = inbox_.load();
  while (s && s != core::closed()) {
    block_ptr gone{s};
    s = s->next;
    core::drop_signal(std::move(gone));
  }
}

process* core::make_stand_in(runtime& node, const process& owner, cnode_env& env) {
  auto* p = create(node, owner.pid_, nullptr);
  p->flags_ = exiting | announced;
  p->status_ = dead;
  p->inbox_ = closed();
  const auto leader = owner.group_leader();
  if (leader) p->set_group_leader(leader);
  p->env_ = &env;
  p->open_ = true;
  return p;
}

term process::pid() const { return pid_; }
runtime& process::node() const { return *node_; }
void process::post(block_ptr s) {
  process_ptr keep(this);
  if (!core::try_post(*this, s)) core::answer_for_dead(*node_, pid_, std::move(s));
}
void process::retain() const noexcept { refs_.fetch_add(1, std::memory_order_relaxed); }
void process::release() const noexcept {
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) delete this;
}

block& process::scratch() {
  if (!scratch_) scratch_ = block::make(120);
  return *scratch_;
}

void process::exit(term reason) {
  opened lock(*this);
  if (flags_ & core::exiting) return;
  exit_reason_ = copy_to_block(reason);
  flags_ |= core::exiting;
}
bool process::exiting() const { return flags_ & core::exiting; }

process_extras& core::extras(process& p) {
  if (!p.extras_) p.extras_ = std::make_unique<process_extras>();
  return *p.extras_;
}

bool process::trap_exit() const { return flags_ & core::trap_exit; }
void process::set_async_dist() { output_ |= core::async_dist; }
bool process::set_trap_exit(bool on) {
  opened lock(*this);
  const bool before = trap_exit();
  flags_ = on ? flags_ | core::trap_exit : flags_ & ~static_cast<std::uint32_t>(core::trap_exit);
  return before;
}

term process::group_leader() const { return group_leader_; }
void process::set_group_leader(term pid) {
  opened lock(*this);
  if (is_immediate(pid)) {
    group_leader_ = pid;
    return;
  }
  auto& e = core::extras(*this);
  e.group_leader = owned_term(pid);
  group_leader_ = e.group_leader.get();
}

term process::registered_name() const {
  const term name{registered_name_.load(std::memory_order_relaxed)};
  return name.is_atom() ? name : term{};
}

std::uint64_t process::reductions() const { return reductions_; }
behaviour* process::current_behaviour() const { return behaviour_.get(); }

bool process::has_link(term pid) const {
  opened lock(*this);
  if (!extras_) return false;
  const auto l = extras_->links.find(pid);
  return l != extras_->links.end() && l->second.unlink_id == 0;
}

// ---- dictionary: few entries, searched in order

term process::dictionary_get(term key) const {
  if (!extras_) return {};
  for (auto& e : extras_->dictionary) {
    if (exactly_equal(e.key.get(), key)) return e.value.get();
  }
  return {};
}

term process::dictionary_put(term key, term value, block& b) {
  opened lock(*this);
  auto& d = core::extras(*this).dictionary;
  for (auto& e : d) {
    if (!exactly_equal(e.key.get(), key)) continue;
    const auto former = copy(b, e.value.get());
    if (value) {
      e.value = owned_term(value);
    } else {
      if (&e != &d.back()) e = std::move(d.back());
      d.pop_back();
    }
    return former;
  }
  if (value) d.push_back({owned_term(key), owned_term(value)});
  return {};
}

term process::dictionary(block& b) const {
  auto list = nil;
  if (!extras_) return list;
  for (auto e = extras_->dictionary.rbegin(); e != extras_->dictionary.rend(); ++e) {
    list = make_cons(b, make_tuple_of(b, copy(b, e->key.get()), copy(b, e->value.get())), list);
  }
  return list;
}

}  // namespace cnode::actors
