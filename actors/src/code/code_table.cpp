// The module table: name -> slot {current, old}. find() takes no lock.
#include <cassert>

#include "code/code_impl.hpp"

namespace cnode::actors {

bool export_index::add(term name, std::uint32_t arity, std::uint32_t flags, cnode_function function) {
  if (find(name, arity)) return false;
  order_.push_back({name, arity, flags, function});
  if (order_.size() * 2 > slots_.size()) {
    slots_.assign(slots_.empty() ? 16 : slots_.size() * 2, entry{});
    for (const auto& e : order_) put(e);
  } else {
    put(order_.back());
  }
  return true;
}

void export_index::put(const entry& e) {
  const auto mask = slots_.size() - 1;
  auto i = hash_of(e.name, e.arity) & mask;
  while (slots_[i].function) i = (i + 1) & mask;
  slots_[i] = e;
}

void module_version::release() noexcept {
  if (builtin_) return;
  if (refs_.fetch_sub(1, std::memory_order_acq_rel) == 1) static_cast<code_server_impl*>(owner_)->last_reference(this);
}

module_slot* code_server_impl::slot_of(term module) const {
  if (!module.is_atom()) return nullptr;
  const auto i = module.atom_index();
  if (i / leaf_size >= leaves) return nullptr;
  auto* l = directory[i / leaf_size].load(std::memory_order_acquire);
  return l ? l->slots[i % leaf_size].load(std::memory_order_acquire) : nullptr;
}

module_slot& code_server_impl::make_slot(term module) {
  if (auto* s = slot_of(module)) return *s;
  const auto i = module.atom_index();
  auto& place = directory[i / leaf_size];
  auto* l = place.load(std::memory_order_acquire);
  if (!l) {
    l = new leaf;
    place.store(l, std::memory_order_release);
  }
  auto& s = slots.emplace_back();
  s.name = module;
  l->slots[i % leaf_size].store(&s, std::memory_order_release);
  return s;
}

// The one field a late reader of a reused version may see is the count, so builtins, which never go, have objects of their own.
module_version* code_server_impl::new_version(term name, bool builtin) {
  std::lock_guard guard{versions_lock};
  module_version* v;
  if (builtin || free_versions.empty()) {
    v = &versions.emplace_back();
    v->builtin_ = builtin;
  } else {
    v = free_versions.back();
    free_versions.pop_back();
  }
  v->name_ = name;
  v->description_ = nullptr;
  v->owner_ = this;
  v->file_ = new module_version::loaded_file;
  v->refs_.store(1, std::memory_order_release);
  return v;
}

void code_server_impl::recycle(module_version* v) {
  std::lock_guard guard{versions_lock};
  delete v->file_;
  v->file_ = nullptr;
  v->description_ = nullptr;
  free_versions.push_back(v);
}

// A version found without a lock may be going, or be another one by now: the count says the first, the caller looks for the second.
bool code_server_impl::try_retain(module_version& v) {
  auto n = v.refs_.load(std::memory_order_relaxed);
  while (n != 0)
    if (v.refs_.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel, std::memory_order_relaxed)) return true;
  return false;
}

module_version* code_server_impl::retain_current(term module) const {
  auto* s = slot_of(module);
  if (!s) return nullptr;
  for (;;) {
    auto* v = s->current.load(std::memory_order_acquire);
    if (!v) return nullptr;
    if (v->builtin_) return v;
    if (!try_retain(*v)) continue;
    if (s->current.load(std::memory_order_acquire) == v) return v;
    v->release();
  }
}

module_version* code_server_impl::version_at(const void* address) const {
  const auto a = reinterpret_cast<std::uintptr_t>(address);
  std::shared_lock guard{ranges_lock};
  auto i = ranges.upper_bound(a);
  if (i == ranges.begin()) return nullptr;
  --i;
  if (a >= i->second.first) return nullptr;
  auto* v = i->second.second;
  return try_retain(*v) ? v : nullptr;
}

function_ref code_server::find(term module, term function, std::uint32_t arity) {
  auto* v = impl_->retain_current(module);
  if (!v) return {};
  const auto* e = code_server_impl::file(*v).exports.find(function, arity);
  if (!e) {
    v->release();
    return {};
  }
  return {e->function, v, e->flags};
}

code_server::presence code_server::look(term module) const {
  auto* s = impl_->slot_of(module);
  if (s && s->current.load(std::memory_order_acquire)) return presence::loaded;
  return module.is_atom() && !impl_->embedded ? presence::loadable : presence::absent;
}

// A module that gains functions gets a new table; the old one stays for those who are just reading it.
void code_server::add_builtin(std::string_view module, std::span<const builtin_function> functions) {
  const auto name = atom(module);
  auto* v = impl_->new_version(name, true);
  auto& exports = code_server_impl::file(*v).exports;
  std::lock_guard guard{impl_->table_lock};
  auto& slot = impl_->make_slot(name);
  auto* before = slot.current.load(std::memory_order_acquire);
  for (const auto& f : functions) exports.add(atom(f.name), f.arity, 0, f.function);
  if (before)
    for (const auto& e : code_server_impl::file(*before).exports.in_order()) exports.add(e.name, e.arity, e.flags, e.function);
  add_generated_exports(exports, module);
  slot.current.store(v, std::memory_order_release);
}

}  // namespace cnode::actors
