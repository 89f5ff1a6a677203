// The node without its sockets: process table, registry, schedulers, timers, and the interfaces it needs from outside.
//
// One runtime per OS process in the program; tests make their own. Unless said otherwise every function may be called
// from any thread.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cnode/actors/behaviour.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/protocol/block.hpp>
#include <cnode/protocol/control_message.hpp>
#include <cnode/protocol/connection.hpp>

namespace cnode::actors {

class code_server;

// Signals on their way to one process, in order: what one read of a connection brings is posted together. Whoever fills it delivers it
// before he does anything else; its end delivers it, too. Owned by one thread.
class arrivals {
 public:
  explicit arrivals(runtime& node) : node_(node) {}
  arrivals(const arrivals&) = delete;
  arrivals& operator=(const arrivals&) = delete;
  ~arrivals() { deliver(); }
  void add(term pid, block_ptr signal);
  void deliver() {
    if (newest_) post();
  }

 private:
  void post();

  runtime& node_;
  term pid_;
  block* newest_ = nullptr;  // linked by block::next
  block* oldest_ = nullptr;
};

// The world outside the node, as far as processes need it. cnode answers with sockets, tests with a vector.
class distribution {
 public:
  virtual ~distribution() = default;
  // Encodes m (and the message it carries) for that node before it returns, in the order of the calls of one process. Connects
  // first when there is no connection: the message waits. False when no connection can be made at all (not distributed).
  // When connecting fails later, runtime::node_down reports it.
  virtual bool send(term node, const dist::control_message& m, term message) = 0;
  // node names: visible, hidden, both
  virtual std::vector<term> nodes(bool visible, bool hidden) const = 0;
  virtual void disconnect(term node) = 0;
  // There is a connection now / who sends there now would be suspended.
  virtual bool is_connected(term node) const { return has(nodes(true, true), node); }
  virtual bool is_busy(term) const { return false; }

 private:
  static bool has(const std::vector<term>& list, term node) {
    for (const term n : list)
      if (n.same(node)) return true;
    return false;
  }
};

// Where idle schedulers wait. cnode runs the sockets' event loop here, tests and plain programs a condition variable.
class poller {
 public:
  virtual ~poller() = default;
  // Waits for outside events or wake() until the deadline, handles what has come, returns. Called by any number of scheduler threads at once.
  virtual void wait(std::chrono::steady_clock::time_point deadline) = 0;
  // Outside events only, without waiting: called now and then by busy schedulers.
  virtual void poll() = 0;
  virtual void wake() = 0;  // one waiting thread returns
  // After each round of processes on a scheduler thread: write out what they produced.
  virtual void flush() = 0;
};

enum class log_level { debug, info, notice, warning, error };

struct runtime_config {
  unsigned schedulers = 0;             // 0: one per core
  std::uint32_t max_processes = 1u << 20;
  // So many processes of each scheduler that went idle last stay as they are, and up to 16 times as many where they come and go; of the
  // others only what they need is kept.
  std::uint32_t recently_idle = 1024;
  std::chrono::milliseconds long_schedule{500};  // a callback that runs longer is named in the log
  std::function<void(log_level, std::string_view)> log;  // the node's own log; default stderr
  std::unique_ptr<poller> events;      // default: a condition variable
  // Step by step: no threads; run_one() drives. For tests.
  bool manual = false;
  std::function<std::chrono::steady_clock::time_point()> clock;  // default steady_clock; tests bring their own
};

struct spawn_options {
  term group_leader;     // none: the spawner's, or the node's own
  term link_to;          // pid to be linked with from the start (local or remote)
  // A monitor from the start: {pid that monitors, reference it knows}
  term monitor_by, monitor_ref;
  std::vector<std::pair<term, term>> dictionary;  // copied
  term initial_call;     // {M,F,A} for process_info; none: the behaviour's
};

class runtime {
 public:
  explicit runtime(runtime_config config);
  ~runtime();
  runtime(const runtime&) = delete;

