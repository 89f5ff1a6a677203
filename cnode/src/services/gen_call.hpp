// gen:call/4 for builtin functions: a request to a server here or elsewhere, its answer, or why there is none.
#pragma once

#include <functional>

#include "call.hpp"

namespace cnode::services {

// reply: the answer; or none, then `down` is the DOWN's reason (noproc, noconnection, ...) or none after the timeout.
using after_call = std::function<term(call&, term reply, term down)>;
// `server` is a pid, a name or {Name, Node}. Must be the caller's last act.
term gen_call(call& c, term server, term request, std::int64_t timeout_ms, after_call then);

// A timeout argument: infinity or milliseconds. False: badarg.
bool timeout_of(term t, std::int64_t& ms);

// Waits until `start`'s answer comes as a message to this process: for what happens on other threads. `start` runs at once; the term
// given to its argument is copied before that returns. If every copy of the answer function is gone unused, the answer is `lost`.
using give_answer = std::function<void(std::function<term(block&)>)>;
term await(call& c, term lost, const std::function<void(give_answer)>& start, std::function<term(call&, term)> then);

}  // namespace cnode::services
