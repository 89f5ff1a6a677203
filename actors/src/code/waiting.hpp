// Host functions that wait: for the loader's answer, or for a nested call that suspended.
#pragma once

#include <functional>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/process.hpp>

#include "call_context.hpp"

namespace cnode::actors {

// Builds the answer's term; called once, on the thread that answers.
using build_answer = std::function<term(block&)>;
using answer_to = std::function<void(build_answer)>;

// Suspends the calling function until `start`'s answer has come as a message to its process, then goes on with `then`, whose result
// is the function's. `start` runs at once and may answer from any thread.
cnode_term await_answer(cnode_env* env, const std::function<void(answer_to)>& start,
                        std::function<cnode_term(cnode_env*, term)> then);

// The same as a coroutine waits for it.
task<term> answered(call_context& cx, std::function<void(answer_to)> start);

// An external call in the process that runs: M:F(Args), loading M first when that is needed. Ends as a cnode_function does.
cnode_term apply(cnode_env* env, term module, term function, term args);

// A function without arguments of this version, which need not be the current one. Takes over the reference to the version.
cnode_term apply_in(cnode_env* env, const function_ref& ref, term module, term function);

// The fourth element of a stack frame of M: for BIFs [{error_info, #{module => erl_erts_errors}}], else [].
term error_info_of(block& b, term module);

}  // namespace cnode::actors
