// Messages as frames: the header in front of each, large ones in fragments, and who waits for whom.
//
// A message whose payload is large leaves in fragments of 64 KiB, the senders of such messages taking turns, while everything
// else goes right away. What a sender says behind its large message waits for it: signals between two processes keep their order
// whatever names the receiver is called by, and so does BEAM, whose sender does nothing else until its message is out.
// A DOWN by name does not tell which process it is from; it waits for all that is waiting.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include <cnode/protocol/encoded_message.hpp>

namespace cnode::dist {

class frame_writer {
 public:
  explicit frame_writer(dist_flags negotiated) : flags_(negotiated) {}

  result<unit> send(encoded_message& m);
  void tick();
  // Appends up to that many fragments of what is waiting.
  void fill(std::size_t fragments);
  std::size_t waiting() const { return waiting_bytes_; }
  void clear();

  etf::output out;

 private:
  struct message {
    etf::output body;
    std::vector<term> atoms;
    written_control written;
    std::uint64_t sequence = 0, fragments_left = 0;  // 0: it has not begun
  };
  struct barrier {
    message m;
    std::size_t senders = 0;  // those it still waits for
  };
  struct entry {
    std::unique_ptr<message> m;
    std::shared_ptr<barrier> end_of;  // instead of a message
  };
  struct sender {
    std::uint64_t key;
    std::deque<entry> entries;
  };

  bool is_large(const written_control& w, std::size_t size) const;
  message take(encoded_message& m);
  void queue(std::uint64_t key, message m);
  void write_turn(sender& s);
  bool write_fragment(message& m);               // true: the last one
  void write_whole(etf::output& body, std::span<const term> atoms);
  void begin_frame();                            // header_ is to be filled
  void end_frame(etf::output& body, std::size_t size);

  dist_flags flags_;
  atom_cache_out cache_;
  std::vector<std::uint8_t> header_;
  std::uint64_t next_sequence_ = 1, next_unknown_ = 0;
  std::unordered_map<std::uint64_t, std::unique_ptr<sender>> senders_;  // that have something waiting
  std::deque<sender*> turns_;
  std::size_t waiting_bytes_ = 0;
};

}  // namespace cnode::dist
