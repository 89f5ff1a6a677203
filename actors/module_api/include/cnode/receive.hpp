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

inline task<term> call_server(term args) {
  need_process("gen_server:call/3");
  return call_external({"gen_server"_a, "call"_a, args});
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
  return detail::call_server(list(server, request));
}
template <class Server, class Request>
task<term> call(const Server& server, const Request& request, std::int64_t ms) {
  return detail::call_server(list(server, request, detail::timeout_term(ms)));
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
