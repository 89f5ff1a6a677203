// The stamp of a module: what the loader compares before it runs any code of it. Included by modules
// (CNODE_MODULE writes the note) and by the loader, so that both compute the same numbers.
#pragma once

#include <cstddef>
#include <cstdint>

#include <cnode/module.h>

namespace cnode {

namespace detail {
constexpr std::uint64_t fnv_start = 0xcbf29ce484222325u;
constexpr std::uint64_t fnv(std::uint64_t hash, std::uint64_t number) {
  for (int i = 0; i < 8; ++i, number >>= 8) hash = (hash ^ (number & 0xff)) * 0x100000001b3u;
  return hash;
}
constexpr std::uint64_t fnv(std::uint64_t hash, const char* text) {
  for (; *text != 0; ++text) hash = (hash ^ static_cast<unsigned char>(*text)) * 0x100000001b3u;
  return (hash ^ 0xff) * 0x100000001b3u;
}
}  // namespace detail

// Sizes, offsets and tags of everything that crosses the boundary. Members added at the end of cnode_host
// and cnode_module are announced by their `size` and the minor number, and are left out here.
constexpr std::uint64_t abi_header_hash() {
  constexpr std::uint64_t numbers[] = {
      sizeof(cnode_term), sizeof(void*), CNODE_IMM_ATOM, CNODE_IMM_NIL, CNODE_IMM_PID, CNODE_TUPLE, CNODE_MAP, CNODE_FLOAT,
      CNODE_BIG_POS, CNODE_BIG_NEG, CNODE_BITS, CNODE_BITS_SHARED, CNODE_PID, CNODE_PORT, CNODE_REF, CNODE_EXPORT, CNODE_FUN,
      CNODE_RECORD, CNODE_NATIVE, CNODE_RAISE, CNODE_SUSPEND, CNODE_TAIL_CALL,
      sizeof(cnode_heap), offsetof(cnode_heap, top), offsetof(cnode_heap, end), offsetof(cnode_heap, off_heap),
      sizeof(cnode_continuation), offsetof(cnode_continuation, resume), offsetof(cnode_continuation, destroy),
      offsetof(cnode_continuation, match), offsetof(cnode_continuation, timeout_ms),
      sizeof(cnode_env), offsetof(cnode_env, outcome), offsetof(cnode_env, flags), offsetof(cnode_env, error_class),
      offsetof(cnode_env, continuation), offsetof(cnode_env, tail_module), offsetof(cnode_env, process),
      sizeof(cnode_native_ops), offsetof(cnode_native_ops, to_term), offsetof(cnode_native_ops, destroy),
      offsetof(cnode_native_ops, layout), sizeof(cnode_native_type), offsetof(cnode_native_type, next),
      CNODE_ENV_SHOW, CNODE_ENV_STATE, sizeof(cnode_export), offsetof(cnode_export, function),
      offsetof(cnode_module, name), offsetof(cnode_module, vsn), offsetof(cnode_module, behaviour),
      offsetof(cnode_module, exports), offsetof(cnode_module, export_count), offsetof(cnode_module, on_load),
      offsetof(cnode_module, natives), offsetof(cnode_module, source), offsetof(cnode_module, options), offsetof(cnode_host, give_frame),
      offsetof(cnode_host, atom), offsetof(cnode_host, heap_grow), offsetof(cnode_host, make_native),
      offsetof(cnode_host, self), offsetof(cnode_host, send), offsetof(cnode_host, put_chars), offsetof(cnode_host, apply),
      offsetof(cnode_host, node), offsetof(cnode_host, start_thread), sizeof(cnode_stamp), offsetof(cnode_stamp, module_name),
  };
  std::uint64_t hash = detail::fnv_start;
  for (auto number : numbers) hash = detail::fnv(hash, number);
  return hash;
}

// Which sanitizer this translation unit is compiled with.
constexpr std::uint32_t sanitizer_kind() {
#if defined(__SANITIZE_ADDRESS__)
  return CNODE_SANITIZE_ADDRESS;
#elif defined(__SANITIZE_THREAD__)
  return CNODE_SANITIZE_THREAD;
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return CNODE_SANITIZE_ADDRESS;
#elif __has_feature(thread_sanitizer)
  return CNODE_SANITIZE_THREAD;
#else
  return CNODE_SANITIZE_NONE;
#endif
#else
  return CNODE_SANITIZE_NONE;
#endif
}

// How the standard library is configured: its objects differ in size.
constexpr std::uint32_t cxx11_abi() {
#if defined(_GLIBCXX_USE_CXX11_ABI)
  return _GLIBCXX_USE_CXX11_ABI ? CNODE_CXX11_ABI_NEW : CNODE_CXX11_ABI_OLD;
#else
  return CNODE_CXX11_ABI_NONE;
#endif
}
constexpr std::uint32_t debug_mode() {
#if defined(_GLIBCXX_DEBUG)
  return 1;
#else
  return 0;
#endif
}

namespace detail {
// Texts that do not fit would make a stamp that lies: the compiler refuses them (no constant expression).
template <std::size_t N>
constexpr void copy_text(char (&to)[N], const char* from) {
  std::size_t i = 0;
  for (; from[i] != 0; ++i) {
    if (i + 1 >= N) throw "text does not fit into the stamp";
    to[i] = from[i];
  }
}
#if defined(__clang__)
constexpr const char* compiler_text = "clang " __clang_version__;
#else
constexpr const char* compiler_text = "g++ " __VERSION__;
#endif
}  // namespace detail

constexpr cnode_stamp make_stamp(const char* module_name, const char* vsn) {
  cnode_stamp stamp{};
  stamp.size = sizeof(cnode_stamp);
  stamp.abi_major = CNODE_ABI_MAJOR;
  stamp.abi_minor = CNODE_ABI_MINOR;
  stamp.pointer_size = sizeof(void*);
  stamp.sanitizer = sanitizer_kind();
  stamp.header_hash = abi_header_hash();
  stamp.cxx11_abi = cxx11_abi();
  stamp.debug_mode = debug_mode();
  stamp.cplusplus = static_cast<std::uint32_t>(__cplusplus);
#if defined(_GLIBCXX_RELEASE)
  stamp.libstdcxx = _GLIBCXX_RELEASE;
#endif
  detail::copy_text(stamp.module_name, module_name);
  detail::copy_text(stamp.vsn, vsn);
  for (std::size_t i = 0; i + 1 < sizeof stamp.compiler && detail::compiler_text[i] != 0; ++i)
    stamp.compiler[i] = detail::compiler_text[i];
  return stamp;
}

// The ELF note as it lies in the file: 4-byte aligned, so `stamp` must be read by memcpy.
struct stamp_note {
  std::uint32_t name_size = sizeof CNODE_NOTE_OWNER;
  std::uint32_t stamp_size = sizeof(cnode_stamp);
  std::uint32_t type = CNODE_NOTE_TYPE;
  char name[8] = CNODE_NOTE_OWNER;
  struct bytes {
    unsigned char data[sizeof(cnode_stamp)];
  } stamp{};
  constexpr explicit stamp_note(const cnode_stamp& s) : stamp(__builtin_bit_cast(bytes, s)) {}
};
static_assert(alignof(stamp_note) == 4 && sizeof(stamp_note) == 20 + sizeof(cnode_stamp));

}  // namespace cnode
