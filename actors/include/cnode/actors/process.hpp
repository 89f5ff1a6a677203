// A process: pid, mailbox, links, monitors, dictionary, and the behaviour that runs it.
//
// Everything but post() may be called only on the process's own thread: from its behaviour's functions or from host functions
// its callbacks call. A process is owned by the runtime's table and kept alive by process_ptr.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <utility>

#include <cnode/actors/behaviour.hpp>
#include <cnode/module.h>
#include <cnode/protocol/block.hpp>

namespace cnode::actors {

class runtime;
class module_version;
struct function_ref;
struct activation;      // a call of a module's function, from its start until its outcome
struct process_extras;  // links, monitors, dictionary: only for processes that use them
class birth;            // what proc_lib writes into the dictionary of a new process

struct monitor_options {
  // none: no alias. Else the reference is an alias as well: explicit_unalias, demonitor, reply_demonitor (erlang:monitor/3).
  enum alias_mode { none, explicit_unalias, demonitor, reply_demonitor } alias = none;
  term tag;  // {tag, T}: first element of the DOWN tuple; none = 'DOWN'
};

// erlang:spawn_request/5's options.
struct spawn_request_options {
  bool link = false, monitor = false;
  monitor_options monitoring;                // of the monitor: tag, alias
  bool reply_ok = true, reply_error = true;  // {reply, yes | no | error_only | success_only}
  term reply_tag;                            // none: spawn_reply
};

class process {
 public:
  // ---- any thread
  term pid() const;
  runtime& node() const;
  // Puts a signal into the inbox and makes the process runnable. The tag says which signal (signal.hpp).
  void post(block_ptr signal);
  void retain() const noexcept;
  void release() const noexcept;

  // ---- running functions
  // Calls M:F(args) as an external call: the current version, loaded from the code path when it is not there yet. The outcome comes through
  // behaviour::returned, at once (before call returns) when the function neither waits nor must be loaded. One call at a time.
  // A call made from within returned() starts when returned() has come back, so that chains of calls need no stack.
  void call(term module, term function, std::span<const term> args);
  void call(term module, term function, term arg_list);
  bool calling() const;  // a call is pending
  // The version whose code the pending call runs or waits in; null when there is none. Any thread may ask; the answer may be compared
  // with a version one holds, nothing else: the process goes on meanwhile.
  module_version* active_version() const { return version_.load(std::memory_order_acquire); }
  // Where results of callbacks and terms built by behaviours go. Emptied after each behaviour function (not while a call is pending).
  block& scratch();
  // For a behaviour that waits for something else than a call: the scratch block is its own now, the process begins another.
  block_ptr take_scratch() { return std::move(scratch_); }
  // Ends the process when the current behaviour function returns. The reason is copied.
  void exit(term reason);
  bool exiting() const;
  // All messages that receive() left in the mailbox are offered again.
  void rescan();
  // behaviour::timeout is called once after this many milliseconds, unless a message is received or cancel_timeout comes first (gen_server's
  // timeout: any message cancels). 0: once the mailbox is empty. Negative cancels.
  void set_timeout(std::int64_t ms);

  // ---- signals
  void send(term to, term message);        // pid, name, {name, node}, alias
  void link(term pid);
  void unlink(term pid);
  term monitor(term target, const monitor_options& options = {});  // pid, name, {name, node}; the reference lies in scratch()
  bool demonitor(term ref, bool flush);
  term alias(monitor_options::alias_mode mode = monitor_options::explicit_unalias);
  bool unalias(term ref);
  void exit_signal(term to, term reason);  // exit/2
  // erlang:spawn_request/5: asks a node, also our own, to spawn M:F(Args). The answer is the message {spawn_reply, ReqId, ok | error,
  // Pid | Reason}, noconnection included. The request id lies in scratch(); with `monitor` it is the monitor's reference as well.
  term spawn_request(term node, term module, term function, term args, const spawn_request_options& options);
  term spawn_request(term node, term module, term function, term args, bool link, bool monitor);
  // Nobody waits for the answer any more: a process that was linked ends with `abandoned`, a monitor is taken back. False: it has come already.
  bool spawn_request_abandon(term request);
  // Removes and returns messages of the mailbox; used by flush and receive-like helpers. The predicate sees the message term.
  block_ptr take_message(bool (*match)(void*, term), void* context);

