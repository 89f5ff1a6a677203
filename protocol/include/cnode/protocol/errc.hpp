// Why the protocol layer refused something. One value per reason a person would act on differently.
#pragma once

#include <string_view>

namespace cnode {

enum class errc {
  ok = 0,
  // external term format
  truncated,             // the bytes end before the term does
  bad_version,           // no 131 in front
  bad_tag,               // a tag that does not exist or may not stand here
  bad_atom,              // over 255 characters, or not UTF-8
  atom_table_full,       // the node's bound on atoms is reached
  bad_float,             // NaN, infinity, or text that is no number
  bad_bit_count,         // BIT_BINARY_EXT with 0 or more than 8 bits in the last byte
  bad_pid,               // pid, port or reference with an impossible field
  bad_fun,               // fun whose size and fields disagree
  duplicate_key,         // a map names a key twice
  compressed,            // a compressed term where none is allowed, or damaged
  too_large,             // over a limit of ours
  trailing_bytes,        // bytes after a stand-alone term
  cache_miss,            // atom cache reference to an empty slot
  // term text
  syntax,                // not a term in Erlang syntax
  // handshake
  bad_handshake_message, // unknown, truncated or out of order
  bad_name,              // no name@host, or an impossible one
  bad_status,            // a status we do not know, or one that says no
  not_allowed,           // the peer refuses us, or lacks flags we need
  bad_cookie,            // the digest does not match
  // control messages and frames
  bad_control,           // unknown operation, wrong arity or wrong type of a field
  bad_frame,             // frame type or header that cannot be
  // epmd
  bad_epmd_message,
  // our own side
  unsupported,           // we were asked for something the peer cannot do
};

// A sentence without a full stop, for logs and messages.
std::string_view message(errc e);

}  // namespace cnode