  void start();  // scheduler threads
  void stop();   // ends all processes (reason shutdown where they trap it in order, then kill), joins the threads that return in time
  // After stop: threads still inside a function of a module that does not return. The destructor waits for them for ever; a program
  // that wants to end leaves by std::_Exit instead.
  std::size_t held_up() const;
  // Manual mode: runs one signal or one due timer; false when there is nothing to do.
  bool run_one();
  void run_until_idle();

  // ---- processes
  term spawn(std::unique_ptr<behaviour> b, const spawn_options& options = {});
  // A process that applies M:F(Args) and ends with its result, as erlang:spawn/3: crash reports for uncaught errors as BEAM's emulator logs them.
  term spawn_function(term module, term function, term args, const spawn_options& options = {});
  process_ptr find(term pid) const;     // empty: no such process
  bool alive(term pid) const;
  std::vector<term> processes() const;
  std::size_t process_count() const;
  // Called for a process of spawn_function that ends with an error nobody caught, before its links and monitors hear of it, on its thread.
  // Default: the node's log gets the emulator's "Error in process <0.1.2> on node a@b with exit value:". Before start.
  void on_crash(std::function<void(process&, term reason)> f);
  // Runs f on the process's thread, between two signals. False: no such process.
  bool run_in(term pid, std::function<void(process&)> f);

  // ---- names
  bool register_name(term name, term pid);  // false: badarg (taken, not alive, `undefined`, already has one)
  bool unregister_name(term name);
  term whereis(term name) const;            // none when there is none
  std::vector<term> registered() const;

  // ---- signals from nobody in particular (services, timers, other nodes)
  // To a pid here or elsewhere, a name, {name, node} or an alias; silently dropped when there is nobody.
  void send(term to, block_ptr message, term from = {});
  void exit_signal(term from, term to, term reason);

  // ---- timers. Callbacks run on a scheduler thread and must be short.
  using timer_id = std::uint64_t;
  timer_id after(std::chrono::nanoseconds delay, std::function<void()> f);
  // Time left, or nothing when it has fired or never was.
  std::optional<std::chrono::nanoseconds> cancel(timer_id id);
  std::optional<std::chrono::nanoseconds> read(timer_id id) const;
  std::chrono::steady_clock::time_point now() const;

  // ---- references of this node
  term make_ref(block& b);                  // 3 words
  // erlang:send_after & co.: a message to a local pid or name. The reference names the timer.
  term send_after(std::int64_t ms, term to, term message, block& b, bool start_timer_form = false);
  std::int64_t cancel_timer(term ref);      // ms left, -1
  std::int64_t read_timer(term ref) const;

  // ---- other nodes (called by the distribution)
  void set_distribution(distribution* d);   // not owned; before start
  distribution* dist() const;
  // A frame from that node: links, monitors, messages, spawn requests. Its block is taken. With `found`, what one process after the
  // other gets is posted when found is delivered or another process's turn comes.
  void receive(term node, dist::frame_event&& frame);
  void receive(term node, dist::frame_event&& frame, arrivals& found);
  void node_up(term node, bool visible);
  void node_down(term node, term reason);
  // erlang:monitor_node/2 and net_kernel:monitor_nodes/1,2 subscribers
  void monitor_node(term pid, term node, bool on);
  using node_listener = std::function<void(term node, bool up, bool visible, term reason)>;
  void on_node_change(node_listener l);

  // ---- the rest of the node
  code_server& code();
  const code_server& code() const;
  term default_group_leader() const;        // the node's own `user` process
  void set_default_group_leader(term pid);
  void log(log_level level, std::string_view text) const;
  unsigned schedulers() const;
  std::uint64_t reductions() const;
  std::size_t run_queue() const;
  std::chrono::steady_clock::time_point started_at() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
  friend class process;
  friend struct core;
  friend struct runtime_access;
};

}  // namespace cnode::actors
