#include <algorithm>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include <cnode/protocol/atom_table.hpp>

#include "buffer.hpp"
#include "etf_atom_memo.hpp"
#include "etf_reader.hpp"
#include "terms/layout.hpp"
#include "terms/sort_map.hpp"
#include "terms/stack.hpp"

// One pass. A container reserves its words at once and its elements are decoded into them; containers that wait for
// the rest of their elements are on an explicit stack. Every element needs a byte at least, so `budget` begins with the number of bytes
// and each container takes its elements from it: one that announces more than there can be is refused before anything is reserved.
//
// Where the next term goes, where it comes from and where the heap ends are local variables of some(): whatever may build in the
// block by itself is called behind leave().

namespace cnode::etf {

namespace {

// What follows when the last word of a container is there.
enum shape : std::uintptr_t { array = 0, list = 1, map = 2, fun = 4, nothing = 6, shape_mask = 7 };

// A container to be filled: the words [at, last) are still to come; of a list, the heads up to there.
struct frame {
  cnode_term* at;
  cnode_term* last;
  std::uintptr_t what;  // shape, and with it the end of all cells of a list, the box of a map or fun
};
std::uintptr_t shaped(shape s, cnode_term* p) { return reinterpret_cast<std::uintptr_t>(p) | s; }
// From one word to fill to the next: cells have two.
std::ptrdiff_t stride_of(std::uintptr_t what) { return 1 + static_cast<std::ptrdiff_t>(what & list); }
cnode_term* pointer_of(std::uintptr_t what) { return reinterpret_cast<cnode_term*>(what & ~shape_mask); }

// Cells are linked this many at a time, shortly before they are filled.
constexpr std::ptrdiff_t linked_cells = 64;
// Containers from this size on may begin with integers only, which is worth a look.
constexpr std::uint64_t many = 16;
constexpr std::size_t on_heap_bytes = 64;
// Words that are reserved for what has not come yet.
constexpr std::size_t most_ahead = std::size_t{1} << 17;

// The integers that come next, one every `Stride` words up to `last`.
template <std::ptrdiff_t Stride>
[[gnu::noinline]] std::pair<const std::uint8_t*, cnode_term*> integers(const std::uint8_t* p, const std::uint8_t* end, cnode_term* at,
                                                                      cnode_term* last) {
  const auto put = [&](std::int64_t v) {
    *at = cnode_make_small(v);
    if constexpr (Stride == 2) at[1] = cnode_make_cons(at + 2);
    at += Stride;
  };
  while (at != last && end - p >= 5) {
    if (static_cast<tag>(*p) == tag::integer_ext) {
      for (auto n = std::min((end - p) / 5, (last - at) / Stride); n && static_cast<tag>(*p) == tag::integer_ext; --n, p += 5)
        put(static_cast<std::int32_t>(load32(p + 1)));
    } else if (static_cast<tag>(*p) == tag::small_integer_ext) {
      put(p[1]);
      p += 2;
    } else {
      break;
    }
  }
  return {p, at};
}

[[gnu::noinline]] cnode_term string(cnode_term* cells, const std::uint8_t* from, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) {
    cells[2 * i] = cnode_make_small(from[i]);
    cells[2 * i + 1] = cnode_make_cons(cells + 2 * i + 2);
  }
  cells[2 * n - 1] = CNODE_NIL;
  return cnode_make_cons(cells);
}

// n bytes, from 1 to on_heap_bytes, into words of their own. Where the bytes go on whole words are read.
inline void copy_bytes(cnode_term* to, const std::uint8_t* from, std::size_t n, const std::uint8_t* end) {
  const auto words = (n + 7) / 8;
  if (words > 4 || static_cast<std::size_t>(end - from) < 32) {
    to[words - 1] = 0;
    std::memcpy(to, from, n);
    return;
  }
  std::memcpy(to, from, 8);
  if (words > 1) std::memcpy(to + 1, from + 8, 8);
  if (words > 2) std::memcpy(to + 2, from + 16, 8);
  if (words > 3) std::memcpy(to + 3, from + 24, 8);
  to[words - 1] &= ~std::uint64_t{0} >> (-n * 8 & 63);
}

class decoder {
 public:
  decoder(block& b, std::span<const std::uint8_t> bytes, const decode_options& options)
      : b_(b), options_(options), r_{bytes.data(), bytes.data() + bytes.size()}, begin_(bytes.data()), at_(begin_), budget_(bytes.size()) {}
  // The buffer is counted once for all that share it; until then the options hold it.
  ~decoder() {
    if (shared_) reinterpret_cast<buffer*>(options_.owner.get())->refs.fetch_add(shared_, std::memory_order_relaxed);
  }

