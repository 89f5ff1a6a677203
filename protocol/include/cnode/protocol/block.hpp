// A block: the heap a term lies in, its owner, and the term itself. One received message is one
// block, a process's state is a block, every signal between processes is a block.
//
// One allocation holds the header, the bump area and, if all goes well, the whole term; a block that
// needs more chains further chunks. Blocks are moved, never shared: exactly one block_ptr owns a
// block, and only the thread that holds it may build in it. Reading needs no lock.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#include <cnode/term.hpp>

namespace cnode {

struct block_chunk;
class block;
struct block_deleter {
  void operator()(block* b) const noexcept;
};
using block_ptr = std::unique_ptr<block, block_deleter>;

class block : public cnode_heap {
 public:
  // `words` is a hint: the size of the first chunk. Never fails but by std::bad_alloc.
  static block_ptr make(std::size_t words);

  // Room for n consecutive words, uninitialised. The pointer stays valid as long as the block.
  cnode_term* reserve(std::size_t n) {
    if (static_cast<std::size_t>(end - top) >= n) {
      auto* p = top;
      top += n;
      return p;
    }
    return reserve_slow(n);
  }
  // Takes over everything `other` holds (its terms stay where they are); other is gone afterwards.
  void adopt(block_ptr other);
  // Forgets all terms, keeps the first chunk. For scratch blocks between two callbacks.
  void reset() noexcept;
  // What is made or adopted after mark() goes at release_to(); marks nest. The mark lies in the block.
  void* mark();
  void release_to(void* mark) noexcept;
  // Words handed out so far, adopted blocks included: what the collector of a process looks at.
  std::size_t used_words() const noexcept;

  term root;                 // the message, the state, the fields of the signal
  block* next = nullptr;     // for whoever owns the block: mailbox and queue link
  std::uint32_t tag = 0;     // for whoever owns the block: the kind of signal
  std::uint32_t user = 0;

 private:
  friend struct block_deleter;
  block() = default;
  ~block() = default;
  cnode_term* reserve_slow(std::size_t n);

  block_chunk* chunks_ = nullptr;  // further chunks, newest first
  block* adopted_ = nullptr;       // blocks taken over
  cnode_term* first_end_ = nullptr;
  std::size_t closed_words_ = 0;   // used words in all but the current chunk
};

// Shared bytes. Counted atomically; the data never moves.
struct buffer;
class buffer_ptr {
 public:
  buffer_ptr() = default;
  static buffer_ptr make(std::size_t size);
  buffer_ptr(const buffer_ptr&) noexcept;
  buffer_ptr(buffer_ptr&& o) noexcept : b_(o.b_) { o.b_ = nullptr; }
  buffer_ptr& operator=(buffer_ptr o) noexcept { std::swap(b_, o.b_); return *this; }
  ~buffer_ptr();
  std::uint8_t* data() const;
  std::size_t size() const;
  explicit operator bool() const { return b_ != nullptr; }
  cnode_buffer* get() const { return reinterpret_cast<cnode_buffer*>(b_); }
  static buffer_ptr share(cnode_buffer* b);  // takes one more reference
  // More or less room behind the bytes, which may move: only while nobody shares them.
  void resize(std::size_t size);
  // The same by taking a buffer that lies ready, with the `used` first bytes; false when none of about that size does.
  bool grow_to_kept(std::size_t size, std::size_t used);

 private:
  buffer* b_ = nullptr;
};

// Native objects of modules, as terms of kind CNODE_NATIVE hold them. Counted atomically. The operations
// are set by the module layer; protocol only counts.
struct native_object {
  void (*release)(native_object*) noexcept;  // called when the last reference goes
  std::uint32_t refs;                        // accessed atomically
};

// ---- building. Each puts its result into `b` and returns the term.
term make_integer(block& b, std::int64_t v);
term make_unsigned(block& b, std::uint64_t v);
// Magnitude as limbs, least significant first; normalises (may return a small integer).
term make_big(block& b, bool negative, const std::uint64_t* limbs, std::size_t n);
term make_float(block& b, double v);  // v must be finite
term make_binary(block& b, std::string_view bytes);          // copies; large ones into a buffer of their own
term make_binary(block& b, const buffer_ptr& owner, const std::uint8_t* data, std::size_t size);  // shares
term make_bits(block& b, const std::uint8_t* data, std::uint64_t bits);                       // copies
term make_tuple(block& b, const term* elements, std::size_t n);
template <class... T>
term make_tuple_of(block& b, T... e) {
  const term a[] = {e..., term{}};
  return make_tuple(b, a, sizeof...(e));
}
term make_cons(block& b, term head, term tail);
term make_list(block& b, const term* elements, std::size_t n, term tail = nil);
template <class... T>
term make_list_of(block& b, T... e) {
  const term a[] = {e..., term{}};
  return make_list(b, a, sizeof...(e));
}
term make_charlist(block& b, std::string_view utf8);  // list of code points
// Sorts; of equal keys the last one wins. n pairs.
term make_map(block& b, const term* keys, const term* values, std::size_t n);
term make_pid(block& b, term node, std::uint32_t creation, std::uint32_t id, std::uint32_t serial);  // always boxed
term make_port(block& b, term node, std::uint32_t creation, std::uint64_t id);
term make_ref(block& b, term node, std::uint32_t creation, const std::uint32_t* ids, std::size_t n);
term make_export(block& b, term module, term function, std::uint32_t arity);
term make_native(block& b, native_object* object);  // takes one reference

// A deep copy of t into b. Shared bytes and native objects are shared, not copied.
term copy(block& b, term t);
block_ptr copy_to_block(term t);  // root is the copy
// A block whose root is an immediate.
block_ptr immediate_block(term t);

// ---- reading what needs more than one word
// The integer if it fits; false otherwise (or when it is no integer).
bool to_int64(term t, std::int64_t& out);
bool to_uint64(term t, std::uint64_t& out);
// none when the key is not there. Keys compare exactly (1 is not 1.0).
term map_get(term map, term key);
// Length of a proper list; -1 when improper or no list.
std::int64_t list_length(term t);
struct node_id {  // of a boxed pid, port or ref
  term node;
  std::uint32_t creation;
};
node_id node_of(term boxed);
// pid fields, local (immediate) or boxed
std::uint32_t pid_id(term pid);
std::uint32_t pid_serial(term pid);
// Bytes of an iolist / chardata; false when it is none. Chardata: code points become UTF-8.
bool iolist_to_string(term t, std::string& out);
bool chardata_to_string(term t, std::string& out);

}  // namespace cnode
