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

std::uint64_t first_bytes(std::uint64_t w, std::size_t n) { return n >= 8 ? w : w & ((std::uint64_t{1} << 8 * n) - 1); }

}  // namespace

// The atom of a text that was seen before on this connection, or is in the atom table; none: it is new, or long. At least 8 bytes
// can be read behind the text.
term control_reader::known(const std::uint8_t* text, std::size_t size) {
  if (size == 0 || size > sizeof name::words) return {};
  const auto first = first_bytes(word_at(text), size);
  auto& n = names_[(first * 0x9e3779b97f4a7c15u + size * 0xff51afd7ed558ccdu) >> 61];
  bool same = n.size == size;
  for (std::size_t i = 0; same && 8 * i < size; ++i) same = n.words[i] == first_bytes(word_at(text + 8 * i), size - 8 * i);
  if (same) return n.atom;
  const auto atom = find_atom({reinterpret_cast<const char*>(text), size});
  if (!atom) return {};
  n = {};
  std::memcpy(n.words.data(), text, size);
  n.size = size;
  n.atom = atom;
  return atom;
}

// Reads one control tuple. After the first thing that is not as expected `good` stays false.
class control_reader::cursor {
 public:
  struct identity {           // a pid, or a reference
    term node;
    std::uint32_t creation = 0;
    const std::uint8_t* ids = nullptr;
    std::size_t count = 0;
  };

  cursor(control_reader& reader, const source& from)
      : reader_(reader), from_(from), p_(from.bytes.data()), end_(p_ + from.bytes.size()) {}

  bool good = true;

  bool has(std::size_t n) const { return static_cast<std::size_t>(end_ - p_) >= n; }
  void magic() {
    if (!from_.magic) return;
    if (has(1) && *p_ == version_magic) ++p_;
    else good = false;
  }
  // The tuple's header and the operation.
  unsigned begin(unsigned& arity) {
    magic();
    if (!good || !has(4) || p_[0] != static_cast<std::uint8_t>(tag::small_tuple_ext) || p_[2] != static_cast<std::uint8_t>(tag::small_integer_ext)) {
      good = false;
      return 0;
    }
    arity = p_[1];
    const unsigned number = p_[3];
    p_ += 4;
    return number;
  }
  term atom() {
    if (!good || !has(2)) return bad();
    const std::size_t n = p_[1];
    if (p_[0] == static_cast<std::uint8_t>(tag::atom_cache_ref)) {
      if (n >= from_.atoms.size() || !from_.atoms[n].is_atom()) return bad();
      p_ += 2;
      return from_.atoms[n];
    }
    if (p_[0] != static_cast<std::uint8_t>(tag::small_atom_utf8_ext) || !has(2 + n + behind_name)) return bad();
    const auto a = reader_.known(p_ + 2, n);
    if (!a) return bad();
    p_ += 2 + n;
    return a;
  }
  // What used to be the cookie: any atom. It is '' but from old nodes.
  void cookie() {
    if (good && has(2) && p_[0] == static_cast<std::uint8_t>(tag::small_atom_utf8_ext) && p_[1] == 0) p_ += 2;
    else atom();
  }
  bool at_pid() const { return good && has(1) && p_[0] == static_cast<std::uint8_t>(tag::new_pid_ext); }
  identity pid() {
    if (!at_pid()) return bad(), identity{};
    ++p_;
    identity i;
    i.node = atom();
    if (!good || !has(12)) return bad(), identity{};
    i.ids = p_;
    i.creation = load32(p_ + 8);
    p_ += 12;
    return i;
  }
  identity ref() {
    if (!good || !has(3) || p_[0] != static_cast<std::uint8_t>(tag::newer_reference_ext)) return bad(), identity{};
    identity i;
    i.count = etf::load16(p_ + 1);
    p_ += 3;
    i.node = atom();
    if (!good || i.count == 0 || i.count > 5 || !has(4 + 4 * i.count)) return bad(), identity{};
    i.creation = load32(p_);
    i.ids = p_ + 4;
    p_ += 4 + 4 * i.count;
    return i;
  }
  std::span<const std::uint8_t> rest() const { return {p_, end_}; }

