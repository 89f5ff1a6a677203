#include <algorithm>
#include <numeric>
#include <vector>

#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_order.hpp>

#include "etf_reader.hpp"
#include "terms/layout.hpp"
#include "terms/stack.hpp"
#include "terms/utf8.hpp"

// One pass. A container reserves its words at once and its elements are decoded into them; containers that wait for
// the rest of their elements are on an explicit stack. `waiting_` counts those elements: each needs a byte at least, so a
// container that announces more than the bytes left over can hold is refused before anything is reserved for it.

namespace cnode::etf {

namespace {

enum class shape : std::uint32_t { array, list, map_keys, map_values, fun, record };

// The container being filled. `at` is where the next term goes.
struct frame {
  cnode_term* at;
  std::uint64_t left;  // terms to come after the one at `at`
  cnode_term* box;     // map, fun, record
  const std::uint8_t* fun_end;
  shape kind;
};

// Keys must lie in exact order; peers may send them in any. Up to this many an insertion sort is quickest.
constexpr std::uint64_t few_keys = 12;

bool sort_map(cnode_term* box) {
  const auto n = cnode_header_size(*box);
  auto* keys = box + 1;
  auto* values = keys + n;
  bool sorted = true;
  for (std::uint64_t i = 1; i < n && sorted; ++i) {
    const int c = compare_exact(term{keys[i - 1]}, term{keys[i]});
    if (c == 0) return false;
    sorted = c < 0;
  }
  if (sorted) return true;
  if (n <= few_keys) {
    for (std::uint64_t i = 1; i < n; ++i) {
      const auto key = keys[i], value = values[i];
      auto j = i;
      for (; j > 0; --j) {
        const int c = compare_exact(term{key}, term{keys[j - 1]});
        if (c == 0) return false;
        if (c > 0) break;
        keys[j] = keys[j - 1];
        values[j] = values[j - 1];
      }
      keys[j] = key;
      values[j] = value;
    }
    return true;
  }
  std::vector<std::pair<cnode_term, cnode_term>> pairs(n);
  for (std::uint64_t i = 0; i < n; ++i) pairs[i] = {keys[i], values[i]};
  std::sort(pairs.begin(), pairs.end(), [](auto& a, auto& b) { return compare_exact(term{a.first}, term{b.first}) < 0; });
  for (std::uint64_t i = 0; i < n; ++i) {
    if (i && compare_exact(term{pairs[i - 1].first}, term{pairs[i].first}) == 0) return false;
    keys[i] = pairs[i].first;
    values[i] = pairs[i].second;
  }
  return true;
}

class decoder {
 public:
  decoder(block& b, std::span<const std::uint8_t> bytes, const decode_options& options)
      : b_(b), options_(options), r_{bytes.data(), bytes.data() + bytes.size()}, begin_(bytes.data()), at_(begin_) {}

