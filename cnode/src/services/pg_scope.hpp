// One scope of pg as it is known here: groups, their members, where those live, and who wants to hear of changes. No messages, no
// processes: pg.cpp speaks.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "owned.hpp"

namespace cnode::services {

// Members as Erlang's list has them, with the head at the end: joining is push_back. The same pid may stand there several times.
using members = std::vector<owned>;
using group_map = std::map<owned, members>;

// What pg:get_members/2 and its friends read, on any thread, while the scope's own process writes.
struct pg_view {
  struct entry {
    members all, local;
  };
  mutable std::shared_mutex lock;
  std::map<owned, entry> groups;
};

// A change of one group: {Group, Add, Remove} of data_publisher's updates. Lists in Erlang's order.
struct pg_update {
  owned group;
  std::vector<owned> add, remove;
};

class pg_scope {
 public:
  struct peer {
    owned monitor;
    int version = 0;  // 0: OTP 23 to 28, 1: from 29 on
    group_map groups;
  };
  struct subscription {
    owned ref, pid;
    bool whole = true;  // the scope; else one group
    owned group;
  };
  struct local_member {
    owned monitor;
    std::vector<owned> groups;  // one entry for each join
  };
  // Tells a subscriber: {Ref, join | leave, Group, Pids}.
  using notify = std::function<void(const subscription&, bool join, const owned& group, const std::vector<owned>& pids)>;

  explicit pg_scope(term name) : name(name) {}

  // Each changes the view and tells the subscribers.
  void join_local(const owned& group, const std::vector<owned>& pids, const std::function<owned(term)>& monitor, const notify& tell);
  // False: none of them was in it. The monitors of those who are in no group any more are handed to `demonitor`.
  bool leave_local(const owned& group, const std::vector<owned>& pids, const std::function<void(term)>& demonitor, const notify& tell);
  // The groups it was in, one for each join.
  std::vector<owned> local_down(term pid, const notify& tell);
  void remote_update(peer& p, const pg_update& u, const notify& tell);
  void remote_sync(peer& p, group_map groups, const notify& tell);
  void remote_down(const owned& pid, const notify& tell);

  group_map local_groups() const;

  const term name;
  std::shared_ptr<pg_view> view = std::make_shared<pg_view>();
  std::map<owned, local_member> local;
  std::map<owned, peer> peers;  // by the pid of the scope's process there
  std::vector<subscription> subscriptions;

 private:
  void change(const pg_update& u, bool here, const notify& tell);
};

}  // namespace cnode::services
