#include "gathering.hpp"

#include <algorithm>

namespace cnode::node {
namespace {

constexpr double smoothing = 1.0 / 16;
// Messages of a round without rests: more than one call is under way; they gather by themselves. With rests: a rest pays; too much is held up.
constexpr double several = 1.1, few = 6, enough = 3.5, many = 20;
constexpr double often = 0.1;       // one caller finds its node asleep each time
constexpr double wanted = 8;        // messages to gather
constexpr double tolerated = 0.9;   // of the rate without rests
constexpr unsigned trial = 24, first_pause = 512, longest_pause = 16'384;  // rounds
constexpr unsigned most_trials = 16; // that rests stand in a row, before the rate without them is taken again
constexpr std::chrono::nanoseconds silence{2'000'000}, long_round{500'000};

}  // namespace

std::chrono::nanoseconds gathering::rest(time_point now, std::uint64_t sent, bool at_once) {
  const auto messages = static_cast<double>(sent - seen_);
  const std::chrono::nanoseconds passed = now - last_;
  seen_ = sent;
  last_ = now;
  if (passed > silence) {
    // What was before says nothing of what comes.
    messages_ = nanoseconds_ = at_once_ = 0;
    resting_ = false;
    rounds_ = std::max(rounds_, trial);
    return {};
  }
  messages_ += (messages - messages_) * smoothing;
  // A round in which another thread had our processor counts like a long one.
  nanoseconds_ += (static_cast<double>(std::min(passed, long_round).count()) - nanoseconds_) * smoothing;
  if (!resting_) at_once_ += ((at_once ? 1.0 : 0.0) - at_once_) * smoothing;
  const auto rate = messages_ / std::max(nanoseconds_, 1.0);
  if (rounds_ > 0) --rounds_;
  else change(rate);
  if (!resting_) return {};
  const std::chrono::nanoseconds time(static_cast<std::int64_t>(std::min(wanted / std::max(rate, 1e-9), 1e9)));
  return time < shortest ? std::chrono::nanoseconds{0} : std::min(time, longest);
}

void gathering::change(double rate) {
  if (!resting_) {
    const auto with_rest = messages_ + rate * static_cast<double>(longest.count());
    if (at_once_ < often || messages_ < several || messages_ > few || with_rest < enough) return;
    resting_ = true;
    trials_ = 0;
    rate_before_ = rate;
    rounds_ = trial;
  } else if (messages_ < enough || messages_ > many || rate < tolerated * rate_before_) {
    resting_ = false;
    pause_ = std::clamp(2 * pause_, first_pause, longest_pause);
    rounds_ = pause_;
  } else {
    pause_ = 0;
    rounds_ = trial;
    if (++trials_ >= most_trials) resting_ = false;
  }
}

}  // namespace cnode::node
