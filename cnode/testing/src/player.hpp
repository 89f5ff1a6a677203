// The process behind a client.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include <cnode/actors/behaviour.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/protocol/atom_table.hpp>

#include "native_terms.hpp"

namespace cnode::testing::detail {

// How the function it called has ended.
struct player_outcome {
  std::optional<bool> ok;
  std::string error_class;
  block_ptr result, reason, stacktrace;
};

// Calls functions when told, one after the other. Messages stay in its mailbox, where those functions find them.
class player final : public actors::behaviour {
 public:
  explicit player(std::shared_ptr<player_outcome> o) : outcome_(std::move(o)) {}
  void start(actors::process& self) override { self.set_trap_exit(true); }
  void receive(actors::process&, block_ptr&) override {}
  void returned(actors::process& self, actors::outcome o) override {
    outcome_->ok = o.kind == actors::outcome::value;
    if (*outcome_->ok) {
      outcome_->result = copy_to_block(actors::without_natives(self, o.result));
    } else {
      outcome_->error_class = atom_text(o.error_class);
      outcome_->reason = copy_to_block(actors::without_natives(self, o.reason));
      outcome_->stacktrace = copy_to_block(o.stacktrace ? actors::without_natives(self, o.stacktrace) : nil);
    }
  }

 private:
  std::shared_ptr<player_outcome> outcome_;
};

}  // namespace cnode::testing::detail
