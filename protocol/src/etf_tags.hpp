// Tags of the external term format (erl_ext_dist), spelt as there. They travel: never renumber.
#pragma once

#include <cstdint>

namespace cnode::etf {

constexpr std::uint8_t version_magic = 131;

enum class tag : std::uint8_t {
  record_ext = 67,  // OTP 29: number of fields (4), exported (1), module, name, field names, values
  new_float_ext = 70,
  bit_binary_ext = 77,
  compressed = 80,
  atom_cache_ref = 82,
  new_pid_ext = 88,
  new_port_ext = 89,
  newer_reference_ext = 90,
  small_integer_ext = 97,
  integer_ext = 98,
  float_ext = 99,
  atom_ext = 100,
  reference_ext = 101,
  port_ext = 102,
  pid_ext = 103,
  small_tuple_ext = 104,
  large_tuple_ext = 105,
  nil_ext = 106,
  string_ext = 107,
  list_ext = 108,
  binary_ext = 109,
  small_big_ext = 110,
  large_big_ext = 111,
  new_fun_ext = 112,
  export_ext = 113,
  new_reference_ext = 114,
  small_atom_ext = 115,
  map_ext = 116,
  atom_utf8_ext = 118,
  small_atom_utf8_ext = 119,
  v4_port_ext = 120,
  // 117 FUN_EXT and 121 LOCAL_EXT close a BEAM's connection, and ours.
};

// Digits of the largest integer we take: BEAM's own bound is of this order, and nobody sends such numbers in earnest.
constexpr std::uint32_t max_big_bytes = 4u << 20;
// What a compressed term may unpack to.
constexpr std::uint32_t max_uncompressed = 512u << 20;

}  // namespace cnode::etf
