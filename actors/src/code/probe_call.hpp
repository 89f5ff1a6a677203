// Calls a function that may be damaged, and looks at what it left behind: the registers it has to keep, the stack of its callers, the
// direction flag and the modes of floating point. What one caller survives ends another.
#pragma once

#include <cstdint>

namespace cnode::actors::probe {

struct checked_call {
  void* function;
  std::uintptr_t arguments[3];
  std::uint64_t pattern;  // in every other register and on the stack above the function's frame
  std::uintptr_t result;
  std::uint64_t damage;   // not 0: it changed what is its caller's
};

void run(checked_call& call);

}  // namespace cnode::actors::probe