  errc run(cnode_term& root) {
    stack_.push({nullptr, nullptr, nothing});
    now_ = {&root, &root + 1, array};
    const auto e = some<false>();
    return e == errc::ok && !done_ ? some<true>() : e;
  }

  // The terms up to the last header_room bytes, where no header needs a check of its own, or what is left.
  template <bool Careful>
  errc some() {
    const auto* p = r_.p;
    const auto* const end = r_.end;
    const auto* const safe = Careful || end - p < header_room ? end : end - header_room;
    if (!Careful && safe == end) return errc::ok;
    auto* top = b_.top;
    auto* limit = b_.end;
    auto* at = now_.at;  // the container being filled, as in a frame
    auto* last = now_.last;
    auto what = now_.what;
    auto stride = stride_of(what);
    auto* memo = &atoms_met;
    asm("" : "+r"(memo));  // not to be found again for each atom

    const auto leave = [&](const std::uint8_t* now) { r_.p = now, b_.top = top; };
    const auto fail = [&](errc e) {
      leave(p);
      at_ = p;
      return e;
    };
    const auto has = [&](std::size_t n) { return !Careful || static_cast<std::size_t>(end - p) >= n; };
    const auto words = [&](std::size_t n) {
      if (reinterpret_cast<std::uintptr_t>(limit) - reinterpret_cast<std::uintptr_t>(top) < sizeof(cnode_term) * n) [[unlikely]] {
        // A term takes about two bytes for each byte it came in, lists of small integers apart.
        b_.top = top;
        auto* w = b_.reserve(std::max(n, std::min(n + static_cast<std::size_t>(end - p) / 4, most_ahead)));
        top = w + n, limit = b_.end;
        return w;
      }
      auto* w = top;
      top += n;
      return w;
    };
    const auto put = [&](cnode_term w) {
      *at = w;
      at += stride;
    };
    const auto known_atom = [&](const std::uint8_t* text, std::size_t n, auto latin1) {
      if (n - 1 >= static_cast<std::size_t>(end - text)) return false;
      const auto a = memo->find(atom_memo::key_of(text, n, latin1), text, n);
      if (a == CNODE_NONE) return false;
      put(a);
      p = text + n;
      return true;
    };
    // Of the place where the container itself goes.
    const auto open = [&](cnode_term* first, cnode_term* behind, std::uintptr_t shape) {
      at += stride;
      if (at != last || what != array) {
        b_.top = top;
        stack_.push({at, last, what});
      }
      at = first, last = behind, what = shape, stride = 1;
    };

    for (;;) {
      if (at == last) {
        if (what != array) {
          switch (what & shape_mask) {
            case list: {
              auto* cells_end = pointer_of(what);
              if (p == end) return fail(errc::truncated);
              if (at != cells_end) {
                if (*p == static_cast<std::uint8_t>(tag::small_integer_ext) || *p == static_cast<std::uint8_t>(tag::integer_ext)) std::tie(p, at) = integers<2>(p, end, at, cells_end);
                last = at + std::min(cells_end - at, 2 * linked_cells);
                for (auto* cell = at; cell != last; cell += 2) cell[1] = cnode_make_cons(cell + 2);
                stride = 2;
                continue;
              }
              auto* tail = at - 1;
              if (static_cast<tag>(*p) != tag::nil_ext) {
                at = tail, last = tail + 1, what = array, stride = 1;
                continue;
              }
              *tail = CNODE_NIL;
              ++p;
              break;
            }
            case map:
              b_.top = top;
              if (!sort_map(pointer_of(what))) return fail(errc::duplicate_key);
              break;
            case fun:
              if (!good_fun(pointer_of(what), p)) return fail(errc::bad_fun);
              break;
            default:
              leave(p);
              done_ = true;
              return errc::ok;
          }
        }
        const auto& f = stack_.popped();
        at = f.at, last = f.last, what = f.what;
        stride = stride_of(what);
        continue;
      }
      if (p >= safe) {
        if (Careful) return fail(errc::truncated);
        leave(p);
        now_ = {at, last, what};
        return errc::ok;
      }
      const auto t = static_cast<tag>(*p);
      switch (t) {
        case tag::small_integer_ext:
          if (!has(2)) return fail(errc::truncated);
          put(cnode_make_small(p[1]));
          p += 2;
          continue;
        case tag::integer_ext:
          if (!has(5)) return fail(errc::truncated);
          put(cnode_make_small(static_cast<std::int32_t>(load32(p + 1))));
          p += 5;
          continue;
        case tag::nil_ext:
          put(CNODE_NIL);
          ++p;
          continue;
        case tag::small_atom_utf8_ext:
          if (has(2 + 8) && known_atom(p + 2, p[1], std::false_type{})) continue;
          break;
        case tag::atom_ext:
          if (has(3 + 8) && known_atom(p + 3, load16(p + 1), std::true_type{})) continue;
          break;
        case tag::atom_cache_ref:
          if (!has(2)) return fail(errc::truncated);
          if (p[1] >= options_.atoms.size() || !options_.atoms[p[1]].is_atom()) return fail(options_.atoms.empty() ? errc::bad_tag : errc::cache_miss);
          put(options_.atoms[p[1]].word());
          p += 2;
          continue;
        case tag::binary_ext: {
          if (!has(5)) return fail(errc::truncated);
          const std::size_t n = load32(p + 1);
          if (n > static_cast<std::size_t>(end - p) - 5) return fail(errc::truncated);
          const auto* from = p + 5;
          if (n <= on_heap_bytes) {
            const auto size = (n + 7) / 8;
            auto* box = words(1 + size);
            put(cnode_make_boxed(box));
            box[0] = CNODE_HEADER(CNODE_BITS, n * 8);
            if (size == 1 && end - from >= 8) {
              std::memcpy(box + 1, from, 8);
              box[1] &= ~std::uint64_t{0} >> (-n * 8 & 63);
            } else if (n) {
              copy_bytes(box + 1, from, n, end);
            }
          } else if (options_.owner) {
            put(share(words(4), from, n));
          } else {
            leave(p);
            put(make_binary(b_, std::string_view(reinterpret_cast<const char*>(from), n)).word());
            top = b_.top, limit = b_.end;
          }
          p = from + n;
          continue;
        }
        case tag::string_ext: {
          if (!has(3)) return fail(errc::truncated);
          const std::size_t n = load16(p + 1);
          if (n > static_cast<std::size_t>(end - p) - 3) return fail(errc::truncated);
          put(n ? string(words(2 * n), p + 3, n) : CNODE_NIL);
          p += 3 + n;
          continue;
        }
        case tag::new_float_ext: {
          double d;
          if (!has(9)) return fail(errc::truncated);
          if (!load_double(p + 1, d)) return fail(errc::bad_float);
          auto* box = words(2);
          box[0] = CNODE_HEADER(CNODE_FLOAT, 1);
          std::memcpy(box + 1, &d, 8);
          put(cnode_make_boxed(box));
          p += 9;
          continue;
        }
        case tag::small_tuple_ext: {
          if (!has(2)) return fail(errc::truncated);
          const std::size_t n = p[1];
          if (n > budget_) return fail(errc::truncated);
          budget_ -= n;
          p += 2;
          auto* box = words(1 + n);
          box[0] = CNODE_HEADER(CNODE_TUPLE, n);
          *at = cnode_make_boxed(box);
          if (n) open(box + 1, box + 1 + n, array);
          else at += stride;
          continue;
        }
        case tag::list_ext: {
          if (!has(5)) return fail(errc::truncated);
          const std::uint64_t n = load32(p + 1);
          if (!fits(n + 1, p + 5)) return fail(errc::truncated);
          p += 5;
          if (n == 0) continue;  // LIST_EXT of nothing is its tail
          auto* cells = words(2 * n);
          *at = cnode_make_cons(cells);
          if (n == 1) open(cells, cells + 2, array);  // head and tail
          else open(cells, cells, shaped(list, cells + 2 * n));
          continue;
        }
        case tag::large_tuple_ext:
        case tag::map_ext: {
          if (!has(5)) return fail(errc::truncated);
          const bool is_map = t == tag::map_ext;
          const std::uint64_t n = load32(p + 1), terms = is_map ? 2 * n : n;
          if (!fits(terms, p + 5)) return fail(errc::truncated);
          p += 5;
          auto* box = words(1 + terms);
          box[0] = is_map ? CNODE_HEADER(CNODE_MAP, n) : CNODE_HEADER(CNODE_TUPLE, n);
          *at = cnode_make_boxed(box);
          if (n == 0) {
            at += stride;
            continue;
          }
          open(box + 1, box + 1 + terms, n == 1 || !is_map ? array : shaped(map, box));
          if (n >= many) std::tie(p, at) = integers<1>(p, end, at, last);
          continue;
        }
        default: break;
      }
      // What is rare, or needs more than a few lines.
      frame inner{nullptr, nullptr, array};
      leave(p + 1);
      if (const auto e = other(t, *at, inner); e != errc::ok) return fail(e);
      p = r_.p, top = b_.top, limit = b_.end;
      if (inner.at) open(inner.at, inner.last, inner.what);
      else at += stride;
    }
  }

