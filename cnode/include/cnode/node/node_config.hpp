// What a node is told before it starts. Each field names the command line option it comes from, which is also the name errors use.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <cnode/actors/runtime.hpp>

namespace cnode::node {

// Why a node does not start: the option to change, and a sentence for the person who reads it.
struct start_error {
  std::string option;  // "--sname"; empty when no option can help
  std::string text;
};

// What carries connections, named as erl's -proto_dist names it. The address family of a connection is that of its protocol.
enum class proto_dist { inet_tcp, inet6_tcp, inet_tls, inet6_tls };
constexpr bool over_ipv6(proto_dist p) { return p == proto_dist::inet6_tcp || p == proto_dist::inet6_tls; }
constexpr bool over_tls(proto_dist p) { return p == proto_dist::inet_tls || p == proto_dist::inet6_tls; }
// Nothing when there is none of that name.
std::optional<proto_dist> proto_dist_named(std::string_view name);

struct limits {
  std::uint32_t max_frame = 256u << 20;              // --max-frame: bytes one frame of a peer may announce
  std::size_t busy_limit = 1u << 20;                 // --dist-busy-limit: unsent bytes from which on senders are suspended
  std::size_t max_queued_output = std::size_t{1} << 30;   // --max-queued: bytes waiting for a peer that does not read; more closes its connection
  std::size_t max_pending_messages = 100'000;        // --max-pending: messages waiting for one connection to be made
  std::size_t max_pending_bytes = 64u << 20;
  std::size_t max_strangers = 256;                   // --max-strangers: accepted connections whose handshake is not over
};

// What net_kernel:set_net_ticktime/2 answers.
enum class ticktime_change { unchanged, change_initiated, ongoing_change_to };

struct node_config {
  std::string name;                    // --sname / --name: "cpp" or "cpp@host"; completed by complete_name
  bool long_names = false;             // --name
  std::string cookie;                  // --cookie
  bool hidden = false;                 // --hidden
  node::proto_dist proto_dist = proto_dist::inet_tcp;  // --proto-dist
  std::string ssl_dist_optfile;        // --ssl-dist-optfile: certificates and rules, for TLS
  std::string address;                 // --address: the interface to listen on; empty: all of proto_dist's family
  std::uint16_t listen_min = 0;        // --dist-listen-min/max; 0: any port
  std::uint16_t listen_max = 0;
  std::uint16_t epmd_port = 4369;      // --epmd-port, ERL_EPMD_PORT
  std::string epmd_address;            // ERL_EPMD_ADDRESS: for an epmd we start ourselves
  bool start_epmd = true;              // start epmd when none runs
  bool no_epmd = false;                // --no-epmd: every node, ours included, listens on dist_port
  std::uint16_t dist_port = 0;         // --dist-port, ERL_DIST_PORT
  std::chrono::milliseconds net_ticktime{60'000};      // --net-ticktime
  std::chrono::milliseconds net_setuptime{7'000};      // for each handshake
  bool handle_signals = false;         // SIGTERM and SIGINT request a stop
  unsigned schedulers = 0;             // --schedulers; 0: one per core
  node::limits limits;
  std::vector<std::string> arguments;  // of the command line, without the program: init:get_plain_arguments/0
  std::function<void(actors::log_level, std::string_view)> log;  // empty: stderr
};

// ERL_EPMD_PORT and ERL_EPMD_ADDRESS, as erl reads them, and ERL_DIST_PORT, as the start scripts of releases do: it means no_epmd.
std::optional<start_error> read_environment(node_config& config);
// Turns "cpp" into "cpp@host" and checks the rules for names: short ones have no dot in the host, long ones have one.
std::optional<start_error> complete_name(node_config& config);

}  // namespace cnode::node