  errc run(cnode_term& root) {
    frame f{&root, 0, nullptr, nullptr, shape::array};
    for (;;) {
      if (r_.p == r_.end) return errc::truncated;
      at_ = r_.p;
      const auto t = static_cast<tag>(*r_.p++);
      switch (t) {
        case tag::small_integer_ext:
          if (!r_.has(1)) return errc::truncated;
          *f.at = cnode_make_small(*r_.p++);
          break;
        case tag::integer_ext:
          if (!r_.has(4)) return errc::truncated;
          *f.at = cnode_make_small(static_cast<std::int32_t>(load32(r_.p)));
          r_.p += 4;
          break;
        case tag::small_atom_utf8_ext: {
          if (!r_.has(1) || !r_.has(std::size_t{1} + *r_.p)) return errc::truncated;
          const std::string_view text{reinterpret_cast<const char*>(r_.p + 1), *r_.p};
          const auto a = find_atom(text);
          if (a) {
            *f.at = a.word();
            r_.p += 1 + text.size();
          } else if (const auto e = read_atom_body(r_, t, options_, *f.at); e != errc::ok) {
            return e;
          }
          break;
        }
        case tag::atom_utf8_ext:
        case tag::atom_ext:
        case tag::small_atom_ext:
        case tag::atom_cache_ref:
          if (const auto e = read_atom_body(r_, t, options_, *f.at); e != errc::ok) return e;
          break;
        case tag::nil_ext: *f.at = CNODE_NIL; break;
        case tag::binary_ext: {
          if (!r_.has(4)) return errc::truncated;
          const std::size_t n = load32(r_.p);
          r_.p += 4;
          if (!r_.has(n)) return errc::truncated;
          *f.at = bytes(n).word();
          r_.p += n;
          break;
        }
        case tag::string_ext: {
          if (!r_.has(2)) return errc::truncated;
          const std::size_t n = load16(r_.p);
          r_.p += 2;
          if (!r_.has(n)) return errc::truncated;
          string(n, *f.at);
          r_.p += n;
          break;
        }
        case tag::new_float_ext: {
          double d;
          if (!r_.has(8)) return errc::truncated;
          if (!load_double(r_.p, d)) return errc::bad_float;
          r_.p += 8;
          *f.at = make_float(b_, d).word();
          break;
        }
        case tag::float_ext: {
          double d;
          if (!r_.has(31)) return errc::truncated;
          if (!parse_old_float(r_.p, d)) return errc::bad_float;
          r_.p += 31;
          *f.at = make_float(b_, d).word();
          break;
        }
        case tag::small_tuple_ext:
        case tag::large_tuple_ext: {
          std::uint64_t n;
          if (const auto e = count(t == tag::small_tuple_ext ? 1 : 4, n); e != errc::ok) return e;
          if (!fits(f, n)) return errc::truncated;
          auto* box = b_.reserve(1 + n);
          box[0] = CNODE_HEADER(CNODE_TUPLE, n);
          *f.at = cnode_make_boxed(box);
          if (n == 0) break;
          open(f, {box + 1, n - 1, nullptr, nullptr, shape::array});
          continue;
        }
        case tag::list_ext: {
          std::uint64_t n;
          if (const auto e = count(4, n); e != errc::ok) return e;
          if (!fits(f, n + 1)) return errc::truncated;
          if (n == 0) continue;  // LIST_EXT of nothing is its tail
          auto* cells = b_.reserve(2 * n);
          *f.at = cnode_make_cons(cells);
          for (std::uint64_t i = 1; i < n; ++i) cells[2 * i - 1] = cnode_make_cons(cells + 2 * i);
          open(f, {cells, n, nullptr, nullptr, shape::list});
          continue;
        }
        case tag::map_ext: {
          std::uint64_t n;
          if (const auto e = count(4, n); e != errc::ok) return e;
          if (!fits(f, 2 * n)) return errc::truncated;
          auto* box = b_.reserve(1 + 2 * n);
          box[0] = CNODE_HEADER(CNODE_MAP, n);
          *f.at = cnode_make_boxed(box);
          if (n == 0) break;
          open(f, {box + 1, 2 * n - 1, box, nullptr, shape::map_keys});
          continue;
        }
        case tag::new_pid_ext:
        case tag::pid_ext:
          if (const auto e = read_pid(r_, t, leaf(), *f.at); e != errc::ok) return e;
          break;
        case tag::newer_reference_ext:
        case tag::new_reference_ext:
        case tag::reference_ext:
          if (const auto e = read_ref(r_, t, leaf(), *f.at); e != errc::ok) return e;
          break;
        case tag::v4_port_ext:
        case tag::new_port_ext:
        case tag::port_ext:
          if (const auto e = read_port(r_, t, leaf(), *f.at); e != errc::ok) return e;
          break;
        case tag::small_big_ext:
        case tag::large_big_ext: {
          const std::size_t width = t == tag::small_big_ext ? 1 : 4;
          if (!r_.has(width)) return errc::truncated;
          const std::size_t n = width == 1 ? *r_.p : load32(r_.p);
          r_.p += width;
          if (n > max_big_bytes) return errc::too_large;
          if (const auto e = read_big(r_, n, leaf(), *f.at); e != errc::ok) return e;
          break;
        }
        case tag::bit_binary_ext:
          if (const auto e = bit_string(*f.at); e != errc::ok) return e;
          break;
        case tag::export_ext:
          if (const auto e = read_export(r_, leaf(), *f.at); e != errc::ok) return e;
          break;
        case tag::new_fun_ext: {
          frame fun;
          if (const auto e = fun_header(f, fun); e != errc::ok) return e;
          open(f, fun);
          continue;
        }
        case tag::record_ext: {
          frame record;
          if (const auto e = record_header(f, record); e != errc::ok) return e;
          if (record.box) {
            open(f, record);
            continue;
          }
          break;
        }
        default: return errc::bad_tag;
      }
      if (const auto e = advance(f); e != errc::ok) return e;
      if (done_) return errc::ok;
    }
  }

  std::size_t used() const { return static_cast<std::size_t>(r_.p - begin_); }
  std::size_t offset() const { return static_cast<std::size_t>(at_ - begin_); }
  unsigned last_tag() const { return at_ < r_.end ? *at_ : 0u; }

 private:
  leaf_context leaf() { return {b_, options_}; }

  errc count(std::size_t width, std::uint64_t& n) {
    if (!r_.has(width)) return errc::truncated;
    n = width == 1 ? *r_.p : load32(r_.p);
    r_.p += width;
    return errc::ok;
  }

  bool fits(const frame& f, std::uint64_t n) const { return n + f.left + waiting_ <= r_.left(); }

  // Its first term comes next; what was being filled waits unless it is complete with this one.
  void open(frame& f, const frame& inner) {
    if (f.left || f.kind != shape::array) {
      waiting_ += f.left;
      stack_.push(f);
    }
    f = inner;
  }

