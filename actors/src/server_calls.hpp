// Calls of servers as gen:call/4 makes them, between processes of this node, with one signal each way: the request takes the monitor
// along, the server ends the monitor as it answers, and the answer switches the alias off. What anybody can see is as if each were a
// signal of its own, in this order. Everything else (other nodes, registries, threads) goes the long way of gen_call.cpp.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include <cnode/module.h>
#include <cnode/protocol/block.hpp>

namespace cnode::actors {

// The call whose answer a process waits for; while it waits it makes no other.
struct open_call {
  std::uint64_t number = 0;    // of its reference; 0: there is none
  term pid;                    // the server
  bool aliased = false;        // the reference is an alias, as long as `watched`
  bool watched = false;        // neither the answer nor a DOWN has come
  block** from = nullptr;      // no message before this link can be the answer
  block_ptr message;           // the answer, once it has been taken out of the mailbox
  term server, request, time;  // as the caller gave them, for the exit reason; time none: not given
};

// Who waits for an answer from here, by number of the call's reference. Open addressing: a call comes and goes without an allocation.
class caller_table {
 public:
  void add(std::uint64_t number, term pid);
  term remove(std::uint64_t number);  // the caller's pid; none: not there
  std::size_t size() const { return size_; }
  template <class F>
  void each(F f) const {
    for (std::size_t i = 0; i < capacity_; ++i)
      if (entries_[i].number) f(entries_[i].number, entries_[i].pid);
  }

 private:
  struct entry {
    std::uint64_t number = 0;  // 0: free
    term pid;
  };
  std::size_t place(std::uint64_t number) const { return static_cast<std::size_t>(number * 0x9e3779b97f4a7c15u >> 32) & (capacity_ - 1); }
  void put(const entry& e);
  void resize(std::size_t capacity);

  std::unique_ptr<entry[]> entries_;
  std::size_t capacity_ = 0, size_ = 0;  // capacity: a power of two, twice the size at least
};

// A message that is the answer to this call, or says that there will be none.
bool ends_call(const open_call& c, term message);

// gen_server:call/2,3 by one signal (time none: /2), for a function to return CNODE_NONE. False: not this way, nothing is done.
bool begin_server_call(cnode_env* env, term server, term request, term time);

}  // namespace cnode::actors
