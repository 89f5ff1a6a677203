// When to let requests gather before the next look at the sockets.
//
// A node that answers faster than its peers ask would sleep and be woken for each request, and send a packet for each answer; both
// sides pay more for that than for the work. While the next request is there before the node has fallen asleep, though not many of
// them, the leader therefore rests for a moment after it has written the answers: nothing is held back but the next look. What rests
// bring is judged by the messages of some milliseconds: when fewer are answered than without them (the peers have all asked and wait),
// or too few gather, the rest becomes shorter or the habit ends for a while, and for longer each time. The rate without rests is
// taken anew now and then.
//
// No clock of its own; owned by the leader.
#pragma once

#include <chrono>
#include <cstdint>

namespace cnode::node {

class gathering {
 public:
  using time_point = std::chrono::steady_clock::time_point;
  static constexpr std::chrono::nanoseconds shortest{100'000}, longest{200'000};

  // A round ends here: `sent` messages have been written so far, and something was there when it began (`at_once`; of a round after
  // a rest nobody asks). How long to rest before the next one; 0: not at all.
  std::chrono::nanoseconds rest(time_point now, std::uint64_t sent, bool at_once);

 private:
  void begin(time_point now, std::uint64_t sent);
  void judge(double milliseconds, double messages);
  void give_up();

  time_point last_{}, since_{};                     // the round before; what is judged next
  std::uint64_t sent_before_ = 0;                   // at since_
  unsigned rounds_ = 0, at_once_ = 0;               // since then
  std::chrono::nanoseconds rest_{0}, best_{shortest};  // now; the last that paid
  double rate_ = 0;                                 // messages per millisecond without rests
  unsigned in_a_row_ = 0;                           // periods with rests
  unsigned pause_ = 0, last_pause_ = 0;             // periods that must pass before the next attempt
};

}  // namespace cnode::node
