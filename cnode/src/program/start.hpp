// cnode start, compile and describe: the verbs that run or read code here.
#pragma once

#include <string>

#include "start_options.hpp"

namespace cnode::program {

// Runs the node in the foreground until it is stopped. The exit status of the program.
int start(const start_options& options, int argc, char** argv);

int compile(const std::string& source, const std::string& directory);
int describe(const std::string& file);

}  // namespace cnode::program
