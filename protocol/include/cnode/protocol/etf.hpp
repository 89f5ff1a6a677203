// The external term format (erl_ext_dist), both directions. One pass, no recursion; every length is checked
// against the bytes that are there before memory is reserved.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <cnode/protocol/block.hpp>
#include <cnode/protocol/result.hpp>

namespace cnode::etf {

// Atoms of a distribution header, by the index ATOM_CACHE_REF (82) names. Each a term of kind atom.
using header_atoms = std::span<const term>;

struct decode_options {
  buffer_ptr owner;             // when set, the bytes lie in it and large binaries share it
  header_atoms atoms;           // 82 is refused when empty
  bool allow_compressed = false;  // tag 80: only for stand-alone terms
  bool safe = false;            // binary_to_term(_, [safe]): no new atoms
};

struct decoded {
  term value;
  std::size_t used;  // bytes read
};

// One term without the leading 131, into `b`. Bytes behind it are left alone.
result<decoded> decode(block& b, std::span<const std::uint8_t> bytes, const decode_options& options = {});
// A stand-alone term: 131 in front, nothing behind; compressed allowed.
result<block_ptr> binary_to_term(std::span<const std::uint8_t> bytes);

// How many bytes the next term takes, with every check decode makes except those that need values or the atom table:
// duplicate keys, the types inside funs, cache references.
result<std::size_t> validate(std::span<const std::uint8_t> bytes);


class encoder;

// Where encoded bytes go: a growing byte buffer; large shared binaries go in by reference.
// Owned by one thread at a time.
class output {
 public:
  void put(const void* data, std::size_t n);
  std::uint8_t* grow(std::size_t n);  // n uninitialised bytes, valid until the next call
  void share(const buffer_ptr& owner, const std::uint8_t* data, std::size_t n);
  std::size_t size() const;           // bytes in all, shared ones included
  // Overwrites 4 bytes at an earlier offset (frame lengths). They must lie in copied bytes.
  void patch_u32(std::size_t offset, std::uint32_t big_endian_value);
  struct piece {
    const std::uint8_t* data;
    std::size_t size;
  };
  // What is there, in order. Valid until the next change.
  std::vector<piece> pieces() const;
  void consume(std::size_t n);        // drops bytes from the front
  void take(output& from, std::size_t n);  // appends the first n bytes of `from` and drops them there; shared ones stay shared
  void clear();
  std::string str() const;            // a copy; for tests
  output();
  ~output();
  output(output&&) noexcept;
  output& operator=(output&&) noexcept;

 private:
  friend class encoder;
  struct impl;
  std::unique_ptr<impl> impl_;
};

class atom_writer;  // atom_cache.hpp

// Without the leading 131. Native objects must have been turned into terms before. With `atoms`, atoms are written as
// references to the list it makes.
void encode(output& out, term t, atom_writer* atoms = nullptr);
std::string term_to_binary(term t);  // with 131

}  // namespace cnode::etf
