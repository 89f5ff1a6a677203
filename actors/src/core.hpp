// How processes work inside: their parts that only some need, and the functions that move signals through them.
// Private to actors/src. Threads: what takes a process& runs on that process's thread unless it says otherwise.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/actors/signal.hpp>

#include "birth.hpp"
#include "server_calls.hpp"
#include "terms.hpp"
#include "watchers.hpp"

namespace cnode::actors {

// A call of a module's function. Lives from process::call until the outcome has been handed over.
struct activation {
  enum stage : std::uint8_t {
    ready,      // to be started
    loading,    // the code server looks for the module
    running,    // the function is on the stack
    suspended,  // waits in env.continuation for a message
  } at = ready;
  bool looked_on_path = false;
  bool timed_out = false;
  bool pinned = false;               // a nested call waits, or has waited, in it: somebody may know addresses
  std::uint32_t arity = 0;
  term module, function;
  const cnode_term* args = nullptr;  // in the process's scratch block
  void* mark = nullptr;              // in scratch: what was made since goes at a tail call
  // Of its waits. A timer that a wait left behind is looked at again when it fires: it is as good for a later deadline.
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max(), timer_at{};
  std::uint64_t timer = 0;
  std::uint32_t timer_generation = 0;
  module_version* version = nullptr;
  block** scan = nullptr;            // the next message to be matched
  cnode_env env{};
};

struct link_entry {
  owned_term pid;
  std::uint64_t unlink_id = 0;  // not 0: inactive, the answer to our unlink is awaited
};

struct monitor_entry {          // somebody we watch
  owned_term target;            // pid, or {Name, Node}
  owned_term tag;               // none: 'DOWN'
  term node;                    // of a target elsewhere
  term pid;                     // of a target here, whatever it was named by
  monitor_options::alias_mode alias = monitor_options::none;
};

struct process_extras {
  term_map<link_entry> links;                  // by pid
  term_map<monitor_entry> monitors;            // by number of our reference
  watcher_table watchers;
  std::unordered_map<std::uint64_t, monitor_options::alias_mode> aliases;
  open_call call;                              // a monitor and an alias as well
  caller_table callers;                        // watchers as well
  struct pending_spawn {
    term node;
    bool link, monitor, reply_ok, reply_error, abandoned = false;
    owned_term reply_tag, monitor_tag;
    monitor_options::alias_mode alias;
  };
  std::unordered_map<std::uint64_t, pending_spawn> spawns;
  struct entry { owned_term key, value; };
  std::vector<entry> dictionary;
  struct concern { term node; std::uint64_t since; };  // see node_index
  std::vector<concern> nodes;                  // whose loss concerns this process; in the order of their words
  owned_term group_leader;
  owned_term exit_reason;
};

// Options of a spawn that only this layer gives.
struct spawn_origin {
  term parent;
  // Another node's spawn request: the link and the monitor are known there already.
  bool remote = false;
  // What process_info calls initial_call when the options do not say it.
  term module{}, function{};
  std::uint32_t arity = 0;
};

class opened;

struct parked;

struct core {
  enum status : std::uint32_t { idle, queued, running, notified, dead };
  enum flag : std::uint32_t {
    trap_exit = 1, exiting = 2, started = 4, timer_armed = 8, timer_due = 16,
    returning = 32,   // inside behaviour::returned: calls wait until it is back
    in_callback = 64,  // a function of the behaviour or of a module runs
    announced = 128,   // the world has been told that it ended
    held = 256,        // by another thread, which left a reference for the one that runs it
    listed_idle = 512,      // in a thread's list of those that went idle (parked.hpp)
    was_idle_again = 1024,  // it has run since the list looked; not listed: it has been packed
  };
  enum output_flag : std::uint8_t {
    async_dist = 1,     // never waits for output
    awaits_output = 2,  // has sent more than another node takes: signals are handled, nothing else runs until it is resumed
  };
  friend class opened;
  static bool try_take(process& p);      // by others, and its own thread when it is open
  static void give_back(process& p) { p.taken_.store(false, std::memory_order_release); }
  static void lock_own(process& p);      // its own thread
  static block* closed() { return reinterpret_cast<block*>(std::uintptr_t{1}); }

  // ---- any thread
  static process* create(runtime& node, term pid, std::unique_ptr<behaviour> b) { return new process(node, pid, std::move(b)); }
  // False: the process is gone, the signal still the caller's.
  static bool try_post(process& p, block_ptr& signal);
  // The same for several, linked from the newest to the oldest.
  static bool try_post(process& p, block* newest, block* oldest);
  static void make_runnable(process& p);
  static block_ptr make_signal(signal kind, term field, std::size_t words = 16);
  static void drop_signal(block_ptr s) noexcept;
  // To a process of this node; a signal nobody is there for is answered as a dead process answers it.
  static void post_to(runtime& node, term pid, block_ptr signal);
  static void answer_for_dead(runtime& node, term pid, block_ptr signal);
  // Handles signals that cannot wait while a module's function runs; does nothing when none runs. As BEAM handles signals of a process
  // that runs dirty. A process that ends by it is gone for everybody at once; its memory goes when the function returns.
  static void handle_meanwhile(process& p);
  static bool is_alive(const process& p);

