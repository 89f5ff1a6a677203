// What `cnode start` was asked to do, checked as far as that is possible before anything runs.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <cnode/node/node_config.hpp>
#include <cnode/protocol/block.hpp>

namespace cnode::program {

// --start NAME=Mod or NAME=Mod:TERM
struct start_server {
  std::string name;
  std::string module;
  block_ptr argument;  // its root is TERM, [] when none was given
};

// An application of a release, in start order.
struct released_application {
  std::string name;
  std::string type;        // permanent, transient, temporary
  bool load_only = false;
};

struct start_options {
  std::string sname, name;  // as typed
  std::string cookie, cookie_file;
  bool hidden = false;
  std::vector<std::string> code_path;    // --pa, in the order typed
  std::vector<std::string> load;         // --load
  std::vector<std::string> start;        // --start, as typed
  std::vector<std::string> apps;         // --app, as typed
  std::string config;
  std::string keep_objects;              // directory; empty: none
  unsigned schedulers = 0;
  std::uint16_t dist_listen_min = 0, dist_listen_max = 0;
  std::uint16_t epmd_port = 0;           // 0: ERL_EPMD_PORT, then 4369
  unsigned net_ticktime = 60;               // seconds
  std::string proto_dist = "inet_tcp", ssl_dist_optfile;
  std::string address;
  bool no_epmd = false;
  std::uint16_t dist_port = 0;
  unsigned dist_busy_limit = 1024;          // KiB, as erl's +zdbbl
  unsigned max_frame = 256, max_queued = 1024;           // MiB
  unsigned max_pending = 100'000, max_strangers = 256;
  std::string remote_code = "on";
  std::string mode = "interactive";         // as erl's -mode
  std::string log_level = "notice";
  // A release says what the command line leaves open (program/release.hpp: apply_release).
  std::string release_root;                 // folder
  std::string release_version;              // empty: as releases/start_erl.data says
  std::string release_name, release_erts;   // as its .rel says
  bool release_named = false;               // the name comes from vm.args
  std::vector<released_application> applications;
};

struct checked_options {
  node::node_config node;
  std::vector<start_server> servers;
  block_ptr config;   // [{App, [{Key, Value}]}], or null
  std::string error;  // a sentence that names the option or file; empty when all is well
};

// Resolves names, reads files and the environment, parses terms.
checked_options check(const start_options& options);

}  // namespace cnode::program
