// The state of the process global_name_server and what it does with each message. Follows global.erl of OTP 25 to 29 (protocol 8)
// function by function; global_process.cpp calls it. Used on that process's thread only.
//
// Beyond OTP's: every wait for another node is timed. A connect that stands still is cancelled and begun again; at the second time, or
// when the other speaks an older protocol, the node is disconnected. A node that is not yet known and keeps global's lock here for too
// long is disconnected, too.
#pragma once

#include <map>
#include <set>

#include "global_tables.hpp"

namespace cnode::services {

class global_server {
 public:
  static constexpr const char* type = "global";
  static constexpr int version = 8;                 // of the protocol
  static constexpr int verify_connect_version = 8;  // init_connect_ack and cancel_connect
  static constexpr int partitions_version = 7;      // lost_connection and remove_connection
  static constexpr int oldest_version = 5;

  struct settings {
    bool connect_all = true, prevent_overlapping_partitions = true;
  };

  global_server(actors::runtime& node, settings s);
  ~global_server();
  global_server(const global_server&) = delete;

  // Begins a callback.
  void use(call& c) { c_ = &c; }

  // ---- names and locks (global_names.cpp)
  void register_name(term name, term pid, term method, term from);
  void register_external(term name, term pid, term method, term node, term from);
  void unregister_name(term name);
  bool set_lock(term id, term pid);
  void del_lock(term id, term pid);
  void down(term monitor);
  void lock_held(term monitor);  // the clock of set_lock
  term external_names() const;

  // ---- connecting (global_connect.cpp, global_exchange.cpp)
  void node_up(term node);
  enum class nodedown { disconnected, remove_connection, ignore_node };
  void node_down(term node, nodedown what);
  void forget_connection(term node);
  void init_connect(term version, term node, term init);
  void init_connect_ack(term node, term my_tag, term his_tag);
  void cancel_connect(term node, term tag);
  void lock_is_set(term node, term tag, term lock_id);
  void lock_set(term message);
  void exchange(term node, term names, term tag);
  void exchange_ops(term node, term tag, term ops, term resolved);
  void resolved(term node, term ops, term his_known, term external, term tag);
  void new_nodes(term node, term ops, term external, term nodes, term extra);
  void in_sync(term node);
  void stalled(term node, term tag);

  // ---- partitions (global_partitions.cpp)
  void lost_connection(term message);
  void remove_connection(term node);
  void quiet();  // prepare_shutdown

  // ---- questions
  term known() const;
  term synced() const;
  term record(block& b) const;  // #state{}
  void sync(term from, term nodes);
  void extra_nodedown(term node);
  void not_there(term node) { tell_syncers(node); }  // one that was to be in sync
  std::vector<term> connected() const { return connections_; }

  void set_helpers(term locker, term registrar) { locker_ = locker, registrar_ = registrar; }
  term registrar() const { return registrar_; }
  bool is_helper(term pid) const { return pid.same(locker_) || pid.same(registrar_); }
  global_tables& tables() { return *tables_; }

 private:
  // What OTP keeps in the process dictionary by node.
  struct session {
    owned my_tag, his_tag;   // none: undefined
    int version = 0;
    enum { nothing, locked, exchanged } wait_lock = nothing;
    kept names;              // exchanged: what he has
    enum { no_ops, own_ops, his_ops } save_ops = no_ops;
    kept ops;                // own_ops: list; his_ops: {HisKnown, NamesExt, Resolved}
    kept pre_connect;        // {Vsn, InitMsg}
    owned lock_id;
  };
  struct resolver {
    term node;
    owned tag;
    term pid;                // none until there is something to resolve
  };
  struct lost {
    owned creation, operation;
    std::chrono::steady_clock::time_point at;
  };
  struct syncer {
    owned from;
    std::vector<term> nodes;
  };

  term self() const;
  block& heap() const { return c_->heap(); }
  bool is_connected(term node) const;
  void cast(term node, term message);             // connects when it must
  void volatile_send(term node, term message);    // does not
  void multicast(term message, term except);
  void to_locker(term message);
  void disconnect(term node);
  void log(actors::log_level level, const std::string& text) const;
  void after(std::int64_t ms, term message);

  void insert_name(term name, term pid, term method, term from_or_node, term extra);
  void insert_external(term name, term pid, term method, term node, term from_or_node, term extra);
  bool lock_still_set(term from_or_node, term extra) const;
  void delete_name(term name);
  void unlink_external(term pid, term node);
  void remove_holder(const owned& resource, std::size_t index, bool down);
  void delete_node_resources(term node);
  void do_ops(const std::vector<term>& ops, term node, term external, term extra);

  session& session_of(term node) { return sessions_[node.word()]; }
  const session* find_session(term node) const;
  bool tag_is(term node, term tag) const;
  resolver* find_resolver(term node);
  void reset(term node) { sessions_.erase(node.word()); }
  bool is_pending(term node) const { return pending_.contains(node.word()); }
  bool is_known(term node) const { return known_.contains(node.word()); }
  int version_of(term node) const;
  void cancel_locker(term node, owned tag, term last_words);
  void send_cancel_connect(term node, term his_tag);
  void restart_connect(term node, owned my_tag);
  void hand_over_names(term node, term names);
  void finish(term node, term his_ops, term his_known, term external);
  void sync_others(const std::vector<term>& nodes);
  void tell_syncers(term node);
  term names_list() const;
  term known_list(int for_version) const;
  std::vector<std::pair<term, int>> versions_in(term list) const;
  std::vector<term> add_to_known(const std::vector<std::pair<term, int>>& nodes);
  void publish_known();
  void inform_connection_loss(term node);

  actors::runtime& node_;
  settings settings_;
  call* c_ = nullptr;
  std::shared_ptr<global_tables> tables_ = std::make_shared<global_tables>();
  term locker_, registrar_;
  std::map<cnode_term, int> known_, pending_;
  std::set<cnode_term> removing_;
  std::vector<term> connections_, synced_;
  std::map<cnode_term, session> sessions_;
  std::vector<resolver> resolvers_;
  std::vector<syncer> syncers_;
  std::map<cnode_term, int> stalls_;
  std::map<std::pair<cnode_term, cnode_term>, lost> lost_;
  std::int64_t next_tag_;
  std::int64_t creation_extension_;
  bool global_lock_down_ = false;
};

}  // namespace cnode::services
