#include "code/compile_queue.hpp"

#include <utility>

namespace cnode::actors {

compile_queue::~compile_queue() {
  {
    std::lock_guard guard{lock_};
    stopping_ = true;
    give_up_ = true;
    jobs_.clear();
    if (running_) *running_ = true;
  }
  filled_.notify_all();
  if (thread_.joinable()) thread_.join();
}

void compile_queue::post(compile_request request, compile_cancel cancelled, std::function<void(compile_result)> done) {
  {
    std::lock_guard guard{lock_};
    if (stopping_) return;
    request.cancelled = cancelled.get();
    jobs_.push_back({std::move(request), std::move(cancelled), std::move(done)});
    if (!thread_.joinable()) thread_ = std::thread{[this] { main(); }};
  }
  filled_.notify_one();
}

void compile_queue::main() {
  std::unique_lock guard{lock_};
  for (;;) {
    filled_.wait(guard, [this] { return stopping_ || !jobs_.empty(); });
    if (stopping_) return;
    {
      auto j = std::move(jobs_.front());
      jobs_.pop_front();
      running_ = j.cancelled;
      guard.unlock();
      if (!*j.cancelled) {
        auto result = compile_module(j.request);
        if (!*j.cancelled) j.done(std::move(result));
      }
    }
    guard.lock();
    running_ = nullptr;
    if (jobs_.empty() && !headers_tried_ && !stopping_) prepare_headers(guard);
  }
}

// After the first compilation, so that nobody waits who has not come meanwhile. Once: what fails now will fail again.
void compile_queue::prepare_headers(std::unique_lock<std::mutex>& guard) {
  headers_tried_ = true;
  guard.unlock();
  compile_request request;
  request.cancelled = &give_up_;
  precompile_headers(request);
  guard.lock();
}

}  // namespace cnode::actors
