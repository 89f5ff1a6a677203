// The node's services: what other nodes and shells expect to find on a visible node. Processes (net_kernel, rex, logger_proxy,
// user) and the builtin modules a shell user reaches by rpc (erlang, rpc, erpc, lists, Elixir.Node, ...). No sockets here: the
// node tells what it knows through node_host, everything else goes through the runtime.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/result.hpp>

namespace cnode::node {
class node;
}

namespace cnode::services {

struct peer {
  term node;
  std::string address;  // 127.0.0.1:4711; empty when not known
  bool visible = true;
  std::uint64_t bytes_in = 0, bytes_out = 0;
};

// What net_kernel:set_net_ticktime/2 answers.
enum class ticktime_change { unchanged, change_initiated, ongoing_change_to };

// What the services must know of the node. Outlives the runtime's threads; every function may be called from any thread.
class node_host {
 public:
  virtual ~node_host() = default;
  virtual actors::runtime& runtime() = 0;
  // The cookie sent to and expected from that node; "": the one for nodes without their own.
  virtual std::string cookie(const std::string& node) const = 0;
  virtual void set_cookie(const std::string& node, const std::string& cookie) = 0;
  virtual std::chrono::milliseconds net_ticktime() const = 0;
  virtual bool net_ticktime_changing() const { return false; }  // net_ticktime() is what it changes to
  virtual ticktime_change set_net_ticktime(std::chrono::milliseconds t, std::chrono::milliseconds transition) = 0;
  virtual bool long_names() const = 0;
  virtual std::vector<peer> peers() const = 0;
  // net_kernel:connect_node/1; `done` may be called on any thread, also at once.
  virtual void connect(term node, bool hidden, std::function<void(bool)> done) = 0;
  virtual bool disconnect(term node) = 0;  // false: was not connected
  virtual void allow(std::vector<std::string> nodes) = 0;
  // epmd's list of that host ("" is this host); the answer may come on any thread.
  using names_done = std::function<void(result<std::vector<std::pair<std::string, std::uint16_t>>>)>;
  virtual void epmd_names(std::string host, names_done done) = 0;
  virtual std::vector<std::string> arguments() const = 0;  // of the command line, without the program
  // init:stop/1: begins to stop the node in order and returns at once; the program ends with this status.
  virtual void stop(int status) = 0;
};

// The builtin modules. Before the runtime starts.
void add_node_builtins(node_host& host);
// Spawns and registers the processes: net_kernel first of all (a ping that finds none disconnects us). After the builtins,
// before the first connection. Ready when all are registered: a connection made earlier would be one that global is never told of.
std::future<void> start_services(node_host& host);
// The services forget the host: after the runtime has stopped.
void forget_host(node_host& host);

struct start_options {
  std::vector<std::string> arguments;  // of the command line, for init:get_arguments/0
  term config = nil;                   // [{Application, [{Key, Value}]}], for application:get_env/2; copied
};
// All of it for a node, in what node::start takes as its `services`.
void start(node::node& n, const start_options& options = {});

}  // namespace cnode::services
