// A service process: handles its messages one by one, as a gen_server's loop does, and lets nobody stop it but the runtime.
#pragma once

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
  // gen:reply/2
  static void reply(actors::process& self, term from, term reply);

 private:
  term module_;
};

// gen:reply/2 from anywhere: From is {Pid, Tag}, whatever the tag.
term reply_target(term from);

void spawn_service(actors::runtime& node, std::string_view name, std::unique_ptr<service> s);

}  // namespace cnode::services
