#include "control_reader.hpp"

#include <algorithm>
#include <cstring>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>

#include "control_ops.hpp"
#include "etf_reader.hpp"

namespace cnode::dist {

using detail::op;
using etf::load32;
using etf::tag;

namespace {

constexpr std::uint8_t version_magic = 131;
// Behind the name in a pid or reference stand at least this many bytes, so names are read word by word.
constexpr std::size_t behind_name = 8;

std::uint64_t word_at(const std::uint8_t* p) {
  std::uint64_t w;
  std::memcpy(&w, p, 8);
  return w;
}

}  // namespace

// The atom of a text that was seen before on this connection, or is in the atom table; none: it is new, or long. At least 8 bytes
// can be read behind the text.
inline term control_reader::known(const std::uint8_t* text, std::size_t size) {
  if (size == 0) return {};
  auto first = word_at(text);
  const auto last = size >= 8 ? word_at(text + size - 8) : first << (64 - 8 * size);
  if (size < 8) first = 0;
  auto* const pair = &names_[2 * (((first ^ last << 1 ^ size) * 0x9e3779b97f4a7c15u) >> 61)];
  for (auto* n = pair; n < pair + 2; ++n) {
    if (n->size != size || n->last != last || n->first != first) continue;
    bool same = true;
    for (std::size_t i = 8; same && i + 8 < size; i += 8) same = word_at(&n->text[i]) == word_at(text + i);
    if (same) return n->atom;
  }
  return learn(pair, text, size);
}

// The newer one of a pair stands first.
term control_reader::learn(name* pair, const std::uint8_t* text, std::size_t size) {
  auto& n = *pair;
  if (size > n.text.size()) return {};
  const auto atom = find_atom({reinterpret_cast<const char*>(text), size});
  if (!atom) return {};
  pair[1] = pair[0];
  n.first = size >= 8 ? word_at(text) : 0;
  n.last = size >= 8 ? word_at(text + size - 8) : word_at(text) << (64 - 8 * size);
  n.size = size;
  n.atom = atom;
  std::memcpy(n.text.data(), text, size);
  return atom;
}

// Reads one control tuple. Each function says whether what it wants stands there, and moves behind it.
class control_reader::cursor {
 public:
  struct identity {           // a pid, or a reference
    cnode_term node = 0;      // as boxed terms hold it
    const std::uint8_t* ids = nullptr;
    std::size_t count = 0;
    term name() const { return term{cnode_make_atom(static_cast<std::uint32_t>(node))}; }
    std::uint32_t creation() const { return static_cast<std::uint32_t>(node >> 32); }
  };

  cursor(control_reader& reader, const source& from)
      : reader_(reader), from_(from), p_(from.bytes.data()), end_(p_ + from.bytes.size()) {}

  bool magic() {
    if (!from_.magic) return true;
    if (left() < 1 || *p_ != version_magic) return false;
    ++p_;
    return true;
  }
  // The tuple's header and the operation.
  bool begin(unsigned& arity, op& number) {
    if (!magic() || left() < 4 || !is(0, tag::small_tuple_ext) || !is(2, tag::small_integer_ext)) return false;
    arity = p_[1];
    number = static_cast<op>(p_[3]);
    p_ += 4;
    return true;
  }
  bool atom(term& out) {
    if (left() < 2) return false;
    const std::size_t n = p_[1];
    if (is(0, tag::small_atom_utf8_ext)) {
      if (left() < 2 + n + behind_name) return false;
      out = reader_.known(p_ + 2, n);
      p_ += 2 + n;
      return bool(out);
    }
    if (!is(0, tag::atom_cache_ref) || n >= from_.atoms.size()) return false;
    out = from_.atoms[n];
    p_ += 2;
    return out.is_atom();
  }
  // What used to be the cookie: any atom. It is '' but from old nodes.
  bool cookie() {
    if (left() >= 2 && is(0, tag::small_atom_utf8_ext) && p_[1] == 0) {
      p_ += 2;
      return true;
    }
    term any;
    return atom(any);
  }
  bool at_pid() const { return left() >= 1 && is(0, tag::new_pid_ext); }
  bool pid(identity& i) {
    if (!at_pid()) return false;
    ++p_;
    term node;
    if (!atom(node) || left() < 12) return false;
    i.ids = p_;
    i.node = node_word(node, load32(p_ + 8));
    p_ += 12;
    return true;
  }
  bool ref(identity& i) {
    if (left() < 3 || !is(0, tag::newer_reference_ext)) return false;
    i.count = etf::load16(p_ + 1);
    p_ += 3;
    term node;
    if (!atom(node) || i.count == 0 || i.count > 5 || left() < 4 + 4 * i.count) return false;
    i.node = node_word(node, load32(p_));
    i.ids = p_ + 4;
    p_ += 4 + 4 * i.count;
    return true;
  }
  std::span<const std::uint8_t> rest() const { return {p_, end_}; }

