// cnode ping, call and stop: a one-shot hidden C node made of libei. It blocks, which suits a command.
#pragma once

#include <string>

namespace cnode::program {

struct client_options {
  std::string node;         // whom to talk to
  std::string cookie;
  int timeout_ms = 10'000;  // to connect, and for an answer
  int dist_port = 0;        // not 0: connect there, ask no epmd
  std::string ssl_dist_optfile;  // not empty: the connection goes over TLS
};

// Each prints its answer to stdout, what went wrong to stderr, and returns the exit status: 0 all is well, 1 the node
// is not there or the call failed.
int ping(const client_options& options);
int call(const client_options& options, const std::string& module, const std::string& function, const std::string& args);
int stop(const client_options& options);

}  // namespace cnode::program
