// What the loops of gen_statem and gen_event share: start, system messages, waiting for callbacks in coroutines, the end. Each message
// is handled by one coroutine; while it waits for a callback the process takes no other message.
#pragma once

#include <array>
#include <coroutine>
#include <memory>
#include <span>

#include <cnode/actors/gen.hpp>
#include <cnode/actors/sys.hpp>
#include <cnode/actors/task.hpp>
#include <cnode/actors/upgrade.hpp>

#include "otp_atoms.hpp"
#include "start_note.hpp"

namespace cnode::actors {

// A behaviour with several callback modules: a purge asks it for each of them.
class module_user {
 public:
  virtual ~module_user() = default;
  virtual bool uses(term module) const = 0;
};

class callback_process : public behaviour, public upgradable, public module_user {
 public:
  callback_process(const gen::server_start& s, term behaviour_name, sys::event_formatter print_event);
  ~callback_process() override;

  void start(process& self) final;
  void receive(process& self, block_ptr& message) final;
  void returned(process& self, outcome result) final;
  void timeout(process& self) final;
  void stopping(process& self, term reason) final;
  term current_function(process& self, block& b) final;
  void purging(process& self, term module) final;

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
  // A linked starter that does not trap exits dies with us: it gets a moment to hear why first (gen_server::let_starter_go_on).
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
  bool exports(process& self, term module, term function, std::uint32_t arity) const;
  term event_name(process& self) const { return gen::name_of(name_, self.pid()); }
  void debug(process& self, term event);
  void acknowledge(process& self, term result);
  // Nobody else: {already_started, Pid} or a registry's failure has ended the process.
  task<bool> register_name(process& self);
  task<void> unregister(process& self);
  // proc_lib:exit_p/3
  void end(process& self, term error_class, term reason, term stacktrace);
  // gen:format_status/4. `args` for format_status/2.
  task<term> format_status(process& self, term module, term opt, term status, term args);
  // Waits for the next message.
  void wait(process& self);
  // sys:replace_state's fun, applied to a state; outcome as of a callback.
  task<outcome> apply_fun(process& self, term fun, term state);
  // What `catch` makes of an outcome; frames are those of the behaviour's own functions.
  static term caught(block& b, const outcome& out, std::initializer_list<std::pair<const char*, int>> frames, term behaviour_name,
                     bool within_sys = false);
  term own_frame(block& b, const char* function, int arity) const;
  term with_frames(block& b, term stacktrace, std::initializer_list<std::pair<const char*, int>> frames, bool within_sys = false) const;

  // ---- the behaviour's own part
  virtual task<void> init_it(process& self) = 0;
  virtual task<void> handle_message(process& self, block_ptr message) = 0;
  virtual task<void> end_by(process& self, term reason, const char* own_function, int arity) = 0;  // parent's exit, sys:terminate
  virtual term system_state(process& self) = 0;
  virtual task<term> replace_state(process& self, term fun) = 0;  // {NewState} or {error, Reason}
  virtual task<term> status(process& self) = 0;                   // Misc of sys:get_status
  virtual task<term> code_change(process& self, term module, term old_vsn, term extra) = 0;
  virtual term waits_in(block& b) const = 0;
  virtual void compact() = 0;
  virtual void release_old_natives(process& self, term module) = 0;

  block_ptr setup_;  // start's terms
  term behaviour_, module_, args_, name_, starter_, parent_, options_;
  std::shared_ptr<gen::start_note> note_;
  bool linked_start_ = false;
  sys::debug_options debug_;
  std::int64_t hibernate_after_ = -1;
  bool suspended_ = false;
  bool held_ = false;        // suspended as soon as it waits for the first message
  bool hibernating_ = false;

 private:
  void run(process& self, task<void> t);
  void end_task(process& self);
  void go_on(process& self);
  task<void> system_message(process& self, block_ptr message);
  task<term> get_status(process& self);

  bool pausing_ = false, yielding_ = false, yielded_ = false;
  block_ptr kept_;  // the scratch block, during a pause
  std::vector<term> purge_due_;
  bool starting_ = false, done_ = false;
  outcome outcome_;
  std::unique_ptr<task<void>> task_;
  std::coroutine_handle<> waiting_;
};

// A map with one key more, or another value.
term map_put(block& b, term map, term key, term value);

// gen:format_status_header/2
term status_header(block& b, const char* line, term name);

std::unique_ptr<behaviour> make_gen_statem(const gen::server_start& start);
std::unique_ptr<behaviour> make_gen_event(const gen::server_start& start);

}  // namespace cnode::actors
