// Back-pressure: who sends faster than another node reads waits until that node has caught up, as on a BEAM (erl's +zdbbl).
#pragma once

#include <cnode/actors/runtime.hpp>

namespace cnode::actors {

// To be called by the distribution while it takes a message: the process that runs on this thread, and is sending, does nothing more
// behind its present callback until it is resumed; it still dies by signals. Its pid; none when no process runs here or when it is
// suspended already. Each pid must be resumed once.
term suspend_running_process();
// Any thread. Does nothing when the process has ended.
void resume_process(runtime& node, term pid);

}  // namespace cnode::actors
