// Layout fingerprints: equal for two versions of a module when an object of one can be used by the other as it is.
//
// What may be kept in a native object is a closed list: arithmetic types, enums, std::string, vector, map, optional, variant, pair,
// tuple, atom, described structs of these; with <cnode/containers.hpp> also array, deque, list, set, multiset, multimap, unordered_map,
// unordered_set, unique_ptr, bitset, complex and chrono's durations and time points. Anything else does not compile and is told why.
//
// A fingerprint covers, through all levels, the struct's name without its namespace, its version, the fields' names, types and offsets,
// sizes, alignments and the library. Behind the struct's description, in its namespace:
//
//   CNODE_STRUCT_VERSION(samples, 2)   // the same layout with another meaning (seconds, now milliseconds; another operator<)
//   CNODE_NEVER_ADOPTED(samples)       // holds types that are not in the list: a new version always gets it as a term
#pragma once

#include <cnode/describe.hpp>
#include <cnode/stamp.hpp>

namespace cnode {
inline namespace module_api {
namespace detail {

// The name of T, cut out of "... [with T = employee]".
template <class T>
struct type_text {
  static constexpr std::string_view pretty() { return __PRETTY_FUNCTION__; }
  static constexpr std::string_view name() {
    const auto begin = pretty().find("T = ") + 4;
    return pretty().substr(begin, pretty().rfind(']') - begin);
  }
  // Without namespaces: `v1::samples` is what `samples` was.
  static constexpr std::string_view own_name() {
    const auto scope = name().rfind("::", name().find('<'));
    return scope == std::string_view::npos ? name() : name().substr(scope + 2);
  }
  struct buffer {
    char text[own_name().size() + 1]{};
  };
  static constexpr buffer make() {
    buffer b;
    for (std::size_t i = 0; i < own_name().size(); ++i) b.text[i] = own_name()[i];
    return b;
  }
  static constexpr buffer value = make();
};

template <class T>
constexpr bool is_std(std::string_view name) {
  constexpr auto text = type_text<T>::name();
  for (std::string_view scope : {"std::", "std::__cxx11::", "std::__debug::"})
    if (text.starts_with(scope) && text.substr(scope.size()).starts_with(name)) return true;
  return false;
}
template <class T>
constexpr bool is_one_of(std::initializer_list<std::string_view> names) {
  for (auto name : names)
    if (is_std<T>(name)) return true;
  return false;
}

// Not in the list. The rule is named here, the type by the instantiation.
template <class T, class = void>
struct layout_hash {
  static constexpr bool pointer = std::is_pointer_v<T> || std::is_reference_v<T> || std::is_member_pointer_v<T> || std::is_null_pointer_v<T>;
  static constexpr bool view = is_one_of<T>({"basic_string_view<", "span<", "reference_wrapper<"});
  static constexpr bool code = is_one_of<T>({"shared_ptr<", "weak_ptr<", "function<", "any", "exception_ptr", "thread", "jthread"});
  static constexpr bool word = std::is_convertible_v<T, term>;
  static constexpr bool more = is_one_of<T>({"array<", "deque<", "list<", "set<", "multiset<", "multimap<", "unordered_map<",
                                             "unordered_set<", "unique_ptr<", "bitset<", "complex<", "chrono::"});
  static constexpr bool custom = is_one_of<T>({"basic_string<", "vector<", "map<"});
  static constexpr bool is_virtual = std::is_polymorphic_v<T>;
  static_assert(!pointer, "cnode: a native object must not hold raw pointers or references: what they mean is gone with the version "
                          "that made it. Own the value (std::optional, std::unique_ptr, std::vector)");
  static_assert(!view, "cnode: a native object must not hold views: they point into a callback's memory or into the module's file. "
                       "Keep a std::string or a std::vector");
  static_assert(!code, "cnode: a native object must not hold what points into the module's code (std::shared_ptr, std::function, "
                       "std::any, ...): that code is unmapped when its version is purged");
  static_assert(!word, "cnode: a native object must not hold terms: they live as long as the callback. Keep them beside the object in "
                       "the state, {Native, Term}, or as C++ values (std::int64_t, double, std::string)");
  static_assert(!more, "cnode: native objects may hold this type with the default allocator, comparator, hash and deleter, "
                       "after #include <cnode/containers.hpp>");
  static_assert(!custom, "cnode: native objects may hold standard containers only with the default allocator and comparator");
  static_assert(!is_virtual, "cnode: a native object must not have virtual functions: its vtable lies in the module's file");
  static_assert(!std::is_array_v<T>, "cnode: use std::array instead of a C array in a native object");
  static_assert(pointer || view || code || word || more || custom || is_virtual || std::is_array_v<T>,
                "cnode: native objects hold described structs and types of a closed list: list all fields of this type with "
                "CNODE_STRUCT(type, fields...), or, if it has foreign fields, declare CNODE_NEVER_ADOPTED(type)");
  static constexpr std::uint64_t value = 0;
};

constexpr std::uint64_t fnv_text(std::uint64_t hash, std::string_view text) {
  for (const char c : text) hash = fnv(hash, std::uint64_t{static_cast<unsigned char>(c)});
  return fnv(hash, text.size());
}

constexpr std::uint64_t toolchain_hash() {
  std::uint64_t hash = fnv(fnv_start, sizeof(void*));
  hash = fnv(hash, std::uint64_t{sanitizer_kind()});
#if defined(__GLIBCXX__)
  hash = fnv(fnv(hash, std::uint64_t{_GLIBCXX_USE_CXX11_ABI}), std::uint64_t{__GLIBCXX__});
#if defined(_GLIBCXX_RELEASE)
  hash = fnv(hash, std::uint64_t{_GLIBCXX_RELEASE});
#endif
#if defined(_GLIBCXX_DEBUG)
  hash = fnv(hash, "debug");
#endif
#elif defined(_LIBCPP_VERSION)
  hash = fnv(fnv(hash, "libc++"), std::uint64_t{_LIBCPP_VERSION});
#endif
  return hash;
}

// 0, never adopted, as soon as one part is.
template <class... Part>
constexpr std::uint64_t layout_of(std::string_view kind, std::size_t size, std::size_t alignment) {
  if (!(... && (layout_hash<Part>::value != 0))) return 0;
  std::uint64_t hash = fnv(fnv(fnv_text(toolchain_hash(), kind), size), alignment);
  ((hash = fnv(hash, layout_hash<Part>::value)), ...);
  return hash;
}
// `Whole`, made of `Part`s.
template <class Whole, class... Part>
struct layout_as {
  static constexpr std::uint64_t made(std::string_view kind) { return layout_of<Part...>(kind, sizeof(Whole), alignof(Whole)); }
};

template <class T>
constexpr std::string_view arithmetic_kind() {
  return std::is_same_v<T, bool> ? "bool" : std::is_floating_point_v<T> ? "float" : std::is_signed_v<T> ? "signed" : "unsigned";
}
template <class T>
struct layout_hash<T, std::enable_if_t<std::is_arithmetic_v<T>>> {
  static constexpr std::uint64_t value = layout_as<T>::made(arithmetic_kind<T>());
};
template <class T>
struct layout_hash<T, std::enable_if_t<std::is_enum_v<T>>> {
  static constexpr std::uint64_t compute() {
    std::uint64_t hash = fnv_text(layout_as<T, std::underlying_type_t<T>>::made("enum"), type_text<T>::own_name());
    if constexpr (is_described_enum<T>)
      for (const auto& [name, enumerator] : enumerators_of<T>()) hash = fnv(fnv(hash, name), static_cast<std::uint64_t>(enumerator));
    return hash;
  }
  static constexpr std::uint64_t value = compute();
};
// Atoms are the node's: their words mean the same in every version.
template <>
struct layout_hash<atom> {
  static constexpr std::uint64_t value = layout_as<atom>::made("atom");
};
template <>
struct layout_hash<std::string> {
  static constexpr std::uint64_t value = layout_as<std::string>::made("string");
};
template <class T>
struct layout_hash<std::vector<T>> {
  static constexpr std::uint64_t value = layout_as<std::vector<T>, T>::made("vector");
};
template <class K, class V>
struct layout_hash<std::map<K, V>> {
  static constexpr std::uint64_t value = layout_as<std::map<K, V>, K, V>::made("map");
};
template <class T>
struct layout_hash<std::optional<T>> {
  static constexpr std::uint64_t value = layout_as<std::optional<T>, T>::made("optional");
};
template <class... T>
struct layout_hash<std::variant<T...>> {
  static constexpr std::uint64_t value = layout_as<std::variant<T...>, T...>::made("variant");
};
template <>
struct layout_hash<std::monostate> {
  static constexpr std::uint64_t value = layout_as<std::monostate>::made("monostate");
};
template <class A, class B>
struct layout_hash<std::pair<A, B>> {
  static constexpr std::uint64_t value = layout_as<std::pair<A, B>, A, B>::made("pair");
};
template <class... T>
struct layout_hash<std::tuple<T...>> {
  static constexpr std::uint64_t value = layout_as<std::tuple<T...>, T...>::made("tuple");
};

// ---- described structs
template <class T>
constexpr unsigned struct_version() {
  if constexpr (requires { cnode_struct_version(static_cast<const T*>(nullptr)); })
    return decltype(cnode_struct_version(static_cast<const T*>(nullptr)))::value;
  else
    return 1;
}
template <class T>
constexpr bool never_adopted = requires { cnode_never_adopted(static_cast<const T*>(nullptr)); };

struct any_field {
  template <class U>
  operator U() const;
};
// Can an aggregate take one more value than these?
template <class T, class... Field>
constexpr bool has_more_fields() {
  if constexpr (!std::is_aggregate_v<T> || sizeof...(Field) == 0)
    return false;
  else
    return requires { T{std::declval<Field>()..., {}}; } || requires { T{std::declval<Field>()..., any_field{}}; };
}

template <class T, class Description>
struct struct_layout;
template <class T, fixed_string ElixirName, class... Field>
struct struct_layout<T, description<T, ElixirName, Field...>> {
  template <class F>
  using type_of = std::remove_cvref_t<decltype(std::declval<T&>().*F::member)>;
  // In the order of the struct, without a hole that another field would fit into.
  static constexpr bool in_order() {
    if (sizeof...(Field) == 0) return std::is_empty_v<T>;
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
  static_assert(!std::is_polymorphic_v<T>,
                "cnode: a native object must not have virtual functions: its vtable lies in the module's file");
  static_assert(std::is_polymorphic_v<T> || in_order(),
                "cnode: CNODE_STRUCT must list all fields of the struct, in their order, and the struct must have no base class");
  static_assert(!has_more_fields<T, type_of<Field>...>(), "cnode: CNODE_STRUCT lists fewer fields than the struct has");

  static constexpr std::uint64_t compute() {
    std::uint64_t hash = layout_as<T, type_of<Field>...>::made("struct");
    if (hash == 0) return 0;
    hash = fnv(fnv_text(hash, type_text<T>::own_name()), struct_version<T>());
    ((hash = fnv(fnv(hash, Field::name), Field::offset)), ...);
    return hash;
  }
};
template <class T>
struct layout_hash<T, std::enable_if_t<is_described<T>::value && !never_adopted<T>>> {
  static constexpr std::uint64_t value = struct_layout<T, description_of<T>>::compute();
};
template <class T>
struct layout_hash<T, std::enable_if_t<std::is_class_v<T> && never_adopted<T>>> {
  static constexpr std::uint64_t value = 0;
};

}  // namespace detail
}  // namespace module_api
}  // namespace cnode

#define CNODE_STRUCT_VERSION(type, version) std::integral_constant<unsigned, version> cnode_struct_version(const type*)
#define CNODE_NEVER_ADOPTED(type) std::true_type cnode_never_adopted(const type*)
