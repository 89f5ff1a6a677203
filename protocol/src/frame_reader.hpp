// Bytes from a socket as events: frames, their headers, fragments put together again.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include <cnode/protocol/connection.hpp>

#include "receive_buffer.hpp"

namespace cnode::dist {

class frame_reader {
 public:
  frame_reader(dist_flags negotiated, connection_limits limits) : flags_(negotiated), limits_(limits) {}

  void set_peer(term node) { peer_ = node; }
  std::span<std::uint8_t> prepare(std::size_t at_least);
  void commit(std::size_t n);
  result<std::optional<frame_event>> next_event();
  std::uint64_t ticks() const { return ticks_; }

 private:
  using outcome = result<std::optional<frame_event>>;
  // A message of which the last fragment has not come.
  struct unfinished {
    block_ptr block;
    term control;
    std::vector<term> atoms;
    growing_buffer payload;
    std::uint64_t due = 0;          // the number of the next fragment
    std::size_t overhead = 0;       // bytes it takes besides its payload
  };
  using sequences = std::map<std::uint64_t, unfinished>;

  outcome next();
  outcome read_frame(std::span<const std::uint8_t> bytes, const buffer_ptr& owner);
  result<term> read_term(block& b, std::span<const std::uint8_t>& bytes, const etf::decode_options& options, const char* what) const;
  outcome read_message(std::span<const std::uint8_t> bytes, const etf::decode_options& options);
  outcome read_first_fragment(std::uint64_t sequence, std::uint64_t number, std::span<const std::uint8_t> bytes);
  result<unit> begin_continuation(std::uint64_t sequence, std::uint64_t number);
  outcome read_continuation();      // as much of it as has come
  outcome finish(unfinished u);
  outcome event(block_ptr b, term control, term payload) const;
  failure too_much() const;

  dist_flags flags_;
  connection_limits limits_;
  term peer_;
  receive_buffer in_;
  std::optional<large_frame> large_;            // the frame that is arriving, when it is one
  bool prepared_large_ = false;                 // where the last prepare() pointed
  atom_cache_in cache_;
  sequences unfinished_;
  std::size_t unfinished_bytes_ = 0;
  sequences::iterator arriving_{unfinished_.end()};  // whose fragment is arriving
  std::size_t arriving_left_ = 0;               // bytes of it to come
  std::uint64_t ticks_ = 0;
  std::optional<failure> failed_;
};

}  // namespace cnode::dist
