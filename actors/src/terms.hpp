// Small helpers for terms that processes keep: owned copies, names of this node, numbers of our references.
#pragma once

#include <cstdint>
#include <unordered_map>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/block.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

namespace cnode::actors {

inline bool is_immediate(term t) { return (t.word() & CNODE_TAG_MASK) >= CNODE_TAG_IMMEDIATE || !t; }

// A term with the block it lies in; immediates need none. A copy has a block of its own.
class owned_term {
 public:
  owned_term() = default;
  explicit owned_term(term t) : t_(t) {
    if (!is_immediate(t)) {
      store_ = copy_to_block(t);
      t_ = store_->root;
    }
  }
  owned_term(const owned_term& o) : owned_term(o.t_) {}
  owned_term(owned_term&&) noexcept = default;
  owned_term& operator=(const owned_term& o) { return *this = owned_term(o); }
  owned_term& operator=(owned_term&&) noexcept = default;
  term get() const { return t_; }

 private:
  block_ptr store_;
  term t_;
};

template <class T>
using term_map = std::unordered_map<term, T, exact_hash, exact_equal>;

// A boxed pid, port or reference that carries our name. Ours only if the creation is ours, too.
inline bool named_as_us(term boxed) { return node_of(boxed).node.same(this_node().name); }
inline bool ours(term boxed) {
  const auto n = node_of(boxed);
  return n.node.same(this_node().name) && n.creation == this_node().creation;
}
inline bool is_remote_pid(term t) { return t.kind() == CNODE_PID && !named_as_us(t); }

inline std::uint32_t ref_word(term ref, std::uint32_t i) {
  return static_cast<std::uint32_t>(ref.box()[2 + i / 2] >> (32 * (i & 1)));
}
// References made here are numbered; the number is spread as erts spreads it: 18 bits, then 32, then the rest.
inline std::uint64_t ref_number(term ref) {
  return (ref_word(ref, 0) & 0x3ffff) | static_cast<std::uint64_t>(ref_word(ref, 1)) << 18 |
         static_cast<std::uint64_t>(ref_word(ref, 2)) << 50;
}
inline term build_ref(block& b, std::uint64_t number) {
  const std::uint32_t w[] = {static_cast<std::uint32_t>(number & 0x3ffff), static_cast<std::uint32_t>(number >> 18),
                             static_cast<std::uint32_t>(number >> 50)};
  return make_ref(b, this_node().name, this_node().creation, w, 3);
}
// An alias names the process it belongs to in two further words, as ErtsPRefThing does: a send finds the process without a table.
inline term build_alias(block& b, std::uint64_t number, term pid) {
  const std::uint32_t w[] = {static_cast<std::uint32_t>(number & 0x3ffff), static_cast<std::uint32_t>(number >> 18),
                             static_cast<std::uint32_t>(number >> 50), pid_id(pid), pid_serial(pid)};
  return make_ref(b, this_node().name, this_node().creation, w, 5);
}
inline bool is_our_ref(term t) { return t.is_ref() && t.size() >= 3 && ours(t); }
inline bool is_our_alias(term t) { return t.is_ref() && t.size() == 5 && ours(t); }
inline term alias_owner(term alias) { return term{cnode_make_local_pid(ref_word(alias, 3), ref_word(alias, 4))}; }

// The atoms this layer writes and looks for.
struct atoms {
  term normal = atom("normal"), kill = atom("kill"), killed = atom("killed"), noproc = atom("noproc"),
       noconnection = atom("noconnection"), exit = atom("exit"), error = atom("error"), throw_ = atom("throw"),
       EXIT = atom("EXIT"), DOWN = atom("DOWN"), process = atom("process"), undef = atom("undef"),
       undefined = atom("undefined"), function_clause = atom("function_clause"), badarg = atom("badarg"), ok = atom("ok"),
       badopt = atom("badopt"), system_limit = atom("system_limit"), internal_error = atom("internal_error"),
       nocatch = atom("nocatch"), spawn_reply = atom("spawn_reply"), link = atom("link"), monitor = atom("monitor"),
       shutdown = atom("shutdown"), true_ = atom("true"), false_ = atom("false"), user = atom("user"),
       timeout = atom("timeout"), notsup = atom("notsup"), nodedown = atom("nodedown"), badarith = atom("badarith"), abandoned = atom("abandoned");
};
const atoms& a();

}  // namespace cnode::actors
