// A node: a runtime and its connections to other nodes.
//
// The node owns its runtime. Connections are made and handshakes done on one thread of its own, which also ticks; established
// connections are read and written by the scheduler threads. One node per OS process: `this_node` is set by start().
// Unless said otherwise every function may be called from any thread.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <cnode/actors/runtime.hpp>
#include <cnode/node/node_config.hpp>
#include <cnode/protocol/dist_flags.hpp>
#include <cnode/protocol/result.hpp>

namespace cnode::node {

struct peer_info {
  term name;
  bool visible = true;
  bool outgoing = false;               // we connected
  std::uint32_t creation = 0;
  dist::dist_flags flags = 0;          // negotiated
  std::string address;                 // of the socket's other end: "127.0.0.1:4711"
  std::uint64_t bytes_in = 0, bytes_out = 0;
  std::size_t queued = 0;              // bytes not yet written
};

class node {
 public:
  explicit node(node_config config);
  ~node();                             // stop()
  node(const node&) = delete;

  // Listens, registers with epmd, sets this_node, calls `services`, starts the schedulers, then lets other nodes in. Once.
  // `services` may spawn and register, not wait: what it spawns runs a moment later.
  std::optional<start_error> start(std::function<void(node&)> services = {});
  // Called by start() when processes run and no other node has been let in; it may wait. From `services`.
  void before_others(std::function<void()> f);
  // Called by stop() when no process runs any more. Before start returns.
  void at_stop(std::function<void()> f);
  // Ends processes, flushes and closes connections, unregisters. Never from a process's thread: those call request_stop.
  void stop();
  // What SIGTERM and init:stop do: wait() returns.
  void request_stop(int status = 0);
  int wait();                          // until request_stop; its status

  actors::runtime& runtime();
  const node_config& config() const;
  term name() const;                   // after start
  std::uint32_t creation() const;
  std::uint16_t port() const;          // the one we listen on

  // ---- other nodes
  std::optional<peer_info> peer(term node) const;  // nothing when not connected
  std::vector<peer_info> peers() const;
  // net_kernel:connect_node/1. Done on the node's own thread or at once; false when it failed or can never be.
  void connect(term node, std::function<void(bool)> done, bool hidden = false);
  bool disconnect(term node);          // false: was not connected
  std::chrono::milliseconds net_ticktime() const;
  bool net_ticktime_changing() const;  // net_ticktime() is what it changes to
  // The change goes over the transition period (net_kernel:set_net_ticktime/2); until it is over there is no other.
  ticktime_change set_net_ticktime(std::chrono::milliseconds t, std::chrono::milliseconds transition = std::chrono::seconds(60));
  // erl_epmd:names/1: what the epmd of that host knows ("" is this host). `done` is called on the node's own thread.
  using names = std::vector<std::pair<std::string, std::uint16_t>>;
  void epmd_names(const std::string& host, std::function<void(result<names>)> done);
  // erlang:get_cookie/0, set_cookie/1,2
  std::string cookie(const std::string& peer = {}) const;
  void set_cookie(const std::string& peer, const std::string& cookie);  // empty peer: for all that have none of their own
  // net_kernel:allow/1. Empty: everybody. Entries as dist_util:is_allowed/2 takes them: name@host, host, name@.
  void allow(std::vector<std::string> nodes);

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace cnode::node
