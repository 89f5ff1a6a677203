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

// gen:call/4 and gen_server:call/3: request by alias and monitor, exits with {Reason, {gen_server, call, [Server, Request, Timeout]}}.
inline task<term> gen_call(term server, term request, std::int64_t ms) {
  const term timeout = ms < 0 ? term{"infinity"_a} : encode(ms);
  const term mfa = cnode::tuple("gen_server"_a, "call"_a, list(server, request, timeout));
  term target = server;
  if (server.is_tuple(2) && server[0].is_atom() && server[1].same(cnode::node())) target = server[0];
  if (target.is_atom()) {
    auto registered = whereis(atom{target});
    if (!registered) throw exit_with(cnode::tuple("noproc"_a, mfa));
    target = *registered;
  }
  // gen:call/4 has no clause for anything else.
  if (!target.is_pid() && !(target.is_tuple(2) && target[0].is_atom() && target[1].is_atom())) throw error("function_clause"_a);
  if (target.same(self())) throw exit_with(cnode::tuple("calling_self"_a, mfa));
  const term ref{host().monitor(env(), target.word(), CNODE_MONITOR_ALIAS)};
  const term tag = cons("alias"_a, ref);
  send(target, cnode::tuple("$gen_call"_a, cnode::tuple(self(), tag), request));
  auto mine = [ref, tag](term m) {
    if (m.is_tuple(2)) return exactly_equal(m[0], tag);
    return m.is_tuple(5) && m[0].same("DOWN"_a) && exactly_equal(m[1], ref);
  };
  auto awaiter = receive_if(mine, ms);
  const term message = co_await awaiter;
  if (!message) {
    demonitor(reference{ref});
    throw exit_with(cnode::tuple("timeout"_a, mfa));
  }
  if (message.is_tuple(2)) {
    demonitor(reference{ref});
    co_return message[1];
  }
  term reason = message[4];
  if (reason.same("noconnection"_a)) {
    const term where = server.is_tuple(2) ? server[1] : term{cnode::node(target)};
    reason = cnode::tuple("nodedown"_a, where);
  }
  throw exit_with(cnode::tuple(reason, mfa));
}

}  // namespace detail

// GenServer.call. An exported function may return it as it is: `auto get(pid server) { return call(server, "get"_a); }`
template <class Server, class Request>
task<term> call(const Server& server, const Request& request, std::int64_t ms = 5000) {
  return detail::gen_call(encode(server), encode(request), ms);
}

// GenServer.cast.
template <class Server, class Request>
atom cast(const Server& server, const Request& request) {
  send(server, tuple("$gen_cast"_a, request));
  return "ok"_a;
}

}  // namespace module_api
}  // namespace cnode