 private:
  std::size_t left() const { return static_cast<std::size_t>(end_ - p_); }
  bool is(std::size_t at, tag t) const { return p_[at] == static_cast<std::uint8_t>(t); }
  static cnode_term node_word(term node, std::uint32_t creation) { return static_cast<cnode_term>(creation) << 32 | node.atom_index(); }

  control_reader& reader_;
  const source& from_;
  const std::uint8_t* p_;
  const std::uint8_t* end_;
};

namespace {

// Our name and creation as boxed terms hold them.
cnode_term our_node() { return static_cast<cnode_term>(this_node().creation) << 32 | this_node().name.atom_index(); }

template <class Identity>
bool is_immediate(const Identity& pid, cnode_term us) {
  return pid.node == us && load32(pid.ids + 4) < 1u << 26;
}

template <class Identity>
term pid_in(block& b, const Identity& i, cnode_term us) {
  const auto id = load32(i.ids), serial = load32(i.ids + 4);
  if (i.node == us && serial < 1u << 26) return term{cnode_make_local_pid(id, serial)};
  auto* p = b.reserve(3);
  p[0] = CNODE_HEADER(CNODE_PID, 2);
  p[1] = i.node;
  p[2] = static_cast<cnode_term>(serial) << 32 | id;
  return term{cnode_make_boxed(p)};
}

template <class Identity>
term ref_in(block& b, const Identity& i) {
  const auto words = (i.count + 1) / 2;
  auto* p = b.reserve(2 + words);
  p[0] = CNODE_HEADER(CNODE_REF, i.count);
  p[1] = i.node;
  std::size_t n = 0;
  for (; n + 2 <= i.count; n += 2) p[2 + n / 2] = load32(i.ids + 4 * n) | static_cast<cnode_term>(load32(i.ids + 4 * n + 4)) << 32;
  if (n < i.count) p[2 + n / 2] = load32(i.ids + 4 * n);
  return term{cnode_make_boxed(p)};
}

// The words of pids and references in the control message, and what a signal adds to them.
constexpr std::size_t control_words = 12, pid_words = 3;

std::size_t words_for(std::size_t control, std::size_t payload) { return control + std::min<std::size_t>(payload / 4, 8192); }

}  // namespace

bool control_reader::read(source& from, control_message& m, block_ptr& b) {
  cursor c(*this, from);
  unsigned arity = 0;
  op number{};
  if (!c.begin(arity, number)) return false;
  const auto us = our_node();
  switch (number) {
    case op::send:
    case op::send_sender: {
      cursor::identity sender, to;
      if (arity != 3 || !(number == op::send ? c.cookie() : c.pid(sender)) || !c.pid(to) || !c.magic()) return false;
      from.payload = true;
      from.bytes = c.rest();
      b = block::make(words_for(pid_words, from.bytes.size()));
      m.emplace<send>(send{sender.ids ? pid_in(*b, sender, us) : term{}, pid_in(*b, to, us), {}});
      return true;
    }
    case op::reg_send: {
      cursor::identity sender;
      term name;
      if (arity != 4 || !c.pid(sender) || !c.cookie() || !c.atom(name) || !c.magic()) return false;
      from.payload = true;
      from.bytes = c.rest();
      b = block::make(words_for(pid_words, from.bytes.size()));
      m.emplace<reg_send>(reg_send{pid_in(*b, sender, us), name, {}});
      return true;
    }
    case op::alias_send: {
      cursor::identity sender, alias;
      if (arity != 3 || !c.pid(sender) || !c.ref(alias) || !c.magic()) return false;
      from.payload = true;
      from.bytes = c.rest();
      b = block::make(words_for(control_words, from.bytes.size()));
      m.emplace<alias_send>(alias_send{pid_in(*b, sender, us), ref_in(*b, alias), {}});
      return true;
    }
    case op::monitor_p:
    case op::demonitor_p: {
      cursor::identity sender, pid, ref;
      term target;
      if (arity != 4 || !c.pid(sender)) return false;
      const bool by_pid = c.at_pid();
      if (!(by_pid ? c.pid(pid) : c.atom(target)) || !c.ref(ref)) return false;
      const bool theirs = !is_immediate(sender, us) && (!from.peer || sender.name().same(from.peer));
      if (!theirs || (by_pid && !pid.name().same(this_node().name))) return false;
      from.bytes = c.rest();
      b = block::make(control_words);
      const auto who = pid_in(*b, sender, us);
      if (by_pid) target = pid_in(*b, pid, us);
      if (number == op::monitor_p) m.emplace<monitor_p>(monitor_p{who, target, ref_in(*b, ref)});
      else m.emplace<demonitor_p>(demonitor_p{who, target, ref_in(*b, ref)});
      return true;
    }
    default: return false;
  }
}

}  // namespace cnode::dist
