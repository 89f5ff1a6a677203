// gen_server: the loop around a callback module's init, handle_call, handle_cast, handle_info, handle_continue, terminate,
// code_change and format_status. Follows gen_server.erl of OTP 25 case by case. Every callback is an external call: the version of the
// module that is current then.
#pragma once

#include <coroutine>
#include <memory>
#include <optional>

#include <cnode/actors/behaviour.hpp>
#include <cnode/actors/gen.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/state_cell.hpp>
#include <cnode/actors/sys.hpp>
#include <cnode/actors/upgrade.hpp>

namespace cnode::actors {

template <class T>
class task;

class gen_server final : public behaviour, public upgradable {
 public:
  explicit gen_server(const gen::server_start& start);
  ~gen_server() override;

  void start(process& self) override;
  void receive(process& self, block_ptr& message) override;
  void returned(process& self, outcome result) override;
  void timeout(process& self) override;
  void stopping(process& self, term reason) override;
  term current_function(process& self, block& b) override;
  term callback_module() const override { return module_; }
  void purging(process& self, term module) override;
  std::shared_ptr<saved_state> save(process& self) override;
  void restore(process& self, saved_state& s) override;

  bool suspended() const { return suspended_; }

 private:
  enum class kind { call, cast, info, continue_ };
  struct call_awaiter;
  struct pause_awaiter;
  struct crash_info {
    term error_class, reason, stacktrace;
    bool report_stacktrace;  // false: the reason is the callback's own word (stop, bad return value)
    const char* own_function = nullptr;  // then: where in gen_server.erl the end begins, as crash reports show it
    int own_arity = 0;
  };

  // the loop, gen_server.cpp
  void handle(process& self);
  void step(process& self, kind k, term message, term from);
  bool finish(process& self, const outcome& result);  // true: continue_ is to be handled next
  bool next(process& self, term state, term timeout_or_hibernate, bool has_timeout, bool& understood);
  void loop(process& self);
  void run(process& self, task<void> t);
  void end_task(process& self);
  void debug(process& self, term event);
  term event_name(process& self) const;
  void release_purged(process& self);

  // what may take several callbacks
  call_awaiter callback(process& self, term function, term a, term b = {}, term c = {});
  pause_awaiter let_starter_go_on(process& self);
  void end_pause(process& self);
  call_awaiter external(process& self, term module, term function, term a, term b = {}, term c = {});
  bool exports(process& self, term function, std::uint32_t arity) const;
  term own_module(process& self) const;  // a supervisor: its callback module
  task<void> init_it(process& self);
  task<void> unregister(process& self);
  void acknowledge(process& self, term result);
  task<void> terminate(process& self, crash_info why, term from, term last_message, term state, term reply, bool has_reply);
  task<void> error_info(process& self, term reason, term stacktrace, bool with_stacktrace, term from, term message, term state);
  void end(process& self, term error_class, term reason, term stacktrace);

  // system messages, gen_server_system.cpp
  task<void> system_message(process& self, term from, term request);
  task<term> get_status(process& self);
  task<term> format_status(process& self, term opt, term status, bool with_args);
  task<term> format_log_state(process& self, term log);
  task<term> code_change(process& self, term old_vsn, term extra);
  task<term> replace_state(process& self, term fun);
  term debug_list(process& self);

  block_ptr setup_;     // start's terms: args, name, ancestors
  term module_, args_, name_, starter_, parent_, options_;
  std::shared_ptr<gen::start_note> note_;
  bool acknowledged_ = false;
  bool linked_start_ = false;

  state_cell state_;
  sys::debug_options debug_;
  block_ptr message_;   // of the callback that runs
  term from_;           // of the call being handled
  kind kind_ = kind::call;
  bool suspended_ = false;
  bool held_ = false;          // suspended as soon as init, and what it continues with, have ended
  bool hibernating_ = false;
  std::int64_t timeout_ = -1;  // -1: infinity
  std::int64_t hibernate_after_ = -1;  // the start option; -1: never
  bool pausing_ = false;       // in let_starter_go_on
  block_ptr kept_;             // the scratch block, during it
  term continue_;
  bool continue_next_ = false;  // once the task has ended
  bool in_callback_ = false;    // handle_*: its arguments lie in the state
  bool purge_due_ = false;      // purging() came meanwhile

  bool starting_ = false;      // process::call has not come back yet
  bool done_ = false;
  outcome outcome_;
  std::unique_ptr<task<void>> task_;
  std::coroutine_handle<> waiting_;
};

}  // namespace cnode::actors
