// Structs as maps. Behind the definition of the struct, in its namespace:
//
//   struct employee { std::string name; number money; };
//   CNODE_STRUCT(employee, name, money)                               // #{name => ..., money => ...}
//   CNODE_ELIXIR_STRUCT("Elixir.Employee", employee, name, money)     // %Employee{name: ..., money: ...}
//
//   enum class level { low, high };
//   CNODE_ENUM(level, low, high)                                      // the atoms low, high; other enums are integers
//   CNODE_SHOW(employee, [](const employee& e) { return e.name; })    // what :sys.get_state and reports show instead of the map
//   CNODE_SHOW_WHOLE(employee)                                        // ... show all of it, also what is huge
//
// A map fits when it has all the named keys and their values fit; further keys are ignored, as in a pattern.
#pragma once

#include <cstddef>

#include <cnode/convert.hpp>
#include <cnode/for_each.hpp>

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
  using type_of = std::remove_cvref_t<decltype(std::declval<T&>().*F::member)>;

  static constexpr bool elixir = ElixirName.size > 0;

  static std::optional<T> from_term(term t) {
    if (!t.is_map()) return std::nullopt;
    if constexpr (elixir)
      if (!maps::get(t, is<"__struct__">{}).same(is<ElixirName>::value())) return std::nullopt;
    std::tuple<std::optional<type_of<Field>>...> parts;
    return read(t, parts, std::index_sequence_for<Field...>{});
  }
  static term to_term(const T& object) {
    if (shows()) {
      if constexpr (requires { cnode_show(&object); }) return encode(cnode_show(&object));
      if constexpr (requires { cnode_show_whole(&object); }) {
        const not_showing scope;
        return as_map(object);
      }
    }
    return as_map(object);
  }

 private:
  static term as_map(const T& object) {
    constexpr std::size_t n = sizeof...(Field) + (elixir ? 1 : 0);
    cnode_term keys[n + 1] = {Field::key::value().word()...};
    cnode_term values[n + 1] = {encode(object.*Field::member).word()...};
    if constexpr (elixir) {
      keys[n - 1] = is<"__struct__">::value().word();
      values[n - 1] = is<ElixirName>::value().word();
    }
    return term{host().make_map(env()->heap, keys, values, n)};
  }
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

// ---- enums
template <class T>
struct enumerator {
  const char* name;
  T value;
};
template <class T>
constexpr bool is_described_enum = requires { cnode_describe_enum(static_cast<const T*>(nullptr)); };
template <class T>
constexpr auto enumerators_of() {
  return cnode_describe_enum(static_cast<const T*>(nullptr));
}
template <class T, std::size_t N>
struct enumerator_list {
  enumerator<T> all[N];
  constexpr const enumerator<T>* begin() const { return all; }
  constexpr const enumerator<T>* end() const { return all + N; }
};
template <class T, class... E>
constexpr auto make_enumerators(E... e) {
  return enumerator_list<T, sizeof...(E)>{{e...}};
}

}  // namespace detail

template <class T>
struct convert<T, std::enable_if_t<detail::is_described<T>::value>> : detail::description_of<T> {};

template <class T>
struct convert<T, std::enable_if_t<std::is_enum_v<T>>> {
  static std::optional<T> from_term(term t) {
    if constexpr (detail::is_described_enum<T>) {
      if (!t.is_atom()) return std::nullopt;
      for (const auto& e : detail::enumerators_of<T>())
        if (atom{t}.text() == e.name) return e.value;
      return std::nullopt;
    } else {
      const auto value = decode<std::underlying_type_t<T>>(t);
      return value ? std::optional{static_cast<T>(*value)} : std::nullopt;
    }
  }
  static term to_term(T value) {
    if constexpr (detail::is_described_enum<T>)
      for (const auto& e : detail::enumerators_of<T>())
        if (e.value == value) return detail::intern(e.name);
    return encode(static_cast<std::underlying_type_t<T>>(value));
  }
};

}  // namespace module_api
}  // namespace cnode

#define CNODE_DETAIL_FIELD(type, name) , ::cnode::detail::field<#name, &type::name, offsetof(type, name)>
#define CNODE_ELIXIR_STRUCT(elixir_name, type, ...)                                                                   \
  _Pragma("GCC diagnostic push") _Pragma("GCC diagnostic ignored \"-Winvalid-offsetof\"")                             \
  _Pragma("GCC diagnostic ignored \"-Wunused-function\"") /* of a struct in an anonymous namespace */                 \
  [[maybe_unused]] ::cnode::detail::description<type, elixir_name CNODE_FOR_EACH(CNODE_DETAIL_FIELD, type, __VA_ARGS__)>               \
  cnode_describe(const type*);                                                                                        \
  _Pragma("GCC diagnostic pop") static_assert(true)
#define CNODE_STRUCT(type, ...) CNODE_ELIXIR_STRUCT("", type, __VA_ARGS__)

#define CNODE_DETAIL_ENUMERATOR(type, name) , ::cnode::detail::enumerator<type>{#name, type::name}
#define CNODE_ENUM(type, first, ...)                                                                                  \
  constexpr auto cnode_describe_enum(const type*) {                                                                   \
    return ::cnode::detail::make_enumerators<type>(::cnode::detail::enumerator<type>{#first, type::first}             \
                                                       CNODE_FOR_EACH(CNODE_DETAIL_ENUMERATOR, type, __VA_ARGS__));   \
  }                                                                                                                   \
  static_assert(true)
#define CNODE_SHOW(type, ...) \
  inline auto cnode_show(const type* object) { return (__VA_ARGS__)(*object); } \
  static_assert(true)
#define CNODE_SHOW_WHOLE(type) std::true_type cnode_show_whole(const type*)
