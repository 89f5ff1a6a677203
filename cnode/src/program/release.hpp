// The verbs around releases: `cnode release`, `cnode name`, and what `cnode start --release-root` adds to the options.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "program/start_options.hpp"

namespace cnode::program {

struct release_options {
  std::string rel, output = ".", sys_config, vm_args;
  std::vector<std::string> path, upgrade_from;
};
int make_release(const release_options& options);

// The node's name and cookie as vm.args says; empty what it leaves out. An error is a sentence with file and line.
struct node_of_vm_args {
  std::string name;  // complete: name@host
  std::string cookie;
  std::uint16_t dist_port = 0;  // of -erl_epmd_port, when -start_epmd false says that there is no epmd
  std::string error;
};
node_of_vm_args read_node(const std::string& vm_args);
// Prints the one or the other.
int print_node(const std::string& vm_args, bool cookie);

// With o.release_root: name, cookie, code path, configuration and applications of that release, where the command line says nothing else.
// Empty, or a sentence.
std::string apply_release(start_options& o);

}  // namespace cnode::program
