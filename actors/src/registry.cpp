// Registered names: one table under one lock, read much more often than written.
#include "runtime_impl.hpp"

namespace cnode::actors {

bool runtime::register_name(term name, term pid) {
  if (!name.is_atom() || name.same(a().undefined) || !pid.is_local_pid()) return false;
  std::unique_lock guard(impl_->names_lock);
  if (impl_->names.contains(name.word())) return false;
  bool taken = false;
  impl_->table.with(pid, [&](process& p) {
    // Not none: it has a name, or is about to end (nil).
    cnode_term none = CNODE_NONE;
    taken = p.registered_name_.compare_exchange_strong(none, name.word());
  });
  if (taken) impl_->names[name.word()] = pid.word();
  return taken;
}

bool runtime::unregister_name(term name) {
  std::unique_lock guard(impl_->names_lock);
  const auto n = impl_->names.find(name.word());
  if (n == impl_->names.end()) return false;
  impl_->table.with(term{n->second}, [&](process& p) {
    auto own = name.word();
    p.registered_name_.compare_exchange_strong(own, CNODE_NONE);
  });
  // Monitors by this name stay with who had it, and so must their end.
  auto& former = impl_->former_owners[name.word()];
  std::erase_if(former, [this](cnode_term p) { return !alive(term{p}); });
  former.push_back(n->second);
  impl_->names.erase(n);
  return true;
}

std::vector<term> runtime_access::owners(const runtime& r, term name) {
  auto& impl = of(r);
  std::shared_lock guard(impl.names_lock);
  std::vector<term> all;
  if (const auto n = impl.names.find(name.word()); n != impl.names.end()) all.push_back(term{n->second});
  if (const auto f = impl.former_owners.find(name.word()); f != impl.former_owners.end())
    for (const auto pid : f->second) all.push_back(term{pid});
  return all;
}

void runtime_access::forget_name(runtime& r, process& p) {
  cnode_term none = CNODE_NONE;
  if (p.registered_name_.compare_exchange_strong(none, CNODE_NIL)) return;
  auto& impl = of(r);
  std::unique_lock guard(impl.names_lock);
  const auto name = p.registered_name_.exchange(CNODE_NIL);
  if (term{name}.is_atom()) impl.names.erase(name);
}

term runtime::whereis(term name) const {
  std::shared_lock guard(impl_->names_lock);
  const auto n = impl_->names.find(name.word());
  return n == impl_->names.end() ? term{} : term{n->second};
}

std::vector<term> runtime::registered() const {
  std::shared_lock guard(impl_->names_lock);
  std::vector<term> names;
  names.reserve(impl_->names.size());
  for (auto& [name, pid] : impl_->names) names.push_back(term{name});
  return names;
}

}  // namespace cnode::actors
