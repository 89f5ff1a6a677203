// gen_event: an event manager and its handlers, each a callback module with a state of its own. Follows gen_event.erl of OTP 25 function
// by function.
#pragma once

#include <list>
#include <vector>

#include "callback_process.hpp"
#include "terms.hpp"

namespace cnode::actors {

class gen_event final : public callback_process {
 public:
  explicit gen_event(const gen::server_start& s);

 private:
  struct handler {
    term module;
    owned_term id;          // none: the module alone names it
    owned_term supervised;  // pid, or none
    state_cell state;
  };
  using handler_list = std::list<handler>;
  using position = handler_list::iterator;
  // Where in gen_event.erl a callback was called, for the stack of what it raised; depth: how many handlers came before.
  struct place {
    const char* function;
    int arity;
    int notified_before = -1;
  };

  task<void> init_it(process& self) override;
  void handle(process& self, block_ptr& message) override { run(self, handle_message(self, std::move(message))); }
  task<void> end_by(process& self, term reason, const char* own_function, int arity) override;
  term system_state(process& self) override;
  bool set_state(process& self, term state) override;
  task<term> replace_state(process& self, term fun) override;
  task<term> status(process& self) override;
  task<term> code_change(process& self, term module, term old_vsn, term extra) override;
  bool uses(term module) const override;
  term waits_in(block& b) const override;
  void compact() override;
  void release_old_natives(process& self, term module) override;

  task<void> handle_message(process& self, block_ptr message);
  task<void> request(process& self, term tag, term command);
  // `catch Module:Function(A, B)`
  task<term> caught_call(process& self, term module, const char* function, term a, term b, place where);
  task<void> notify(process& self, term event, const char* function);
  task<void> handle_exit(process& self, term from, term reason);
  task<term> server_call(process& self, term wanted, term query);
  task<term> add_handler(process& self, term wanted, term args, term supervisor, int swap_arity = 0);
  task<term> delete_handler(process& self, term wanted, term args);
  task<term> swap_handler(process& self, term one, term args1, term other, term args2, term supervisor);
  // The handler that takes this one's place, or none; the handler is gone from its place either way.
  task<bool> swap(process& self, position at, term args1, term state1, term other, term args2);
  // `why` is normal, shutdown, {swapped, Handler, Supervisor}, or none for crash: args is {error, Reason} then
  task<term> do_terminate(process& self, const handler& h, term args, term state, term last_in, term why,
                          const char* caller = nullptr, int arity = 0);
  task<void> report(process& self, const handler& h, term why, term state, term last_in);
  task<void> stop_handlers(process& self);
  position find(term wanted);
  term name_of(block& b, const handler& h) const;
  static term id_or_false(const handler& h) { return h.id.get() ? h.id.get() : names().false_; }
  static term as_listed(block& b, const handler& h);  // {Module, Id, State}

  handler_list handlers_;
  bool hibernate_next_ = false;
};

sys::event_text print_manager_event(block& b, term event, term name);

}  // namespace cnode::actors
