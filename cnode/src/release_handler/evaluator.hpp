// The instructions of a relup, carried out as release_handler_1:eval_script/5 does, and taken back when one fails.
//
// What BEAM does not do:
//   - every file is read, checked and opened at its load_object_code; `load` only exchanges versions
//   - processes that start while the code of their callback module is being exchanged are suspended as soon as their init has returned, and
//     changed and resumed with the others
//   - states are kept before each code_change. After a failure, at whatever instruction, every process runs the version it ran before with
//     the state it had before; what a process has done between its resume and the failure is undone with it. Processes that were started
//     for new code are ended and started again. What functions called by `apply` did stays, except that applications run as before.
#pragma once

#include <map>
#include <string>
#include <unordered_set>
#include <vector>

#include "release/instructions.hpp"
#include "release/release_files.hpp"
#include "session.hpp"

namespace cnode::release_handler {

struct library {
  term name, vsn;    // atom, string
  std::string dir;   // relative to the root, or absolute
};
using libraries = std::vector<library>;

struct evaluation_options {
  std::int64_t suspend_timeout = 5000, code_change_timeout = 5000;
  bool update_paths = false;
};

struct unpurged_module {
  term name;
  bool soft;
};

struct evaluation {
  enum how_t {
    done,              // all of it
    refused,           // {error, Reason} before the point of no return
    failed,            // {'EXIT', Reason} after it; all is as it was
    restart_emulator,
    restart_new_emulator
  } how = done;
  term reason;                            // in the session's heap
  std::vector<unpurged_module> unpurged;  // processes still run their old code
};

// Processes of this node, in the order they were found.
class pid_set {
 public:
  bool contains(term pid) const { return in_.contains(pid.word()); }
  void add(term pid) {
    if (in_.insert(pid.word()).second) list_.push_back(pid);
  }
  void remove(term pid) {
    if (in_.erase(pid.word()) > 0) std::erase_if(list_, [pid](term p) { return p.same(pid); });
  }
  const terms& list() const { return list_; }

 private:
  terms list_;
  std::unordered_set<cnode_term> in_;
};

class evaluator {
 public:
  evaluator(session& s, libraries all, libraries changed, evaluation_options options);
  ~evaluator();

  // Called when a script is taken back, before the processes run on.
  std::function<routine<void>()> on_rollback;
  // Something could not be made what it was: the node should start again.
  bool damaged() const { return damaged_; }
  // After run has said restart_emulator and that cannot be.
  routine<void> take_back(term reason) { return roll_back(reason); }

  routine<evaluation> run(const terms& script);
  // Everything up to the point of no return, without effect: {ok, PurgeModules} or {error, Reason}.
  routine<term> check(const terms& script);

 private:
  struct module_change {
    actors::prepared_version_ptr prepared;  // read, not yet loaded
    std::string file;
    term old_vsn, new_vsn;
    bool changed = false;                   // loaded or removed
    bool soft_post_purge = true;
    actors::held_version before;            // while `changed`
    actors::held_version after;
  };
  struct process_change {
    term pid, module;
    std::shared_ptr<actors::saved_state> state;  // null: it cannot be had again
  };
  struct stopped_child {
    term module, supervisor, name;
  };

  module_change& change_of(term module) { return modules_[module.word()]; }
  pid_set& suspended_of(term module) { return suspended_[module.word()]; }
  bool is_suspended(term pid) const;

  // evaluator.cpp: one instruction each; they throw failure
  routine<void> evaluate(const release::instruction::any& i);
  routine<void> load_object_code(const release::instruction::load_object_code& i);
  routine<void> point_of_no_return();
  routine<void> load(const release::instruction::load& i);
  routine<void> remove(const release::instruction::remove& i);
  routine<void> purge(const terms& modules);
  routine<void> suspend(const release::instruction::suspend& i);
  routine<void> resume(const terms& modules);
  routine<void> code_change(const release::instruction::code_change& i);
  routine<void> change_processes(term module, const terms& pids, term vsn, term extra);
  routine<void> stop(const terms& modules);
  routine<void> start(const terms& modules);
  routine<void> sync_nodes(const release::instruction::sync_nodes& i);
  routine<void> apply(const release::instruction::apply& i);
  routine<void> finish(evaluation& out);

  // rollback.cpp
  routine<void> remember();
  routine<void> roll_back(term reason);
  routine<void> end_those_of_new_code();
  routine<void> restore_states();
  routine<void> restore_applications();
  void tell_other_nodes();
  routine<void> resume_all(const terms& pids);

  session& s_;
  libraries all_, changed_;
  evaluation_options options_;
  std::map<cnode_term, module_change> modules_;
  std::vector<term> order_;                   // of modules, as they were loaded or removed
  std::map<cnode_term, pid_set> suspended_;
  pid_set changed_pids_;                      // whose code_change was called
  std::map<cnode_term, std::pair<term, term>> code_changes_;  // by module: Vsn and Extra, for those that come later
  std::vector<process_change> states_;
  std::vector<stopped_child> stopped_;
  terms held_modules_;
  terms sync_nodes_;                          // nodes that wait for us further on
  // of before
  bool damaged_ = false;
  std::vector<std::string> path_;
  std::unordered_set<cnode_term> processes_;
  std::shared_ptr<const actors::saved_applications> applications_;
  terms running_;                             // {Name, Type}
};

// release_handler_1:check_old_processes/2: the modules of the script that can be purged; throws failure{{error, Module}}.
terms check_old_processes(session& s, const terms& script, bool soft);

}  // namespace cnode::release_handler
