// What a process does: the loop around its callbacks. gen_server, supervisor, a spawned function and the node's own services each are one.
#pragma once

#include <cnode/protocol/block.hpp>

namespace cnode::actors {

class process;

// How a function called through process::call ended.
struct outcome {
  enum kind { value, raised } kind = value;
  term result;       // value
  term error_class;  // raised: error, exit or throw
  term reason;
  term stacktrace;   // list
  // The terms lie in the process's scratch block until the behaviour function that got the outcome returns.
};

// Owned by its process. Every function runs on the process's thread, never two at once. What they throw ends the process
// with reason {internal_error, Text}.
class behaviour {
 public:
  virtual ~behaviour() = default;

  // The first thing the process does.
  virtual void start(process& self) = 0;
  // The oldest message not yet looked at. Taking it (moving the block away) removes it from the mailbox; leaving it keeps it
  // there, in order, until process::rescan(). Not called while a function is being waited for (process::call pending).
  virtual void receive(process& self, block_ptr& message) = 0;
  // The function called by process::call has ended, at once or after it had waited for messages.
  virtual void returned(process& self, outcome result) = 0;
  // The time set by process::set_timeout is over.
  virtual void timeout(process& self) { (void)self; }
  // The process ends with this reason, whatever the cause (its own exit, an exit signal, a kill). Last call.
  virtual void stopping(process& self, term reason) { (void)self, (void)reason; }
  // Does nothing that belongs to it - a coroutine, say - know the process by its address between two of these functions? Then what
  // there is of the process may move while it is idle.
  virtual bool movable() const { return false; }
  // {M,F,A} for process_info(current_function): what the process waits in.
  virtual term current_function(process& self, block& b);
  // Code of `module` is about to be purged: native state of its old version must become a term now.
  virtual void purging(process& self, term module) { (void)self, (void)module; }
};

}  // namespace cnode::actors
