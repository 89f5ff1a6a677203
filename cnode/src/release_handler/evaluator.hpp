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

#include <optional>

#include "code_exchange.hpp"
#include "process_exchange.hpp"
#include "release/instructions.hpp"

namespace cnode::release_handler {

struct evaluation_options : process_timeouts {
  bool update_paths = false;
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

class evaluator {
 public:
  evaluator(session& s, libraries all, libraries changed, evaluation_options options);

  // Called when a script is taken back, before the processes run on.
  std::function<routine<void>()> on_rollback;
  // Something could not be made what it was: the node should start again.
  bool damaged() const { return damaged_; }
  // After run has said restart_emulator and that cannot be.
  routine<void> take_back(term reason);

  routine<evaluation> run(const terms& script);
  // Everything up to the point of no return, without effect: {ok, PurgeModules} or {error, Reason}.
  routine<term> check(const terms& script);

 private:
  // evaluator.cpp: one instruction each; they throw failure
  routine<void> carry_out(const release::instruction::load_object_code& i);
  routine<void> carry_out(const release::instruction::point_of_no_return& i);
  routine<void> carry_out(const release::instruction::load& i) { return code_.load(i.module, i.soft_post_purge); }
  routine<void> carry_out(const release::instruction::remove& i) { return code_.remove(i.module, i.soft_post_purge); }
  routine<void> carry_out(const release::instruction::purge& i);
  routine<void> carry_out(const release::instruction::suspend& i) { return processes_.suspend(i); }
  routine<void> carry_out(const release::instruction::resume& i) { return processes_.resume(i.modules); }
  routine<void> carry_out(const release::instruction::code_change& i) { return processes_.code_change(i); }
  routine<void> carry_out(const release::instruction::stop& i) { return processes_.stop(i.modules); }
  routine<void> carry_out(const release::instruction::start& i) { return processes_.start(i.modules); }
  routine<void> carry_out(const release::instruction::sync_nodes& i);
  routine<void> carry_out(const release::instruction::apply& i);
  routine<void> carry_out(const release::instruction::restart_emulator& i);
  routine<void> carry_out(const release::instruction::restart_new_emulator& i);

  // rollback.cpp
  routine<void> remember_applications();
  routine<void> restore_applications();
  void tell_other_nodes();

  session& s_;
  libraries all_, changed_;
  evaluation_options options_;
  code_exchange code_;
  process_exchange processes_;
  std::optional<evaluation::how_t> restart_;
  terms sync_nodes_;                          // nodes that wait for us further on
  bool damaged_ = false;
  // of before
  std::shared_ptr<const actors::saved_applications> applications_;
  terms running_;                             // {Name, Type}
};

}  // namespace cnode::release_handler
