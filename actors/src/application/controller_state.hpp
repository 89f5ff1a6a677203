// What the application_controller knows. A native object; seen from outside it is the #state{} record of application_controller.erl.
#pragma once

#include <memory>
#include <vector>

#include "application_table.hpp"

namespace cnode::actors {

struct starting_application {
  term name, restart_type, type;
  std::shared_ptr<owned_term> from;
};
struct start_request {
  term name;
  std::shared_ptr<owned_term> from;
};
struct started_application {
  term name, restart_type;
};

struct controller_state {
  std::shared_ptr<application_table> table;
  owned_term config{nil};                       // [{App, Env}]
  std::vector<starting_application> starting;   // each list: newest first
  std::vector<start_request> requests;
  std::vector<started_application> started;
  std::vector<running_application> running;

  void publish() const { table->set_running(running); }
  running_application* find_running(term name);
  started_application* find_started(term name);
};

term controller_record(block& b, const controller_state& s);
// None when `t` is something else.
controller_state* controller_of(term t);
term make_controller_state(cnode_env* env, std::unique_ptr<controller_state> s);

}  // namespace cnode::actors
