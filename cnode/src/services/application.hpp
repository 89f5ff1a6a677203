// The environment of applications: what a config file and application:set_env/3 say.
#pragma once

#include <memory>

#include "call.hpp"

namespace cnode::services {

// Any thread.
class environment {
 public:
  environment();
  ~environment();
  kept get(term application, term key) const;            // null: not set
  void set(term application, term key, kept value);      // null unsets
  std::vector<std::pair<term, kept>> all(term application) const;
  // [{Application, [{Key, Value}]}], as sys.config has it; what has another shape is passed over.
  void configure(term config);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

environment& environment_of(const actors::runtime& node);

}  // namespace cnode::services
