#include <cstring>

#include <cnode/protocol/atom_cache.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>

#include "atom_entry.hpp"
#include "etf_output_impl.hpp"
#include "etf_reader.hpp"
#include "terms/layout.hpp"
#include "terms/stack.hpp"

namespace cnode::etf {

namespace {

// Binaries from this size on leave by reference.
constexpr std::size_t share_from = 4096;
constexpr std::size_t on_heap_bytes = 64;
// As BEAM: a list of at most this many bytes goes as STRING_EXT.
constexpr std::uint64_t max_string = 65535;

// What follows when the last word of a container is written.
enum shape : std::uint64_t { array = 0, list = 1, fun = 2, nothing = 3, shape_mask = 3 };
constexpr unsigned shape_bits = 2;

// What is still to be written of one container: `left` words, the first at `at`, then one `step` words on, then flip - step, and so on
// in turns: the keys and values of a map lie apart. Of a list `at` is the word that holds the rest of it.
struct frame {
  const cnode_term* at;
  std::int64_t step;   // of a list: where its length belongs, counted from the first byte of the output
  std::int64_t flip;   // of a list: its cells so far; of a fun: where its size belongs
  std::uint64_t left;  // with the shape in the lowest bits
};

// Room there is for every header, and for every leaf without a length of its own.
constexpr std::size_t slack = 64;

// The cell that `rest` refers to, which is the word at `at`. Nearly always the cell lies right behind: a guess the processor goes on
// with before it has seen the word.
inline const cnode_term* cell_of(cnode_term rest, const cnode_term* at) {
  const auto* next = at + 1;
  if (rest == cnode_make_cons(next)) [[likely]] {
    asm("" : "+r"(next));
    return next;
  }
  return cnode_cons_ptr(rest);
}

inline std::uint8_t* put_integer(std::uint8_t* p, std::int64_t v) {
  if (static_cast<std::uint64_t>(v) <= 255) {
    p[0] = static_cast<std::uint8_t>(tag::small_integer_ext);
    p[1] = static_cast<std::uint8_t>(v);
    return p + 2;
  }
  if (v == static_cast<std::int32_t>(v)) {
    p[0] = static_cast<std::uint8_t>(tag::integer_ext);
    store32(p + 1, static_cast<std::uint32_t>(v));
    return p + 5;
  }
  const auto m = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
  const auto n = (64u - static_cast<unsigned>(__builtin_clzll(m)) + 7) / 8;
  p[0] = static_cast<std::uint8_t>(tag::small_big_ext);
  p[1] = static_cast<std::uint8_t>(n);
  p[2] = v < 0;
  std::memcpy(p + 3, &m, 8);
  return p + 3 + n;
}

// The integers that follow the word at `at` in its list, as long as there is room: where the output and the list are then, and how many.
struct integers {
  std::uint8_t* p;
  const cnode_term* at;
  std::int64_t n;
};
[[gnu::noinline]] integers put_integers(std::uint8_t* p, const std::uint8_t* limit, const cnode_term* at) {
  std::int64_t n = 0;
  for (; limit - p >= static_cast<std::ptrdiff_t>(slack); ++n) {
    const auto rest = *at;
    if (!cnode_is_cons(rest)) break;
    const auto* cell = cell_of(rest, at);
    if (!cnode_is_small(*cell)) break;
    p = put_integer(p, cnode_small_value(*cell));
    at = cell + 1;
  }
  return {p, at, n};
}

bool is_byte(cnode_term w) { return cnode_is_small(w) && w <= cnode_make_small(255); }

// The number of elements if the list goes as STRING_EXT, otherwise 0.
[[gnu::noinline]] std::uint64_t string_length(cnode_term w) {
  std::uint64_t n = 0;
  for (; cnode_is_cons(w); w = cnode_tail(w), ++n) {
    if (!is_byte(cnode_head(w)) || n == max_string) return 0;
  }
  return cnode_is_nil(w) ? n : 0;
}

std::uint8_t* put_string(std::uint8_t* p, cnode_term w, std::uint64_t n) {
  p[0] = static_cast<std::uint8_t>(tag::string_ext);
  store16(p + 1, static_cast<std::uint16_t>(n));
  for (p += 3; cnode_is_cons(w); w = cnode_tail(w)) *p++ = static_cast<std::uint8_t>(cnode_small_value(cnode_head(w)));
  return p;
}

// At most 32 bytes, as their first 8 and the rest of the text, which is not read beyond its end.
inline std::uint8_t* put_atom(std::uint8_t* p, const atom_entry& a) {
  const std::size_t n = a.size;
  p[0] = static_cast<std::uint8_t>(tag::small_atom_utf8_ext);
  p[1] = static_cast<std::uint8_t>(n);
  store64(p + 2, a.prefix);
  if (n > 16) {
    std::memcpy(p + 10, a.text + 8, 8);
    std::memcpy(p + 2 + n - 16, a.text + n - 16, 16);
  } else if (n > 8) {
    std::memcpy(p + 2 + n - 8, a.text + n - 8, 8);
  }
  return p + 2 + n;
}

}  // namespace

class encoder {
 public:
  encoder(output& out, atom_writer* atoms) : out_(out), o_(*out.impl_), atoms_(atoms) {}

