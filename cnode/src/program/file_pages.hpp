// Pages of the program and its libraries that are as in their files: most are needed for starting, loading and stopping only.
#pragma once

namespace cnode::program {

// Takes them out of this process; those that are used come back from the page cache. Not under a debugger, whose breakpoints they may hold.
// Any thread.
void release_file_pages() noexcept;

}  // namespace cnode::program
