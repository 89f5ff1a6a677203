// What a process can do: send, spawn, monitor, link, names, timers, dictionary. The words and meanings are the module erlang's.
// Targets are a pid, an atom (a name registered here), {Name, Node}, or an alias (a reference).
#pragma once

#include <cnode/apply_now.hpp>

namespace cnode {
inline namespace module_api {

constexpr std::int64_t infinity = -1;  // as a timeout

inline pid self() { return pid{term{detail::host().self(detail::env())}}; }

template <class Target, class Message>
void send(const Target& to, const Message& message) {
  detail::host().send(detail::env(), encode(to).word(), encode(message).word());
}

// erlang:send/3: ok; or, with options noconnect and nosuspend, noconnect and nosuspend when the message was not sent.
template <class Target, class Message, class Options>
term send(const Target& to, const Message& message, const Options& options) {
  return apply_now("erlang"_a, "send"_a, to, message, options);
}

// After ms milliseconds, to a pid or name of this node (another node's is badarg). The reference cancels it.
template <class Target, class Message>
reference send_after(std::int64_t ms, const Target& to, const Message& message) {
  const auto timer = detail::host().send_after(detail::env(), ms, encode(to).word(), encode(message).word());
  if (timer == CNODE_NONE) throw badarg();
  return reference{term{timer}};
}
// The message is {timeout, Reference, Message}.
template <class Target, class Message>
reference start_timer(std::int64_t ms, const Target& to, const Message& message) {
  return reference{apply_now("erlang"_a, "start_timer"_a, ms, to, message)};
}
// Milliseconds that are left; nothing when there is no such timer.
inline std::optional<std::int64_t> read_timer(reference timer) {
  return decode<std::int64_t>(apply_now("erlang"_a, "read_timer"_a, timer));
}
// Milliseconds that were left; nothing when there was no such timer.
inline std::optional<std::int64_t> cancel_timer(reference timer) {
  const auto left = detail::host().cancel_timer(detail::env(), term{timer}.word());
  return left < 0 ? std::nullopt : std::optional{left};
}

namespace detail {
template <class... A>
term spawn_with(std::uint32_t flags, atom module, atom function, const A&... args) {
  return term{host().spawn(env(), term{module}.word(), term{function}.word(), list(args...).word(), flags)};
}
}  // namespace detail

template <class... A>
pid spawn(atom module, atom function, const A&... args) {
  return pid{detail::spawn_with(0, module, function, args...)};
}
template <class... A>
pid spawn_link(atom module, atom function, const A&... args) {
  return pid{detail::spawn_with(CNODE_SPAWN_LINK, module, function, args...)};
}
template <class... A>
std::pair<pid, reference> spawn_monitor(atom module, atom function, const A&... args) {
  term both = detail::spawn_with(CNODE_SPAWN_MONITOR, module, function, args...);
  return {pid{both[0]}, reference{both[1]}};
}

template <class Target>
reference monitor(const Target& target) {
  detail::need_process("erlang:monitor/2");
  return reference{term{detail::host().monitor(detail::env(), encode(target).word(), 0)}};
}
// erlang:monitor/3: options {tag, T}, {alias, explicit_unalias | demonitor | reply_demonitor}.
template <class Target, class Options>
reference monitor(const Target& target, const Options& options) {
  detail::need_process("erlang:monitor/3");
  return reference{apply_now("erlang"_a, "monitor"_a, "process"_a, target, options)};
}
// False: the monitor was not there any more, its message has come or was never asked for.
inline bool demonitor(reference ref, bool flush = true) {
  return detail::host().demonitor(detail::env(), term{ref}.word(), flush) != 0;
}
// A reference that sends to this process; unalias ends it. alias(list("reply"_a)) ends with the first message.
inline reference alias() {
  detail::need_process("erlang:alias/0");
  return reference{term{detail::host().alias(detail::env())}};
}
template <class Options>
reference alias(const Options& options) {
  detail::need_process("erlang:alias/1");
  return reference{apply_now("erlang"_a, "alias"_a, options)};
}
inline bool unalias(reference ref) { return detail::host().unalias(detail::env(), term{ref}.word()) != 0; }

inline void link(pid other) {
  detail::need_process("erlang:link/1");
  detail::host().link(detail::env(), term{other}.word());
}
inline void unlink(pid other) { detail::host().unlink(detail::env(), term{other}.word()); }
// exit(Pid, Reason)
template <class Reason>
void exit_signal(pid other, const Reason& reason) {
  detail::host().exit_signal(detail::env(), term{other}.word(), encode(reason).word());
}
// The former value.
inline bool trap_exit(bool on) { return detail::host().trap_exit(detail::env(), on) != 0; }

inline void register_name(atom name, pid process) {
  if (!detail::host().register_name(detail::env(), term{name}.word(), term{process}.word())) throw badarg();
}
inline void unregister_name(atom name) {
  if (!detail::host().unregister_name(detail::env(), term{name}.word())) throw badarg();
}
inline std::optional<pid> whereis(atom name) {
  return decode<pid>(term{detail::host().whereis(detail::env(), term{name}.word())});
}

inline pid group_leader() { return pid{term{detail::host().group_leader(detail::env())}}; }
inline atom node() { return atom{term{detail::host().node(detail::env(), CNODE_NONE)}}; }
inline atom node(term of) { return atom{term{detail::host().node(detail::env(), of.word())}}; }
inline reference make_ref() { return reference{term{detail::host().make_ref(detail::env())}}; }
inline std::int64_t monotonic_ns() { return detail::host().monotonic_ns(); }
inline std::int64_t system_ns() { return detail::host().system_ns(); }

// The process was killed while this callback runs: a long loop should return.
inline bool cancelled() { return (detail::env_flags() & 1) != 0; }

// The process dictionary. A missing value is the atom `undefined`, as get/1 has it.
namespace dictionary {
template <class K, class V>
term put(const K& key, const V& value) {
  return term{detail::host().dictionary_put(detail::env(), encode(key).word(), encode(value).word())};
}
template <class K>
term get(const K& key) {
  return term{detail::host().dictionary_get(detail::env(), encode(key).word())};
}
template <class K>
term erase(const K& key) {
  return term{detail::host().dictionary_put(detail::env(), encode(key).word(), CNODE_NONE)};
}
}  // namespace dictionary

// Terms made while it lives go when it ends; for loops that run long. What must stay is copied by the caller before.
class heap_scope {
 public:
  heap_scope() : mark_(detail::host().heap_mark(detail::env())) {}
  ~heap_scope() { detail::host().heap_release(detail::env(), mark_); }
  heap_scope(const heap_scope&) = delete;
  heap_scope& operator=(const heap_scope&) = delete;

 private:
  void* mark_;
};

}  // namespace module_api
}  // namespace cnode
