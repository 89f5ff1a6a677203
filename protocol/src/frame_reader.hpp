// Bytes from a socket as events: frames, their headers, fragments put together again.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <span>
#include <vector>

#include <cnode/protocol/connection.hpp>

#include "control_reader.hpp"
#include "receive_buffer.hpp"

namespace cnode::dist {

class frame_reader {
 public:
  frame_reader(dist_flags negotiated, connection_limits limits) : flags_(negotiated), limits_(limits) {}

  void set_peer(term node) { peer_ = node; }
  std::span<std::uint8_t> prepare(std::size_t at_least);
  std::span<const std::span<std::uint8_t>> prepare_pieces(std::size_t at_least, std::size_t at_most);
  void commit(std::size_t n);
  // True: the next message is in `e`. False: more bytes are needed.
  result<bool> next_event(frame_event& e);
  std::uint64_t ticks() const { return ticks_; }

 private:
  // What a step came to. After `failed` failed_ says why.
  enum class outcome { more, event, failed };
  // A message of which the last fragment has not come.
  struct unfinished {
    block_ptr block;
    term control;
    std::vector<term> atoms;
    growing_buffer payload;
    std::uint64_t due = 0;          // the number of the next fragment
    std::size_t overhead = 0;       // bytes it takes besides its payload
    std::size_t charged = 0;        // its part of unfinished_bytes_
  };
  using sequences = std::map<std::uint64_t, unfinished>;

  outcome fail(failure why);
  outcome next(frame_event& e);
  outcome read_frame(std::span<const std::uint8_t> bytes, const buffer_ptr& owner, frame_event& e);
  // None: it failed.
  term read_term(block& b, std::span<const std::uint8_t>& bytes, const etf::decode_options& options, const char* what);
  term read_value(block& b, std::span<const std::uint8_t>& bytes, const etf::decode_options& options, const char* what);
  outcome read_message(std::span<const std::uint8_t> bytes, const etf::decode_options& options, frame_event& e);
  outcome read_first_fragment(std::uint64_t sequence, std::uint64_t number, std::span<const std::uint8_t> bytes, frame_event& e);
  bool begin_continuation(std::uint64_t sequence, std::uint64_t number);
  outcome read_continuation(frame_event& e);  // as much of it as has come
  void took(std::size_t n);                   // the next bytes of it
  void prepare_fragments(std::size_t at_most);
  void commit_fragments(std::size_t n);
  bool continues_arriving(const std::uint8_t* header) const;
  outcome finish(unfinished u, frame_event& e);
  outcome event(block_ptr b, term control, term payload, frame_event& e);
  failure too_much() const;

  dist_flags flags_;
  connection_limits limits_;
  term peer_;
  receive_buffer in_;
  std::optional<large_frame> large_;            // the frame that is arriving, when it is one
  bool prepared_large_ = false;                 // where the last prepare() pointed
  atom_cache_in cache_;
  control_reader controls_;
  sequences unfinished_;
  std::size_t unfinished_bytes_ = 0;
  sequences::iterator arriving_{unfinished_.end()};  // whose fragment is arriving
  std::size_t arriving_size_ = 0, arriving_left_ = 0;  // of it, and bytes to come
  // Where prepare_pieces() pointed: the rest of the fragment that is arriving, then headers and fragments in turn, as far as those
  // that follow can be expected to be as long. What comes otherwise is moved to in_.
  static constexpr std::size_t most_following = 24, header_size = 22;
  std::array<std::span<std::uint8_t>, 2 * most_following + 2> pieces_;
  std::size_t piece_count_ = 0;                 // 0: in_ or large_, see prepared_large_
  std::array<std::array<std::uint8_t, header_size>, most_following + 1> headers_;
  std::uint64_t ticks_ = 0;
  std::optional<failure> failed_;
};

}  // namespace cnode::dist
