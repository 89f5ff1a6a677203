// cnode start, compile, describe and sign: the verbs that run or read code here.
#pragma once

#include <string>
#include <vector>

#include "start_options.hpp"

namespace cnode::program {

// Runs the node in the foreground until it is stopped. The exit status of the program.
int start(const start_options& options, int argc, char** argv);

int compile(const std::string& source, const std::string& directory);
int describe(const std::string& file);
// Each file gets its digest, once it is a module that this node would load but for the digest. The first that does not ends it.
int sign(const std::vector<std::string>& files);

}  // namespace cnode::program
