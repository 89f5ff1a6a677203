// A service process: handles its messages one by one, as a gen_server's loop does, answers sys as one, and lets nobody stop it but the
// runtime. Never waits for output: who must answer everybody cannot be kept by one slow node.
#pragma once

#include <cnode/actors/sys.hpp>

#include "call.hpp"

namespace cnode::services {

class service : public actors::behaviour {
 public:
  explicit service(std::string_view module) : module_(atom(module)) {}
  void start(actors::process& self) override;
  void receive(actors::process& self, block_ptr& message) final;
  void returned(actors::process&, actors::outcome) override {}
  term current_function(actors::process& self, block& b) override;

 protected:
  // {'$gen_call', From, Request}. false: no answer, as handle_call's noreply.
  virtual bool handle_call(actors::process& self, term from, term request, term& reply) = 0;
  virtual void handle_cast(actors::process& self, term request) { (void)self, (void)request; }
  virtual void handle_info(actors::process& self, term message) { (void)self, (void)message; }
  // What sys:get_state shows. In b.
  virtual term state(actors::process& self, block& b) { return (void)self, make_map(b, nullptr, nullptr, 0); }
  // gen:reply/2
  static void reply(actors::process& self, term from, term reply);

 private:
  void system_message(actors::process& self, term from, term request);
  term status(actors::process& self, term name);

  term module_;
  actors::sys::debug_options debug_;
  bool suspended_ = false;  // all but system messages stay in the mailbox
};

// gen:reply/2 from anywhere: From is {Pid, Tag}, whatever the tag.
term reply_target(term from);

void spawn_service(actors::runtime& node, std::string_view name, std::unique_ptr<service> s);

}  // namespace cnode::services
