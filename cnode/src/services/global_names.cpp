// Names and locks in the tables, and their monitors.
#include <algorithm>
#include <mutex>

#include <cnode/protocol/local_node.hpp>

#include "global_locks.hpp"
#include "global_server.hpp"

namespace cnode::services {

namespace {

// lists:keyfind(lock, 1, ExtraInfo)
term lock_in(term extra) {
  for (; extra.is_cons(); extra = extra.tail())
    if (extra.head().is_tuple(2) && is(extra.head()[0], "lock")) return extra.head()[1];
  return {};
}

}  // namespace

// {register, Name, Pid, Method}
void global_server::register_name(term name, term pid, term method, term from) {
  delete_name(name);
  insert_name(name, pid, method, from, {});
}

void global_server::register_external(term name, term pid, term method, term node, term from) {
  insert_external(name, pid, method, node, from, {});
}

void global_server::insert_external(term name, term pid, term method, term node, term from_or_node, term extra) {
  delete_name(name);
  if (node.same(this_node().name)) c_->self().link(pid);
  {
    std::unique_lock guard(tables_->lock);
    tables_->external_names[owned(name)] = {owned(pid), node};
  }
  insert_name(name, pid, method, from_or_node, extra);
}

void global_server::unregister_name(term name) { delete_name(name); }

void global_server::insert_name(term name, term pid, term method, term from_or_node, term extra) {
  const owned monitor(c_->self().monitor(pid));
  {
    std::unique_lock guard(tables_->lock);
    tables_->names[owned(name)] = {owned(pid), owned(method), monitor};
  }
  // The node that took the lock may have gone down, and up again, before its word came: its lock is no more, so this name must not be.
  if (!lock_still_set(from_or_node, extra)) delete_name(name);
}

bool global_server::lock_still_set(term from_or_node, term extra) const {
  const auto i = tables_->locks.find(owned(atom("global")));
  if (i == tables_->locks.end()) return !global_lock_down_;
  if (from_or_node.is_pid())
    return std::any_of(i->second.holders.begin(), i->second.holders.end(), [&](const auto& h) { return exactly_equal(h.pid.get(), from_or_node); });
  const term id = extra ? lock_in(extra) : term{};
  return id && id.is_tuple(2) && is(id[0], "global") && exactly_equal(i->second.requester.get(), id[1]);
}

void global_server::delete_name(term name) {
  const owned key(name);
  const auto i = tables_->names.find(key);
  if (i == tables_->names.end()) return;
  const auto old = i->second;
  c_->self().demonitor(old.monitor.get(), true);
  term external_node;
  {
    std::unique_lock guard(tables_->lock);
    tables_->names.erase(i);
    if (const auto e = tables_->external_names.find(key); e != tables_->external_names.end()) {
      external_node = e->second.node;
      tables_->external_names.erase(e);
    }
  }
  if (external_node) unlink_external(old.pid.get(), external_node);
}

void global_server::unlink_external(term pid, term node) {
  if (!node.same(this_node().name) || !tables_->names_of(pid).empty()) return;
  for (const auto& [resource, l] : tables_->locks)
    for (const auto& h : l.holders)
      if (exactly_equal(h.pid.get(), pid)) return;
  c_->self().unlink(pid);
}

bool global_server::set_lock(term id, term pid) {
  const owned resource(id[0]), requester(id[1]);
  const auto i = tables_->locks.find(resource);
  if (i != tables_->locks.end()) {
    if (!(i->second.requester == requester)) return false;
    for (const auto& h : i->second.holders)
      if (exactly_equal(h.pid.get(), pid)) return true;
  }
  const owned monitor(c_->self().monitor(pid));
  {
    std::unique_lock guard(tables_->lock);
    auto& l = tables_->locks[resource];
    l.requester = requester;
    l.holders.insert(l.holders.begin(), {owned(pid), monitor});
  }
  if (is(id[0], "global") && !pid.is_local_pid() && !is_known(node_of_pid(pid)))
    after(4 * stall_limit(node_), c_->tuple(atom("$lock_held"), monitor.get()));
  return true;
}

void global_server::lock_held(term monitor) {
  const auto i = tables_->locks.find(owned(atom("global")));
  if (i == tables_->locks.end()) return;
  for (const auto& h : i->second.holders) {
    const term node = node_of_pid(h.pid.get());
    if (!exactly_equal(h.monitor.get(), monitor) || is_known(node) || node.same(this_node().name)) continue;
    log(actors::log_level::warning, "'global' at node " + std::string(atom_text(this_node().name)) + " disconnects node " + std::string(atom_text(node)) +
                                        ", which keeps the lock and does not go on");
    return disconnect(node);
  }
}

void global_server::del_lock(term id, term pid) {
  const owned resource(id[0]);
  const auto i = tables_->locks.find(resource);
  if (i == tables_->locks.end() || !exactly_equal(i->second.requester.get(), id[1])) return;
  for (std::size_t n = 0; n < i->second.holders.size(); ++n)
    if (exactly_equal(i->second.holders[n].pid.get(), pid)) return remove_holder(resource, n, false);
}

void global_server::remove_holder(const owned& resource, std::size_t index, bool down) {
  auto& l = tables_->locks.at(resource);
  c_->self().demonitor(l.holders[index].monitor.get(), true);
  std::unique_lock guard(tables_->lock);
  l.holders.erase(l.holders.begin() + static_cast<std::ptrdiff_t>(index));
  if (!l.holders.empty()) return;
  if (is(resource.get(), "global")) global_lock_down_ = down;
  tables_->locks.erase(owned(resource));
}

// A process that holds a lock or has a name has ended, or its node.
void global_server::down(term monitor) {
  for (bool again = true; again;) {
    again = false;
    for (auto& [resource, l] : tables_->locks) {
      const auto i = std::find_if(l.holders.begin(), l.holders.end(), [&](const auto& h) { return exactly_equal(h.monitor.get(), monitor); });
      if (i == l.holders.end()) continue;
      const owned which = resource;
      remove_holder(which, static_cast<std::size_t>(i - l.holders.begin()), true);
      again = true;
      break;
    }
  }
  for (const auto& [name, e] : tables_->names)
    if (exactly_equal(e.monitor.get(), monitor)) {
      const owned which = name;
      return delete_name(which.get());
    }
}

// The connection stays but what came over it counts no more.
void global_server::delete_node_resources(term node) {
  std::vector<owned> monitors;
  for (const auto& [resource, l] : tables_->locks)
    for (const auto& h : l.holders)
      if (node_of_pid(h.pid.get()).same(node)) monitors.push_back(h.monitor);
  for (const auto& [name, e] : tables_->names)
    if (node_of_pid(e.pid.get()).same(node)) monitors.push_back(e.monitor);
  for (const auto& m : monitors) down(m.get());
}

void global_server::do_ops(const std::vector<term>& ops, term node, term external, term extra) {
  const auto registered_by = [&](term name, term pid) {
    for (term l = external; l.is_cons(); l = l.tail())
      if (const term e = l.head(); e.is_tuple(3) && e[2].is_atom() && exactly_equal(e[0], name) && exactly_equal(e[1], pid)) return e[2];
    return term{};
  };
  for (const bool externals : {true, false})
    for (const term op : ops) {
      if (!op.is_tuple(2) || !is(op[0], "insert") || !op[1].is_tuple(3) || !op[1][1].is_pid()) continue;
      const term entry = op[1], by = registered_by(entry[0], entry[1]);
      if (static_cast<bool>(by) != externals) continue;
      if (by) {
        insert_external(entry[0], entry[1], entry[2], by, node, extra);
      } else {
        delete_name(entry[0]);
        insert_name(entry[0], entry[1], entry[2], node, extra);
      }
    }
  for (const term op : ops)
    if (op.is_tuple(2) && is(op[0], "delete")) delete_name(op[1]);
}

term global_server::names_list() const {
  std::vector<term> out;
  for (const auto& [name, e] : tables_->names)
    out.push_back(c_->tuple(copy(heap(), name.get()), copy(heap(), e.pid.get()), copy(heap(), e.method.get())));
  return make_list(heap(), out.data(), out.size());
}

term global_server::external_names() const {
  std::vector<term> out;
  for (const auto& [name, e] : tables_->external_names) out.push_back(c_->tuple(copy(heap(), name.get()), copy(heap(), e.pid.get()), e.node));
  return make_list(heap(), out.data(), out.size());
}

}  // namespace cnode::services
