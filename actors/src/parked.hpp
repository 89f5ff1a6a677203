// Processes that have waited for a while: what they are made of, packed into as few bytes as it takes. A node has many of them.
//
// A process that goes idle is noted by the scheduler thread it ran on (idle_list). Those that have not run since the list came round to
// them are packed: the process table then holds a `parked` instead of the process. Whoever wants the process again - a signal, a
// lookup - gets a new one made of it, which nobody can tell from the former: a process is packed only while the table alone refers
// to it, and only when nothing of it that others may hold the address of is in use.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include <cnode/term.hpp>

namespace cnode::actors {

class module_version;
class process;
class process_table;
class runtime;

// Followed by the words that `present` names. In a slot of the process table, under the slot's lock.
struct parked {
  term pid;
  std::uint32_t present;
  std::uint32_t timer_generation;
  std::uint32_t initial_module, initial_function;  // atoms by index; 0 with `present`'s bit unset: none
  std::uint32_t reductions;                        // the low half
  std::uint8_t initial_arity, call_arity, flags, output;

  // Frees p, of which the table has the only reference. Null: it is not to be packed now, p is as it was.
  static parked* pack(process& p) noexcept;
  // Frees `from`. One reference.
  static process* unpack(parked* from, runtime& node);
  // The version whose code its call waits in.
  static module_version* version_of(const parked* p);
};

// Which processes went idle on a scheduler thread: a clock that comes round to each. Used by that thread only.
class idle_list {
 public:
  // p is about to be idle. May pack another one.
  void note(process& p, process_table& table, std::size_t most);

 private:
  std::vector<term> pids_;
  std::size_t hand_ = 0;
};

}  // namespace cnode::actors
