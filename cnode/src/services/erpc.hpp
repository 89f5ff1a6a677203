// erpc: calls that come in (execute_call, execute_cast) and calls that go out. What rpc is made of.
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
// What erpc:call raises for it; nothing for a value.
struct exception {
  term error_class, reason;
};
exception exception_of(block& b, const call_outcome& o);
call_outcome applied_outcome(const applied& a);

using call_done = std::function<term(call&, const call_outcome&)>;
// These must be the caller's last act.
term remote_call(call& c, term node, term module, term function, term args, std::int64_t timeout_ms, call_done then);
// The answer to a request, abandoned at the timeout; or with on_timeout, and the request goes on.
term receive_answer(call& c, term request, std::int64_t timeout_ms, call_done then);
term wait_for_answer(call& c, term request, std::int64_t timeout_ms, call_done then, std::function<term(call&)> on_timeout);
// {ok, Value} or {Class, Reason} of each node.
using multicall_done = std::function<term(call&, const std::vector<term>&)>;
term remote_multicall(call& c, term nodes, term module, term function, term args, std::int64_t timeout_ms, multicall_done done);

// erpc:send_request/4: [Ref|SpawnRequestId]. The arguments are legal ones.
term send_call(call& c, term node, term module, term function, term args);
// False: illegal arguments.
bool send_cast(call& c, term node, term module, term function, term args);
// False: the answer is in the mailbox already.
bool abandon(call& c, term spawn_request_id);
// infinity, milliseconds, {abs, MonotonicMilliseconds}
bool erpc_timeout(call& c, term t, std::int64_t& ms);

// What the process of a call to rex answers with: the value, or {badrpc, {'EXIT', Reason}} (rpc:execute_call/3).
term rpc_result(block& b, const actors::outcome& o, term module, term function, term args);

}  // namespace cnode::services
