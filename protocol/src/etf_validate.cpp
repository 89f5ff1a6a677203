#include <vector>

#include "etf_reader.hpp"
#include "terms/utf8.hpp"

// Without values there is nothing to keep: `need` counts the terms still to come, and that is the whole state. Funs add
// a note of where they must end, because they say so in front.

namespace cnode::etf {

namespace {

class validator {
 public:
  explicit validator(std::span<const std::uint8_t> bytes)
      : r_{bytes.data(), bytes.data() + bytes.size()}, begin_(bytes.data()), at_(bytes.data()) {}

  errc run() {
    std::uint64_t need = 1;
    while (need) {
      if (funs_.empty()) need = usual(need);
      if (need == 0) break;
      if (r_.p == r_.end) return errc::truncated;
      at_ = r_.p;
      const auto t = static_cast<tag>(*r_.p++);
      std::uint64_t more = 0;
      switch (t) {
        case tag::small_integer_ext:
          if (!skip(1)) return errc::truncated;
          break;
        case tag::integer_ext:
          if (!skip(4)) return errc::truncated;
          break;
        case tag::nil_ext: break;
        case tag::new_float_ext: {
          double d;
          if (!r_.has(8)) return errc::truncated;
          if (!load_double(r_.p, d)) return errc::bad_float;
          r_.p += 8;
          break;
        }
        case tag::float_ext: {
          double d;
          if (!r_.has(31)) return errc::truncated;
          if (!parse_old_float(r_.p, d)) return errc::bad_float;
          r_.p += 31;
          break;
        }
        case tag::binary_ext:
          if (!sized(4, 0)) return errc::truncated;
          break;
        case tag::string_ext:
          if (!sized(2, 0)) return errc::truncated;
          break;
        case tag::small_atom_utf8_ext:
        case tag::atom_utf8_ext:
        case tag::small_atom_ext:
        case tag::atom_ext:
        case tag::atom_cache_ref:
          if (const auto e = atom(t); e != errc::ok) return e;
          break;
        case tag::small_tuple_ext:
          if (!r_.has(1)) return errc::truncated;
          more = *r_.p++;
          break;
        case tag::large_tuple_ext:
        case tag::list_ext:
        case tag::map_ext:
          if (!r_.has(4)) return errc::truncated;
          more = load32(r_.p);
          r_.p += 4;
          if (t == tag::list_ext) ++more;
          if (t == tag::map_ext) more *= 2;
          break;
        case tag::small_big_ext:
          if (!sized(1, 1)) return errc::truncated;
          break;
        case tag::large_big_ext:
          if (r_.has(4) && load32(r_.p) > max_big_bytes) return errc::too_large;
          if (!sized(4, 1)) return errc::truncated;
          break;
        case tag::bit_binary_ext: {
          if (!r_.has(5)) return errc::truncated;
          const bool empty = load32(r_.p) == 0;
          if (r_.p[4] > 8 || (r_.p[4] == 0) != empty) return errc::bad_bit_count;
          if (!sized(4, 1)) return errc::truncated;
          break;
        }
        case tag::new_fun_ext:
          if (const auto e = fun(need, more); e != errc::ok) return e;
          break;
        case tag::record_ext:
          if (const auto e = record(more); e != errc::ok) return e;
          break;
        default:
          if (const auto e = with_node(t); e != errc::ok) return e;
      }
      need += more;
      --need;
      if (need > r_.left()) return errc::truncated;
      while (!funs_.empty() && funs_.back().need == need) {
        if (funs_.back().end != r_.p) return errc::bad_fun;
        funs_.pop_back();
      }
    }
    return errc::ok;
  }

  std::size_t used() const { return static_cast<std::size_t>(r_.p - begin_); }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  unsigned last_tag() const { return at_ < r_.end ? *at_ : 0u; }

 private:
  // As many terms as are of the usual kinds and far enough from the end to need no look at each length field. Whatever else comes,
  // and whatever is wrong, is left to the caller. Returns how many are still to come.
  std::uint64_t usual(std::uint64_t need) {
    constexpr std::ptrdiff_t header_room = 16;
    const auto* p = r_.p;
    const auto* const end = r_.end;
    const auto left = [&] { return static_cast<std::uint64_t>(end - p); };
    while (need && end - p >= header_room) {
      std::uint64_t size, more = 0;
      switch (static_cast<tag>(*p)) {
        case tag::small_integer_ext: size = 2; break;
        case tag::integer_ext: size = 5; break;
        case tag::nil_ext: size = 1; break;
        case tag::new_float_ext:
          size = (load16(p + 1) & 0x7ff0) == 0x7ff0 ? 0 : 9;  // not infinite, and a number
          break;
        case tag::small_atom_utf8_ext: size = ascii(p + 2, p[1]) ? 2 + p[1] : 0; break;
        case tag::atom_ext: size = load16(p + 1) <= 255 ? 3 + load16(p + 1) : 0; break;
        case tag::binary_ext: size = 5 + std::uint64_t{load32(p + 1)}; break;
        case tag::string_ext: size = 3 + load16(p + 1); break;
        case tag::small_tuple_ext:
          size = 2;
          more = p[1];
          break;
        case tag::list_ext:
          size = 5;
          more = std::uint64_t{load32(p + 1)} + 1;
          break;
        case tag::map_ext:
          size = 5;
          more = std::uint64_t{load32(p + 1)} * 2;
          break;
        default: size = 0;
      }
      if (size - 1 >= left() || need + more - 1 > left() - size) break;
      p += size;
      need += more - 1;
    }
    r_.p = p;
    return need;
  }
  // Up to 16 of them; 8 bytes can be read.
  bool ascii(const std::uint8_t* p, std::size_t n) const {
    constexpr std::uint64_t high = 0x8080808080808080u;
    std::uint64_t first;
    std::memcpy(&first, p, 8);
    if (n <= 8) return n && (first << (64 - 8 * n) & high) == 0;
    std::uint64_t last;
    if (n > 16 || static_cast<std::size_t>(r_.end - p) < n) return false;
    std::memcpy(&last, p + n - 8, 8);
    return ((first | last) & high) == 0;
  }

