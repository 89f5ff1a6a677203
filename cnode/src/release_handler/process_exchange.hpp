// The processes of a script: suspended while their code is exchanged, changed, resumed, stopped and started, and given back what they
// were. They are found through the supervision tree; those that start meanwhile are held by the runtime.
#pragma once

#include <map>
#include <unordered_set>
#include <utility>
#include <vector>

#include "code_exchange.hpp"
#include "release/instructions.hpp"

namespace cnode::release_handler {

// Processes of this node, in the order they were found.
class pid_set {
 public:
  bool contains(term pid) const { return in_.contains(pid.word()); }
  void add(term pid) {
    if (in_.insert(pid.word()).second) list_.push_back(pid);
  }
  void remove(const pid_set& others) {
    std::erase_if(list_, [&](term p) { return others.contains(p) && in_.erase(p.word()) > 0; });
  }
  const terms& list() const { return list_; }

 private:
  terms list_;
  std::unordered_set<cnode_term> in_;
};

struct process_timeouts {
  std::int64_t suspend_timeout = 5000, code_change_timeout = 5000;  // ms; negative: none
};

class process_exchange {
 public:
  process_exchange(session& s, const code_exchange& code, const process_timeouts& timeouts) : s_(s), code_(code), timeouts_(timeouts) {}
  ~process_exchange();
  process_exchange(const process_exchange&) = delete;

  // Before the script: who is there.
  void remember();

  // The instructions; they throw failure.
  routine<void> suspend(const release::instruction::suspend& i);
  routine<void> code_change(const release::instruction::code_change& i);
  routine<void> resume(const terms& modules);
  routine<void> stop(const terms& modules);
  routine<void> start(const terms& modules);
  // After the last one: those that are held still.
  routine<void> resume_held();

  // The way back, in this order; between the first two the code is put back.
  routine<void> stand_still();  // those that went on already
  routine<void> restore();      // states, and who began in the new code or was stopped
  routine<void> go_on();

 private:
  struct kept_state {
    term pid;
    std::shared_ptr<actors::saved_state> state;  // null: it cannot be had again
  };
  struct stopped_child {
    term module, supervisor, name;
  };
  struct change_told {
    term vsn, extra;
  };

  pid_set& suspended_of(term module) { return suspended_[module.word()]; }
  bool is_suspended(term pid) const;
  routine<void> change(term module, const terms& pids, const change_told& what);
  routine<void> resume_all(const terms& pids);
  routine<applied> start_again(const stopped_child& c);
  void restore_states();
  routine<void> resume_supervisors();
  routine<void> end_those_of_new_code();

  session& s_;
  const code_exchange& code_;
  const process_timeouts timeouts_;
  std::unordered_set<cnode_term> known_;         // of before
  std::map<cnode_term, pid_set> suspended_;      // by module
  terms held_modules_;
  std::map<cnode_term, change_told> told_;       // by module, for those that come later
  pid_set supervisors_;                          // of those that were suspended
  pid_set changed_;                              // whose code_change was called
  std::vector<kept_state> states_;               // in the order of the changes
  std::vector<stopped_child> stopped_;
  pid_set standing_;                             // on the way back
};

}  // namespace cnode::release_handler
