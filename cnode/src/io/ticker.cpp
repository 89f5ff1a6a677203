#include "ticker.hpp"

#include <algorithm>
#include <utility>

#include <boost/asio/post.hpp>

namespace cnode::node {

using error_code = boost::system::error_code;

namespace {

constexpr int intensity = 4;

// A whole number of milliseconds to a beat, one at least.
std::chrono::milliseconds beat_of(std::chrono::milliseconds ticktime) {
  return std::chrono::milliseconds(std::max<std::int64_t>((ticktime.count() + intensity - 1) / intensity, 1));
}

}  // namespace

ticker::ticker(boost::asio::io_context& io, std::chrono::milliseconds ticktime, std::function<void()> tick, std::function<void()> aux_tick)
    : io_(io),
      beat_(io),
      aux_beat_(io),
      tick_(std::move(tick)),
      aux_tick_(std::move(aux_tick)),
      beat_interval_(beat_of(ticktime)),
      ticktime_(beat_interval_ * intensity) {}

void ticker::start() { beat_later(); }

void ticker::cancel() {
  beat_.cancel();
  aux_beat_.cancel();
}

void ticker::beat_later() {
  beat_.expires_after(beat_interval_);
  beat_.async_wait([this](const error_code& e) {
    if (e) return;
    tick_();
    beat_later();
  });
}

std::chrono::milliseconds ticker::ticktime() const {
  std::lock_guard lock(mutex_);
  return ticktime_;
}

bool ticker::changing() const {
  std::lock_guard lock(mutex_);
  return changing_;
}

// net_kernel:handle_call({new_ticktime, T, TP}, ...)
ticktime_change ticker::change(std::chrono::milliseconds ticktime, std::chrono::milliseconds transition_period) {
  const auto now = beat_of(ticktime);
  interval before;
  {
    std::lock_guard lock(mutex_);
    if (changing_) return ticktime_change::ongoing_change_to;
    if (now * intensity == ticktime_) return ticktime_change::unchanged;
    before = beat_of(ticktime_);
    ticktime_ = now * intensity;
    changing_ = true;
  }
  const auto aux = std::min(now, before);
  // One tick to start with, and those that cover the transition period.
  const std::int64_t beats = transition_period.count() > 0 ? 1 + (transition_period.count() - 1) / aux.count() + 1 : 1;
  boost::asio::post(io_, [this, aux, beats, now, before] {
    if (now > before) {
      beat_interval_ = now;
      beat_later();
    }
    transition(aux, beats);
  });
  return ticktime_change::change_initiated;
}

void ticker::transition(interval aux, std::int64_t beats_left) {
  if (beats_left == 1) {
    {
      std::lock_guard lock(mutex_);
      changing_ = false;
      const auto now = beat_of(ticktime_);
      if (now != beat_interval_) {
        beat_interval_ = now;
        beat_later();
      }
    }
    return aux_tick_();
  }
  aux_tick_();
  aux_beat_.expires_after(aux);
  aux_beat_.async_wait([this, aux, beats_left](const error_code& e) {
    if (!e) transition(aux, beats_left - 1);
  });
}

}  // namespace cnode::node