  bool skip(std::size_t n) {
    if (!r_.has(n)) return false;
    r_.p += n;
    return true;
  }

  // A length of `width` bytes, `extra` bytes, then as many bytes as the length says.
  bool sized(std::size_t width, std::size_t extra) {
    if (!r_.has(width)) return false;
    const std::size_t n = width == 1 ? *r_.p : width == 2 ? load16(r_.p) : load32(r_.p);
    r_.p += width;
    return skip(n + extra);
  }

  errc atom(tag t) {
    const std::size_t width = t == tag::atom_utf8_ext || t == tag::atom_ext ? 2 : 1;
    if (!r_.has(width)) return errc::truncated;
    const std::size_t n = width == 1 ? *r_.p : load16(r_.p);
    r_.p += width;
    if (t == tag::atom_cache_ref) return errc::ok;
    if (n > 255 * 4) return errc::bad_atom;
    if (!r_.has(n)) return errc::truncated;
    const std::string_view text{reinterpret_cast<const char*>(r_.p), n};
    r_.p += n;
    if (t == tag::small_atom_ext || t == tag::atom_ext) return n > 255 ? errc::bad_atom : errc::ok;
    return utf8::length(text) > 255 ? errc::bad_atom : errc::ok;
  }

  errc atom_with_tag() {
    if (!r_.has(1)) return errc::truncated;
    const auto t = static_cast<tag>(*r_.p++);
    switch (t) {
      case tag::small_atom_utf8_ext:
      case tag::atom_utf8_ext:
      case tag::small_atom_ext:
      case tag::atom_ext:
      case tag::atom_cache_ref: return atom(t);
      default: return errc::bad_tag;
    }
  }

  errc with_node(tag t) {
    std::size_t fixed = 0;
    switch (t) {
      case tag::new_pid_ext:
      case tag::v4_port_ext: fixed = 12; break;
      case tag::pid_ext: fixed = 9; break;
      case tag::new_port_ext: fixed = 8; break;
      case tag::port_ext:
      case tag::reference_ext: fixed = 5; break;
      case tag::new_reference_ext:
      case tag::newer_reference_ext: {
        if (!r_.has(2)) return errc::truncated;
        const std::size_t n = load16(r_.p);
        r_.p += 2;
        if (n == 0 || n > 5) return errc::bad_pid;
        fixed = 4 * n + (t == tag::newer_reference_ext ? 4 : 1);
        break;
      }
      case tag::export_ext:
        if (const auto e = atom_with_tag(); e != errc::ok) return e;
        if (const auto e = atom_with_tag(); e != errc::ok) return e;
        if (!r_.has(2)) return errc::truncated;
        if (static_cast<tag>(*r_.p) != tag::small_integer_ext) return errc::bad_fun;
        r_.p += 2;
        return errc::ok;
      case tag::compressed: return errc::compressed;
      default: return errc::bad_tag;
    }
    if (const auto e = atom_with_tag(); e != errc::ok) return e;
    return skip(fixed) ? errc::ok : errc::truncated;
  }

  errc fun(std::uint64_t need, std::uint64_t& more) {
    const auto* start = r_.p;
    if (!r_.has(29)) return errc::truncated;
    const std::size_t size = load32(start);
    if (size < 29) return errc::bad_fun;
    if (!r_.has(size)) return errc::truncated;
    more = std::uint64_t{load32(start + 25)} + 3;
    r_.p += 29;
    funs_.push_back({need - 1, start + size});
    return atom_with_tag();
  }

  errc record(std::uint64_t& more) {
    if (!r_.has(5)) return errc::truncated;
    const std::uint64_t n = load32(r_.p);
    if (r_.p[4] > 1) return errc::bad_tag;
    r_.p += 5;
    if (2 * n + 2 > r_.left()) return errc::truncated;
    for (std::uint64_t i = 0; i < n + 2; ++i)
      if (const auto e = atom_with_tag(); e != errc::ok) return e;
    more = n;
    return errc::ok;
  }

  struct open_fun {
    std::uint64_t need;  // terms still to come when it is complete
    const std::uint8_t* end;
  };
  reader r_;
  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  std::vector<open_fun> funs_;
};

}  // namespace

result<std::size_t> validate(std::span<const std::uint8_t> bytes) {
  validator v(bytes);
  const auto e = v.run();
  if (e == errc::ok) return v.used();
  std::string where = "at byte " + std::to_string(v.offset());
  if (e == errc::bad_tag) where = "tag " + std::to_string(v.last_tag()) + " " + where;
  return failure{e, std::move(where)};
}

}  // namespace cnode::etf
