// gen_server:call as OTP puts it on the wire, from callers that are slots of this program: MONITOR_P with an alias, the request, and after
// the reply DEMONITOR_P. A reply must be the one to the oldest call that is open: one server process answers in the order of the requests.
#pragma once

#include <chrono>
#include <deque>
#include <vector>

#include <cnode/protocol/term_order.hpp>

#include "peer.hpp"

namespace cnode::bench {

inline std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(std::chrono::steady_clock::now().time_since_epoch()).count();
}

class callers {
 public:
  callers(peer& to, term name, std::uint32_t creation) : peer_(to), name_(name), creation_(creation), scratch_(block::make(4096)), kept_(block::make(256)) {}

  // Who is asked from now on: the process behind a registered name.
  void find(const char* registered) {
    const auto from = pid_of(*kept_, 0);
    const auto tag = ref(*kept_, 0);
    peer_.send(dist::reg_send{from, atom(registered), {}}, request(*kept_, from, tag, atom("pid")));
    peer_.flush();
    for (;;) {
      if (auto e = peer_.next()) {
        if (!e->message || !e->message.is_tuple(2) || !e->message[1].is_pid()) continue;
        server_ = copy(*kept_, e->message[1]);
        return;
      }
      peer_.turn();
    }
  }
  term server() const { return server_; }

  void open(term what) {
    auto& b = *scratch_;
    b.reset();
    const auto from = pid_of(b, static_cast<std::uint32_t>(sent_ % 1000));
    const auto monitor = ref(b, ++sent_);
    peer_.send(dist::monitor_p{from, server_, monitor});
    peer_.send(dist::send{from, server_, {}}, request(b, from, make_cons(b, atom("alias"), monitor), what));
    began_.push_back(now_ns());
  }
  void cast(term what) {
    auto& b = *scratch_;
    b.reset();
    peer_.send(dist::send{pid_of(b, 0), server_, {}}, make_tuple_of(b, atom("$gen_cast"), what));
  }
  void monitor_for_ever(std::uint64_t n) {
    auto& b = *scratch_;
    b.reset();
    peer_.send(dist::monitor_p{pid_of(b, static_cast<std::uint32_t>(n % 1000)), server_, ref(b, (1ull << 40) + n)});
  }
  // A call to another process, which dies of the message behind it: the monitor's exit signal is the answer.
  void call_one_that_dies(term victim) {
    auto& b = *scratch_;
    b.reset();
    const auto from = pid_of(b, 1);
    const auto monitor = ref(b, 1ull << 41);
    peer_.send(dist::monitor_p{from, victim, monitor});
    peer_.send(dist::send{from, victim, {}}, request(b, from, make_cons(b, atom("alias"), monitor), atom("get")));
    peer_.send(dist::send{from, victim, {}}, atom("stop"));
    peer_.flush();
    for (;;) {
      if (auto e = peer_.next()) {
        const auto* down = std::get_if<dist::monitor_p_exit>(&e->control);
        const term reason = down ? down->reason ? down->reason : e->message : term{};
        if (!down || compare_exact(down->ref, monitor) != 0 || !reason.same(atom("normal"))) fail("no DOWN of a server that died in a call");
        return;
      }
      peer_.turn();
    }
  }
  // The next reply that is here, in the block of its frame; the call is closed as OTP closes it.
  std::optional<dist::frame_event> reply() {
    while (auto e = peer_.next()) {
      const auto m = e->message;
      if (!m || !m.is_tuple(2)) fail("an unexpected signal from the server");
      ++answered_;
      auto& b = *scratch_;
      b.reset();
      const auto monitor = ref(b, answered_);
      const auto tag = m[0];
      if (!tag.is_cons() || compare_exact(tag.tail(), monitor) != 0) fail("a reply out of order, after " + std::to_string(answered_ - 1));
      peer_.send(dist::demonitor_p{pid_of(b, static_cast<std::uint32_t>((answered_ - 1) % 1000)), server_, monitor});
      latencies_.push_back(static_cast<std::uint32_t>((now_ns() - began_.front()) / 10));
      began_.pop_front();
      return e;
    }
    return {};
  }
  std::uint64_t in_flight() const { return sent_ - answered_; }
  std::uint64_t sent() const { return sent_; }
  std::uint64_t answered() const { return answered_; }
  std::vector<std::uint32_t>& latencies() { return latencies_; }  // 10 ns each
  peer& wire() { return peer_; }

 private:
  term pid_of(block& b, std::uint32_t caller) const { return make_pid(b, name_, creation_, 100 + caller, 0); }
  term ref(block& b, std::uint64_t n) const {
    const std::uint32_t ids[] = {static_cast<std::uint32_t>(n & 0x3ffff), static_cast<std::uint32_t>(n >> 18), 7};
    return make_ref(b, name_, creation_, ids, 3);
  }
  static term request(block& b, term from, term tag, term what) {
    return make_tuple_of(b, atom("$gen_call"), make_tuple_of(b, from, tag), what);
  }

  peer& peer_;
  const term name_;
  const std::uint32_t creation_;
  block_ptr scratch_, kept_;
  term server_;
  std::uint64_t sent_ = 0, answered_ = 0;
  std::deque<std::int64_t> began_;
  std::vector<std::uint32_t> latencies_;
};

}  // namespace cnode::bench
