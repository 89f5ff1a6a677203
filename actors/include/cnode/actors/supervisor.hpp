// supervisor: starts, watches and restarts other processes by OTP's rules. It is a callback module under gen_server, as in OTP, and
// speaks its protocol: supervisor:which_children/1 and the others work from anywhere.
#pragma once

#include <string>
#include <vector>

#include <cnode/actors/runtime.hpp>

namespace cnode::actors {

// A child as C++ code names it. Terms are copied.
struct child_spec {
  term id;
  term module, function, args;  // start: {M, F, Args}, answering {ok, Pid} and linked
  term restart;                 // permanent (none), transient or temporary
  term shutdown;                // ms, infinity or brutal_kill; none: 5000
  bool supervisor = false;
  term callback;                // what modules says, as [callback]; none: `module`
};

struct supervisor_flags {
  term strategy;                // one_for_one when none; one_for_all, rest_for_one
  std::int64_t intensity = 1;   // more restarts than this ...
  std::int64_t period = 5;      // ... within this many seconds end the supervisor
};

// A supervisor registered as `name`, under nobody. Returns its pid at once; children start in order on its own time.
term start_supervisor(runtime& node, term name, const std::vector<child_spec>& children, const supervisor_flags& flags = {});

}  // namespace cnode::actors
