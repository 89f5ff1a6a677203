#include <cstring>

#include <cnode/protocol/atom_cache.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>

#include "etf_output_impl.hpp"
#include "etf_reader.hpp"
#include "terms/layout.hpp"
#include "terms/stack.hpp"

namespace cnode::etf {

namespace {

// Binaries from this size on leave by reference.
constexpr std::size_t share_from = 4096;
// As BEAM: a list of at most this many bytes goes as STRING_EXT.
constexpr std::uint64_t max_string = 65535;

// What is still to be written of one container.
enum class shape : std::uint32_t { array, map_keys, map_values, list };

struct frame {
  const cnode_term* at;   // the next word; of a list the next cell
  std::uint64_t left;     // words to write, this one included; not counted in lists
  std::uint64_t pairs;    // of a map
  std::size_t fun_start;  // not npos: the fun whose size must be entered when this is written
  shape kind;
};
constexpr std::size_t npos = static_cast<std::size_t>(-1);

}  // namespace

class encoder {
 public:
  encoder(output& out, atom_writer* atoms) : out_(out), o_(*out.impl_), atoms_(atoms) {}

  void run(term root) {
    const cnode_term word = root.word();
    frame f{&word, 1, 0, npos, shape::array};
    for (;;) {
      while (f.left) {
        const auto w = *f.at;
        switch (f.kind) {
          case shape::array:
            ++f.at;
            --f.left;
            break;
          case shape::map_keys:
            f.at += f.pairs;
            --f.left;
            f.kind = shape::map_values;
            break;
          case shape::map_values:
            f.at -= f.pairs - 1;
            --f.left;
            f.kind = shape::map_keys;
            break;
          case shape::list:
            if (cnode_is_cons(f.at[1])) {
              f.at = cnode_cons_ptr(f.at[1]);
            } else {
              ++f.at;
              f.kind = shape::array;  // the tail is the last word
            }
        }
        write(w, f);
      }
      if (f.fun_start != npos) enter_size(f.fun_start);
      if (todo_.empty()) return;
      f = todo_.pop();
    }
  }

 private:
  std::uint8_t* room(std::size_t n) {
    o_.ensure(n);
    return o_.data + o_.last;
  }
  void wrote(std::size_t n) { o_.last += n; }

  void write(cnode_term w, frame& f) {
    switch (w & CNODE_TAG_MASK) {
      case CNODE_TAG_SMALL: integer(cnode_small_value(w)); break;
      case CNODE_TAG_IMMEDIATE:
        if (cnode_is_atom(w)) atom(term{w});
        else if (cnode_is_nil(w)) byte(tag::nil_ext);
        else pid(this_node().name, this_node().creation, cnode_local_pid_id(w), cnode_local_pid_serial(w));
        break;
      case CNODE_TAG_CONS: list(w, f); break;
      default: boxed(term{w}, f);
    }
  }

  void byte(tag t) {
    *room(1) = static_cast<std::uint8_t>(t);
    wrote(1);
  }

