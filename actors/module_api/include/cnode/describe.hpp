// Structs as maps. Behind the definition of the struct, in its namespace:
//
//   struct employee { std::string name; number money; };
//   CNODE_STRUCT(employee, name, money)                               // #{name => ..., money => ...}
//   CNODE_ELIXIR_STRUCT("Elixir.Employee", employee, name, money)     // %Employee{name: ..., money: ...}
//
// A map fits when it has all the named keys and their values fit; further keys are ignored, as in a pattern.
#pragma once

#include <cstddef>

#include <cnode/for_each.hpp>
#include <cnode/convert.hpp>
#include <cnode/stamp.hpp>

namespace cnode {
inline namespace module_api {
namespace detail {

template <fixed_string Name, auto Member, std::size_t Offset>
struct field {
  using key = is<Name>;
  static constexpr const char* name = Name.text;
  static constexpr auto member = Member;
  static constexpr std::size_t offset = Offset;
};

template <class T, fixed_string ElixirName, class... Field>
struct description {
  template <class F>
  static auto value_of(const T& object, F) -> decltype(auto) {
    return (object.*F::member);
  }
  template <class F>
  using type_of = std::decay_t<decltype(std::declval<T&>().*F::member)>;

  static constexpr bool elixir = ElixirName.size > 0;

  static std::optional<T> from_term(term t) {
    if (!t.is_map()) return std::nullopt;
    if constexpr (elixir)
      if (!maps::get(t, is<"__struct__">{}).same(is<ElixirName>::value())) return std::nullopt;
    std::tuple<std::optional<type_of<Field>>...> parts;
    return read(t, parts, std::index_sequence_for<Field...>{});
  }
  static term to_term(const T& object) {
    constexpr std::size_t n = sizeof...(Field) + (elixir ? 1 : 0);
    cnode_term keys[n + 1] = {Field::key::value().word()...};
    cnode_term values[n + 1] = {encode(object.*Field::member).word()...};
    if constexpr (elixir) {
      keys[n - 1] = is<"__struct__">::value().word();
      values[n - 1] = is<ElixirName>::value().word();
    }
    return term{host().make_map(env()->heap, keys, values, n)};
  }

 private:
  template <class Parts, std::size_t... I>
  static std::optional<T> read(term t, Parts& parts, std::index_sequence<I...>) {
    if (!(... && read_one(maps::get(t, typename Field::key{}), std::get<I>(parts)))) return std::nullopt;
    return T{std::move(*std::get<I>(parts))...};
  }
  template <class U>
  static bool read_one(term value, std::optional<U>& part) {
    if (!value) return false;
    part = decode<U>(value);
    return part.has_value();
  }
};

template <class T>
using description_of = decltype(cnode_describe(static_cast<const T*>(nullptr)));

template <class T, class = void>
struct is_described : std::false_type {};
template <class T>
struct is_described<T, std::void_t<description_of<T>>> : std::true_type {};

// ---- layout fingerprints: equal for two versions of a module when an object of one can be used by the other as it is.
// 0: unknown or unsafe (pointers, virtual functions, types not listed here), never adopted.

template <class T, class = void>
struct layout_hash {
  static constexpr std::uint64_t value = 0;
};

constexpr std::uint64_t toolchain_hash() {
  std::uint64_t hash = fnv(fnv_start, sizeof(void*));
  hash = fnv(hash, std::uint64_t{sanitizer_kind()});
#if defined(__GLIBCXX__)
  hash = fnv(hash, std::uint64_t{_GLIBCXX_USE_CXX11_ABI});
#if defined(_GLIBCXX_DEBUG)
  hash = fnv(hash, "debug");
#endif
#endif
  return hash;
}

template <class... T>
constexpr std::uint64_t layout_of(const char* kind, std::size_t size) {
  if (!(... && (layout_hash<T>::value != 0))) return 0;
  std::uint64_t hash = fnv(fnv(toolchain_hash(), kind), size);
  ((hash = fnv(hash, layout_hash<T>::value)), ...);
  return hash;
}

template <class T>
struct layout_hash<T, std::enable_if_t<std::is_arithmetic_v<T>>> {
  static constexpr const char* kind = std::is_same_v<T, bool>         ? "bool"
                                      : std::is_floating_point_v<T>   ? "float"
                                      : std::is_signed_v<T>           ? "signed"
                                                                      : "unsigned";
  static constexpr std::uint64_t value = layout_of<>(kind, sizeof(T));
};
template <class T>
struct layout_hash<T, std::enable_if_t<std::is_enum_v<T>>> {
  static constexpr std::uint64_t value = layout_of<std::underlying_type_t<T>>("enum", sizeof(T));
};
template <>
struct layout_hash<std::string> {
  static constexpr std::uint64_t value = layout_of<>("string", sizeof(std::string));
};
template <class T>
struct layout_hash<std::vector<T>> {
  static constexpr std::uint64_t value = layout_of<T>("vector", sizeof(std::vector<T>));
};
template <class K, class V>
struct layout_hash<std::map<K, V>> {
  static constexpr std::uint64_t value = layout_of<K, V>("map", sizeof(std::map<K, V>));
};
template <class T>
struct layout_hash<std::optional<T>> {
  static constexpr std::uint64_t value = layout_of<T>("optional", sizeof(std::optional<T>));
};
template <class A, class B>
struct layout_hash<std::pair<A, B>> {
  static constexpr std::uint64_t value = layout_of<A, B>("pair", sizeof(std::pair<A, B>));
};
template <class... T>
struct layout_hash<std::tuple<T...>> {
  static constexpr std::uint64_t value = layout_of<T...>("tuple", sizeof(std::tuple<T...>));
};

template <class T, class Description>
struct struct_layout;
template <class T, fixed_string ElixirName, class... Field>
struct struct_layout<T, description<T, ElixirName, Field...>> {
  template <class F>
  using type_of = std::decay_t<decltype(std::declval<T&>().*F::member)>;
  // Fields in the order of the struct without a hole that another field would fit into: none was left out or swapped.
  static constexpr bool complete() {
    constexpr std::size_t offsets[] = {Field::offset..., sizeof(T)};
    constexpr std::size_t sizes[] = {sizeof(type_of<Field>)..., 0};
    constexpr std::size_t alignments[] = {alignof(type_of<Field>)..., alignof(T)};
    std::size_t end = 0;
    for (std::size_t i = 0; i <= sizeof...(Field); ++i) {
      if (offsets[i] != (end + alignments[i] - 1) / alignments[i] * alignments[i]) return false;
      end = offsets[i] + sizes[i];
    }
    return true;
  }
  static constexpr std::uint64_t compute() {
    if (!complete() || std::is_polymorphic_v<T>) return 0;
    std::uint64_t hash = layout_of<type_of<Field>...>("struct", sizeof(T));
    if (hash != 0) ((hash = fnv(fnv(hash, Field::name), Field::offset)), ...);
    return hash;
  }
};
template <class T>
struct layout_hash<T, std::enable_if_t<is_described<T>::value>> {
  static constexpr std::uint64_t value = struct_layout<T, description_of<T>>::compute();
};

}  // namespace detail

template <class T>
struct convert<T, std::enable_if_t<detail::is_described<T>::value>> : detail::description_of<T> {};

}  // namespace module_api
}  // namespace cnode

#define CNODE_DETAIL_FIELD(type, name) , ::cnode::detail::field<#name, &type::name, offsetof(type, name)>
#define CNODE_ELIXIR_STRUCT(elixir_name, type, ...)                                                                   \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Winvalid-offsetof\"")                             \
  ::cnode::detail::description<type, elixir_name CNODE_FOR_EACH(CNODE_DETAIL_FIELD, type, __VA_ARGS__)>               \
  cnode_describe(const type*);                                                                                        \
  _Pragma("GCC diagnostic pop") static_assert(true)
#define CNODE_STRUCT(type, ...) CNODE_ELIXIR_STRUCT("", type, __VA_ARGS__)
