// Asking a function of the node, from outside its processes: for the program's start.
#pragma once

#include <string>

#include <cnode/actors/runtime.hpp>

namespace cnode::program {

struct answered {
  enum how { value, raised, stopped } how = stopped;  // stopped: the node stopped before there was an answer
  block_ptr result;                                   // root: the value or the reason
  term root() const { return result ? result->root : nil; }
};
// M:F(Args) in a process of its own; waits for the end. Not from a scheduler thread.
answered ask(actors::runtime& node, term module, term function, term args);

}  // namespace cnode::program
