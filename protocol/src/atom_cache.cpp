#include <cnode/protocol/atom_cache.hpp>

#include <string>
#include <string_view>

#include <cnode/protocol/atom_table.hpp>

#include "terms/utf8.hpp"

namespace cnode::dist {

namespace {

// Four bits per atom, the lower half of a byte first; one more half byte behind them for the whole header.
constexpr unsigned new_entry = 8, segment_bits = 7, long_atoms = 1;
constexpr std::size_t flag_bytes(std::size_t atoms) { return atoms / 2 + 1; }

failure bad(errc e, const char* what, std::size_t place) {
  return {e, "distribution header: " + std::string(what) + ", atom " + std::to_string(place)};
}

}  // namespace

// external.c, erts_encode_ext_dist_header_finalize().
void atom_cache_out::append_header(std::vector<std::uint8_t>& out, std::span<const term> atoms) {
  out.push_back(static_cast<std::uint8_t>(atoms.size()));
  if (atoms.empty()) return;
  const auto flags = out.size();
  out.resize(flags + flag_bytes(atoms.size()));
  const auto set = [&](std::size_t i, unsigned bits) { out[flags + i / 2] |= static_cast<std::uint8_t>(bits << (i % 2 * 4)); };
  bool wide = false;
  for (const auto a : atoms) wide = wide || atom_text(a).size() > 255;
  if (wide) set(atoms.size(), long_atoms);
  for (std::size_t i = 0; i < atoms.size(); ++i) {
    const auto slot = atoms[i].atom_index() % atom_cache_slots;
    const bool known = slots_[slot] == atoms[i].word();
    set(i, static_cast<unsigned>(slot >> 8) | (known ? 0 : new_entry));
    out.push_back(static_cast<std::uint8_t>(slot));
    if (known) continue;
    slots_[slot] = atoms[i].word();
    const auto text = atom_text(atoms[i]);
    if (wide) out.push_back(static_cast<std::uint8_t>(text.size() >> 8));
    out.push_back(static_cast<std::uint8_t>(text.size()));
    out.insert(out.end(), text.begin(), text.end());
  }
}

// external.c, erts_prepare_dist_ext().
result<std::size_t> atom_cache_in::read_header(std::span<const std::uint8_t> bytes, bool caching) {
  count_ = 0;
  const std::size_t size = bytes.size();
  if (size == 0) return {errc::bad_frame, "distribution header: no number of atoms"};
  const std::size_t n = bytes[0];
  if (n == 0) return std::size_t{1};
  if (!caching) return {errc::bad_frame, "distribution header: atoms, but DIST_HDR_ATOM_CACHE was not agreed on"};
  std::size_t at = 1 + flag_bytes(n);
  if (size < at) return {errc::bad_frame, "distribution header: it ends within the flags"};
  const auto flags = [&](std::size_t i) { return bytes[1 + i / 2] >> (i % 2 * 4) & 15u; };
  const std::size_t width = flags(n) & long_atoms ? 2 : 1;
  for (std::size_t i = 0; i < n; ++i) {
    if (at == size) return bad(errc::bad_frame, "it ends early", i);
    const auto slot = std::size_t{flags(i) & segment_bits} << 8 | bytes[at++];
    if (flags(i) & new_entry) {
      if (size - at < width) return bad(errc::bad_frame, "it ends early", i);
      const std::size_t length = width == 2 ? std::size_t{bytes[at]} << 8 | bytes[at + 1] : bytes[at];
      at += width;
      if (size - at < length) return bad(errc::bad_frame, "it ends early", i);
      const std::string_view text{reinterpret_cast<const char*>(bytes.data() + at), length};
      const auto a = find_or_make_atom(text);
      if (!a) return bad(utf8::length(text) <= 255 ? errc::atom_table_full : errc::bad_atom, "no atom", i);
      at += length;
      slots_[slot] = a;
    } else if (!slots_[slot]) {
      return bad(errc::cache_miss, ("slot " + std::to_string(slot)).c_str(), i);
    }
    atoms_[i] = slots_[slot];
  }
  count_ = n;
  return at;
}

}  // namespace cnode::dist
