// What a supervisor knows: its flags and its children. The state of the callback module `supervisor` is a native object that holds
// this; seen from outside it is the #state{} record of supervisor.erl.
#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include <cnode/actors/supervisor.hpp>

#include "call_context.hpp"
#include "terms.hpp"

namespace cnode::actors {

struct child {
  enum class running { no, yes, restarting };

  owned_term pid;        // running: the child; restarting: the pid it had, or `undefined`
  running state = running::no;
  owned_term id;
  owned_term mfa;        // {M, F, Args}
  term restart_type;
  bool significant = false;
  term shutdown;         // ms, infinity or brutal_kill
  term type;
  owned_term modules;

  bool is(term restart) const { return restart_type.same(restart); }
};

// A child of a simple_one_for_one supervisor, by its pid.
struct dynamic_child {
  owned_term pid;
  owned_term args;       // of this child, the template's first
  bool restarting = false;
};

// What init says of the supervisor itself.
struct supervision_flags {
  term strategy;
  std::int64_t intensity = 1;
  std::int64_t period = 5;
  term auto_shutdown;
  std::int64_t hibernate_after = -1;  // ms without a message; -1: infinity

  bool is_simple() const;
};

struct supervisor_state {
  owned_term name;       // {local, N} etc. or {Pid, Module}
  term module;
  owned_term args;
  supervision_flags flags;
  std::vector<std::int64_t> restarts;  // seconds, latest first
  std::vector<child> children;         // in start order
  term_map<dynamic_child> dynamic;

  bool is_simple() const { return flags.is_simple(); }
  child* find(term id);
  child* find_by_pid(term pid);
  dynamic_child& keep(term pid, term args);
};

// By pid, as OTP's maps of up to 32 keys have them; those that are to be started again last.
std::vector<const dynamic_child*> in_order(const supervisor_state& s);
// supervisor:find_child_and_args/2: the template with this child's pid and arguments.
child as_child(block& b, const supervisor_state& s, const dynamic_child& d);

// A coroutine that changes a supervisor keeps it alive by the state's term; none when `t` is no supervisor's state.
supervisor_state* supervisor_of(term t);
term make_supervisor_state(cnode_env* env, std::unique_ptr<supervisor_state> s);

// ---- supervisor_spec.cpp
// supervisor:check_childspec/2: none when it is in order, else the error term.
term check_child_spec(block& b, term spec, term auto_shutdown, child& out);
// A list of them; refuses two with one id. What is no list raises function_clause.
term check_start_spec(block& b, term specs, term auto_shutdown, std::vector<child>& out);
// supervisor:set_flags/2; nothing changes when they are wrong.
term set_flags(block& b, term flags, supervision_flags& out);
term child_to_spec(block& b, const child& c);
term child_record(block& b, const child& c);      // the #child{} record
// {Ids, #{Id => #child{}}}
term children_pair(block& b, const std::vector<child>& children, bool latest_first);
term child_report(block& b, const child& c);      // extract_child/1
term state_record(block& b, const supervisor_state& s);

// ---- supervisor_children.cpp
struct started {
  bool ok = false;
  term pid;       // ok: the pid or `undefined`
  term reply;     // what start_child answers: {ok, Pid} | {ok, Pid, Extra} | {error, E}
  term error;     // E
};
task<started> start_child(call_context& cx, supervisor_state& s, child& c);
task<started> start_mfa(call_context& cx, term mfa, term args);
struct multiple_started {
  bool ok = true;
  term failed_id, reason;
};
// supervisor:start_children/2: the children of `list` in order; the first failure ends it.
task<multiple_started> start_children(call_context& cx, supervisor_state& s, std::vector<child>& list);
// Latest first; drops temporary children from the list.
task<void> terminate_children(call_context& cx, supervisor_state& s, std::vector<child>& list);
task<void> terminate_child(call_context& cx, supervisor_state& s, child& c);
task<void> terminate_dynamic(call_context& cx, supervisor_state& s);
// A child ended. False: the supervisor has to shut down.
task<bool> child_ended(call_context& cx, supervisor_state& s, term pid, term reason);
// {try_again_restart, Id | {restarting, Pid}}
task<bool> try_again(call_context& cx, supervisor_state& s, term id);
void delete_child(supervisor_state& s, term id);

}  // namespace cnode::actors
