// Further standard types as terms and as parts of native objects:
//
//   std::array, deque, list                                   list (an array exactly of its length)
//   std::set, multiset, unordered_set                         list, sorted but for unordered_set
//   std::multimap                                             list of {Key, Value}
//   std::unordered_map                                        map
//   std::unique_ptr<T>                                        T or nil
//   std::bitset                                               list of the numbers of the bits that are set
//   std::complex                                              {Re, Im}
//   std::chrono::duration, and time_point since its epoch     {Count, Unit}: second, millisecond, ... or {Num, Den} seconds
//
// Only with default allocators, comparators, deleters and hashes; the keys of unordered ones must be numbers, enums or strings: a hash
// of your own might be another in the next version.
#pragma once

#include <array>
#include <bitset>
#include <chrono>
#include <complex>
#include <deque>
#include <list>
#include <memory>
#include <numeric>
#include <set>
#include <unordered_map>
#include <unordered_set>

#include <cnode/fingerprint.hpp>

namespace cnode {
inline namespace module_api {
namespace detail {

// Calls take(element) for each, until one is not taken.
template <class T, class Take>
bool each_of_list(term t, Take take) {
  for (; t.is_cons(); t = t.tail()) {
    auto value = decode<T>(t.head());
    if (!value || !take(std::move(*value))) return false;
  }
  return t.is_nil();
}

template <class Container>
struct convert_list {
  using element = typename Container::value_type;
  static std::optional<Container> from_term(term t) {
    Container values;
    const auto add = [&](element&& value) { return values.insert(values.end(), std::move(value)), true; };
    return each_of_list<element>(t, add) ? std::optional{std::move(values)} : std::nullopt;
  }
  static term to_term(const Container& values) {
    if constexpr (std::is_arithmetic_v<element>)
      if (summarised(values.size() * sizeof(element)))
        return blob_of<element>(std::string{type_text<Container>::own_name().substr(0, type_text<Container>::own_name().find('<'))}.c_str(),
                                values.size());
    std::vector<cnode_term> words;
    words.reserve(values.size());
    for (const auto& value : values) words.push_back(encode<element>(value).word());
    term list = nil;
    for (auto i = words.size(); i > 0; --i) list = cons(term{words[i - 1]}, list);
    return list;
  }
};

}  // namespace detail

template <class T>
struct convert<std::deque<T>> : detail::convert_list<std::deque<T>> {};
template <class T>
struct convert<std::list<T>> : detail::convert_list<std::list<T>> {};
template <class T>
struct convert<std::set<T>> : detail::convert_list<std::set<T>> {};
template <class T>
struct convert<std::multiset<T>> : detail::convert_list<std::multiset<T>> {};
template <class T>
struct convert<std::unordered_set<T>> : detail::convert_list<std::unordered_set<T>> {};

template <class T, std::size_t N>
struct convert<std::array<T, N>> {
  static std::optional<std::array<T, N>> from_term(term t) {
    std::vector<T> values;
    values.reserve(N);
    const auto add = [&](T&& value) { return values.size() < N && (values.push_back(std::move(value)), true); };
    if (!detail::each_of_list<T>(t, add) || values.size() != N) return std::nullopt;
    return [&]<std::size_t... I>(std::index_sequence<I...>) {
      return std::optional{std::array<T, N>{static_cast<T>(std::move(values[I]))...}};
    }(std::make_index_sequence<N>{});
  }
  static term to_term(const std::array<T, N>& values) {
    if constexpr (std::is_arithmetic_v<T>)
      if (detail::summarised(sizeof values)) return detail::blob_of<T>("array", N);
    term list = nil;
    for (auto i = N; i > 0; --i) list = detail::cons(encode<T>(values[i - 1]), list);
    return list;
  }
};

template <class K, class V>
struct convert<std::multimap<K, V>> {
  static std::optional<std::multimap<K, V>> from_term(term t) {
    std::multimap<K, V> pairs;
    const auto add = [&](std::pair<K, V>&& pair) { return pairs.insert(pairs.end(), std::move(pair)), true; };
    return detail::each_of_list<std::pair<K, V>>(t, add) ? std::optional{std::move(pairs)} : std::nullopt;
  }
  static term to_term(const std::multimap<K, V>& pairs) {
    term list = nil;
    for (auto i = pairs.rbegin(); i != pairs.rend(); ++i)
      list = detail::cons(detail::tuple_of(encode(i->first), encode(i->second)), list);
    return list;
  }
};

template <class K, class V>
struct convert<std::unordered_map<K, V>> : detail::convert_map<std::unordered_map<K, V>> {};

template <class T>
struct convert<std::unique_ptr<T>> {
  static std::optional<std::unique_ptr<T>> from_term(term t) {
    if (t.same(is<"nil">::value())) return std::unique_ptr<T>{};
    auto value = decode<T>(t);
    return value ? std::optional{std::make_unique<T>(std::move(*value))} : std::nullopt;
  }
  static term to_term(const std::unique_ptr<T>& value) { return value ? encode(*value) : is<"nil">::value(); }
};

template <std::size_t N>
struct convert<std::bitset<N>> {
  static std::optional<std::bitset<N>> from_term(term t) {
    std::bitset<N> bits;
    const auto add = [&](std::size_t bit) { return bit < N && (bits.set(bit), true); };
    return detail::each_of_list<std::size_t>(t, add) ? std::optional{bits} : std::nullopt;
  }
  static term to_term(const std::bitset<N>& bits) {
    term list = nil;
    for (auto i = N; i > 0; --i)
      if (bits[i - 1]) list = detail::cons(encode(i - 1), list);
    return list;
  }
};

template <class T>
struct convert<std::complex<T>> {
  static std::optional<std::complex<T>> from_term(term t) {
    const auto parts = decode<std::pair<T, T>>(t);
    return parts ? std::optional{std::complex<T>{parts->first, parts->second}} : std::nullopt;
  }
  static term to_term(const std::complex<T>& value) { return detail::tuple_of(encode(value.real()), encode(value.imag())); }
};

template <class Rep, class Period>
struct convert<std::chrono::duration<Rep, Period>> {
  using duration = std::chrono::duration<Rep, Period>;
  // Fits when it is a whole number of this duration's units.
  static std::optional<duration> from_term(term t) {
    if (!t.is_tuple(2)) return std::nullopt;
    const auto count = decode<Rep>(t[0]);
    const auto unit = unit_of(t[1]);
    if (!count || !unit) return std::nullopt;
    // count * unit / Period
    std::int64_t up = 0, down = 0;
    if (__builtin_mul_overflow(unit->first, std::int64_t{Period::den}, &up) ||
        __builtin_mul_overflow(unit->second, std::int64_t{Period::num}, &down))
      return std::nullopt;
    if constexpr (std::is_floating_point_v<Rep>) {
      return duration{static_cast<Rep>(*count * static_cast<Rep>(up) / static_cast<Rep>(down))};
    } else {
      const auto divisor = std::gcd(up, down);
      Rep value{};
      if (static_cast<std::int64_t>(*count) % (down / divisor) != 0) return std::nullopt;
      if (__builtin_mul_overflow(static_cast<std::int64_t>(*count) / (down / divisor), up / divisor, &value)) return std::nullopt;
      return duration{value};
    }
  }
  static term to_term(duration d) { return detail::tuple_of(encode(d.count()), unit()); }

 private:
  static term unit() {
    if constexpr (Period::num == 1 && Period::den == 1) return is<"second">::value();
    if constexpr (Period::num == 1 && Period::den == 1000) return is<"millisecond">::value();
    if constexpr (Period::num == 1 && Period::den == 1000000) return is<"microsecond">::value();
    if constexpr (Period::num == 1 && Period::den == 1000000000) return is<"nanosecond">::value();
    return detail::tuple_of(encode(std::int64_t{Period::num}), encode(std::int64_t{Period::den}));
  }
  static std::optional<std::pair<std::int64_t, std::int64_t>> unit_of(term t) {
    if (t.same(is<"second">::value())) return std::pair<std::int64_t, std::int64_t>{1, 1};
    if (t.same(is<"millisecond">::value())) return std::pair<std::int64_t, std::int64_t>{1, 1000};
    if (t.same(is<"microsecond">::value())) return std::pair<std::int64_t, std::int64_t>{1, 1000000};
    if (t.same(is<"nanosecond">::value())) return std::pair<std::int64_t, std::int64_t>{1, 1000000000};
    auto ratio = decode<std::pair<std::int64_t, std::int64_t>>(t);
    if (!ratio || ratio->first <= 0 || ratio->second <= 0) return std::nullopt;
    return ratio;
  }
};
template <class Clock, class Duration>
struct convert<std::chrono::time_point<Clock, Duration>> {
  using time_point = std::chrono::time_point<Clock, Duration>;
  static std::optional<time_point> from_term(term t) {
    const auto since_epoch = decode<Duration>(t);
    return since_epoch ? std::optional{time_point{*since_epoch}} : std::nullopt;
  }
  static term to_term(time_point t) { return encode(t.time_since_epoch()); }
};

namespace detail {

template <class T>
struct layout_hash<std::deque<T>> {
  static constexpr std::uint64_t value = layout_as<std::deque<T>, T>::made("deque");
};
template <class T>
struct layout_hash<std::list<T>> {
  static constexpr std::uint64_t value = layout_as<std::list<T>, T>::made("list");
};
template <class T>
struct layout_hash<std::set<T>> {
  static constexpr std::uint64_t value = layout_as<std::set<T>, T>::made("set");
};
template <class T>
struct layout_hash<std::multiset<T>> {
  static constexpr std::uint64_t value = layout_as<std::multiset<T>, T>::made("multiset");
};
template <class T>
struct layout_hash<std::unique_ptr<T>> {
  static constexpr std::uint64_t value = layout_as<std::unique_ptr<T>, T>::made("unique_ptr");
};

template <class K>
constexpr bool hashed_by_library = std::is_arithmetic_v<K> || std::is_enum_v<K> || std::is_same_v<K, std::string>;

template <class T>
struct layout_hash<std::unordered_set<T>> {
  static_assert(hashed_by_library<T>, "cnode: keys of unordered containers in a native object must be numbers, enums or strings: a "
                                      "std::hash of your own might be another in the next version");
  static constexpr std::uint64_t value = layout_as<std::unordered_set<T>, T>::made("unordered_set");
};
template <class K, class V>
struct layout_hash<std::unordered_map<K, V>> {
  static_assert(hashed_by_library<K>, "cnode: keys of unordered containers in a native object must be numbers, enums or strings: a "
                                      "std::hash of your own might be another in the next version");
  static constexpr std::uint64_t value = layout_as<std::unordered_map<K, V>, K, V>::made("unordered_map");
};
template <class K, class V>
struct layout_hash<std::multimap<K, V>> {
  static constexpr std::uint64_t value = layout_as<std::multimap<K, V>, K, V>::made("multimap");
};
template <class T, std::size_t N>
struct layout_hash<std::array<T, N>> {
  static constexpr std::uint64_t value = layout_as<std::array<T, N>, T>::made("array");
};
template <std::size_t N>
struct layout_hash<std::bitset<N>> {
  static constexpr std::uint64_t value = fnv(layout_as<std::bitset<N>>::made("bitset"), N);
};
template <class T>
struct layout_hash<std::complex<T>> {
  static constexpr std::uint64_t value = layout_as<std::complex<T>, T>::made("complex");
};
template <class Rep, class Period>
struct layout_hash<std::chrono::duration<Rep, Period>> {
  static constexpr std::uint64_t value =
      fnv(fnv(layout_as<std::chrono::duration<Rep, Period>, Rep>::made("duration"), Period::num), Period::den);
};
template <class Clock, class Duration>
struct layout_hash<std::chrono::time_point<Clock, Duration>> {
  static constexpr std::uint64_t value =
      fnv_text(layout_as<std::chrono::time_point<Clock, Duration>, Duration>::made("time_point"), type_text<Clock>::own_name());
};

}  // namespace detail
}  // namespace module_api
}  // namespace cnode
