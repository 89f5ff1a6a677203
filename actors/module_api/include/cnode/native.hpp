// State that stays a C++ object between callbacks: native<State>.
//
// What others see of it (:sys.get_state, code_change, a newer version with another layout) is a term: State must be convertible,
// usually by CNODE_STRUCT. A new version of the module whose State has the same layout uses the living object, whatever its size;
// any other gets the term and converts it, or fails with function_clause as it would with a term it does not match.
// The object is destroyed by the version that made it, or that took it over.
#pragma once

#include <cstring>

#include <cnode/describe.hpp>
#include <cnode/error.hpp>

namespace cnode {
inline namespace module_api {

template <class T>
class native;

namespace detail {

// The name of T, cut out of "... [with T = employee]".
template <class T>
struct type_text {
  static constexpr std::string_view pretty() { return __PRETTY_FUNCTION__; }
  static constexpr std::string_view name() {
    const auto begin = pretty().find("T = ") + 4;
    return pretty().substr(begin, pretty().rfind(']') - begin);
  }
  struct buffer {
    char text[name().size() + 1]{};
  };
  static constexpr buffer make() {
    buffer b;
    for (std::size_t i = 0; i < name().size(); ++i) b.text[i] = name()[i];
    return b;
  }
  static constexpr buffer value = make();
};

template <class T>
struct native_type {
  static cnode_term to_term(cnode_env* env, const void* object) {
    return guarded(env, [&] { return encode(*static_cast<const T*>(object)).word(); });
  }
  static void destroy(void* object) { delete static_cast<T*>(object); }
  static constexpr cnode_native_ops ops{type_text<T>::value.text, to_term, destroy, layout_hash<T>::value};
};

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
  return {object, term{detail::host().make_native(detail::env(), object, &detail::native_type<T>::ops)}};
}

template <class T>
struct convert<native<T>> {
  static std::optional<native<T>> from_term(term t) {
    if (t.is_native()) {
      const cnode_native_ops* ops = nullptr;
      void* object = detail::host().native_object(t.word(), &ops);
      const auto& mine = detail::native_type<T>::ops;
      if (ops == &mine) return native<T>{static_cast<T*>(object), t};
      if (mine.layout != 0 && ops->layout == mine.layout && std::strcmp(ops->type, mine.type) == 0) {
        const auto& host = detail::host();
        if (host.size > offsetof(cnode_host, adopt_native) && host.adopt_native(detail::env(), t.word(), &mine))
          return native<T>{static_cast<T*>(object), t};
      }
      t = term{detail::host().native_to_term(detail::env(), t.word())};
      if (!t) return std::nullopt;
    }
    auto value = decode<T>(t);
    return value ? std::optional{make_native<T>(std::move(*value))} : std::nullopt;
  }
  static term to_term(const native<T>& value) { return value; }
};

}  // namespace module_api
}  // namespace cnode