  std::size_t used() const { return static_cast<std::size_t>(r_.p - begin_); }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  unsigned last_tag() const { return at_ < r_.end ? *at_ : 0u; }

 private:
  leaf_context leaf() { return {b_, options_}; }

  // The term behind tag t. A container sets `inner` to what is to be filled.
  [[gnu::noinline]] errc other(tag t, cnode_term& out, frame& inner) {
    switch (t) {
      case tag::small_atom_utf8_ext:
      case tag::atom_utf8_ext:
      case tag::atom_ext:
      case tag::small_atom_ext: return read_atom_body(r_, t, options_, out);
      case tag::float_ext: {
        double d;
        if (!r_.has(31)) return errc::truncated;
        if (!parse_old_float(r_.p, d)) return errc::bad_float;
        r_.p += 31;
        out = make_float(b_, d).word();
        return errc::ok;
      }
      case tag::new_pid_ext:
      case tag::pid_ext: return read_pid(r_, t, leaf(), out);
      case tag::newer_reference_ext:
      case tag::new_reference_ext:
      case tag::reference_ext: return read_ref(r_, t, leaf(), out);
      case tag::v4_port_ext:
      case tag::new_port_ext:
      case tag::port_ext: return read_port(r_, t, leaf(), out);
      case tag::small_big_ext:
      case tag::large_big_ext: {
        const std::size_t width = t == tag::small_big_ext ? 1 : 4;
        if (!r_.has(width)) return errc::truncated;
        const std::size_t n = width == 1 ? *r_.p : load32(r_.p);
        r_.p += width;
        if (n > max_big_bytes) return errc::too_large;
        return read_big(r_, n, leaf(), out);
      }
      case tag::bit_binary_ext: return bit_string(out);
      case tag::export_ext: return read_export(r_, leaf(), out);
      case tag::new_fun_ext: return fun_header(out, inner);
      case tag::record_ext: return record_header(out, inner);
      default: return errc::bad_tag;
    }
  }

