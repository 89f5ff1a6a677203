// State that stays a C++ object between callbacks: native<State>.
//
// What others see of it (:sys.get_state, reports) is a term: State must be convertible, usually by CNODE_STRUCT, and made of the types
// that fingerprint.hpp lists. A parameter native<State> takes an object that another version of the module made by the first way that
// goes:
//   1. same name, fields and layout: the living object, whatever its size;
//   2. CNODE_UPGRADE from its type: the function's result takes its place;
//   3. through a term: the old version writes it, State reads it.
// When none goes for any clause, the call fails with {bad_state, Term}.
//
//   namespace v1 { struct samples { std::vector<double> values; }; CNODE_STRUCT(samples, values); }
//   struct samples { std::vector<double> values; std::int64_t dropped; };
//   CNODE_STRUCT(samples, values, dropped);
//   CNODE_UPGRADE(v1::samples, samples, [](v1::samples&& old) { return samples{std::move(old.values), 0}; })
//
// The object is destroyed by the version that made it, or that took it over.
#pragma once

#include <cnode/error.hpp>
#include <cnode/fingerprint.hpp>
#include <cnode/native_list.hpp>

namespace cnode {
inline namespace module_api {

template <class T>
class native;

namespace detail {

template <class T>
struct native_type {
  static_assert(std::is_class_v<T>, "cnode: native<T> keeps a struct: describe it with CNODE_STRUCT");
  static cnode_term to_term(cnode_env* env, const void* object) {
    return guarded(env, [&] { return encode(*static_cast<const T*>(object)).word(); });
  }
  static void destroy(void* object) { delete static_cast<T*>(object); }
  static constexpr cnode_native_ops ops{type_text<T>::value.text, to_term, destroy, layout_hash<T>::value};

  // The operations; whoever uses this has put them on the list, though perhaps later than a static object of the same file is made.
  static const cnode_native_ops& listed() {
    static_cast<void>(&entry);
    return ops;
  }

 private:
  struct list_entry {
    list_entry() noexcept : node{&ops, known_natives} { known_natives = &node; }
    cnode_native_type node;
  };
  static inline list_entry entry;
};

// ---- CNODE_UPGRADE
struct upgrade_entry {
  const cnode_native_ops* from;
  void* (*make)(void* old);
  const upgrade_entry* next;
};
template <class New>
inline constinit const upgrade_entry* upgrades_to = nullptr;

template <class Old, class New>
class upgrade {
 public:
  template <class F>
  explicit upgrade(F) noexcept : entry_{&native_type<Old>::listed(), make<F>, upgrades_to<New>} {
    static_assert(std::is_empty_v<F> && std::is_invocable_r_v<New, F, Old&&>,
                  "cnode: CNODE_UPGRADE(old, new, f): f takes old&& and gives new, and captures nothing");
    static_assert(layout_hash<Old>::value != 0, "cnode: CNODE_UPGRADE from a type that is CNODE_NEVER_ADOPTED is never used");
    native_type<New>::listed();
    upgrades_to<New> = &entry_;
  }

 private:
  template <class F>
  static void* make(void* old) {
    return new New(F{}(std::move(*static_cast<Old*>(old))));
  }
  upgrade_entry entry_;
};

// `old` converted, the old object moved from; null: there is no upgrade from its type.
template <class New>
void* upgraded(const cnode_native_ops& ops, void* old) {
  if (ops.layout == 0) return nullptr;
  for (auto* u = upgrades_to<New>; u != nullptr; u = u->next)
    if (same_type(*u->from, ops)) return u->make(old);
  return nullptr;
}

template <class T>
struct holds_native<native<T>> : std::true_type {};

}  // namespace detail

// Refers to the object; owns nothing, the term does. Valid while the callback runs.
template <class T>
class native {
 public:
  native(T* object, term t) : object_(object), term_(t) {}
  T* operator->() const { return object_; }
  T& operator*() const { return *object_; }
  operator term() const { return term_; }

 private:
  T* object_;
  term term_;
};

template <class T, class... A>
native<T> make_native(A&&... args) {
  auto* object = new T{std::forward<A>(args)...};
  return {object, term{detail::host().make_native(detail::env(), object, &detail::native_type<T>::listed())}};
}

template <class T>
struct convert<native<T>> {
  static std::optional<native<T>> from_term(term t) {
    if (!t.is_native()) return from_value(t);
    const auto& host = detail::host();
    const auto& mine = detail::native_type<T>::listed();
    const cnode_native_ops* ops = nullptr;
    void* object = host.native_object(t.word(), &ops);
    if (ops == &mine) return native<T>{static_cast<T*>(object), t};
    if (ops == nullptr) return std::nullopt;
    if (mine.layout != 0 && detail::same_type(*ops, mine) && host.adopt_native(detail::env(), t.word(), &mine))
      return native<T>{static_cast<T*>(object), t};
    if (auto* made = static_cast<T*>(detail::upgraded<T>(*ops, object))) {
      if (host.replace_native(detail::env(), t.word(), made, &mine)) return native<T>{made, t};
      delete made;
      return std::nullopt;
    }
    return by_term(t, *ops, mine);
  }
  static term to_term(const native<T>& value) { return value; }

 private:
  static std::optional<native<T>> by_term(term t, const cnode_native_ops& ops, const cnode_native_ops& mine) {
    auto* search = detail::natives_wanted();
    const bool same_name = std::strcmp(ops.type, mine.type) == 0;
    // What is known as another type is left to the clause for that type.
    if (const auto* known = detail::known_as(ops); known != nullptr || (!same_name && detail::knows_name(ops.type)))
      if (search == nullptr || (known == &ops && !same_name)) return std::nullopt;
    const term whole{detail::host().native_to_term(detail::env(), t.word())};
    auto made = whole ? from_value(whole) : std::nullopt;
    if (!made && search != nullptr) search->misfit(t.word());
    return made;
  }
  static std::optional<native<T>> from_value(term t) {
    std::optional<T> value;
    {
      const detail::conversion_env scope{CNODE_ENV_STATE};
      value = decode<T>(t);
    }
    return value ? std::optional{make_native<T>(std::move(*value))} : std::nullopt;
  }
};

}  // namespace module_api
}  // namespace cnode

#define CNODE_UPGRADE(old_type, new_type, ...) CNODE_DETAIL_UPGRADE(old_type, new_type, __COUNTER__, __VA_ARGS__)
#define CNODE_DETAIL_UPGRADE(old_type, new_type, number, ...) CNODE_DETAIL_UPGRADE_(old_type, new_type, number, __VA_ARGS__)
#define CNODE_DETAIL_UPGRADE_(old_type, new_type, number, ...) \
  static const ::cnode::detail::upgrade<old_type, new_type> cnode_upgrade_##number { __VA_ARGS__ }