  // The term at f.at is there: to the next place, through every container this completes.
  errc advance(frame& f) {
    for (;;) {
      if (f.left) {
        --f.left;
        switch (f.kind) {
          case shape::array: ++f.at; break;
          case shape::list:
            if (f.left) {
              f.at += 2;
            } else {
              ++f.at;  // the tail
              f.kind = shape::array;
              if (r_.p != r_.end && static_cast<tag>(*r_.p) == tag::nil_ext) {
                ++r_.p;
                *f.at = CNODE_NIL;
                continue;
              }
            }
            break;
          case shape::map_keys:
            f.at += cnode_header_size(*f.box);
            f.kind = shape::map_values;
            break;
          case shape::map_values:
            f.at -= cnode_header_size(*f.box) - 1;
            f.kind = shape::map_keys;
            break;
          case shape::fun:
          case shape::record: ++f.at; break;
        }
        return errc::ok;
      }
      switch (f.kind) {
        case shape::map_values:
          if (!sort_map(f.box)) return errc::duplicate_key;
          break;
        case shape::fun:
          if (!good_fun(f)) return errc::bad_fun;
          break;
        default: break;
      }
      if (stack_.empty()) {
        done_ = true;
        return errc::ok;
      }
      f = stack_.pop();
      waiting_ -= f.left;
    }
  }

  term bytes(std::size_t n) {
    if (options_.owner) return make_binary(b_, options_.owner, r_.p, n);
    return make_binary(b_, std::string_view(reinterpret_cast<const char*>(r_.p), n));
  }

  void string(std::size_t n, cnode_term& out) {
    if (n == 0) {
      out = CNODE_NIL;
      return;
    }
    auto* cells = b_.reserve(2 * n);
    out = cnode_make_cons(cells);
    for (std::size_t i = 0; i < n; ++i) {
      cells[2 * i] = cnode_make_small(r_.p[i]);
      cells[2 * i + 1] = cnode_make_cons(cells + 2 * i + 2);
    }
    cells[2 * n - 1] = CNODE_NIL;
  }

  errc bit_string(cnode_term& out) {
    if (!r_.has(5)) return errc::truncated;
    const std::size_t n = load32(r_.p);
    const unsigned bits = r_.p[4];
    if (bits > 8 || (bits == 0) != (n == 0)) return errc::bad_bit_count;
    r_.p += 5;
    if (!r_.has(n)) return errc::truncated;
    out = (bits == 8 || n == 0 ? bytes(n) : make_bits(b_, r_.p, (std::uint64_t{n} - 1) * 8 + bits)).word();
    r_.p += n;
    return errc::ok;
  }

  // Size, arity, uniq, index, number of free variables, module; then old_index, old_uniq, pid and the variables as terms.
  errc fun_header(const frame& f, frame& fun) {
    const auto* start = r_.p;
    if (!r_.has(29)) return errc::truncated;
    const std::uint64_t size = load32(start), free = load32(start + 25);
    if (size < 29) return errc::bad_fun;
    if (!r_.has(size)) return errc::truncated;
    r_.p += 29;
    if (!fits(f, free + 4)) return errc::truncated;
    cnode_term module;
    if (const auto e = read_atom(r_, options_, module); e != errc::ok) return e;
    auto* box = b_.reserve(fun_word::env + free);
    box[0] = CNODE_HEADER(CNODE_FUN, fun_word::env - 1 + free);
    std::memcpy(box + fun_word::uniq, start + 5, 16);
    box[fun_word::arity_index] = static_cast<cnode_term>(start[4]) << 32 | load32(start + 21);
    box[fun_word::module] = module;
    *f.at = cnode_make_boxed(box);
    fun = {box + fun_word::old_index, 2 + free, box, start + size, shape::fun};
    return errc::ok;
  }

  bool good_fun(const frame& f) const {
    const auto integer = [&](unsigned i) { return term{f.box[i]}.is_small(); };
    return r_.p == f.fun_end && integer(fun_word::old_index) && integer(fun_word::old_uniq) &&
           term{f.box[fun_word::pid]}.is_pid();
  }

  // Field names are distinct atoms; OTP 29 refuses anything else, and flags other than 0 and 1. No values: box is null.
  errc record_header(const frame& f, frame& record) {
    std::uint64_t n;
    if (const auto e = count(4, n); e != errc::ok) return e;
    if (!r_.has(1)) return errc::truncated;
    const auto exported = *r_.p++;
    if (exported > 1) return errc::bad_tag;
    if (!fits(f, 2 + 2 * n)) return errc::truncated;
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
    *f.at = cnode_make_boxed(box);
    record = {names + n, n - 1, n ? box : nullptr, nullptr, shape::record};
    return errc::ok;
  }

  block& b_;
  const decode_options& options_;
  reader r_;
  const std::uint8_t* begin_;
  const std::uint8_t* at_;  // the term being read
  std::uint64_t waiting_ = 0;
  bool done_ = false;
  stack<frame> stack_;
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