  static constexpr std::ptrdiff_t header_room = 16;

  // Whether n terms can be in what begins at p.
  bool fits(std::uint64_t n, const std::uint8_t* p) {
    if (n > budget_ || n > static_cast<std::uint64_t>(r_.end - p)) return false;
    budget_ -= n;
    return true;
  }

  // Four words for n bytes of the owner.
  cnode_term share(cnode_term* box, const std::uint8_t* data, std::size_t n) {
    box[0] = CNODE_HEADER(CNODE_BITS_SHARED, static_cast<std::uint64_t>(n) * 8);
    box[1] = b_.off_heap;
    box[2] = reinterpret_cast<std::uintptr_t>(options_.owner.get());
    box[3] = reinterpret_cast<std::uintptr_t>(data);
    ++shared_;
    return b_.off_heap = cnode_make_boxed(box);
  }

  errc bit_string(cnode_term& out) {
    if (!r_.has(5)) return errc::truncated;
    const std::size_t n = load32(r_.p);
    const unsigned bits = r_.p[4];
    if (bits > 8 || (bits == 0) != (n == 0)) return errc::bad_bit_count;
    r_.p += 5;
    if (!r_.has(n)) return errc::truncated;
    const std::string_view bytes{reinterpret_cast<const char*>(r_.p), n};
    if (bits == 8 || n == 0) out = (options_.owner ? make_binary(b_, options_.owner, r_.p, n) : make_binary(b_, bytes)).word();
    else out = make_bits(b_, r_.p, (std::uint64_t{n} - 1) * 8 + bits).word();
    r_.p += n;
    return errc::ok;
  }

  // Size, arity, uniq, index, number of free variables, module; then old_index, old_uniq, pid and the variables as terms.
  errc fun_header(cnode_term& out, frame& inner) {
    const auto* start = r_.p;
    if (!r_.has(29)) return errc::truncated;
    const std::uint64_t size = load32(start), free = load32(start + 25);
    if (size < 29) return errc::bad_fun;
    if (!r_.has(size)) return errc::truncated;
    r_.p += 29;
    if (!fits(free + 4, r_.p)) return errc::truncated;
    cnode_term module;
    if (const auto e = read_atom(r_, options_, module); e != errc::ok) return e;
    auto* box = b_.reserve(fun_word::env + free);
    box[0] = CNODE_HEADER(CNODE_FUN, fun_word::env - 1 + free);
    std::memcpy(box + fun_word::uniq, start + 5, 16);
    box[fun_word::arity_index] = static_cast<cnode_term>(start[4]) << 32 | load32(start + 21);
    box[fun_word::module] = module;
    out = cnode_make_boxed(box);
    fun_ends_.push_back(start + size);
    inner = {box + fun_word::old_index, box + fun_word::env + free, shaped(fun, box)};
    return errc::ok;
  }

