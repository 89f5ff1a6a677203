#include "pg_scope.hpp"

#include <algorithm>
#include <mutex>

namespace cnode::services {

namespace {

// lists:delete/2: the one nearest to the head of Erlang's list.
bool remove_one(members& from, const owned& what) {
  const auto i = std::find(from.rbegin(), from.rend(), what);
  if (i == from.rend()) return false;
  from.erase(std::next(i).base());
  return true;
}

// Add ++ List
void prepend(members& to, const std::vector<owned>& add) { to.insert(to.end(), add.rbegin(), add.rend()); }

// A -- B, in Erlang's order
std::vector<owned> minus(const members& a, members b) {
  std::vector<owned> left;
  for (auto i = a.rbegin(); i != a.rend(); ++i)
    if (!remove_one(b, *i)) left.push_back(*i);
  return left;
}

}  // namespace

void pg_scope::change(const pg_update& u, bool here, const notify& tell) {
  {
    std::unique_lock guard(view->lock);
    auto& e = view->groups[u.group];
    for (const auto& p : u.remove) {
      remove_one(e.all, p);
      if (here) remove_one(e.local, p);
    }
    prepend(e.all, u.add);
    if (here) prepend(e.local, u.add);
    if (e.all.empty()) view->groups.erase(u.group);
  }
  for (const auto& s : subscriptions) {
    if (!s.whole && !(s.group == u.group)) continue;
    if (!u.add.empty()) tell(s, true, u.group, u.add);
    if (!u.remove.empty()) tell(s, false, u.group, u.remove);
  }
}

void pg_scope::join_local(const owned& group, const std::vector<owned>& pids, const std::function<owned(term)>& monitor, const notify& tell) {
  for (const auto& p : pids) {
    auto [i, fresh] = local.try_emplace(p);
    if (fresh) i->second.monitor = monitor(p.get());
    i->second.groups.push_back(group);
  }
  change({group, pids, {}}, true, tell);
}

bool pg_scope::leave_local(const owned& group, const std::vector<owned>& pids, const std::function<void(term)>& demonitor, const notify& tell) {
  bool any = false;
  for (const auto& p : pids) {
    const auto i = local.find(p);
    if (i == local.end()) continue;
    auto& groups = i->second.groups;
    const auto g = std::find(groups.rbegin(), groups.rend(), group);
    if (g == groups.rend()) continue;
    any = true;
    groups.erase(std::next(g).base());
    if (!groups.empty()) continue;
    demonitor(i->second.monitor.get());
    local.erase(i);
  }
  if (any) change({group, {}, pids}, true, tell);
  return any;
}

std::vector<owned> pg_scope::local_down(term pid, const notify& tell) {
  const auto i = local.find(owned(pid));
  if (i == local.end()) return {};
  auto groups = std::move(i->second.groups);
  local.erase(i);
  std::reverse(groups.begin(), groups.end());  // the last joined first, as in pg's list
  for (const auto& g : groups) change({g, {}, {owned(pid)}}, true, tell);
  return groups;
}

void pg_scope::remote_update(peer& p, const pg_update& u, const notify& tell) {
  auto& known = p.groups[u.group];
  for (const auto& pid : u.remove) remove_one(known, pid);
  prepend(known, u.add);
  if (known.empty()) p.groups.erase(u.group);
  change(u, false, tell);
}

void pg_scope::remote_sync(peer& p, group_map groups, const notify& tell) {
  for (const auto& [group, pids] : p.groups)
    if (!groups.contains(group)) change({group, {}, minus(pids, {})}, false, tell);
  for (const auto& [group, pids] : groups) {
    const auto old = p.groups.find(group);
    const pg_update u{group, minus(pids, old == p.groups.end() ? members{} : old->second), old == p.groups.end() ? members{} : minus(old->second, pids)};
    if (!u.add.empty() || !u.remove.empty()) change(u, false, tell);
  }
  std::erase_if(groups, [](const auto& g) { return g.second.empty(); });
  p.groups = std::move(groups);
}

void pg_scope::remote_down(const owned& pid, const notify& tell) {
  const auto i = peers.find(pid);
  if (i == peers.end()) return;
  const auto groups = std::move(i->second.groups);
  peers.erase(i);
  for (const auto& [group, pids] : groups) change({group, {}, minus(pids, {})}, false, tell);
}

group_map pg_scope::local_groups() const {
  group_map out;
  for (const auto& [pid, m] : local)
    for (const auto& g : m.groups) out[g].push_back(pid);
  return out;
}

}  // namespace cnode::services