  // ---- mailbox (mailbox.cpp)
  static bool drain(process& p);
  static void drain_first(process& p);
  static block* take_inbox(process& p, block* with);
  // Signals linked from the newest to the oldest, the other way round.
  static block* oldest_first(block* newest);
  static void handle_in_order(process& p, block* oldest, bool function_runs);
  static void append(process& p, block_ptr message);
  static block_ptr remove(process& p, block** slot);

  // ---- running (process_run.cpp)
  static void run_slice(process& p, bool one_step);
  static bool step(process& p);
  static bool offer_message(process& p);
  static bool go_on_waiting(process& p, activation& a);
  static void after_behaviour(process& p);
  static bool has_work(process& p);
  static term await_output(process& p);   // see output_wait.hpp
  static void output_is_free(process& p);
  template <class F>
  static void guarded(process& p, F f);
  static void arm(process& p, std::int64_t ms);
  static void disarm(process& p);

  // ---- calls (process_call.cpp)
  static void begin_call(process& p, term module, term function, const cnode_term* args, std::uint32_t arity);
  static void enter(process& p, activation& a);
  static void leave(process& p);
  static void hold_version(process& p, module_version* v);
  static void recycle(activation* a) noexcept;
  static void run_call(process& p);
  static void resume(process& p, term message);
  static void call_returned(process& p, cnode_term word);
  static void tail_call(process& p);
  static void finish_call(process& p, const outcome& o);
  static void abandon_call(process& p);
  static void set_deadline(process& p, activation& c, std::int64_t ms);
  static void arm_wait(process& p, activation& c);
  static void wait_timer_fired(process& p);
  static term take_over(process& p, block_ptr message);
  static outcome raised_by(process& p, activation& a);
  static outcome undef(process& p, activation& a);

  // ---- signals (process_signals.cpp)
  static void handle(process& p, block_ptr s);
  static void on_exit(process& p, term from, term reason, block_ptr s);
  static void on_link_exit(process& p, term from, term reason, block_ptr s);
  static void on_link(process& p, term from);
  static void on_unlink(process& p, term from, std::uint64_t id);
  static void on_unlink_ack(process& p, term from, std::uint64_t id);
  static void on_monitor(process& p, block_ptr s);
  static void on_down(process& p, term ref, term reason);
  static void on_node_down(process& p, term node);
  static void on_spawn_reply(process& p, term req, std::uint32_t flags, term result);
  static void abandon_spawned(process& p, const process_extras::pending_spawn& asked, term req, term pid);
  static bool accept_alias(process& p, block& s);
  static void exit_message(process& p, term from, term reason, block_ptr s);
  static void die(process& p, term reason);

  // ---- calls of servers (server_calls.cpp)
  static bool call_server(cnode_env* env, term server, term request, term time);
  static bool answer_caller(process& p, term from, term reply);
  static open_call close_call(process& p);
  static void on_call(process& p, block_ptr s);
  static void on_reply(process& p, block_ptr s);
  static void send_demonitor(process& p, std::uint64_t number, term pid);

  // ---- the end (process_exit.cpp)
  static void finish(process& p);
  static void announce(process& p);
  static void tell_links(process& p, process_extras& e, term reason);
  static void tell_watchers(process& p, process_extras& e, term reason);
  static void forget_monitors(process& p, process_extras& e);

  // ---- packed while it waits (parked.hpp)
  static parked* pack(process& p);
  static process* unpack(parked* from, runtime& node);
  static void note_idle(process& p);
  static activation* make_activation();
  static cnode_env* env_of(const process& p) { return p.env_.load(std::memory_order_relaxed); }
  static void pin(process& p) { if (p.activation_) p.activation_->pinned = true; }

  static process_extras& extras(process& p);
  // A process that is not in the table yet.
  static void prepare(process& p, term leader, const spawn_options& o, const spawn_origin& origin);
  static void own_birth(process& p);  // its entries become ordinary ones of the dictionary
  static std::optional<term> monitor_key(term ref);
  static void concerns(process& p, term node);
  static behaviour* behaviour_of(process& p) { return p.behaviour_.get(); }
  static void close(process& p);  // the function has returned
  static bool can_wait(signal s);
  static bool is_exiting(const process& p) { return p.flags_ & exiting; }
  // For a thread that acts in this process's name (host_threads.hpp): in no table, dead for everybody, silent once env's flag 1 is set.
  static process* make_stand_in(runtime& node, const process& owner, cnode_env& env);
  static const activation* activation_of(const process& p) { return p.activation_; }
  // The other half of a monitor that a spawn made.
  static void watch(process& p, term ref, term pid);
  static void set_queued(process& p) { p.status_.store(queued); }
  static void spawn_requested_here(process& p, term ref, term module, term function, term args);
  static void deliver_down_now(process& p, term ref, term reason);
};

// Taken by whatever a module's function may ask of its process, so that it does not meet handle_meanwhile. Nests.
class opened {
 public:
  explicit opened(const process& p);
  ~opened();
  opened(const opened&) = delete;

 private:
  friend struct core;
  static const process*& held();
  process* locked_ = nullptr;
};

// The process that runs on this thread, if any.
process* running_process();
void set_running_process(process* p);

}  // namespace cnode::actors
