// gen_server: the loop around a callback module's init, handle_call, handle_cast, handle_info, handle_continue, terminate,
// code_change and format_status. Follows gen_server.erl of OTP 25 case by case. Every callback is an external call: the version of the
// module that is current then.
#pragma once

#include <cnode/actors/state_cell.hpp>

#include "callback_process.hpp"

namespace cnode::actors {

class gen_server final : public callback_process {
 public:
  explicit gen_server(const gen::server_start& s);

  void returned(process& self, outcome result) override;
  // upgrade.cpp: a supervisor's state is not terms alone
  std::shared_ptr<saved_state> save(process& self) override;
  void restore(process& self, saved_state& s) override;

 private:
  enum class kind { call, cast, info, continue_ };

  task<void> init_it(process& self) override;
  void handle(process& self, block_ptr& message) override;
  void task_ended(process& self) override;
  task<void> end_by(process& self, term reason, const char* own_function, int arity) override;
  term system_state(process&) override { return state_.get(); }
  bool set_state(process& self, term state) override;
  task<term> status(process& self) override;
  task<term> code_change(process& self, term module, term old_vsn, term extra) override;
  term waits_in(block& b) const override;
  void compact() override { state_.compact(); }
  void release_old_natives(process& self, term module) override { release_from(self, state_, module); }

  // the loop, gen_server.cpp: plain functions, without a coroutine
  void step(process& self, kind k, term message, term from);
  bool finish(process& self, const outcome& result);  // true: continue_ is to be handled next
  // A callback's NewState and what comes after it in the tuple, or none. True: as of finish.
  bool next(process& self, term state, term how);
  void loop(process& self);

  // gen_server_start_stop.cpp
  term own_module(process& self) const;  // a supervisor: its callback module
  // With `reply`, it is sent after terminate has been called, whatever that did.
  task<void> terminate(process& self, failure why, term from, term last_message, term state, term reply = {});
  task<void> error_info(process& self, failure why, term from, term message, term state);
  term callback_stack(block& b, term stacktrace) const;

  // gen_server_system.cpp
  task<term> format_state(process& self, term opt, term status);
  task<term> format_log_state(process& self, term log);

  state_cell state_;
  block_ptr message_;  // of the callback that runs
  term from_;          // of the call being handled
  kind kind_ = kind::call;
  term continue_;
  bool continue_next_ = false;  // once init's task has ended
};

// Timeout, hibernate or {continue, C}, at the end of a callback's tuple.
bool is_how(term how);

}  // namespace cnode::actors
