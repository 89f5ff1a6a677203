// The program starts again in place of itself, as another version of its release: what init:reboot/0 does with heart.
#pragma once

#include <string>

namespace cnode::program {

// Notes the version; whoever asks has the node stop. Any thread; the last one counts.
void restart_as(const std::string& vsn);
bool restart_wanted();
// After the node has stopped: the program of that version, with the same options. Returns only when that fails: a sentence.
std::string restart_program(const std::string& root, int argc, char** argv);

}  // namespace cnode::program
