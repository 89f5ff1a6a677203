// A supervisor's callback module in C++: init/1 says which children there are, the node's supervisor does the rest by OTP's rules.
//
//   term init(term) {
//     return supervisor::start(supervisor::flags{.intensity = 3},
//                              supervisor::child("demo"_a, "demo_server"_a, "start_link"_a, 42).shutdown(2000));
//   }
//   auto start_link() { return supervisor::start_link("demo_sup"_a, nil); }
//   CNODE_SUPERVISOR("demo_sup", start_link, init);
//
// init may as well return {ok, {SupFlags, [ChildSpec]}} as any other term, or ignore.
#pragma once

#include <cnode/gen_server.hpp>

namespace cnode {
inline namespace module_api {
namespace supervisor {

struct flags {
  atom strategy = "one_for_one"_a;  // one_for_all, rest_for_one, simple_one_for_one
  std::int64_t intensity = 1;       // more restarts than this ...
  std::int64_t period = 5;          // ... within this many seconds end the supervisor
  atom auto_shutdown = "never"_a;   // any_significant, all_significant
};

// A child specification: a map with OTP's keys. What is not said has OTP's default.
class child_spec {
 public:
  child_spec(term id, term start) : keys_{"id"_a, "start"_a}, values_{id, start} {}
  child_spec& restart(atom how) { return put("restart"_a, how); }          // permanent, transient, temporary
  child_spec& shutdown(std::int64_t ms) { return put("shutdown"_a, encode(ms)); }
  child_spec& shutdown(atom how) { return put("shutdown"_a, how); }        // brutal_kill, infinity
  child_spec& type(atom worker_or_supervisor) { return put("type"_a, worker_or_supervisor); }
  child_spec& significant() { return put("significant"_a, "true"_a); }
  // Its callback modules, where that is not the module that starts it: release_handler finds processes by them.
  template <class... Module>
  child_spec& modules(Module... module) {
    return put("modules"_a, detail::list_of(term{atom{module}}...));
  }
  term to_term() const {
    std::vector<cnode_term> keys, values;
    for (const term k : keys_) keys.push_back(k.word());
    for (const term v : values_) values.push_back(v.word());
    return term{detail::host().make_map(detail::env()->heap, keys.data(), values.data(), keys.size())};
  }

 private:
  child_spec& put(term key, term value) {
    keys_.push_back(key);
    values_.push_back(value);
    return *this;
  }
  std::vector<term> keys_, values_;
};

// Started by Module:Function(Args...), which answers {ok, Pid} and links.
template <class... A>
child_spec child(const auto& id, atom module, atom function, const A&... args) {
  return {encode(id), tuple(module, function, list(args...))};
}

// {ok, {SupFlags, [ChildSpec]}}: what init returns.
inline term start_list(const flags& f, term children) {
  const cnode_term keys[] = {term{"strategy"_a}.word(), term{"intensity"_a}.word(), term{"period"_a}.word(), term{"auto_shutdown"_a}.word()};
  const cnode_term values[] = {term{f.strategy}.word(), encode(f.intensity).word(), encode(f.period).word(), term{f.auto_shutdown}.word()};
  const term map{detail::host().make_map(detail::env()->heap, keys, values, 4)};
  return tuple("ok"_a, tuple(map, children));
}
template <class... Child>
term start(const flags& f, const Child&... children) {
  return start_list(f, detail::list_of(children.to_term()...));
}
// As many as there are.
inline term start(const flags& f, const std::vector<child_spec>& children) {
  term list = nil;
  for (auto c = children.rbegin(); c != children.rend(); ++c) list = detail::cons(c->to_term(), list);
  return start_list(f, list);
}

// supervisor:start_link(ThisModule, Argument), or registered as Name on this node
template <class T>
external_call start_link(const T& argument) {
  return apply("supervisor"_a, "start_link"_a, this_module(), argument);
}
template <class T>
external_call start_link(atom name, const T& argument) {
  return apply("supervisor"_a, "start_link"_a, tuple("local"_a, name), this_module(), argument);
}

// A running supervisor (a pid, a name, {Name, Node}) asked by coroutines: what supervisor's functions of these names answer.
template <class S>
external_call start_child(const S& server, const child_spec& spec) {
  return apply("supervisor"_a, "start_child"_a, server, spec.to_term());
}
// simple_one_for_one: the arguments after the template's
template <class S, class... A>
external_call start_child_with(const S& server, const A&... args) {
  return apply("supervisor"_a, "start_child"_a, server, list(args...));
}
template <class S, class T>
external_call terminate_child(const S& server, const T& id_or_pid) {
  return apply("supervisor"_a, "terminate_child"_a, server, id_or_pid);
}
template <class S, class T>
external_call restart_child(const S& server, const T& id) {
  return apply("supervisor"_a, "restart_child"_a, server, id);
}
template <class S, class T>
external_call delete_child(const S& server, const T& id) {
  return apply("supervisor"_a, "delete_child"_a, server, id);
}
template <class S>
external_call which_children(const S& server) {
  return apply("supervisor"_a, "which_children"_a, server);
}

}  // namespace supervisor
}  // namespace module_api
}  // namespace cnode

#define CNODE_SUPERVISOR(name, ...) CNODE_DETAIL_MODULE(name, "supervisor", __VA_ARGS__)
