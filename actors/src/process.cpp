// A process's attributes: what it knows about itself without asking anybody.
#include <cnode/actors/process.hpp>

#include "core.hpp"
#include "runtime_impl.hpp"
#include "slabs.hpp"

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
  if (birth_) birth_->release();
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

void* process::operator new(std::size_t bytes) { return slabs::take(bytes); }
void process::operator delete(void* p, std::size_t bytes) noexcept { slabs::give(p, bytes); }

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
  exit_reason_ = reason;
  if (!is_immediate(reason)) {
    auto& e = core::extras(*this);
    e.exit_reason = owned_term(reason);
    exit_reason_ = e.exit_reason.get();
  }
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

void core::prepare(process& p, term leader, const spawn_options& o, const spawn_origin& origin) {
  if (leader) {
    if (is_immediate(leader)) p.group_leader_ = leader;
    else p.set_group_leader(leader);
  }
  if (origin.parent.is_local_pid()) p.parent_ = origin.parent;
  if (const auto call = o.initial_call; call && call.is_tuple(3)) {
    p.initial_module_ = call[0];
    p.initial_function_ = call[1];
    p.initial_arity_ = static_cast<std::uint32_t>(call[2].small());
  } else if (origin.module) {
    p.initial_module_ = origin.module;
    p.initial_function_ = origin.function;
    p.initial_arity_ = origin.arity;
  }
  p.birth_ = birth::of(o.dictionary);
  if (p.birth_) return;
  for (auto& [key, value] : o.dictionary) extras(p).dictionary.push_back({owned_term(key), owned_term(value)});
}

// ---- dictionary: few entries, searched in order

void core::own_birth(process& p) {
  auto& d = extras(p).dictionary;
  for (auto i = birth::entries; i > 0; --i) d.insert(d.begin(), {owned_term(birth::key(i - 1)), owned_term(p.birth_->value(i - 1))});
  std::exchange(p.birth_, nullptr)->release();
}

term process::dictionary_get(term key) const {
  if (birth_) {
    if (const auto value = birth_->get(key)) return value;
  }
  if (!extras_) return {};
  for (auto& e : extras_->dictionary) {
    if (exactly_equal(e.key.get(), key)) return e.value.get();
  }
  return {};
}

term process::dictionary_put(term key, term value, block& b) {
  opened lock(*this);
  if (birth_ && birth_->get(key)) core::own_birth(*this);
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
  const auto add = [&](term key, term value) { list = make_cons(b, make_tuple_of(b, copy(b, key), copy(b, value)), list); };
  if (extras_) {
    for (auto e = extras_->dictionary.rbegin(); e != extras_->dictionary.rend(); ++e) add(e->key.get(), e->value.get());
  }
  if (birth_) {
    for (auto i = birth::entries; i > 0; --i) add(birth::key(i - 1), birth_->value(i - 1));
  }
  return list;
}

}  // namespace cnode::actors
