// Waiting: co_await receive<...>(), sleep(ms), call(server, request). For tasks only.
#pragma once

#include <cnode/clauses.hpp>
#include <cnode/process.hpp>
#include <cnode/task.hpp>

namespace cnode {
inline namespace module_api {

namespace detail {

template <class Predicate>
struct predicate_awaiter : message_awaiter {
  Predicate predicate;
  predicate_awaiter(Predicate p, std::int64_t ms) : predicate(std::move(p)) {
    timeout_ms = ms;
    match = [](waiting& self, term message) { return bool(static_cast<predicate_awaiter&>(self).predicate(message)); };
  }
};

struct sleep_awaiter : message_awaiter {
  explicit sleep_awaiter(std::int64_t ms) {
    timeout_ms = ms;
    match = [](waiting&, term) { return false; };
  }
  void await_resume() const noexcept {}
};

template <class... T>
struct shape_awaiter : message_awaiter {
  using value = std::conditional_t<sizeof...(T) == 1, std::tuple_element_t<0, std::tuple<T..., void>>, std::variant<T...>>;
  explicit shape_awaiter(std::int64_t ms) {
    timeout_ms = ms;
    match = [](waiting&, term message) { return (... || decode<T>(message).has_value()); };
  }
  value await_resume() const { return *decode<value>(message); }
};

template <class... T>
struct timed_shape_awaiter : shape_awaiter<T...> {
  using shape_awaiter<T...>::shape_awaiter;
  std::optional<typename shape_awaiter<T...>::value> await_resume() const {
    return this->message ? decode<typename shape_awaiter<T...>::value>(this->message) : std::nullopt;
  }
};

template <class... F>
struct clause_awaiter : message_awaiter {
  static_assert((... && std::is_empty_v<F>), "a clause of receive must not capture; use receive<Shapes...>() and write on behind it");
  explicit clause_awaiter(std::int64_t ms) {
    timeout_ms = ms;
    match = [](waiting&, term message) {
      const cnode_term word = message.word();
      return (... || fits<F>(&word));
    };
  }
  // The value of the clause that took the message, none after the timeout.
  term await_resume() const {
    if (!message) return {};
    const cnode_term word = message.word();
    term value;
    (void)(... || run_one<F>(&word, value));
    return value;
  }

 private:
  template <class G>
  static bool fits(const cnode_term* word) {
    typename signature<G>::arguments values;
    return values.read(word);
  }
  template <class G>
  static bool run_one(const cnode_term* word, term& value) {
    auto with = [&](const auto&... result) {
      if constexpr (sizeof...(result) == 0)
        value = is<"ok">::value();
      else
        value = encode(result...);
    };
    return call_clause(G{}, word, with);
  }
};

}  // namespace detail

// The first message of one of these shapes; with several, a std::variant of them.
//   auto [from] = co_await receive<tagged<"get", pid>>();
template <class... T>
  requires(sizeof...(T) > 0)
detail::shape_awaiter<T...> receive() {
  return detail::shape_awaiter<T...>{infinity};
}
// The same within ms milliseconds, or nothing. 0 looks at what is in the mailbox.
template <class... T>
  requires(sizeof...(T) > 0)
detail::timed_shape_awaiter<T...> receive(std::int64_t ms) {
  return detail::timed_shape_awaiter<T...>{ms};
}
// Clauses, as in `receive do ... end`: captureless lambdas of one parameter each; the value of the one that took a message, as a term.
template <class... F>
  requires(sizeof...(F) > 0 && (... && requires { &F::operator(); }))
detail::clause_awaiter<F...> receive(F...) {
  return detail::clause_awaiter<F...>{infinity};
}
// The first message for which the predicate(term) holds; none after the timeout.
template <class Predicate>
detail::predicate_awaiter<Predicate> receive_if(Predicate predicate, std::int64_t ms = infinity) {
  return detail::predicate_awaiter<Predicate>{std::move(predicate), ms};
}

inline detail::sleep_awaiter sleep(std::int64_t ms) { return detail::sleep_awaiter{ms}; }

namespace detail {

inline bool is_registry_name(term server) {
  return (server.is_tuple(2) && server[0].same("global"_a)) || (server.is_tuple(3) && server[0].same("via"_a));
}

// `catch gen:call(...)`: an error counts as an exit with {Reason, Stack}.
inline raised call_failed(const raised& r, term mfa) {
  const term stack = r.stacktrace != CNODE_NONE ? term{r.stacktrace} : list(cnode::tuple("erlang"_a, "apply"_a, 3, nil));
  const term reason = term{r.error_class}.same("error"_a) ? cnode::tuple(term{r.reason}, stack) : term{r.reason};
  return exit_with(cnode::tuple(reason, mfa));
}

// Module:whereis_name(Name), global's or that of a {via, Module, Name}.
inline task<term> registered_pid(term server, term mfa) {
  const bool global = server.is_tuple(2);
  const external_call whereis_name{global ? server[0] : server[1], "whereis_name"_a, list(server[global ? 1 : 2])};
  term found;
  std::optional<raised> failed;
  try {
    found = co_await whereis_name;
  } catch (const raised& r) {
    failed = r;
  }
  if (failed) throw call_failed(*failed, mfa);
  if (!found.is_pid()) throw exit_with(cnode::tuple("noproc"_a, mfa));
  co_return found;
}

// gen:call/4 and gen_server:call/3: request by alias and monitor, exits with {Reason, {gen_server, call, [Server, Request, Timeout]}}.
inline task<term> gen_call(term server, term request, std::int64_t ms, term args) {
  need_process("gen_server:call/3");
  const term mfa = cnode::tuple("gen_server"_a, "call"_a, args);
  term target = server;
  if (is_registry_name(server)) {
    auto lookup = registered_pid(server, mfa);
    target = co_await lookup;
  } else if (server.is_tuple(2) && server[0].is_atom() && server[1].same(cnode::node())) {
    target = server[0];
  }
  if (target.is_atom()) {
    auto registered = whereis(atom{target});
    if (!registered) throw exit_with(cnode::tuple("noproc"_a, mfa));
    target = *registered;
  }
  if (!target.is_pid() && !(target.is_tuple(2) && target[0].is_atom() && target[1].is_atom())) {
    const term frame = cnode::tuple("gen"_a, "do_for_proc"_a, 2, nil);
    throw exit_with(cnode::tuple(cnode::tuple("function_clause"_a, list(frame)), mfa));
  }
  if (target.same(self())) throw exit_with(cnode::tuple("calling_self"_a, mfa));
  // Here and without a timeout no reply can come too late.
  const bool plain = target.is_local_pid() && ms < 0;
  const term ref{host().monitor(env(), target.word(), plain ? 0 : CNODE_MONITOR_ALIAS)};
  const term tag = plain ? ref : cons("alias"_a, ref);
  send(target, cnode::tuple("$gen_call"_a, cnode::tuple(self(), tag), request));
  auto is_reply = [tag](term m) { return m.is_tuple(2) && exactly_equal(m[0], tag); };
  auto mine = [ref, is_reply](term m) { return is_reply(m) || (m.is_tuple(5) && m[0].same("DOWN"_a) && exactly_equal(m[1], ref)); };
  auto awaiter = receive_if(mine, ms);
  term message = co_await awaiter;
  if (!message) {
    // The reply may have come between the timeout and the demonitor, which ends the alias.
    demonitor(reference{ref});
    auto late = receive_if(is_reply, 0);
    message = co_await late;
    if (!message) throw exit_with(cnode::tuple("timeout"_a, mfa));
    co_return message[1];
  }
  if (message.is_tuple(2)) {
    demonitor(reference{ref});
    co_return message[1];
  }
  term reason = message[4];
  if (reason.same("noconnection"_a)) {
    const term where = target.is_tuple(2) ? target[1] : term{cnode::node(target)};
    // A nodedown that the registry has not noticed yet is as if it had.
    reason = is_registry_name(server) ? term{"noproc"_a} : cnode::tuple("nodedown"_a, where);
  }
  throw exit_with(cnode::tuple(reason, mfa));
}

// Module:send(Name, Message); that nobody has the name is told to nobody. A module that is not loaded is loaded by another process.
inline void send_to_registered(term server, term message) {
  const bool global = server.is_tuple(2);
  term module = global ? server[0] : server[1], function{"send"_a}, args = list(server[global ? 1 : 2], message), value;
  if (!module.is_atom()) return;
  if (!global && !cnode::apply_now("erlang"_a, "function_exported"_a, module, function, 2).same("true"_a)) {
    cnode::spawn("gen_server"_a, "cast"_a, server, message[1]);
  } else if (apply_at_once(module, function, args, value) == applied::waits) {
    throw_cannot_wait(module, function, args);
  }
}

}  // namespace detail

// GenServer.call to a pid, a name, {Name, Node}, {global, Name} or {via, Module, Name}.
// An exported function may return it as it is: `auto get(pid server) { return call(server, "get"_a); }`
template <class Server, class Request>
task<term> call(const Server& server, const Request& request) {  // within 5 s
  return detail::gen_call(encode(server), encode(request), 5000, list(server, request));
}
template <class Server, class Request>
task<term> call(const Server& server, const Request& request, std::int64_t ms) {
  return detail::gen_call(encode(server), encode(request), ms, list(server, request, detail::timeout_term(ms)));
}

// GenServer.cast to the same.
template <class Server, class Request>
atom cast(const Server& server, const Request& request) {
  const term to = encode(server), message = tuple("$gen_cast"_a, request);
  if (detail::is_registry_name(to)) {
    detail::send_to_registered(to, message);
  } else {
    if (!to.is_pid() && !to.is_atom() && !(to.is_tuple(2) && to[0].is_atom() && to[1].is_atom())) throw error("function_clause"_a);
    send(to, message);
  }
  return "ok"_a;
}

namespace gen_server {
using module_api::call;
using module_api::cast;
}  // namespace gen_server

}  // namespace module_api
}  // namespace cnode