  bool good_fun(const cnode_term* box, const std::uint8_t* now) {
    const auto integer = [&](unsigned i) { return term{box[i]}.is_small(); };
    const bool whole = now == fun_ends_.back();
    fun_ends_.pop_back();
    return whole && integer(fun_word::old_index) && integer(fun_word::old_uniq) && term{box[fun_word::pid]}.is_pid();
  }

  // Field names are distinct atoms; OTP 29 refuses anything else, and flags other than 0 and 1. 
  errc record_header(cnode_term& out, frame& inner) {
    if (!r_.has(5)) return errc::truncated;
    const std::uint64_t n = load32(r_.p);
    const auto exported = r_.p[4];
    r_.p += 5;
    if (exported > 1) return errc::bad_tag;
    if (!fits(2 + 2 * n, r_.p)) return errc::truncated;
    auto* box = b_.reserve(record_word::names + 2 * n);
    box[0] = CNODE_HEADER(CNODE_RECORD, record_word::names - 1 + 2 * n);
    if (const auto e = read_atom(r_, options_, box[record_word::module]); e != errc::ok) return e;
    if (const auto e = read_atom(r_, options_, box[record_word::name]); e != errc::ok) return e;
    box[record_word::exported] = cnode_make_small(exported);
    auto* names = box + record_word::names;
    for (std::uint64_t i = 0; i < n; ++i)
      if (const auto e = read_atom(r_, options_, names[i]); e != errc::ok) return e;
    std::vector<cnode_term> sorted(names, names + n);
    std::sort(sorted.begin(), sorted.end());
    if (std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end()) return errc::duplicate_key;
    out = cnode_make_boxed(box);
    if (n) inner = {names + n, names + 2 * n, array};
    return errc::ok;
  }

  block& b_;
  const decode_options& options_;
  reader r_;
  const std::uint8_t* begin_;
  const std::uint8_t* at_;  // where it went wrong
  std::uint64_t budget_;
  frame now_{};  // between two calls of some()
  bool done_ = false;
  std::uint32_t shared_ = 0;  // binaries that share the owner
  stack<frame> stack_;
  std::vector<const std::uint8_t*> fun_ends_;
};

failure explain(errc e, unsigned tag, std::size_t offset) {
  std::string where = "at byte " + std::to_string(offset);
  if (e == errc::bad_tag) where = "tag " + std::to_string(tag) + " " + where;
  return {e, std::move(where)};
}

}  // namespace

result<decoded> decode(block& b, std::span<const std::uint8_t> bytes, const decode_options& options) {
  if (!bytes.empty() && static_cast<tag>(bytes[0]) == tag::compressed) {
    if (!options.allow_compressed) return failure{errc::compressed, "tag 80 at byte 0"};
    std::size_t used = 0;
    auto plain = inflate(bytes.subspan(1), used);
    if (!plain) return plain.error();
    decode_options inner = options;
    inner.owner = *plain;
    inner.allow_compressed = false;
    auto d = decode(b, {plain->data(), plain->size()}, inner);
    if (!d) return d;
    if (d->used != plain->size()) return failure{errc::compressed, "bytes behind the unpacked term"};
    return decoded{d->value, 1 + used};
  }
  decoder d(b, bytes, options);
  cnode_term root = CNODE_NONE;
  const auto e = d.run(root);
  if (e != errc::ok) return explain(e, d.last_tag(), d.offset());
  return decoded{term{root}, d.used()};
}

result<block_ptr> binary_to_term(std::span<const std::uint8_t> bytes) {
  if (bytes.empty()) return failure{errc::truncated, "no bytes at all"};
  if (bytes[0] != version_magic) return failure{errc::bad_version, "first byte " + std::to_string(bytes[0])};
  // About a word a byte: lists of small integers need it, everything else less.
  auto b = block::make(std::min<std::size_t>(bytes.size(), 4096) + 8);
  decode_options options;
  options.allow_compressed = true;
  auto d = decode(*b, bytes.subspan(1), options);
  if (!d) return d.error();
  if (d->used + 1 != bytes.size()) return failure{errc::trailing_bytes, "term ends at byte " + std::to_string(d->used + 1)};
  b->root = d->value;
  return result<block_ptr>(std::move(b));
}

}  // namespace cnode::etf