 private:
  term bad() {
    good = false;
    return {};
  }

  control_reader& reader_;
  const source& from_;
  const std::uint8_t* p_;
  const std::uint8_t* end_;
};

namespace {

bool is_here(term node, std::uint32_t creation, std::uint32_t serial) {
  const auto& us = this_node();
  return node.same(us.name) && creation == us.creation && serial < 1u << 26;
}

template <class Identity>
term pid_in(block& b, const Identity& i) {
  const auto id = load32(i.ids), serial = load32(i.ids + 4);
  if (is_here(i.node, i.creation, serial)) return term{cnode_make_local_pid(id, serial)};
  return make_pid(b, i.node, i.creation, id, serial);
}

template <class Identity>
term ref_in(block& b, const Identity& i) {
  std::uint32_t ids[5];
  for (std::size_t n = 0; n < i.count; ++n) ids[n] = load32(i.ids + 4 * n);
  return make_ref(b, i.node, i.creation, ids, i.count);
}

// The words of pids and references in the control message, and what a signal adds to them.
constexpr std::size_t control_words = 14;

std::size_t words_for(std::size_t payload) { return control_words + std::min<std::size_t>(payload / 4, 8192); }

}  // namespace

bool control_reader::read(source& from, control_message& m, block_ptr& b) {
  cursor c(*this, from);
  unsigned arity = 0;
  const auto number = static_cast<op>(c.begin(arity));
  if (!c.good) return false;
  switch (number) {
    case op::send:
    case op::send_sender: {
      if (arity != 3) return false;
      cursor::identity sender;
      if (number == op::send) c.cookie();
      else sender = c.pid();
      const auto to = c.pid();
      c.magic();
      if (!c.good) return false;
      from.payload = true;
      from.bytes = c.rest();
      b = block::make(words_for(from.bytes.size()));
      m.emplace<send>(send{sender.ids ? pid_in(*b, sender) : term{}, pid_in(*b, to), {}});
      return true;
    }
    case op::reg_send: {
      if (arity != 4) return false;
      const auto sender = c.pid();
      c.cookie();
      const auto name = c.atom();
      c.magic();
      if (!c.good) return false;
      from.payload = true;
      from.bytes = c.rest();
      b = block::make(words_for(from.bytes.size()));
      m.emplace<reg_send>(reg_send{pid_in(*b, sender), name, {}});
      return true;
    }
    case op::alias_send: {
      if (arity != 3) return false;
      const auto sender = c.pid();
      const auto alias = c.ref();
      c.magic();
      if (!c.good) return false;
      from.payload = true;
      from.bytes = c.rest();
      b = block::make(words_for(from.bytes.size()));
      m.emplace<alias_send>(alias_send{pid_in(*b, sender), ref_in(*b, alias), {}});
      return true;
    }
    case op::monitor_p:
    case op::demonitor_p: {
      if (arity != 4) return false;
      const auto sender = c.pid();
      const bool by_pid = c.at_pid();
      cursor::identity pid;
      term target;
      if (by_pid) pid = c.pid();
      else target = c.atom();
      const auto ref = c.ref();
      if (!c.good) return false;
      const auto& us = this_node();
      const bool theirs = !is_here(sender.node, sender.creation, load32(sender.ids + 4)) && (!from.peer || sender.node.same(from.peer));
      if (!theirs || (by_pid && !pid.node.same(us.name))) return false;
      from.bytes = c.rest();
      b = block::make(control_words);
      const auto who = pid_in(*b, sender);
      if (by_pid) target = pid_in(*b, pid);
      if (number == op::monitor_p) m.emplace<monitor_p>(monitor_p{who, target, ref_in(*b, ref)});
      else m.emplace<demonitor_p>(demonitor_p{who, target, ref_in(*b, ref)});
      return true;
    }
    default: return false;
  }
}

}  // namespace cnode::dist
