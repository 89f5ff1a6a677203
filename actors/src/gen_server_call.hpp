// How gen_server's coroutines wait for a callback. Private to gen_server*.cpp.
#pragma once

#include <array>
#include <span>

#include <cnode/actors/gen_server.hpp>

#include <cnode/actors/task.hpp>

namespace cnode::actors {

struct gen_server::call_awaiter {
  gen_server& server;
  process& self;
  term module, function;
  std::array<term, 3> args;
  std::size_t count;

  bool await_ready() const { return false; }
  bool await_suspend(std::coroutine_handle<> h) {
    server.waiting_ = h;
    server.starting_ = true;
    server.done_ = false;
    self.call(module, function, std::span<const term>(args.data(), count));
    server.starting_ = false;
    return !server.done_;  // already there: go on without suspending
  }
  outcome await_resume() {
    server.waiting_ = {};
    return server.outcome_;
  }
};

// See gen_server::let_starter_go_on.
struct gen_server::pause_awaiter {
  gen_server& server;
  process& self;

  bool await_ready() const { return !server.linked_start_; }
  void await_suspend(std::coroutine_handle<> h) {
    server.waiting_ = h;
    server.pausing_ = true;
    server.kept_ = self.take_scratch();  // what the coroutine goes on with lies there
    self.set_timeout(1);
  }
  void await_resume() {
    server.waiting_ = {};
    self.scratch().adopt(std::move(server.kept_));
  }
};

}  // namespace cnode::actors
