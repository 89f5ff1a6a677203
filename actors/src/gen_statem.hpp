// gen_statem: the loop around a callback module's init, callback_mode, handle_event or a function for each state, terminate, code_change
// and format_status. Follows gen_statem.erl of OTP 25 function by function.
#pragma once

#include <deque>
#include <vector>

#include "callback_process.hpp"
#include "terms.hpp"

namespace cnode::actors {

class gen_statem final : public callback_process {
 public:
  explicit gen_statem(const gen::server_start& s);
  std::shared_ptr<saved_state> save(process& self) override;
  void restore(process& self, saved_state& s) override;

 private:
  // An event of the queue, with what it lies in.
  struct event {
    block_ptr held;
    term type, content;
  };
  struct timer {
    owned_term type;
    term ref;  // none: timeout 0, its event is due when the queue is empty
    block_ptr held;  // the reference's and the content's
    term content;
  };
  // The state as the module knows it.
  struct state_data {
    term state, data;
  };
  // One event on its way through callbacks and actions, until the transition: what gen_statem.erl has in its loop's arguments. The terms
  // lie in the scratch block or the state cell.
  struct transition {
    state_data next;
    std::vector<state_data> next_events;  // {Type, Content}
    std::vector<term> timeouts;           // {Type, Time, Content} or {Type, Time, Content, Opts}
    bool hibernate = false, postpone = false;
    bool call_enter = false;
  };

  task<void> init_it(process& self) override;
  void handle(process& self, block_ptr& message) override { run(self, handle_message(self, std::move(message))); }
  task<void> end_by(process& self, term reason, const char* own_function, int arity) override;
  term system_state(process&) override { return state_data_.get(); }
  bool set_state(process& self, term state) override;
  task<term> status(process& self) override;
  task<term> code_change(process& self, term module, term old_vsn, term extra) override;
  bool uses(term module) const override;
  term waits_in(block& b) const override;
  void compact() override { state_data_.compact(); }
  void release_old_natives(process& self, term module) override;

  // the loop, gen_statem.cpp; false: the process has ended
  task<void> handle_message(process& self, block_ptr message);
  task<void> enter(process& self, term actions);
  task<void> loop(process& self);
  task<bool> handle_event(process& self);
  task<bool> callbacks(process& self, transition& t, term type, term content, bool state_call);
  task<bool> result(process& self, transition& t, bool state_call, term r, term& actions);
  void transit(process& self, transition& t);
  void take_zero_timeout(process& self);

  // gen_statem_actions.cpp
  task<bool> act(process& self, transition& t, bool state_call, term actions);
  task<bool> change_module(process& self, transition& t, bool state_call, term action);
  bool timeout_action(process& self, transition& t, term action);
  void start_timeouts(process& self, transition& t);
  void cancel_timer(process& self, std::size_t index);
  std::size_t find_timer(term type) const;  // timers_.size(): none
  // gen_statem:get_callback_mode/2; without a reason it went well, and modules_ are the new ones
  task<failure> get_callback_mode(process& self, std::vector<term> modules, const char* caller, int arity, bool within_sys = false);

  // the end, gen_statem_system.cpp
  task<void> terminate(process& self, failure why, state_data s);
  task<void> terminate_after_replies(process& self, failure why, state_data s, term replies);
  task<void> error_info(process& self, failure why, state_data s);
  state_data current() const { return {state_data_.get()[0], state_data_.get()[1]}; }
  void set(process& self, state_data s);
  term queue_list(process& self) const;
  term postponed_list(process& self) const;
  term timeout_list(process& self) const;

  std::vector<term> modules_;  // atoms; the current one first
  bool state_functions_ = true, state_enter_ = false;
  state_cell state_data_;  // {State, Data}
  std::deque<event> queue_;
  std::vector<event> postponed_;  // oldest first
  std::vector<timer> timers_;
  std::vector<owned_term> zero_;  // types of timeouts that are due at once, oldest first: t0q
};

sys::event_text print_statem_event(block& b, term event, term name);

}  // namespace cnode::actors
