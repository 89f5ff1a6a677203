// A connection between two nodes after the handshake: frames in, control messages out, and back. No I/O.
// Owned by one thread at a time.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include <cnode/protocol/block.hpp>
#include <cnode/protocol/control_message.hpp>
#include <cnode/protocol/encoded_message.hpp>
#include <cnode/protocol/etf.hpp>

namespace cnode::dist {

struct connection_limits {
  std::uint32_t max_frame = 256u << 20;  // bytes one frame may announce; more closes the connection
  // What the peer may leave unfinished: messages of which only some fragments have come, and their bytes.
  std::size_t max_unfinished_messages = 65'536;
  std::size_t max_unfinished_bytes = std::size_t{1} << 30;
};

struct frame_event {
  control_message control;
  term message;      // the message or argument list, none when the control message carries none
  block_ptr block;   // everything above lies in it; its root is `message`
};

class connection {
 public:
  connection(dist_flags negotiated, connection_limits limits = {});
  connection(connection&&) noexcept;
  connection& operator=(connection&&) noexcept;
  ~connection();

  // The atom of the peer's name: from then on control messages that speak for other nodes' pids are refused.
  void set_peer(term node);

  // Where the caller may put bytes read from the socket: at least `at_least` bytes of room. Then commit what arrived.
  std::span<std::uint8_t> prepare(std::size_t at_least);
  // The same in pieces for one scattered read: when a large message is arriving, up to `at_most` bytes go where they belong. Not empty,
  // valid until the next call of anything here.
  std::span<const std::span<std::uint8_t>> prepare_pieces(std::size_t at_least, std::size_t at_most);
  void commit(std::size_t n);
  void receive(std::span<const std::uint8_t> bytes);  // prepare + copy + commit

  // The next whole message; nothing when more bytes are needed. Ticks are swallowed (see ticks()).
  // A failure closes the connection: it names what was malformed.
  result<std::optional<frame_event>> next_event();
  // The same into `e`, whatever it held: true when there is one.
  result<bool> next_event(frame_event& e);
  std::uint64_t ticks() const;  // ticks received so far

  // Appends one message. errc::unsupported when the peer cannot take it, errc::bad_control when a field is missing, errc::too_large,
  // beyond the 4 GiB a frame can announce: nothing was written.
  result<unit> send(const control_message& m, term message);
  // The same for a message that was encoded with the flags of this connection.
  result<unit> send(encoded_message& m);
  void tick();                  // appends an empty frame
  // Large messages wait until their turn comes: whoever is about to write has some fragments of them appended first. Few, so that
  // what is sent meanwhile comes soon; messages of different senders take turns.
  void fill_output(std::size_t fragments = 4);
  std::size_t waiting() const;  // bytes that fill_output() has not appended yet
  etf::output& output();        // what is to be written
  void clear_output();          // forgets that and what is waiting
  dist_flags flags() const;

 private:
  struct impl;
  std::unique_ptr<impl> impl_;
};

}  // namespace cnode::dist
