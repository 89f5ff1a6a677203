#include "parked.hpp"

#include <bit>
#include <memory>
#include <new>

#include "birth.hpp"
#include "core.hpp"
#include "runtime_impl.hpp"
#include "slabs.hpp"

namespace cnode::actors {

namespace {

// The words behind a parked process, in this order.
enum word : std::uint32_t {
  behaviour_at = 1, extras_at = 2, birth_at = 4, scratch_at = 8, leader_at = 16, parent_at = 32, name_at = 64, reductions_at = 128,
  version_at = 256, frame_at = 512, resume_at = 1024, destroy_at = 2048, match_at = 4096, call_at = 8192,
  words = 2 * call_at - 1,
  // without a word
  calling = 1 << 16, has_initial = 1 << 17, has_timers = 1 << 18, looked_on_path = 1 << 19,
};

std::size_t size_of(std::uint32_t present) {
  return sizeof(parked) + sizeof(std::uint64_t) * static_cast<std::size_t>(std::popcount(present & words));
}
std::uint64_t* words_of(parked* p) { return reinterpret_cast<std::uint64_t*>(p + 1); }
const std::uint64_t* words_of(const parked* p) { return reinterpret_cast<const std::uint64_t*>(p + 1); }

template <class T>
std::uint64_t to_word(T* p) { return reinterpret_cast<std::uint64_t>(p); }

// Does the scratch block hold nothing but what begin_call, or tail_call behind that, has made there for a function without arguments?
bool is_blank(const block& scratch, const activation& c) {
  constexpr std::size_t begun = 6, begun_again = 7;
  return c.arity == 0 && scratch.used_words() == (static_cast<const void*>(c.args) < c.mark ? begun : begun_again);
}

}  // namespace

parked* core::pack(process& p) {
  constexpr std::uint32_t kept_flags = trap_exit | started;
  // In this order: who gave its reference back may have made it runnable before.
  if (p.refs_.load(std::memory_order_acquire) != 1 || p.status_.load(std::memory_order_acquire) != idle) return nullptr;
  if (p.flags_ & was_idle_again) {
    p.flags_ &= ~static_cast<std::uint32_t>(was_idle_again);
    return nullptr;
  }
  if ((p.flags_ & ~(kept_flags | listed_idle)) || !(p.flags_ & started) || p.mailbox_ || p.deferred_ || p.inbox_.load() || p.exit_reason_ ||
      p.kill_pending_ || p.env_.load() || p.offered_ || !p.behaviour_->movable())
    return nullptr;
  auto* c = p.activation_;
  if (c && (c->at != activation::suspended || c->pinned || c->timer || c->timed_out || c->env.flags || c->arity > 255 || !c->version ||
            c->version->builtin() || c->env.continuation.timeout_ms >= 0))
    return nullptr;
  if (p.extras_ && p.extras_->call.number) return nullptr;
  if (p.initial_arity_ > 255 || (c && !p.scratch_) || !p.group_leader_) return nullptr;

  std::uint32_t present = reductions_at;
  const bool plain = is_plain_function(*p.behaviour_, p.initial_module_, p.initial_function_);
  const bool blank = p.scratch_ && c && is_blank(*p.scratch_, *c);
  if (!plain) present |= behaviour_at;
  if (p.extras_) present |= extras_at;
  if (p.birth_) present |= birth_at;
  if (p.scratch_ && !blank) present |= scratch_at;
  if (!p.group_leader_.same(runtime_access::of(*p.node_).user)) present |= leader_at;
  if (p.parent_) present |= parent_at;
  if (p.registered_name()) present |= name_at;
  if (p.reductions_ >> 32 == 0) present &= ~static_cast<std::uint32_t>(reductions_at);
  if (p.initial_module_) present |= has_initial;
  if (p.timers_to_it_) present |= has_timers;
  if (c) {
    const auto& k = c->env.continuation;
    present |= calling | version_at | frame_at | resume_at | destroy_at;
    if (k.match) present |= match_at;
    if (!c->module.same(p.initial_module_) || !c->function.same(p.initial_function_)) present |= call_at;
    if (c->looked_on_path) present |= looked_on_path;
  }

  auto* to = new (slabs::take(size_of(present))) parked{};
  to->pid = p.pid_;
  to->present = present;
  to->timer_generation = p.timer_generation_;
  if (p.initial_module_) {
    to->initial_module = p.initial_module_.atom_index();
    to->initial_function = p.initial_function_.atom_index();
  }
  to->reductions = static_cast<std::uint32_t>(p.reductions_);
  to->initial_arity = static_cast<std::uint8_t>(p.initial_arity_);
  to->flags = static_cast<std::uint8_t>(p.flags_ & kept_flags);
  to->output = p.output_;

  auto* w = words_of(to);
  if (present & behaviour_at) *w++ = to_word(p.behaviour_.release());
  if (present & extras_at) *w++ = to_word(p.extras_.release());
  if (present & birth_at) *w++ = to_word(std::exchange(p.birth_, nullptr));
  if (present & scratch_at) *w++ = to_word(p.scratch_.release());
  if (present & leader_at) *w++ = p.group_leader_.word();
  if (present & parent_at) *w++ = p.parent_.word();
  if (present & name_at) *w++ = p.registered_name().word();
  if (present & reductions_at) *w++ = p.reductions_;
  if (c) {
    const auto& k = c->env.continuation;
    to->call_arity = static_cast<std::uint8_t>(c->arity);
    *w++ = to_word(c->version);
    *w++ = to_word(k.frame);
    *w++ = reinterpret_cast<std::uint64_t>(k.resume);
    *w++ = reinterpret_cast<std::uint64_t>(k.destroy);
    if (present & match_at) *w++ = reinterpret_cast<std::uint64_t>(k.match);
    if (present & call_at) *w++ = static_cast<std::uint64_t>(c->module.atom_index()) << 32 | c->function.atom_index();
    // Arguments and mark of a scratch block that stays.
    if (present & scratch_at) {
      // They lie in the block itself: its root is nobody's while a function waits.
      auto* s = reinterpret_cast<block*>(words_of(to)[std::popcount(present & (behaviour_at | extras_at | birth_at))]);
      s->root = term{to_word(c->args)};
      s->next = static_cast<block*>(c->mark);
    }
    recycle(std::exchange(p.activation_, nullptr));
  }
  p.release();
  return to;
}

process* core::unpack(parked* from, runtime& node) {
  const auto present = from->present;
  const auto* w = words_of(from);
  const auto take = [&](word which) { return present & which ? *w++ : 0; };
  const term module = present & has_initial ? term{cnode_make_atom(from->initial_module)} : term{};
  const term function = present & has_initial ? term{cnode_make_atom(from->initial_function)} : term{};
  // What may fail comes first.
  auto plain = present & behaviour_at ? nullptr : make_function_process(module, function, nil);
  const bool blank = (present & calling) && !(present & scratch_at);
  auto fresh = blank ? block::make(120) : nullptr;
  auto* c = present & calling ? make_activation() : nullptr;
  auto* p = create(node, from->pid, std::move(plain));

  if (present & behaviour_at) p->behaviour_.reset(reinterpret_cast<behaviour*>(take(behaviour_at)));
  p->extras_.reset(reinterpret_cast<process_extras*>(take(extras_at)));
  p->birth_ = reinterpret_cast<birth*>(take(birth_at));
  p->scratch_.reset(reinterpret_cast<block*>(take(scratch_at)));
  p->group_leader_ = present & leader_at ? term{take(leader_at)} : runtime_access::of(node).user;
  p->parent_ = term{take(parent_at)};
  if (present & name_at) p->registered_name_ = take(name_at);
  p->reductions_ = present & reductions_at ? take(reductions_at) : from->reductions;
  p->initial_module_ = module;
  p->initial_function_ = function;
  p->initial_arity_ = from->initial_arity;
  p->timer_generation_ = from->timer_generation;
  p->flags_ = from->flags | was_idle_again;  // until it is listed: it came back
  p->output_ = from->output;
  p->timers_to_it_ = (present & has_timers) != 0;
  if (c) {
    c->at = activation::suspended;
    c->version = reinterpret_cast<module_version*>(take(version_at));
    auto& k = c->env.continuation;
    k.frame = reinterpret_cast<void*>(take(frame_at));
    k.resume = reinterpret_cast<decltype(k.resume)>(take(resume_at));
    k.destroy = reinterpret_cast<decltype(k.destroy)>(take(destroy_at));
    k.match = reinterpret_cast<decltype(k.match)>(take(match_at));
    k.timeout_ms = -1;
    const auto call = take(call_at);
    c->module = present & call_at ? term{cnode_make_atom(static_cast<std::uint32_t>(call >> 32))} : module;
    c->function = present & call_at ? term{cnode_make_atom(static_cast<std::uint32_t>(call))} : function;
    c->arity = from->call_arity;
    c->looked_on_path = (present & looked_on_path) != 0;
    c->scan = &p->mailbox_;
    if (blank) {
      p->scratch_ = std::move(fresh);
      c->args = p->scratch_->reserve(1);
      c->mark = p->scratch_->mark();
    } else {
      c->args = reinterpret_cast<const cnode_term*>(p->scratch_->root.word());
      c->mark = std::exchange(p->scratch_->next, nullptr);
      p->scratch_->root = term{};
    }
    c->env.heap = p->scratch_.get();
    c->env.process = p;
    p->activation_ = c;
    p->version_ = c->version;
  }
  slabs::give(from, size_of(present));
  return p;
}

parked* parked::pack(process& p) noexcept {
  try {
    return core::pack(p);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
process* parked::unpack(parked* from, runtime& node) { return core::unpack(from, node); }

module_version* parked::version_of(const parked* p) {
  if (!(p->present & calling)) return nullptr;
  constexpr std::uint32_t before = version_at - 1;
  return reinterpret_cast<module_version*>(words_of(p)[std::popcount(p->present & before)]);
}

void core::note_idle(process& p) {
  if (p.flags_ & listed_idle) {
    p.flags_ |= was_idle_again;
    return;
  }
  auto* w = this_worker();
  if (!w) return;
  auto& r = runtime_access::of(*p.node_);
  p.flags_ |= listed_idle;
  // One that was packed had to come back: the list has room for more of those that come and go.
  constexpr std::size_t growth = 16;
  const bool came_back = p.flags_ & was_idle_again;
  p.flags_ &= ~static_cast<std::uint32_t>(was_idle_again);
  w->idle.note(p, r.table, came_back ? growth * r.config.recently_idle : r.config.recently_idle);
}

void idle_list::note(process& p, process_table& table, std::size_t most) {
  // A process that has run since, or cannot be packed, keeps its place; after a few of them the list grows instead.
  for (unsigned tries = 0; tries < 8 && pids_.size() >= most && !pids_.empty(); ++tries) {
    hand_ = hand_ + 1 < pids_.size() ? hand_ + 1 : 0;
    if (!table.pack(pids_[hand_])) continue;
    pids_[hand_] = p.pid();
    return;
  }
  pids_.push_back(p.pid());
}

}  // namespace cnode::actors
