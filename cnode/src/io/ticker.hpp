// When connections tick: net_kernel's ticker and, while the ticktime changes, its aux_ticker.
//
// Four beats to a ticktime. A change goes over a transition period, in which every node of a cluster can be told: meanwhile peers
// hear from us as often as the shorter of the two times asks, and are given up only by the longer one.
#pragma once

#include <chrono>
#include <functional>
#include <mutex>

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>

#include <cnode/node/node_config.hpp>

namespace cnode::node {

class ticker {
 public:
  // Both functions run on the io_context's thread: `tick` at each beat, `aux_tick` at the additional ones.
  ticker(boost::asio::io_context& io, std::chrono::milliseconds ticktime, std::function<void()> tick, std::function<void()> aux_tick);

  // The io_context's thread.
  void start();
  void cancel();

  // Any thread.
  std::chrono::milliseconds ticktime() const;   // where it changes to, while it changes
  bool changing() const;
  ticktime_change change(std::chrono::milliseconds ticktime, std::chrono::milliseconds transition);

 private:
  using interval = std::chrono::milliseconds;
  void beat_later();
  void transition(interval aux, std::int64_t beats_left);

  boost::asio::io_context& io_;
  boost::asio::steady_timer beat_, aux_beat_;
  const std::function<void()> tick_, aux_tick_;
  interval beat_interval_;      // the io_context's thread

  mutable std::mutex mutex_;    // guards what follows
  std::chrono::milliseconds ticktime_;
  bool changing_ = false;
};

}  // namespace cnode::node
