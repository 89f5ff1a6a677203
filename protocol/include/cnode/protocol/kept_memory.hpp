// What dead terms leave behind for the next ones.
#pragma once

namespace cnode {

// Gives it back to the system, for this thread and for all threads together. At most 8 MB are kept for all, and 256 KB for each
// thread. Any thread.
void release_kept_memory() noexcept;

}  // namespace cnode
