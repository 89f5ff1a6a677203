// Apply a function and do something with how it ended: what erpc, rex and rpc are made of.
#pragma once

#include <functional>

#include "call.hpp"

namespace cnode::services {

struct applied {
  term module, function, args;
  // none unless it returned
  term value;
  // none unless it raised
  term error_class, reason, stacktrace;  // the stack trace as erpc:trim_stack leaves it
};

// Calls module:function(args) in this process, loading the module when it is not there yet; it may wait for messages as long as it likes.
// `then` makes the result of whatever function called apply_then; it must be its last act. `then` may be destroyed uncalled.
using after_apply = std::function<term(call&, const applied&)>;
term apply_then(call& c, term module, term function, term args, after_apply then);

// The stack of a function that raised, for a caller that applied it: what the host gave, or the function alone.
term stack_of(call& c, const applied& a);

}  // namespace cnode::services