  void run(term root) {
    const cnode_term word = root.word();
    const cnode_term* at = &word;  // the container being written, as in a frame
    std::int64_t step = 1, flip = 2;
    std::uint64_t left = 1;
    std::uint64_t kind = array;
    auto* p = o_.data + o_.last;
    auto* limit = o_.data + o_.capacity;

    const auto leave = [&] { o_.last = static_cast<std::size_t>(p - o_.data); };
    const auto enter = [&] { p = o_.data + o_.last, limit = o_.data + o_.capacity; };
    const auto ensure = [&](std::size_t n) {
      if (static_cast<std::size_t>(limit - p) >= n) [[likely]] return;
      leave();
      o_.ensure(n);
      enter();
    };
    const auto open = [&](const cnode_term* first, std::uint64_t n, std::int64_t s, std::int64_t f, shape k) {
      if (left || kind != array) todo_.push({at, step, flip, left << shape_bits | kind});
      at = first, left = n, step = s, flip = f, kind = k;
    };
    const auto header = [&](tag t, std::uint64_t n) {
      p[0] = static_cast<std::uint8_t>(t);
      store32(p + 1, static_cast<std::uint32_t>(n));
      p += 5;
    };
    todo_.push({nullptr, 0, 0, nothing});

    for (;;) {
      ensure(slack);
      const auto* from = at;  // where the next term stands
      if (left) {
        --left;
        at += step;
        step = flip - step;
      } else if (kind == list) {
        const auto rest = *at;
        if (cnode_is_cons(rest)) {
          from = cell_of(rest, at);
          at = from + 1;
          ++flip;
        } else {
          store32(o_.data + o_.first + step, static_cast<std::uint32_t>(flip));
          kind = array;
        }
      } else {
        if (kind != array) {
          leave();
          if (kind == nothing) return;
          enter_size(static_cast<std::size_t>(flip));
        }
        const auto& f = todo_.popped();
        at = f.at, step = f.step, flip = f.flip, left = f.left >> shape_bits, kind = f.left & shape_mask;
        continue;
      }

      const auto w = *from;
      switch (w & CNODE_TAG_MASK) {
        case CNODE_TAG_SMALL:
          p = put_integer(p, cnode_small_value(w));
          if (kind == list) {
            const auto more = put_integers(p, limit, at);
            p = more.p, at = more.at, flip += more.n;
          }
          continue;
        case CNODE_TAG_IMMEDIATE:
          if (cnode_is_nil(w)) {
            *p++ = static_cast<std::uint8_t>(tag::nil_ext);
            continue;
          }
          if (cnode_is_atom(w)) {
            if (const int i = atoms_ ? atoms_->reference(term{w}) : -1; i >= 0) {
              p[0] = static_cast<std::uint8_t>(tag::atom_cache_ref);
              p[1] = static_cast<std::uint8_t>(i);
              p += 2;
              continue;
            }
            const auto& a = atom_at(cnode_atom_index(w));
            if (a.size <= 32) {
              p = put_atom(p, a);
              continue;
            }
          }
          break;
        case CNODE_TAG_CONS: {
          if (const auto n = is_byte(cnode_head(w)) ? string_length(w) : 0) {
            ensure(3 + n);
            p = put_string(p, w, n);
            continue;
          }
          if (!cnode_is_cons(cnode_tail(w))) {
            header(tag::list_ext, 1);
            open(cnode_cons_ptr(w), 2, 1, 2, array);
            continue;
          }
          header(tag::list_ext, 0);  // its length is known behind it
          open(from, 0, p - 4 - (o_.data + o_.first), 0, list);
          continue;
        }
        default: {
          const auto* box = cnode_boxed_ptr(w);
          const auto n = cnode_header_size(*box);
          switch (cnode_header_kind(*box)) {
            case CNODE_TUPLE:
              if (n < 256) {
                p[0] = static_cast<std::uint8_t>(tag::small_tuple_ext);
                p[1] = static_cast<std::uint8_t>(n);
                p += 2;
              } else {
                header(tag::large_tuple_ext, n);
              }
              if (n) open(box + 1, n, 1, 2, array);
              continue;
            case CNODE_MAP:
              header(tag::map_ext, n);
              if (n) open(box + 1, 2 * n, static_cast<std::int64_t>(n), 1, array);
              continue;
            case CNODE_FLOAT:
              p[0] = static_cast<std::uint8_t>(tag::new_float_ext);
              store64(p + 1, box[1]);
              p += 9;
              continue;
            case CNODE_BITS:
              if (n > 8 * on_heap_bytes || n % 8 != 0) break;
              ensure(5 + on_heap_bytes);
              header(tag::binary_ext, n / 8);
              for (std::uint64_t i = 0; i < n; i += 64) std::memcpy(p + i / 8, box + 1 + i / 64, 8);
              p += n / 8;
              continue;
            case CNODE_FUN: {
              leave();
              const auto start = out_.size() + 1;
              fun_header(box);
              enter();
              open(nullptr, 0, 0, static_cast<std::int64_t>(start), fun);
              open(box + fun_word::module, n + 1 - fun_word::module, 1, 2, array);
              continue;
            }
            case CNODE_RECORD:
              leave();
              record_header(box);
              enter();
              if (n > record_word::exported) open(box + record_word::names, n - record_word::exported, 1, 2, array);
              continue;
            default: break;
          }
        }
      }
      leave();
      other(term{w});
      enter();
    }
  }