  // ---- attributes
  bool trap_exit() const;
  bool set_trap_exit(bool on);             // the former value
  void set_async_dist();                   // process_flag(async_dist, true): no back-pressure, for those who must answer everybody
  term group_leader() const;
  void set_group_leader(term pid);
  term registered_name() const;            // none when there is none
  term dictionary_get(term key) const;     // none when there is none
  term dictionary_put(term key, term value, block& b);  // former value copied to b, or none. value none erases
  term dictionary(block& b) const;         // list of {K, V}
  // proc_lib's '$initial_call' and '$ancestors' are plain dictionary entries.
  term info(term item, block& b);          // erlang:process_info/2's {Item, Value}, [] for registered_name without one, none for a bad item
  std::uint64_t reductions() const;
  std::size_t message_queue_len() const;
  bool has_link(term pid) const;
  behaviour* current_behaviour() const;

 private:
  friend class runtime;
  friend class opened;
  friend struct info_access;
  friend struct runtime_access;
  friend class scheduler;
  friend struct core;  // actors/src/core.hpp: how processes work inside

  process(runtime& node, term pid, std::unique_ptr<behaviour> b);
  ~process();
  static void* operator new(std::size_t bytes);
  static void operator delete(void* p, std::size_t bytes) noexcept;

  // ---- any thread
  mutable std::atomic<std::uint32_t> refs_{1};
  std::atomic<std::uint32_t> status_{0};           // core::status
  std::atomic<block*> inbox_{nullptr};             // signals, newest first; core::closed once the process is gone
  std::atomic<cnode_term> registered_name_{CNODE_NONE};  // written under the registry's lock
  std::atomic<module_version*> version_{nullptr};  // of the pending call
  // While a module's function runs the process is open: others may handle signals for it that cannot wait. They say `taken` and look
  // whether it is open; its own thread says that it is not and looks whether it is taken.
  std::atomic<bool> open_{false}, taken_{false};
  std::atomic<bool> kill_pending_{false};
  std::atomic<cnode_env*> env_{nullptr};           // of the module's function that runs
  std::atomic<bool> timers_to_it_{false};          // there may be timers that end with it
  runtime* const node_;
  const term pid_;
  process* run_next_ = nullptr;                    // owned by the run queue it is in

  // ---- the thread that runs it
  std::unique_ptr<behaviour> behaviour_;
  block* mailbox_ = nullptr;                       // oldest message first
  block** mailbox_end_ = &mailbox_;
  block** scan_ = &mailbox_;                       // where the next message not yet offered is linked
  block** offered_ = nullptr;                      // where the message being offered goes back to
  block* deferred_ = nullptr;                      // signals that had to wait for the end of a function; oldest first
  block_ptr scratch_;
  std::unique_ptr<process_extras> extras_;
  birth* birth_ = nullptr;                         // shared with others that were spawned alike; entries of the dictionary that stayed as they were
  term exit_reason_;                               // what is no immediate lies in extras
  activation* activation_ = nullptr;
  std::uint64_t timer_ = 0;
  std::uint64_t reductions_ = 0;
  term group_leader_;                              // when it is a pid of another node it lies in extras
  term parent_;                                    // none: nobody of this node
  term initial_module_, initial_function_;         // none: proc_lib:init_p/5
  std::uint32_t initial_arity_ = 0;
  std::uint32_t mailbox_length_ = 0;
  std::uint32_t timer_generation_ = 0;
  std::uint32_t flags_ = 0;                        // core::flag
  std::uint8_t output_ = 0;                        // core::output_flag; the thread that runs the process has it to itself
};

// The process whose callback runs with this env; its scratch block is env->heap.
process& self(cnode_env* env);
block& heap_of(cnode_env* env);

class process_ptr {
 public:
  process_ptr() = default;
  explicit process_ptr(process* p, bool add_ref = true) : p_(p) { if (p_ && add_ref) p_->retain(); }
  process_ptr(const process_ptr& o) : process_ptr(o.p_) {}
  process_ptr(process_ptr&& o) noexcept : p_(o.p_) { o.p_ = nullptr; }
  process_ptr& operator=(process_ptr o) noexcept { std::swap(p_, o.p_); return *this; }
  ~process_ptr() { if (p_) p_->release(); }
  process* get() const { return p_; }
  process* operator->() const { return p_; }
  process& operator*() const { return *p_; }
  explicit operator bool() const { return p_ != nullptr; }

 private:
  process* p_ = nullptr;
};

}  // namespace cnode::actors
