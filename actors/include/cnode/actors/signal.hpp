// Signals between processes: each is one block; block::tag is its kind, block::root holds the fields.
// Signals from one process to another keep their order: they go through one inbox.
#pragma once

#include <cstdint>

namespace cnode::actors {

enum class signal : std::uint32_t {
  message = 0,    // root: the message
  exit,           // {From, Reason}: by exit/2
  link_exit,      // {From, Reason}: a linked process ended; ignored when the link is gone
  link,           // From
  unlink,         // {From, Id}: Id answers with unlink_ack before anything else goes to From
  unlink_ack,     // {From, Id}
  monitor,        // {From, Ref, Target}: Target is the pid or the name it was monitored by
  demonitor,      // {From, Ref}
  down,           // {Ref, Type, Object, Reason}: ignored when the monitor is gone
  alias_message,  // {Alias, Message}: dropped when the alias is no longer active
  group_leader,   // {From, Leader}
  node_down,      // {Node, Reason}: the connection is lost; links and monitors to it fire noconnection
  info_request,   // {From, Ref, Item}: process_info/2 about another process; the answer is the message {Ref, {Item, Value}}
  purge,          // {From, Ref, Module, Mode}: code_server asks; see code_server.hpp
  timeout,        // the deadline of set_timeout or of a waiting function
  call_ready,     // the module a pending call waits for has been loaded (or not)
  run,            // root points to a std::function<void(process&)>* to run on the process's thread; freed after
  spawn_reply,    // {ReqId, Flags, Result}: another node answers process::spawn_request
  call,           // {'$gen_call', {From, Tag}, Request}: the message, and the monitor of its reference in one (server_calls.hpp)
  reply,          // {Tag, Reply}: the message, and the end of that monitor
};

}  // namespace cnode::actors
