// Pids, references and frames for tests of control messages and connections. We are cpp@localhost, creation 5;
// the peer is erl@localhost, creation 3.
#pragma once

#include <string>
#include <string_view>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/block.hpp>
#include <cnode/protocol/connection.hpp>
#include <cnode/protocol/etf.hpp>
#include <cnode/protocol/local_node.hpp>

#include "handshake_bytes.hpp"

namespace cnode::test {

struct dist_terms {
  dist_terms() { set_this_node(atom("cpp@localhost"), 5); }

  block_ptr heap = block::make(256);
  const term peer = atom("erl@localhost");
  const term ours = term{cnode_make_local_pid(17, 1)};
  const term theirs = make_pid(*heap, peer, 3, 80, 0);
  const term old_ours = make_pid(*heap, atom("cpp@localhost"), 4, 17, 1);   // of an earlier life
  const term third = make_pid(*heap, atom("third@localhost"), 3, 80, 0);
  const term our_ref = ref("cpp@localhost", 5);
  const term their_ref = ref("erl@localhost", 3);
  const term token = make_tuple_of(*heap, small(1), atom("label"), small(7), theirs, small(6));
  const term message = make_tuple_of(*heap, atom("hello"), small(42));

  term ref(std::string_view node, std::uint32_t creation) {
    const std::uint32_t ids[] = {1, 2, 3};
    return make_ref(*heap, atom(node), creation, ids, 3);
  }
  template <class... T>
  term tuple(T... e) {
    return make_tuple_of(*heap, e...);
  }
};

// A pass-through frame.
inline std::string wire(term control, term payload = {}) {
  std::string body = "\x70" + etf::term_to_binary(control);
  if (payload) body += etf::term_to_binary(payload);
  return frame(body, 4);
}

}  // namespace cnode::test