  void integer(std::int64_t v) {
    auto* p = room(12);
    if (v >= 0 && v <= 255) {
      p[0] = static_cast<std::uint8_t>(tag::small_integer_ext);
      p[1] = static_cast<std::uint8_t>(v);
      wrote(2);
    } else if (v >= INT32_MIN && v <= INT32_MAX) {
      p[0] = static_cast<std::uint8_t>(tag::integer_ext);
      store32(p + 1, static_cast<std::uint32_t>(v));
      wrote(5);
    } else {
      auto m = v < 0 ? 0 - static_cast<std::uint64_t>(v) : static_cast<std::uint64_t>(v);
      std::uint8_t n = 0;
      for (; m; m >>= 8) p[3 + n++] = static_cast<std::uint8_t>(m);
      p[0] = static_cast<std::uint8_t>(tag::small_big_ext);
      p[1] = n;
      p[2] = v < 0;
      wrote(3u + n);
    }
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
    auto* p = room(3 + text.size());
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

  void list(cnode_term w, frame& f) {
    std::uint64_t n = 0;
    bool string = true;
    cnode_term tail = w;
    for (; cnode_is_cons(tail); tail = cnode_tail(tail), ++n) {
      const auto head = cnode_head(tail);
      string = string && cnode_is_small(head) && head <= cnode_make_small(255);
    }
    if (string && n <= max_string && cnode_is_nil(tail)) {
      auto* p = room(3 + n);
      p[0] = static_cast<std::uint8_t>(tag::string_ext);
      store16(p + 1, static_cast<std::uint16_t>(n));
      for (std::uint64_t i = 0; i < n; ++i, w = cnode_tail(w)) p[3 + i] = static_cast<std::uint8_t>(cnode_small_value(cnode_head(w)));
      wrote(3 + n);
      return;
    }
    counted(tag::list_ext, n);
    open(f, {cnode_cons_ptr(w), 1, 0, npos, shape::list});
  }

  void open(frame& f, const frame& inner) {
    if (f.left || f.fun_start != npos) todo_.push(f);
    f = inner;
  }

  void boxed(term t, frame& f) {
    const auto* box = t.box();
    const auto n = t.size();
    switch (t.kind()) {
      case CNODE_TUPLE:
        if (n < 256) {
          auto* p = room(2);
          p[0] = static_cast<std::uint8_t>(tag::small_tuple_ext);
          p[1] = static_cast<std::uint8_t>(n);
          wrote(2);
        } else {
          counted(tag::large_tuple_ext, n);
        }
        if (n) open(f, {box + 1, n, 0, npos, shape::array});
        break;
      case CNODE_MAP:
        counted(tag::map_ext, n);
        if (n) open(f, {box + 1, 2 * n, n, npos, shape::map_keys});
        break;
      case CNODE_FLOAT: {
        auto* p = room(9);
        p[0] = static_cast<std::uint8_t>(tag::new_float_ext);
        store64(p + 1, box[1]);
        wrote(9);
        break;
      }
      case CNODE_BIG_POS:
      case CNODE_BIG_NEG: big(t); break;
      case CNODE_BITS:
      case CNODE_BITS_SHARED: bits(t); break;
      case CNODE_PID: {
        const auto node = node_of(t);
        pid(node.node, node.creation, pid_id(t), pid_serial(t));
        break;
      }
      case CNODE_PORT: {
        const auto node = node_of(t);
        byte(tag::v4_port_ext);
        atom(node.node);
        auto* p = room(12);
        store64(p, box[2]);
        store32(p + 8, node.creation);
        wrote(12);
        break;
      }
      case CNODE_REF: ref(t); break;
      case CNODE_EXPORT: {
        byte(tag::export_ext);
        atom(term{box[1]});
        atom(term{box[2]});
        integer(term{box[3]}.small());
        break;
      }
      case CNODE_FUN: {
        const auto start = out_.size() + 1;
        auto* p = room(30);
        p[0] = static_cast<std::uint8_t>(tag::new_fun_ext);
        p[5] = static_cast<std::uint8_t>(box[fun_word::arity_index] >> 32);
        std::memcpy(p + 6, box + fun_word::uniq, 16);
        store32(p + 22, static_cast<std::uint32_t>(box[fun_word::arity_index]));
        store32(p + 26, static_cast<std::uint32_t>(n + 1 - fun_word::env));
        wrote(30);
        open(f, {box + fun_word::module, n + 1 - fun_word::module, 0, start, shape::array});
        break;
      }
      case CNODE_RECORD: {
        counted(tag::record_ext, record_fields(box));
        auto* p = room(1);
        *p = static_cast<std::uint8_t>(term{box[record_word::exported]}.small());
        wrote(1);
        atom(term{box[record_word::module]});
        atom(term{box[record_word::name]});
        if (n > record_word::exported)
          open(f, {box + record_word::names, n - record_word::exported, 0, npos, shape::array});
        break;
      }
      default:  // a native object has no external form
        atom(find_or_make_atom("native"));
    }
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
