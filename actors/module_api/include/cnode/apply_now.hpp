// Module:Function(Args) at once, for functions that do not wait; plain callbacks use it for whatever has no wrapper here.
//
// A function that would wait ends the call with error:{cannot_wait, {Module, Function, Arity}, Text}: to wait, make the caller a coroutine
// (task<>) and co_await apply(...). What the function has sent by then has been sent. The module must be there already: to load it is to wait.
#pragma once

#include <cnode/error.hpp>

namespace cnode {
inline namespace module_api {

namespace detail {

// Milliseconds; negative: the atom infinity.
inline term timeout_term(std::int64_t ms) { return ms < 0 ? is<"infinity">::value() : encode(ms); }

enum class applied { returned, raised, waits };

// A thread acts in its process's name (thread.hpp), but what comes back would go to nobody.
inline void need_process(const char* what) {
  if ((env_flags() & CNODE_ENV_THREAD) != 0)
    throw error(tuple("no_process"_a, binary(what), binary("a thread has no mailbox: let the process that owns it do this")));
}

inline applied apply_at_once(term& module, term& function, term& args, term& value) {
  for (;;) {
    value = term{host().apply(env(), module.word(), function.word(), args.word())};
    if (value) return applied::returned;
    if (env()->outcome == CNODE_SUSPEND) {
      const cnode_continuation pending = env()->continuation;
      env()->outcome = 0;
      pending.destroy(pending.frame);
      return applied::waits;
    }
    if (env()->outcome != CNODE_TAIL_CALL) return applied::raised;
    module = term{env()->tail_module};
    function = term{env()->tail_function};
    args = term{env()->tail_args};
  }
}

[[noreturn]] inline void throw_cannot_wait(term module, term function, term args) {
  std::int64_t arity = 0;
  for (; args.is_cons(); args = args.tail()) ++arity;
  throw error(tuple("cannot_wait"_a, tuple(module, function, arity),
                    binary("a plain function cannot wait: make it a coroutine, task<> f(...), and co_await apply(...)")));
}

inline term apply_now(term module, term function, term args) {
  term value;
  switch (apply_at_once(module, function, args, value)) {
    case applied::returned: return value;
    case applied::waits: throw_cannot_wait(module, function, args);
    case applied::raised: break;
  }
  throw raised{env()->error_class, env()->reason, env()->stacktrace};
}

}  // namespace detail

template <class... A>
term apply_now(atom module, atom function, const A&... args) {
  return detail::apply_now(module, function, list(args...));
}

}  // namespace module_api
}  // namespace cnode
