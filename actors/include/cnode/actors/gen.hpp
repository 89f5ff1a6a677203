// gen: what servers and their clients share. How a server is named, started and answered.
#pragma once

#include <memory>

#include <cnode/actors/behaviour.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>

namespace cnode::actors {

// Registers the builtin modules gen_server, gen_statem, gen_event, Elixir.GenServer, sys, proc_lib, gen, supervisor and the supervisor callback module of
// the node itself. Once, before the runtime starts.
void add_behaviour_builtins(runtime& node);

namespace gen {

// gen:reply/2. From = {Pid, Tag} as it came with the call: the reply goes to the alias when the tag has one.
void reply(process& self, term from, term reply);
// Is it {local, Name} | {global, Name} | {via, Module, Name}?
bool is_server_name(term t);
// The process's own view of itself in reports: its registered name, {global, N}'s N, or its pid.
term name_of(term server_name, term pid);

// The reason a process ended before it could tell its starter; shared by the two.
struct start_note;

struct server_options {
  term debug;                // list for sys:debug_options, or none
  term hibernate_after;      // none: infinity
};

// A gen_server process, or one of the other behaviours'. All terms are copied.
struct server_start {
  enum kind { gen_server, gen_statem, gen_event } behaviour = gen_server;
  term module;
  term args;
  term name;          // server name as above, or none
  term starter;       // pid that gets {ack, Pid, Result}, or none
  term parent;        // pid whose exit ends the server; none: the server itself (start without link)
  term group_leader;  // none: the node's own
  bool link = false;  // with parent
  term ancestors;     // list for '$ancestors', or none
  server_options options;
  std::shared_ptr<start_note> note;  // may be empty
};
term spawn_server(runtime& node, const server_start& start);

}  // namespace gen
}  // namespace cnode::actors
