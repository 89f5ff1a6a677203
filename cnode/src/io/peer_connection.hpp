// One established connection: bytes between a socket and dist::connection.
//
// Read by one scheduler thread at a time, written by any thread; frames of the peer are handed on in order. The two
// directions share nothing but, under TLS, the tls_stream: each has its own dist::connection. Kept alive by shared_ptr: the controller's table and the
// pending waits hold it. The descriptor is closed when the last reference goes, never under a running system call.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/connection.hpp>
#include <cnode/protocol/handshake.hpp>

#include "event_poller.hpp"
#include "tls_stream.hpp"

namespace cnode::node {

class peer_connection : public std::enable_shared_from_this<peer_connection> {
 public:
  struct settings {
    term node;
    dist::handshake_done handshake;
    bool outgoing = false;
    std::string address;
    std::shared_ptr<const void> lease;  // of the name we gave the peer, if we did
    std::uint32_t max_frame = 0;
    std::size_t max_queued_output = 0;
    std::size_t busy_limit = 1 << 20;  // unsent output from which on senders are suspended; up to half of it they are resumed
  };
  // Takes over the descriptor and, where there is TLS on it, its stream. `gone` is called once, from whichever thread, when no frame will follow; the reason is an atom.
  using gone_function = std::function<void(const std::shared_ptr<peer_connection>&, term reason)>;

  peer_connection(event_poller& poller, int descriptor, actors::runtime& runtime, settings s, gone_function gone,
                  std::unique_ptr<tls_stream> tls = {});
  ~peer_connection();

  // Begins to read; `already_read` came behind the handshake.
  void start(const std::string& already_read);
  // Encodes m; what it appends is written by this thread's next flush, or at once when this is no scheduler thread.
  void send(const dist::control_message& m, term message);
  void flush();
  // The poller's leader, alone: the descriptor can be read, to its end when the peer has closed; it can be written to.
  void on_readable(bool ends);
  void on_room();
  // Ends the connection. The first caller's reason counts.
  void close(term reason);

  // One beat of the ticker, a quarter of net_ticktime: dist_util:send_tick/2. Ends the connection when the peer is silent.
  void tick();
  // An additional one while the ticktime changes: says that we live, asks nothing of the peer.
  void aux_tick();

  const settings& about() const { return settings_; }
  const event_poller& poller() const { return poller_; }
  bool visible() const { return (settings_.handshake.negotiated & dist::dist_flag::published) != 0; }
  std::uint64_t bytes_in() const { return bytes_in_.load(std::memory_order_relaxed); }
  std::uint64_t bytes_out() const { return bytes_out_.load(std::memory_order_relaxed); }
  std::size_t queued() const;
  bool busy() const;           // who sends now is suspended
  // The peer has closed its end, whether we have read so far or not.
  bool ended() const;
  bool closed() const { return closed_.load(std::memory_order_relaxed); }

 private:
  struct transfer {
    std::size_t size = 0;  // bytes of ours, whatever they are encrypted to
    tls_stream::state now = tls_stream::state::progress;
  };
  transfer receive(std::span<const std::span<std::uint8_t>> room);
  transfer transmit();     // from sending_, which stays as it is
  bool handle_frames();    // false: the connection was closed
  void write(std::unique_lock<std::mutex>& lock);
  void malformed(const failure& why);
  void report_end(term reason);
  void await_room();           // mutex_ held
  std::size_t unsent() const;  // bytes; mutex_ held
  void suspend_sender(std::vector<term>& list);

  event_poller& poller_;
  actors::runtime& runtime_;
  const settings settings_;
  gone_function gone_;
  dist::connection in_;                // owned by the reader, as is the next
  bool ends_ = false;                  // the peer has closed: no event will tell of what is read last

  mutable std::mutex mutex_;           // guards what follows
  const int descriptor_;
  const std::unique_ptr<tls_stream> tls_;  // null: plain TCP. Has a lock of its own, which is taken after mutex_
  dist::connection out_;
  etf::output sending_;                // taken from out_ by whoever writes; only that thread touches it while writing_
  std::size_t sending_size_ = 0;
  bool writing_ = false;               // a thread is in write()
  bool blocked_ = false;               // the socket is full and a wait for it under way, or needs_input_
  bool needs_input_ = false;           // the reader must take part in a TLS handshake first; it unblocks us
  bool reading_ = false;               // a thread is in on_readable()
  std::uint64_t watch_ = 0;            // the poller's name for us; 0: not yet, or no more
  std::vector<term> senders_, large_senders_;  // suspended: until less is unsent, until less of large messages waits
  term reason_;
  std::atomic<bool> closed_{false};
  std::atomic<bool> room_wanted_{false};  // set when blocked_ by a full socket

  std::atomic<std::uint64_t> bytes_in_{0}, bytes_out_{0};
  // The ticker's, as dist_util's #tick{}; touched by the ticking thread only.
  struct {
    std::uint64_t read = ~std::uint64_t{0}, write = 0;  // the handshake counts as something read
    unsigned tick = 0, ticked = 0;
  } ticks_;
};

}  // namespace cnode::node
