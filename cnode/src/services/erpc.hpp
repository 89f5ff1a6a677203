// rpc and erpc: calls that come in (erpc:execute_call, execute_cast) and calls that go out.
#pragma once

#include <functional>

#include "apply.hpp"

namespace cnode::services {

// How a remote call ended, in erpc's words.
struct call_outcome {
  enum kind_t { value, thrown, exited, failed, signalled, refused } kind = value;
  term result;  // the value, the thrown term, the exit or error reason, the exit signal's reason, the word in {erpc, Word}
  term stack;   // failed only
};
// Must be the caller's last act.
term remote_call(call& c, term node, term module, term function, term args, std::int64_t timeout_ms, std::function<term(call&, const call_outcome&)> then);

// What the process of a call to rex answers with: the value, or {badrpc, {'EXIT', Reason}} (rpc:execute_call/3).
term rpc_result(block& b, const actors::outcome& o, term module, term function, term args);

}  // namespace cnode::services
