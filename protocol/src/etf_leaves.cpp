#include <charconv>
#include <cmath>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>

#include "etf_atom_memo.hpp"
#include "etf_reader.hpp"
#include "terms/utf8.hpp"

namespace cnode::etf {

constinit thread_local atom_memo atoms_met;

namespace {

errc intern(std::string_view text, const decode_options& options, cnode_term& out) {
  const auto a = options.safe ? find_atom(text) : find_or_make_atom(text);
  if (a) {
    out = a.word();
    return errc::ok;
  }
  const auto n = utf8::length(text);
  if (n == utf8::bad || n > 255 || options.safe) return errc::bad_atom;
  return errc::atom_table_full;
}

std::string_view text_at(const std::uint8_t* p, std::size_t n) { return {reinterpret_cast<const char*>(p), n}; }

}  // namespace

bool parse_old_float(const std::uint8_t* p, double& out) {
  const auto* first = reinterpret_cast<const char*>(p);
  const auto* last = first;
  while (last < first + 31 && *last) ++last;
  while (first < last && *first == ' ') ++first;
  if (first < last && *first == '+') ++first;
  const auto [at, error] = std::from_chars(first, last, out, std::chars_format::general);
  return error == std::errc{} && at == last && std::isfinite(out);
}

errc read_atom_body(reader& r, tag t, const decode_options& options, cnode_term& out) {
  std::size_t n;
  switch (t) {
    case tag::small_atom_utf8_ext:
    case tag::small_atom_ext:
      if (!r.has(1)) return errc::truncated;
      n = *r.p++;
      break;
    case tag::atom_utf8_ext:
    case tag::atom_ext:
      if (!r.has(2)) return errc::truncated;
      n = load16(r.p);
      r.p += 2;
      if (n > 255 * 4) return errc::bad_atom;
      break;
    case tag::atom_cache_ref:
      if (options.atoms.empty()) return errc::bad_tag;
      if (!r.has(1)) return errc::truncated;
      n = *r.p++;
      if (n >= options.atoms.size() || !options.atoms[n].is_atom()) return errc::cache_miss;
      out = options.atoms[n].word();
      return errc::ok;
    default: return errc::bad_tag;
  }
  if (!r.has(n)) return errc::truncated;
  const auto text = text_at(r.p, n);
  const bool latin1 = t == tag::small_atom_ext || t == tag::atom_ext;
  const auto* bytes = r.p;
  r.p += n;
  atom_memo::key key{};
  if (n > 0) {
    key = r.end - bytes >= 8 ? atom_memo::key_of(bytes, n, latin1) : atom_memo::key_at_end(bytes, n, latin1);
    out = atoms_met.find(key, bytes, n);
    if (out != CNODE_NONE) return errc::ok;
  }
  const auto e = latin1 && utf8::length(text) != n ? intern(utf8::from_latin1(text), options, out) : intern(text, options, out);
  if (e == errc::ok && n > 0) atoms_met.add(key, out);
  return e;
}

errc read_atom(reader& r, const decode_options& options, cnode_term& out) {
  if (!r.has(1)) return errc::truncated;
  const auto t = static_cast<tag>(*r.p++);
  return read_atom_body(r, t, options, out);
}

namespace {

// The name of a node: most likely one met before.
inline errc read_node(reader& r, const decode_options& options, cnode_term& out) {
  if (r.left() >= 3 + 8) {
    const bool latin1 = static_cast<tag>(*r.p) == tag::atom_ext;
    if (latin1 || static_cast<tag>(*r.p) == tag::small_atom_utf8_ext) {
      const auto* text = r.p + (latin1 ? 3 : 2);
      const std::size_t n = latin1 ? load16(r.p + 1) : r.p[1];
      if (n > 0 && n <= static_cast<std::size_t>(r.end - text)) {
        out = atoms_met.find(atom_memo::key_of(text, n, latin1), text, n);
        if (out != CNODE_NONE) {
          r.p = text + n;
          return errc::ok;
        }
      }
    }
  }
  return read_atom(r, options, out);
}

}  // namespace

errc read_pid(reader& r, tag t, const leaf_context& c, cnode_term& out) {
  cnode_term node;
  if (const auto e = read_node(r, c.options, node); e != errc::ok) return e;
  const std::size_t n = t == tag::new_pid_ext ? 12 : 9;
  if (!r.has(n)) return errc::truncated;
  const auto id = load32(r.p), serial = load32(r.p + 4);
  const std::uint32_t creation = t == tag::new_pid_ext ? load32(r.p + 8) : r.p[8];
  r.p += n;
  const auto& us = this_node();
  if (node == us.name.word() && creation == us.creation && serial < 1u << 26) {
    out = cnode_make_local_pid(id, serial);
  } else {
    out = make_pid(c.b, term{node}, creation, id, serial).word();
  }
  return errc::ok;
}

errc read_port(reader& r, tag t, const leaf_context& c, cnode_term& out) {
  cnode_term node;
  if (const auto e = read_node(r, c.options, node); e != errc::ok) return e;
  const std::size_t n = t == tag::v4_port_ext ? 12 : t == tag::new_port_ext ? 8 : 5;
  if (!r.has(n)) return errc::truncated;
  const std::uint64_t id = t == tag::v4_port_ext ? load64(r.p) : load32(r.p);
  const std::uint32_t creation = t == tag::port_ext ? r.p[4] : load32(r.p + n - 4);
  r.p += n;
  out = make_port(c.b, term{node}, creation, id).word();
  return errc::ok;
}

// Up to 5 words; the references of aliases have 5 from OTP 26 on.
errc read_ref(reader& r, tag t, const leaf_context& c, cnode_term& out) {
  cnode_term node;
  std::uint32_t creation;
  if (t == tag::reference_ext) {
    if (const auto e = read_node(r, c.options, node); e != errc::ok) return e;
    if (!r.has(5)) return errc::truncated;
    const auto id = load32(r.p);
    creation = r.p[4];
    r.p += 5;
    out = make_ref(c.b, term{node}, creation, &id, 1).word();
    return errc::ok;
  }
  if (!r.has(2)) return errc::truncated;
  const std::size_t n = load16(r.p);
  r.p += 2;
  if (n == 0 || n > 5) return errc::bad_pid;
  if (const auto e = read_node(r, c.options, node); e != errc::ok) return e;
  const std::size_t creation_size = t == tag::newer_reference_ext ? 4 : 1;
  if (!r.has(creation_size + 4 * n)) return errc::truncated;
  creation = creation_size == 4 ? load32(r.p) : *r.p;
  r.p += creation_size;
  const auto words = (n + 1) / 2;
  auto* box = c.b.reserve(2 + words);
  box[0] = CNODE_HEADER(CNODE_REF, n);
  box[1] = static_cast<cnode_term>(creation) << 32 | cnode_atom_index(node);
  box[1 + words] = 0;
  for (std::size_t i = 0; i < n / 2; ++i) box[2 + i] = load32(r.p + 8 * i) | static_cast<cnode_term>(load32(r.p + 8 * i + 4)) << 32;
  if (n % 2) box[1 + words] = load32(r.p + 4 * n - 4);
  r.p += 4 * n;
  out = cnode_make_boxed(box);
  return errc::ok;
}

// Sign, then `size` bytes, least significant first. Leading zeros are taken, as BEAM takes them.
errc read_big(reader& r, std::size_t size, const leaf_context& c, cnode_term& out) {
  if (!r.has(1) || r.left() - 1 < size) return errc::truncated;
  const bool negative = *r.p++ != 0;
  const auto* digits = r.p;
  r.p += size;
  while (size && digits[size - 1] == 0) --size;
  const auto limbs = (size + 7) / 8;
  if (limbs <= 1) {
    std::uint64_t v = 0;
    if (size && digits + 8 <= r.end) {
      std::memcpy(&v, digits, 8);
      v &= ~std::uint64_t{0} >> (64 - 8 * size);
    } else {
      for (std::size_t i = 0; i < size; ++i) v |= std::uint64_t{digits[i]} << 8 * i;
    }
    out = make_big(c.b, negative, &v, 1).word();
    return errc::ok;
  }
  auto* box = c.b.reserve(1 + limbs);
  box[0] = CNODE_HEADER(negative ? CNODE_BIG_NEG : CNODE_BIG_POS, limbs);
  box[limbs] = 0;
  std::memcpy(box + 1, digits, size);
  out = cnode_make_boxed(box);
  return errc::ok;
}

errc read_export(reader& r, const leaf_context& c, cnode_term& out) {
  cnode_term module, function;
  if (const auto e = read_atom(r, c.options, module); e != errc::ok) return e;
  if (const auto e = read_atom(r, c.options, function); e != errc::ok) return e;
  if (!r.has(2)) return errc::truncated;
  if (static_cast<tag>(r.p[0]) != tag::small_integer_ext) return errc::bad_fun;
  out = make_export(c.b, term{module}, term{function}, r.p[1]).word();
  r.p += 2;
  return errc::ok;
}

}  // namespace cnode::etf
