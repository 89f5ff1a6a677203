// Modules whose code runs before the node asks for anything: WHEN_OPENED or WHEN_CLOSED names what it does then.
#include <csignal>
#include <cstdlib>
#include <stdexcept>
#include <thread>

#include <unistd.h>

#include <cnode/export.hpp>

namespace {

[[maybe_unused]] void throws() { throw std::runtime_error("thrown by a constructor"); }
[[maybe_unused]] void aborts() { std::abort(); }
[[maybe_unused]] void segfaults() { *reinterpret_cast<volatile int*>(16) = 1; }
[[maybe_unused]] void exits() { std::exit(0); }
[[maybe_unused]] void exits_at_once() { ::_exit(0); }
[[maybe_unused]] void hangs() {
  for (;;) ::pause();
}
[[maybe_unused]] void spins() {
  volatile unsigned n = 0;
  for (;;) n = n + 1;
}
[[maybe_unused]] void starts_a_thread() {
  std::thread{[] {
    for (;;) ::pause();
  }}.detach();
}
[[maybe_unused]] void recurses() {
  volatile char frame[4096];
  frame[0] = 1;
  if (frame[0]) recurses();
  frame[1] = frame[0];
}

struct early {
#ifdef WHEN_OPENED
  early() { WHEN_OPENED(); }
#endif
#ifdef WHEN_CLOSED
  ~early() { WHEN_CLOSED(); }
#endif
} instance;

int version() { return 9; }

}  // namespace

CNODE_MODULE("tiny", version);
