#include "global_tables.hpp"

#include <mutex>

#include <cnode/protocol/local_node.hpp>

namespace cnode::services {

namespace {

struct all_tables {
  std::shared_mutex lock;
  std::map<const actors::runtime*, std::shared_ptr<global_tables>> of;
};
all_tables& tables() {
  static all_tables t;
  return t;
}

}  // namespace

std::shared_ptr<global_tables> tables_of(const actors::runtime& node) {
  std::shared_lock guard(tables().lock);
  const auto i = tables().of.find(&node);
  return i == tables().of.end() ? nullptr : i->second;
}

void set_tables(const actors::runtime& node, std::shared_ptr<global_tables> t) {
  std::unique_lock guard(tables().lock);
  if (t) tables().of[&node] = std::move(t);
  else tables().of.erase(&node);
}

term node_of_pid(term pid) { return pid.is_local_pid() ? this_node().name : node_of(pid).node; }

// global:where/1
term global_tables::whereis(const actors::runtime& node, block& b, term name) const {
  std::shared_lock guard(lock);
  const auto i = names.find(owned(name));
  if (i == names.end()) return {};
  const term pid = i->second.pid.get();
  if (pid.is_local_pid() && !node.alive(pid)) return {};
  return copy(b, pid);
}

std::vector<owned> global_tables::names_of(term pid) const {
  std::shared_lock guard(lock);
  std::vector<owned> out;
  for (const auto& [n, e] : names)
    if (exactly_equal(e.pid.get(), pid)) out.push_back(n);
  return out;
}

bool global_tables::can_lock(term resource, term requester) const {
  std::shared_lock guard(lock);
  const auto i = locks.find(owned(resource));
  return i == locks.end() || exactly_equal(i->second.requester.get(), requester);
}

bool global_tables::global_lock_set() const {
  std::shared_lock guard(lock);
  return locks.contains(owned(atom("global")));
}

std::vector<term> global_tables::known_nodes() const {
  std::shared_lock guard(lock);
  return known;
}

}  // namespace cnode::services
