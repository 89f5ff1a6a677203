// One compilation at a time, on a thread of its own: neither a scheduler nor the loader waits for a compiler.
#pragma once

#include <atomic>
#include <condition_variable>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <thread>

#include <cnode/actors/compile_module.hpp>

namespace cnode::actors {

using compile_cancel = std::shared_ptr<std::atomic<bool>>;

class compile_queue {
 public:
  compile_queue() = default;
  // Kills the compiler that runs. What waits is forgotten.
  ~compile_queue();
  compile_queue(const compile_queue&) = delete;

  // Any thread. `done` is called on the queue's thread, not at all once `cancelled` is true. A compiler that runs is killed then.
  void post(compile_request request, compile_cancel cancelled, std::function<void(compile_result)> done);

 private:
  struct job {
    compile_request request;
    compile_cancel cancelled;
    std::function<void(compile_result)> done;
  };
  void main();
  void prepare_headers(std::unique_lock<std::mutex>& guard);

  std::mutex lock_;
  std::condition_variable filled_;
  std::deque<job> jobs_;
  compile_cancel running_;            // of the job that runs
  std::atomic<bool> give_up_{false};  // as stopping_, for the compiler that makes the precompiled header
  bool headers_tried_ = false, stopping_ = false;
  std::thread thread_;
};

}  // namespace cnode::actors
