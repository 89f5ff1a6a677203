// erlang:spawn and its many forms.
#pragma once

#include "call.hpp"

namespace cnode::services {

struct spawn_how {
  bool link = false, monitor = false;
  actors::monitor_options monitoring = {};  // {monitor, [{tag, T}, {alias, Mode}]}
};
struct spawn_what {
  term module, function, args;  // module none: badarg
  spawn_how how;
};

// fun M:F/0, or a closure, whose process ends with what BEAM says of closures it lacks the module of.
spawn_what fun_call(call& c, term fun, spawn_how how = {});
// pid, or {pid, reference} with monitor.
term spawn_here(call& c, const spawn_what& what);
term spawn_on(call& c, term node, const spawn_what& what);
// [link, monitor, {priority, _}, ...]; false: badarg.
bool spawn_option_of(term option, spawn_how& how);
// erlang:monitor/3's: {tag, T}, {alias, Mode}
bool monitor_options_of(const std::vector<term>& list, actors::monitor_options& options);
bool spawn_options_of(term list, spawn_how& how);
term tail_call(call& c, term module, term function, term args);

}  // namespace cnode::services
