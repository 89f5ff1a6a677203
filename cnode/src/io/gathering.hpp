// When to let requests gather before the next look at the sockets.
//
// A node that answers faster than its peers ask would sleep and be woken for each request, and send a packet for each answer; both
// sides pay more for that than for the work. While answers leave in quick succession, some at a time, the leader
// therefore rests for some tens of microseconds after it has written them: nothing is held back but the next look. A rest that brings
// too little, or after which less is answered than before (the peers have all asked and wait), ends the habit for a while, and for
// longer each time.
//
// No clock of its own; owned by the leader.
#pragma once

#include <chrono>
#include <cstdint>

namespace cnode::node {

class gathering {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::nanoseconds longest{100'000}, shortest{20'000};

  // A round ends here: `sent` messages have been written so far, and something was there when it began (`at_once`; of a round after
  // a rest nobody asks). How long to rest before the next one; 0: not at all.
  std::chrono::nanoseconds rest(time_point now, std::uint64_t sent, bool at_once);

 private:
  void change(double rate);

  time_point last_{};
  std::uint64_t seen_ = 0;
  double messages_ = 0, nanoseconds_ = 0;  // of a round, smoothed
  double at_once_ = 0;                     // the part of the rounds without a rest that found something at once
  double rate_before_ = 0;                 // messages per nanosecond without rests
  bool resting_ = false;
  unsigned rounds_ = 0;                    // so many before the present way is judged
  unsigned trials_ = 0;                    // that the rests have stood
  unsigned pause_ = 0;                     // without rests, the last time
};

}  // namespace cnode::node
