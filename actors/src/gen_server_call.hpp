// How gen_server's coroutines wait for a callback. Private to gen_server*.cpp.
#pragma once

#include <array>
#include <span>

#include <cnode/actors/gen_server.hpp>

#include "task.hpp"

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

}  // namespace cnode::actors
