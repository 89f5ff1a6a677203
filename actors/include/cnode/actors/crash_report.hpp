// A report on stderr when the program dies of SIGSEGV, SIGBUS, SIGILL, SIGFPE or SIGABRT (std::terminate ends in it).
#pragma once

namespace cnode::actors {

// For a program's start, before its threads: signal handlers belong to the program, no library installs them unasked. False, and nothing
// is changed, in builds with a sanitizer that has handlers of its own.
bool install_crash_report();

}  // namespace cnode::actors
