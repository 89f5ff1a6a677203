// The control messages that come with every call, cast and reply, straight from their bytes: no tuple is made and checked, and the
// nodes' names in pids and references are recognised without asking the atom table. What this does not know, and whatever is wrong,
// is left to etf::decode and decode_control, which say what it is.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include <cnode/protocol/control_message.hpp>

namespace cnode::dist {

// Of one connection; owned by its reader.
class control_reader {
 public:
  struct source {
    std::span<const std::uint8_t> bytes;   // behind the frame's header; moved behind the control message, and the payload's 131
    etf::header_atoms atoms;               // of the distribution header
    bool magic;                            // 131 stands in front of either term
    term peer;
    bool payload = false;                  // out: a message follows
  };
  // SEND, SEND_SENDER, REG_SEND, ALIAS_SEND, MONITOR_P, DEMONITOR_P without a trace token. Makes the block, with room for a payload of
  // the bytes that follow. False: none of these; nothing has changed.
  bool read(source& from, control_message& m, block_ptr& b);

 private:
  // `first` and `last` are its first and its last 8 bytes; shorter names have `last` alone.
  struct name {
    std::uint64_t first = 0, last = 0;
    std::size_t size = 0;
    term atom;
    std::array<std::uint8_t, 64> text;
  };
  class cursor;
  term known(const std::uint8_t* text, std::size_t size);
  static term learn(name* pair, const std::uint8_t* text, std::size_t size);

  std::array<name, 16> names_{};  // in pairs
};

}  // namespace cnode::dist