 private:
  std::uint8_t* room(std::size_t n) {
    o_.ensure(n);
    return o_.data + o_.last;
  }
  void wrote(std::size_t n) { o_.last += n; }

  void byte(tag t) {
    *room(1) = static_cast<std::uint8_t>(t);
    wrote(1);
  }

  void atom(term a) {
    if (atoms_) {
      const int i = atoms_->reference(a);
      if (i >= 0) {
        auto* p = room(2);
        p[0] = static_cast<std::uint8_t>(tag::atom_cache_ref);
        p[1] = static_cast<std::uint8_t>(i);
        wrote(2);
        return;
      }
    }
    const auto text = atom_text(a);
    auto* p = room(slack + text.size());
    if (text.size() <= 32) return wrote(static_cast<std::size_t>(put_atom(p, atom_at(a.atom_index())) - p));
    std::size_t n = 0;
    if (text.size() < 256) {
      p[n++] = static_cast<std::uint8_t>(tag::small_atom_utf8_ext);
    } else {
      p[n++] = static_cast<std::uint8_t>(tag::atom_utf8_ext);
      p[n++] = static_cast<std::uint8_t>(text.size() >> 8);
    }
    p[n++] = static_cast<std::uint8_t>(text.size());
    std::memcpy(p + n, text.data(), text.size());
    wrote(n + text.size());
  }

  void pid(term node, std::uint32_t creation, std::uint32_t id, std::uint32_t serial) {
    byte(tag::new_pid_ext);
    atom(node);
    auto* p = room(12);
    store32(p, id);
    store32(p + 4, serial);
    store32(p + 8, creation);
    wrote(12);
  }

  void counted(tag t, std::uint64_t n) {
    auto* p = room(5);
    p[0] = static_cast<std::uint8_t>(t);
    store32(p + 1, static_cast<std::uint32_t>(n));
    wrote(5);
  }

