// What the loops of gen_server, gen_statem and gen_event share: start, system messages, waiting for callbacks in coroutines, the end.
// While a callback is waited for the process takes no other message.
#pragma once

#include <array>
#include <coroutine>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include <cnode/actors/gen.hpp>
#include <cnode/actors/state_cell.hpp>
#include <cnode/actors/sys.hpp>
#include <cnode/actors/task.hpp>
#include <cnode/actors/upgrade.hpp>

#include "otp_atoms.hpp"
#include "start_note.hpp"

namespace cnode::actors {

class callback_process : public behaviour, public upgradable {
 public:
  callback_process(const gen::server_start& s, term behaviour_name, sys::event_formatter print_event);
  ~callback_process() override;

  void start(process& self) final;
  void receive(process& self, block_ptr& message) final;
  void returned(process& self, outcome result) override;
  void timeout(process& self) final;
  void stopping(process& self, term reason) final;
  term current_function(process& self, block& b) final;
  void purging(process& self, term module) final;
  bool movable() const final { return !task_; }
  std::shared_ptr<saved_state> save(process& self) override;
  void restore(process& self, saved_state& s) override;
  bool system_request(process& self, term request, std::function<void(term)>& answered) final;

 protected:
  // A callback, or any function: co_await gives its outcome.
  struct call_awaiter {
    callback_process& server;
    process& self;
    term module, function;
    std::array<term, 4> args;
    std::size_t count;
    bool await_ready() const { return false; }
    bool await_suspend(std::coroutine_handle<> h);
    outcome await_resume();
  };
  // A linked starter that does not trap exits dies with us. BEAM's server has its crash report to write between the answer and the
  // end, in which the starter goes on with {error, Reason} (a process of rpc hands it over and is gone); so we leave it a moment.
  struct pause_awaiter {
    callback_process& server;
    process& self;
    bool await_ready() const { return !server.linked_start_; }
    void await_suspend(std::coroutine_handle<> h);
    void await_resume();
  };
  // Lets others run; messages wait meanwhile. What lies in the scratch block goes.
  struct yield_awaiter {
    callback_process& server;
    process& self;
    bool await_ready() const { return false; }
    void await_suspend(std::coroutine_handle<> h);
    void await_resume() const {}
  };
  template <class... T>
  call_awaiter call(process& self, term module, term function, T... args) {
    return {*this, self, module, function, {args...}, sizeof...(args)};
  }
  // How a process ends.
  struct failure {
    term error_class, reason, stacktrace;
    const char* own_function = nullptr;  // then the stack is this function's of the behaviour: nothing was raised
    int own_arity = 0;
  };
  term stack(block& b, const failure& why) const;

  void run(process& self, task<void> t);
  bool exports(process& self, term module, term function, std::uint32_t arity) const;
  term event_name(process& self) const { return gen::name_of(name_, self.pid()); }
  void debug(process& self, term event);
  void acknowledge(process& self, term result);
  // init has run: what only the start needed goes with its task, which may still hold terms of it.
  void started() { args_ = options_ = {}; }
  // Nobody else: {already_started, Pid} or a registry's failure has ended the process.
  task<bool> register_name(process& self);
  task<void> unregister(process& self);
  // proc_lib:exit_p/3
  void end(process& self, term error_class, term reason, term stacktrace);
  // gen:format_status/4. `args` for format_status/2.
  task<term> format_status(process& self, term module, term opt, term status, term args);
  // Waits for the next message. Here for the sake of gen_server's calls, as release_due.
  void wait(process& self) {
    if (std::exchange(held_, false)) suspended_ = true;
    if (hibernating_) return compact();
    if (suspended_) return;
    if (const auto ms = timeout_ >= 0 ? timeout_ : hibernate_after_; ms >= 0) self.set_timeout(ms);
  }
  // sys:replace_state's fun, applied to a state; outcome as of a callback.
  task<outcome> apply_fun(process& self, term fun, term state);
  // What `catch` makes of an outcome; frames are those of the behaviour's own functions.
  using frame_list = std::initializer_list<std::pair<const char*, int>>;
  term caught(block& b, const outcome& out, frame_list frames, bool within_sys = false) const;
  term own_frame(block& b, const char* function, int arity) const;
  term with_frames(block& b, term stacktrace, frame_list frames, bool within_sys = false) const;
  // What a purge of `module` must let go, of a state and of the former states that lie in its arena.
  static void release_from(process& self, state_cell& state, term module);
  // Purges that came while a callback held terms of the state.
  void release_due(process& self) {
    if (!purge_due_.empty() && !task_) release_all_due(self);
  }

  // ---- the behaviour's own part
  virtual task<void> init_it(process& self) = 0;
  virtual void handle(process& self, block_ptr& message) = 0;  // takes it
  virtual void task_ended(process& self) { (void)self; }
  virtual task<void> end_by(process& self, term reason, const char* own_function, int arity) = 0;  // parent's exit, sys:terminate
  virtual term system_state(process& self) = 0;
  virtual bool set_state(process& self, term state) = 0;      // another one like system_state's; false: it is none
  virtual task<term> replace_state(process& self, term fun);  // {NewState} or {error, Reason}
  virtual task<term> status(process& self) = 0;               // Misc of sys:get_status
  virtual task<term> code_change(process& self, term module, term old_vsn, term extra) = 0;
  virtual bool uses(term module) const { return module.same(module_); }
  virtual term waits_in(block& b) const = 0;
  virtual void compact() = 0;
  virtual void release_old_natives(process& self, term module) = 0;

  block_ptr setup_;  // start's terms
  term behaviour_, module_, args_, name_, starter_, parent_, options_;
  std::shared_ptr<gen::start_note> note_;
  bool linked_start_ = false;
  sys::debug_options debug_;
  std::int64_t hibernate_after_ = -1;  // the start option; -1: never
  std::int64_t timeout_ = -1;          // of a gen_server's callback: the message `timeout` after so long; -1: infinity
  bool suspended_ = false;
  bool held_ = false;         // suspended as soon as it waits for the first message
  bool hibernating_ = false;
  bool in_callback_ = false;  // one that no coroutine waits for
  std::coroutine_handle<> waiting_;

 private:
  void end_task(process& self);
  void drop_setup();
  void go_on(process& self);
  void release_all_due(process& self);
  using answer_taker = std::function<void(term)>;
  // The answer goes to `answered`, where there is one, and otherwise by a message.
  task<void> system_message(process& self, block_ptr message, answer_taker answered = {});
  task<term> get_status(process& self);

  bool pausing_ = false, yielding_ = false, yielded_ = false;
  block_ptr kept_;  // the scratch block, during a pause
  std::vector<term> purge_due_;
  struct due_request {
    block_ptr message;
    answer_taker answered;
  };
  std::unique_ptr<due_request> request_due_;  // of system_request, when nothing else is to be done
  bool starting_ = false, done_ = false;
  outcome outcome_;
  std::unique_ptr<task<void>> task_;
};

// A map with one key more, or another value.
term map_put(block& b, term map, term key, term value);

// gen:format_status_header/2
term status_header(block& b, const char* line, term name);
// {"Title", Value}
term titled(block& b, const char* title, term value);

std::unique_ptr<behaviour> make_gen_server(const gen::server_start& start);
std::unique_ptr<behaviour> make_gen_statem(const gen::server_start& start);
std::unique_ptr<behaviour> make_gen_event(const gen::server_start& start);

}  // namespace cnode::actors
