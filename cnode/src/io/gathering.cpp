#include "gathering.hpp"

#include <algorithm>
#include <utility>

namespace cnode::node {
namespace {

constexpr std::chrono::nanoseconds period{4'000'000}, silence{2'000'000};
constexpr unsigned least_rounds = 8;
constexpr double often = 0.3;       // one caller finds its node asleep each time
constexpr double few = 6;           // messages of a round without rests; more than that gather by themselves
constexpr double enough = 3.5;      // messages of a round that pay for a rest
constexpr double tolerated = 0.92;  // of the rate without rests
constexpr unsigned most_in_a_row = 24, first_pause = 16, longest_pause = 1024;  // periods

}  // namespace

std::chrono::nanoseconds gathering::rest(time_point now, std::uint64_t sent, bool at_once) {
  const auto passed = now - std::exchange(last_, now);
  if (passed > silence) {
    // What was before says nothing of what comes.
    rest_ = {};
    begin(now, sent);
    return {};
  }
  ++rounds_;
  if (at_once) ++at_once_;
  const std::chrono::nanoseconds judged = now - since_;
  if (judged >= period) {
    judge(static_cast<double>(judged.count()) / 1e6, static_cast<double>(sent - sent_before_));
    begin(now, sent);
  }
  return rest_;
}

void gathering::begin(time_point now, std::uint64_t sent) {
  since_ = now;
  sent_before_ = sent;
  rounds_ = at_once_ = 0;
}

void gathering::judge(double milliseconds, double messages) {
  const auto rate = messages / milliseconds, each = messages / rounds_;
  if (rest_.count() == 0) {
    rate_ = rate;
    if (pause_ > 0) {
      --pause_;
      return;
    }
    const auto gathers = [&](std::chrono::nanoseconds rest) { return rate * static_cast<double>(rest.count()) / 1e6 >= enough; };
    if (rounds_ < least_rounds || at_once_ < often * rounds_ || each > few || !gathers(longest)) return;
    rest_ = gathers(best_) ? best_ : longest;
    in_a_row_ = 0;
  } else if (each < enough) {
    give_up();
  } else if (rate < tolerated * rate_) {
    if (rest_ <= shortest) return give_up();
    rest_ = best_ = shortest;
  } else {
    last_pause_ = 0;
    best_ = rest_;
    if (++in_a_row_ >= most_in_a_row) rest_ = {};
    else if (in_a_row_ == most_in_a_row / 2) rest_ = longest;
  }
}

void gathering::give_up() {
  rest_ = {};
  best_ = shortest;
  pause_ = last_pause_ = std::clamp(2 * last_pause_, first_pause, longest_pause);
}

}  // namespace cnode::node
