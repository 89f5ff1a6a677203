// The runtime's parts. Private to actors/src.
#pragma once

#include <atomic>
#include <mutex>
#include <shared_mutex>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/runtime.hpp>

#include "core.hpp"
#include "host_threads.hpp"
#include "process_table.hpp"
#include "scheduler.hpp"
#include "timers.hpp"

namespace cnode::actors {

// Which processes want to hear when a node is lost: those with a link, a monitor or a request there. A process may stay listed
// longer than it has something there; it then ignores the signal.
class node_index {
 public:
  // Returns losses() as it was meanwhile: as long as it stays the same the entry is there.
  std::uint64_t add(term node, term pid);
  void remove(term node, term pid);
  std::vector<term> take(term node);
  std::uint64_t losses() const { return losses_.load(); }

 private:
  std::mutex lock_;
  std::atomic<std::uint64_t> losses_{1};  // how often take() was called
  std::unordered_map<cnode_term, std::unordered_set<cnode_term>> pids_;
};

struct runtime::impl {
  impl(runtime& node, runtime_config c);

  runtime_config config;
  std::chrono::steady_clock::time_point started_at;
  process_table table;
  timers clockwork;
  node_index index;
  scheduler sched;
  host_threads threads;
  std::unique_ptr<code_server> code;
  distribution* dist = nullptr;
  std::function<void(process&, term)> on_crash;

  mutable std::shared_mutex names_lock;
  std::unordered_map<cnode_term, cnode_term> names;
  std::unordered_map<cnode_term, std::vector<cnode_term>> former_owners;  // who gave a name up while alive

  std::atomic<std::uint64_t> next_ref{1}, next_unlink{1};
  std::atomic<cnode_term> leader{0};
  term user;                          // the first leader; set by the constructor

  mutable std::mutex timer_refs_lock;
  struct named_timer { timer_id id; term to; };             // to: the process it ends with, or none
  std::unordered_map<std::uint64_t, named_timer> timer_refs;  // by number of the reference
  std::unordered_map<cnode_term, std::unordered_set<std::uint64_t>> timers_to;  // numbers by pid
  void forget_timer(std::uint64_t number);                    // timer_refs_lock held

  std::mutex nodes_lock;
  std::vector<node_listener> listeners;
  std::unordered_map<cnode_term, bool> nodes_up;  // visible?
  std::unordered_map<cnode_term, std::vector<cnode_term>> node_monitors;  // {nodedown, Node} goes to these pids, once an entry

  mutable std::mutex log_lock;
  std::atomic<std::size_t> held_up{0};
};

// What the parts need of each other's insides.
struct runtime_access {
  using impl = runtime::impl;
  static impl& of(const runtime& r);
  static void cancel_timers_to(runtime& r, term pid);  // at its end
  static bool fire_timers(runtime& r);  // true: at least one was due
  static std::chrono::steady_clock::time_point next_timer(const runtime& r);
  static term spawn(runtime& r, std::unique_ptr<behaviour> b, const spawn_options& o, const spawn_origin& origin,
                    const std::function<void(term)>& before_start = {});
  // Posts signal::timeout with this generation to the process.
  static std::uint64_t notify_after(runtime& r, std::chrono::nanoseconds delay, term pid, std::uint32_t generation);
  static std::uint64_t notify_at(runtime& r, timers::time_point deadline, term pid, std::uint32_t generation);
  // Not before that many milliseconds have gone; of long times a little later, for a cheaper look at the clock.
  static timers::time_point in_milliseconds(const runtime& r, std::int64_t ms);
  static std::vector<term> owners(const runtime& r, term name);  // who has the name or gave it up
  static void forget_name(runtime& r, process& p);  // at its end; nobody registers it any more
  static std::uint64_t add(runtime& r, std::chrono::nanoseconds delay, timer_task task);
  static std::uint64_t new_ref(runtime& r) { return of(r).next_ref.fetch_add(1, std::memory_order_relaxed); }
  // To a process elsewhere. False: no connection can be made.
  static bool send_remote(runtime& r, term node, const dist::control_message& m, term message = {});
  static void send_to(runtime& r, term to, term message, term from);
};

std::unique_ptr<behaviour> make_user_process();
std::unique_ptr<behaviour> make_function_process(term module, term function, term args);
// Is it one of those, as make_function_process(module, function, nil) makes it again?
bool is_plain_function(const behaviour& b, term module, term function);

}  // namespace cnode::actors