  // What has no words to go through, or is rare.
  [[gnu::noinline]] void other(term t) {
    if (t.is_local_pid()) return pid(this_node().name, this_node().creation, cnode_local_pid_id(t.word()), cnode_local_pid_serial(t.word()));
    if (t.is_atom()) return atom(t);
    const auto* box = t.box();
    switch (t.kind()) {
      case CNODE_BIG_POS:
      case CNODE_BIG_NEG: return big(t);
      case CNODE_BITS:
      case CNODE_BITS_SHARED: return bits(t);
      case CNODE_PID: {
        const auto node = node_of(t);
        return pid(node.node, node.creation, pid_id(t), pid_serial(t));
      }
      case CNODE_PORT: {
        const auto node = node_of(t);
        byte(tag::v4_port_ext);
        atom(node.node);
        auto* p = room(12);
        store64(p, box[2]);
        store32(p + 8, node.creation);
        return wrote(12);
      }
      case CNODE_REF: return ref(t);
      case CNODE_EXPORT: {
        byte(tag::export_ext);
        atom(term{box[1]});
        atom(term{box[2]});
        auto* p = room(slack);
        return wrote(static_cast<std::size_t>(put_integer(p, term{box[3]}.small()) - p));
      }
      default: return atom(find_or_make_atom("native"));  // a native object has no external form
    }
  }

  void fun_header(const cnode_term* box) {
    auto* p = room(30);
    p[0] = static_cast<std::uint8_t>(tag::new_fun_ext);
    p[5] = static_cast<std::uint8_t>(box[fun_word::arity_index] >> 32);
    std::memcpy(p + 6, box + fun_word::uniq, 16);
    store32(p + 22, static_cast<std::uint32_t>(box[fun_word::arity_index]));
    store32(p + 26, static_cast<std::uint32_t>(cnode_header_size(*box) + 1 - fun_word::env));
    wrote(30);
  }

  void record_header(const cnode_term* box) {
    counted(tag::record_ext, record_fields(box));
    auto* p = room(1);
    *p = static_cast<std::uint8_t>(term{box[record_word::exported]}.small());
    wrote(1);
    atom(term{box[record_word::module]});
    atom(term{box[record_word::name]});
  }

  void big(term t) {
    const auto n = t.size();
    const auto top = t.box()[n];
    const std::size_t bytes = 8 * n - static_cast<std::size_t>(__builtin_clzll(top)) / 8;
    const bool small = bytes < 256;
    const std::size_t header = small ? 3 : 6;
    auto* p = room(header + 8 * n);
    p[0] = static_cast<std::uint8_t>(small ? tag::small_big_ext : tag::large_big_ext);
    if (small) p[1] = static_cast<std::uint8_t>(bytes);
    else store32(p + 1, static_cast<std::uint32_t>(bytes));
    p[header - 1] = t.kind() == CNODE_BIG_NEG;
    std::memcpy(p + header, t.box() + 1, 8 * n);
    wrote(header + bytes);
  }

  void bits(term t) {
    const auto data = t.bytes();
    const auto rest = t.size() % 8;
    counted(rest ? tag::bit_binary_ext : tag::binary_ext, data.size());
    if (rest) {
      *room(1) = static_cast<std::uint8_t>(rest);
      wrote(1);
    }
    if (t.kind() == CNODE_BITS_SHARED && data.size() >= share_from) {
      out_.share(buffer_ptr::share(reinterpret_cast<cnode_buffer*>(t.box()[2])),
                 reinterpret_cast<const std::uint8_t*>(data.data()), data.size());
    } else if (!data.empty()) {
      std::memcpy(room(data.size()), data.data(), data.size());
      wrote(data.size());
    }
  }

  void ref(term t) {
    const auto node = node_of(t);
    const auto n = t.size();
    auto* p = room(3);
    p[0] = static_cast<std::uint8_t>(tag::newer_reference_ext);
    store16(p + 1, static_cast<std::uint16_t>(n));
    wrote(3);
    atom(node.node);
    p = room(4 + 4 * n);
    store32(p, node.creation);
    for (std::uint64_t i = 0; i < n; ++i) store32(p + 4 + 4 * i, ref_id(t.box(), i));
    wrote(4 + 4 * n);
  }

  // A fun says in front how long it is, its size included.
  void enter_size(std::size_t start) { out_.patch_u32(start, static_cast<std::uint32_t>(out_.size() - start)); }

  output& out_;
  output::impl& o_;
  atom_writer* atoms_;
  stack<frame> todo_;
};

void encode(output& out, term t, atom_writer* atoms) { encoder(out, atoms).run(t); }

std::string term_to_binary(term t) {
  output out;
  *out.grow(1) = version_magic;
  encode(out, t);
  return out.str();
}

}  // namespace cnode::etf
