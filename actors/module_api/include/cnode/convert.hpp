// Which C++ type is which term. decode<T>(term) gives nothing when the term is none of that type; encode(value) makes the term.
//
//   bool, std::int64_t and the other integers (range checked), double (floats only), number (any number)
//   atom, is<"ok">, "ok"_a                  an atom; exactly that atom
//   std::string, std::string_view, "text"   binary; bin<"1"> exactly that binary
//   std::vector<T>, std::map<K, V>          proper list, map
//   std::tuple, std::pair                   tuple; tagged<"add", T...> the tuple {add, T...}
//   std::optional<T>, std::variant<T...>    T or nil; the first that fits
//   pid, reference, from, term              the term itself
//   structs named by CNODE_STRUCT           maps with atom keys (describe.hpp)
//
// For a type of your own specialise cnode::convert<T>. A std::string_view, term, ... is valid as long as the callback's terms are.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include <cnode/atom.hpp>

namespace cnode {
inline namespace module_api {

template <class T, class = void>
struct convert;

template <class T>
std::optional<T> decode(term t) {
  return convert<T>::from_term(t);
}

template <class T>
term encode(const T& value) {
  return convert<std::decay_t<T>>::to_term(value);
}

// A term that is known to be of one kind. Owns nothing, like term.
namespace detail {
// CNODE_ENV_...; whoever kills the process sets one from another thread.
inline std::uint32_t env_flags() { return __atomic_load_n(&env()->flags, __ATOMIC_RELAXED); }
// Why to_term runs: for people, or to carry a state over.
inline bool shows() { return (env_flags() & CNODE_ENV_SHOW) != 0; }
inline bool converts_state() { return (env_flags() & (CNODE_ENV_SHOW | CNODE_ENV_STATE)) != 0; }

// An env of its own for a conversion inside a callback. What is made there lies in the callback's heap.
class conversion_env {
 public:
  explicit conversion_env(std::uint32_t flags) : env_{}, scope_(&env_) {
    env_.heap = outer_->heap;
    env_.process = outer_->process;
    env_.flags = flags;
  }
  cnode_env* get() { return &env_; }

 private:
  cnode_env* outer_ = env();
  cnode_env env_;
  env_scope scope_;
};
// Everything below is shown whole.
struct not_showing : conversion_env {
  not_showing() : conversion_env(CNODE_ENV_STATE) {}
};

// {blob, Type, Bytes}: what people see instead of more than 64 KiB of plain bytes or numbers.
constexpr std::size_t largest_shown = 64 * 1024;
inline bool summarised(std::size_t bytes) { return bytes > largest_shown && shows(); }
template <class T>
std::string number_name() {
  if (std::is_same_v<T, bool>) return "bool";
  const char* kind = std::is_floating_point_v<T> ? "float" : std::is_signed_v<T> ? "int" : "uint";
  return kind + std::to_string(sizeof(T) * 8);
}
term blob(std::string_view type, std::size_t bytes);
template <class T>
term blob_of(const char* container, std::size_t count) {
  return blob(container + ("<" + number_name<T>() + ">"), count * sizeof(T));
}

// Has a parameter of this type a place for a native object (native.hpp)?
template <class T>
struct holds_native : std::false_type {};
template <bool (term::*Test)() const>
class typed_term {
 public:
  explicit typed_term(term t) : term_(t) {}
  static bool fits(term t) { return (t.*Test)(); }
  operator term() const { return term_; }

 private:
  term term_;
};
}  // namespace detail

struct pid : detail::typed_term<&term::is_pid> {
  using typed_term::typed_term;
};
struct reference : detail::typed_term<&term::is_ref> {
  using typed_term::typed_term;
};

// The second argument of handle_call: whom to answer with reply(from, value) when the callback itself returned noreply.
class from {
 public:
  explicit from(term t) : term_(t) {}
  static bool fits(term t) { return t.is_tuple(2); }
  operator term() const { return term_; }
  cnode::pid pid() const { return cnode::pid{term_[0]}; }
  term tag() const { return term_[1]; }

 private:
  term term_;
};

// {Name, T...}: what most requests look like. `auto& [value] = request;` gives the elements behind the name.
template <fixed_string Name, class... T>
struct tagged : std::tuple<T...> {
  using std::tuple<T...>::tuple;
};

// ---- terms as they are
template <>
struct convert<term> {
  static std::optional<term> from_term(term t) { return t; }
  static term to_term(term t) { return t; }
};

template <class T>
struct convert<T, std::enable_if_t<std::is_same_v<T, pid> || std::is_same_v<T, reference> || std::is_same_v<T, from>>> {
  static std::optional<T> from_term(term t) { return T::fits(t) ? std::optional<T>{T{t}} : std::nullopt; }
  static term to_term(const T& value) { return value; }
};

template <>
struct convert<atom> {
  static std::optional<atom> from_term(term t) { return t.is_atom() ? std::optional<atom>{atom{t}} : std::nullopt; }
  static term to_term(atom value) { return value; }
};

template <fixed_string S>
struct convert<is<S>> {
  static std::optional<is<S>> from_term(term t) { return t.same(is<S>::value()) ? std::optional<is<S>>{is<S>{}} : std::nullopt; }
  static term to_term(is<S>) { return is<S>::value(); }
};

template <>
struct convert<bool> {
  static std::optional<bool> from_term(term t) {
    if (t.same(is<"true">::value())) return true;
    if (t.same(is<"false">::value())) return false;
    return std::nullopt;
  }
  static term to_term(bool value) { return value ? is<"true">::value() : is<"false">::value(); }
};

// ---- numbers
template <class T>
struct convert<T, std::enable_if_t<std::is_integral_v<T> && !std::is_same_v<T, bool>>> {
  static std::optional<T> from_term(term t) {
    if (t.is_small()) {
      const std::int64_t v = t.small();
      return std::in_range<T>(v) ? std::optional<T>{static_cast<T>(v)} : std::nullopt;
    }
    if (!t.is_big() || t.size() != 1) return std::nullopt;
    const std::uint64_t limb = t.box()[1];
    if (t.kind() == CNODE_BIG_POS) return std::in_range<T>(limb) ? std::optional<T>{static_cast<T>(limb)} : std::nullopt;
    if (limb > std::uint64_t{1} << 63) return std::nullopt;
    const auto v = static_cast<std::int64_t>(0 - limb);
    return std::in_range<T>(v) ? std::optional<T>{static_cast<T>(v)} : std::nullopt;
  }
  static term to_term(T value) {
    if (std::in_range<std::int64_t>(value) && cnode_fits_small(static_cast<std::int64_t>(value)))
      return small(static_cast<std::int64_t>(value));
    const bool negative = std::cmp_less(value, 0);
    const std::uint64_t limb = negative ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
    return term{detail::host().make_big(detail::env()->heap, negative, &limb, 1)};
  }
};

template <class T>
struct convert<T, std::enable_if_t<std::is_floating_point_v<T>>> {
  static std::optional<T> from_term(term t) {
    if (t.is_float()) return static_cast<T>(t.float_value());
    if (!t.is_atom() || !detail::converts_state()) return std::nullopt;
    if (t.same(is<"nan">::value())) return static_cast<T>(__builtin_nan(""));
    if (t.same(is<"infinity">::value())) return static_cast<T>(__builtin_inf());
    if (t.same(is<"-infinity">::value())) return static_cast<T>(-__builtin_inf());
    return std::nullopt;
  }
  // NaN and infinity, which Erlang has not, are badarith; as part of a native object nan, infinity and '-infinity'. error.hpp
  static term to_term(T value);
};

// ---- text
template <>
struct convert<std::string_view> {
  static std::optional<std::string_view> from_term(term t) { return t.is_binary() ? std::optional{t.bytes()} : std::nullopt; }
  static term to_term(std::string_view text) { return detail::binary(text); }
};
template <>
struct convert<std::string> {
  static std::optional<std::string> from_term(term t) { return t.is_binary() ? std::optional{std::string{t.bytes()}} : std::nullopt; }
  static term to_term(std::string_view text) {
    return detail::summarised(text.size()) ? detail::blob("string", text.size()) : detail::binary(text);
  }
};
template <>
struct convert<const char*> {
  static term to_term(std::string_view text) { return detail::binary(text); }
};

// Exactly this binary, as a parameter: bin<"1"> where a clause in Elixir has "1".
template <fixed_string S>
struct bin {
  operator std::string_view() const { return {S.text, S.size}; }
};
template <fixed_string S>
struct convert<bin<S>> {
  static std::optional<bin<S>> from_term(term t) {
    return t.is_binary() && t.bytes() == std::string_view{S.text, S.size} ? std::optional{bin<S>{}} : std::nullopt;
  }
  static term to_term(bin<S>) { return detail::binary({S.text, S.size}); }
};

// ---- nil or a value
template <>
struct convert<std::nullopt_t> {
  static term to_term(std::nullopt_t) { return is<"nil">::value(); }
};
template <class T>
struct convert<std::optional<T>> {
  static std::optional<std::optional<T>> from_term(term t) {
    if (t.same(is<"nil">::value())) return std::optional<T>{};
    auto value = decode<T>(t);
    return value ? std::optional<std::optional<T>>{std::move(value)} : std::nullopt;
  }
  static term to_term(const std::optional<T>& value) { return value ? encode(*value) : is<"nil">::value(); }
};

template <>
struct convert<std::monostate> {
  static std::optional<std::monostate> from_term(term t) {
    return t.same(is<"nil">::value()) ? std::optional{std::monostate{}} : std::nullopt;
  }
  static term to_term(std::monostate) { return is<"nil">::value(); }
};

template <class... T>
struct convert<std::variant<T...>> {
  using variant = std::variant<T...>;
  static std::optional<variant> from_term(term t) {
    std::optional<variant> found;
    (try_one<T>(t, found) || ...);
    return found;
  }
  static term to_term(const variant& value) {
    return std::visit([](const auto& alternative) { return encode(alternative); }, value);
  }

 private:
  template <class U>
  static bool try_one(term t, std::optional<variant>& found) {
    auto value = decode<U>(t);
    if (value) found.emplace(std::in_place_type<U>, std::move(*value));
    return value.has_value();
  }
};

// ---- sequences and maps
template <class T>
struct convert<std::vector<T>> {
  static std::optional<std::vector<T>> from_term(term t) {
    std::vector<T> values;
    for (; t.is_cons(); t = t.tail()) {
      auto value = decode<T>(t.head());
      if (!value) return std::nullopt;
      values.push_back(std::move(*value));
    }
    return t.is_nil() ? std::optional{std::move(values)} : std::nullopt;
  }
  static term to_term(const std::vector<T>& values) {
    if constexpr (std::is_arithmetic_v<T>)
      if (detail::summarised(values.size() * sizeof(T))) return detail::blob_of<T>("vector", values.size());
    term list = nil;
    for (auto i = values.size(); i > 0; --i) list = detail::cons(encode<T>(values[i - 1]), list);
    return list;
  }
};

namespace detail {
// Of std::map and std::unordered_map.
template <class Map>
struct convert_map {
  using K = typename Map::key_type;
  using V = typename Map::mapped_type;
  static std::optional<Map> from_term(term t) {
    if (!t.is_map()) return std::nullopt;
    Map pairs;
    for (std::uint64_t i = 0; i < t.map_size(); ++i) {
      auto key = decode<K>(t.map_key(i));
      auto value = key ? decode<V>(t.map_value(i)) : std::nullopt;
      if (!value) return std::nullopt;
      pairs.insert_or_assign(std::move(*key), std::move(*value));
    }
    return pairs;
  }
  static term to_term(const Map& pairs) {
    std::vector<cnode_term> keys, values;
    keys.reserve(pairs.size());
    values.reserve(pairs.size());
    for (const auto& [key, value] : pairs) {
      keys.push_back(encode(key).word());
      values.push_back(encode(value).word());
    }
    return term{detail::host().make_map(detail::env()->heap, keys.data(), values.data(), keys.size())};
  }
};
}  // namespace detail

template <class K, class V>
struct convert<std::map<K, V>> : detail::convert_map<std::map<K, V>> {};

// ---- tuples
namespace detail {
// Decodes the elements from `first` on, in order, until one does not fit. Unfolded by recursion: values need no default constructor.
template <class Result, class... T, std::size_t... I>
std::optional<Result> decode_elements(term t, std::size_t first, std::index_sequence<I...>) {
  std::tuple<std::optional<T>...> parts;
  if (!(... && (std::get<I>(parts) = decode<T>(t[first + I])).has_value())) return std::nullopt;
  return Result{std::move(*std::get<I>(parts))...};
}
}  // namespace detail

template <class... T>
struct convert<std::tuple<T...>> {
  static std::optional<std::tuple<T...>> from_term(term t) {
    if (!t.is_tuple(sizeof...(T))) return std::nullopt;
    return detail::decode_elements<std::tuple<T...>, T...>(t, 0, std::index_sequence_for<T...>{});
  }
  static term to_term(const std::tuple<T...>& value) {
    return std::apply([](const auto&... element) { return detail::tuple_of(encode(element)...); }, value);
  }
};

template <class A, class B>
struct convert<std::pair<A, B>> {
  static std::optional<std::pair<A, B>> from_term(term t) {
    if (!t.is_tuple(2)) return std::nullopt;
    return detail::decode_elements<std::pair<A, B>, A, B>(t, 0, std::index_sequence_for<A, B>{});
  }
  static term to_term(const std::pair<A, B>& value) { return detail::tuple_of(encode(value.first), encode(value.second)); }
};

template <fixed_string Name, class... T>
struct convert<tagged<Name, T...>> {
  static std::optional<tagged<Name, T...>> from_term(term t) {
    if (!t.is_tuple(1 + sizeof...(T)) || !t[0].same(is<Name>::value())) return std::nullopt;
    return detail::decode_elements<tagged<Name, T...>, T...>(t, 1, std::index_sequence_for<T...>{});
  }
  static term to_term(const tagged<Name, T...>& value) {
    return std::apply([](const auto&... element) { return detail::tuple_of(is<Name>::value(), encode(element)...); },
                      static_cast<const std::tuple<T...>&>(value));
  }
};

namespace detail {
inline term blob(std::string_view type, std::size_t bytes) { return tuple_of(is<"blob">::value(), binary(type), encode(bytes)); }

template <class... T>
struct holds_native<std::tuple<T...>> : std::disjunction<holds_native<T>...> {};
template <fixed_string Name, class... T>
struct holds_native<tagged<Name, T...>> : std::disjunction<holds_native<T>...> {};
template <class A, class B>
struct holds_native<std::pair<A, B>> : std::disjunction<holds_native<A>, holds_native<B>> {};
template <class T>
struct holds_native<std::optional<T>> : holds_native<T> {};
template <class... T>
struct holds_native<std::variant<T...>> : std::disjunction<holds_native<T>...> {};
template <class T>
struct holds_native<std::vector<T>> : holds_native<T> {};
template <class K, class V>
struct holds_native<std::map<K, V>> : holds_native<V> {};
}  // namespace detail

// ---- building and reading terms by hand
// {A, B, ...} and [A, B, ...] of convertible values.
template <class... T>
term tuple(const T&... elements) {
  return detail::tuple_of(encode(elements)...);
}
template <class... T>
term list(const T&... elements) {
  return detail::list_of(encode(elements)...);
}

namespace maps {
// The value under a key; none (false) when the key is not there.
template <class K>
term get(term map, const K& key) {
  return term{map.is_map() ? detail::host().map_get(map.word(), encode(key).word()) : cnode_term{CNODE_NONE}};
}

// The map with this key set: Map.put/3. `map` must be a map.
template <class K, class V>
term put(term map, const K& key, const V& value) {
  std::vector<cnode_term> keys, values;
  for (std::uint64_t i = 0; i < map.map_size(); ++i) {
    keys.push_back(map.map_key(i).word());
    values.push_back(map.map_value(i).word());
  }
  keys.push_back(encode(key).word());
  values.push_back(encode(value).word());
  return term{detail::host().make_map(detail::env()->heap, keys.data(), values.data(), keys.size())};
}
}  // namespace maps

// =:=, of anything convertible.
template <class A, class B>
bool exactly_equal(const A& a, const B& b) {
  return detail::host().exactly_equal(encode(a).word(), encode(b).word()) != 0;
}

}  // namespace module_api
}  // namespace cnode

template <cnode::fixed_string Name, class... T>
struct std::tuple_size<cnode::tagged<Name, T...>> : std::tuple_size<std::tuple<T...>> {};
template <std::size_t I, cnode::fixed_string Name, class... T>
struct std::tuple_element<I, cnode::tagged<Name, T...>> : std::tuple_element<I, std::tuple<T...>> {};
