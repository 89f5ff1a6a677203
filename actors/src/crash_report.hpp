// What is said when the OS process dies of a signal: which signal, where (module, vsn, offset into its file, also for code that was
// unmapped), and what ran (process, module:function/arity). Written to stderr by a handler that runs on a stack of its own and calls
// nothing that allocates or locks; then the signal takes its course, so that exit status and core dump are as without us.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include <cnode/term.hpp>

namespace cnode::actors {

// For threads that may run code of modules: a stack for the handler, so that a stack overflow is reported, too. Kept until the thread
// ends. Does nothing while no crash report is installed.
void cover_this_thread();

// Says what this thread runs, where no process does: a host-owned thread, the loader. `function` must outlive it.
class crash_note {
 public:
  crash_note(term owner, term module, const char* function) noexcept;
  ~crash_note();
  crash_note(const crash_note&) = delete;

 private:
  term owner_, module_;
  const char* function_;
  const crash_note* outer_;
  friend struct crash_notes;
};

// Where a version is mapped; kept for a while after it was unmapped. Any thread; the texts are cut to what fits.
void remember_mapped(std::uintptr_t begin, std::uintptr_t end, std::string_view module, std::string_view vsn, std::string_view file);
void remember_unmapped(std::uintptr_t begin);

}  // namespace cnode::actors
