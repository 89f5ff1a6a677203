// Threads that modules started and the host owns: each belongs to a process and keeps the version it runs mapped until it has returned.
//
// States: running -> asked to stop (flag 2 by its module; flag 1 for good: its process ended, its code was purged, the node stops)
// -> done -> joined. Only the joiner gives the version back, so that even destructors of thread_locals find their code.
// A thread with flag 1 is dead to the world as a killed callback is: what it sends is dropped.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <cnode/module.h>
#include <cnode/term.hpp>

namespace cnode::actors {

class module_version;
class process;
class runtime;

class host_threads {
 public:
  using run_function = void (*)(cnode_env*, void*);
  using destroy_function = void (*)(void*);
  static constexpr std::size_t limit = 4096;

  explicit host_threads(runtime& node);
  void join_all();  // asks all to stop and waits for those that do not return, too; the code server still lives

  // Takes over the caller's reference of `version`, and `argument` unless the answer is 0 (no more threads). The number names it.
  std::uint64_t start(process& owner, module_version* version, std::string name, run_function run, destroy_function destroy, void* argument);
  bool ask_to_stop(std::uint64_t number);
  bool wait(cnode_env* env, std::int64_t ms);  // on such a thread: true when it should stop

  void owner_ended(term pid);                   // any thread
  bool runs(const module_version& v) const;     // some thread not yet asked to stop for good
  std::size_t purged(const module_version& v);  // asks those to stop and tells their owners; how many
  // Asks all to stop and waits at most so long. How many have not returned.
  std::size_t stop(std::chrono::milliseconds patience);

  struct description {
    std::uint64_t number;
    term owner, module;
    std::string name;
    bool stopping;
  };
  std::vector<description> list() const;
  std::size_t count() const { return count_.load(std::memory_order_acquire); }

 private:
  struct entry;
  using entry_ptr = std::shared_ptr<entry>;
  static void main(host_threads& all, entry_ptr e);
  void returned(const entry_ptr& e);
  void join(const entry_ptr& e);
  static void silence(entry& e);

  runtime& node_;
  mutable std::mutex lock_;
  std::condition_variable changed_;  // a thread was asked to stop, or is done
  std::map<std::uint64_t, entry_ptr> threads_;
  std::atomic<std::size_t> count_{0};  // in threads_
};

}  // namespace cnode::actors
