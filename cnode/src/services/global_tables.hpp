// What global knows: names, locks and who belongs to us. Written by the process global_name_server alone; read by everybody, on any
// thread, as OTP's ETS tables are.
#pragma once

#include <map>
#include <memory>
#include <shared_mutex>
#include <vector>

#include "owned.hpp"

namespace cnode::services {

struct global_tables {
  struct name {
    owned pid, method, monitor;
  };
  struct external {
    owned pid;
    term node;  // that registered it
  };
  struct holder {
    owned pid, monitor;
  };
  struct held_lock {
    owned requester;
    std::vector<holder> holders;  // a holder that locks twice holds it once
  };

  mutable std::shared_mutex lock;
  std::map<owned, name> names;
  std::map<owned, external> external_names;
  std::map<owned, held_lock> locks;
  std::vector<term> known;

  // ---- for readers
  term whereis(const actors::runtime& node, block& b, term name) const;  // none: nobody
  std::vector<owned> names_of(term pid) const;
  bool can_lock(term resource, term requester) const;
  bool global_lock_set() const;
  std::vector<term> known_nodes() const;
};

// Empty when there is no global name server.
std::shared_ptr<global_tables> tables_of(const actors::runtime& node);
void set_tables(const actors::runtime& node, std::shared_ptr<global_tables> t);

// node(Pid)
term node_of_pid(term pid);
// {ResourceId, LockRequesterId}
inline bool is_lock_id(term t) { return t.is_tuple(2); }

}  // namespace cnode::services
