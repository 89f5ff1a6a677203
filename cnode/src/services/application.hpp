// Applications, as far as they are the services' business: what of the environment they read, and which are the node's own.
#pragma once

#include "call.hpp"

namespace cnode::services {

class node_host;

// application:get_env/2 for code of the node. Any thread.
class environment {
 public:
  explicit environment(const actors::runtime& node) : node_(node) {}
  kept get(term application, term key) const;  // null: not set

 private:
  const actors::runtime& node_;
};

inline environment environment_of(const actors::runtime& node) { return environment(node); }

// The process application_controller. After the builtins.
void start_applications(node_host& host);

}  // namespace cnode::services
