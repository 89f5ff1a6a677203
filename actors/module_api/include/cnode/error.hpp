// How a callback fails: throw badarg(), throw error(Reason), throw exit_with(Reason), throw throw_term(Value).
// Any other C++ exception becomes error:{cxx_exception, Type, What}; the host goes on, the process ends as on a BEAM.
#pragma once

#include <cxxabi.h>

#include <cstdlib>
#include <typeinfo>

#include <cnode/convert.hpp>

namespace cnode {
inline namespace module_api {

template <class R>
raised error(const R& reason) {
  return {is<"error">::value().word(), encode(reason).word()};
}
template <class R>
raised exit_with(const R& reason) {
  return {is<"exit">::value().word(), encode(reason).word()};
}
// The value of a throw(Value). (`throw` is a word of C++.)
template <class V>
raised throw_term(const V& value) {
  return {is<"throw">::value().word(), encode(value).word()};
}
inline raised badarg() { return error("badarg"_a); }
inline raised badarith() { return error("badarith"_a); }

inline void raise_system_limit() {
  // The atom itself is one that every node has.
  throw error(is<"system_limit">{});
}

// The value as a T, or error:{badmatch, Term}: T x = decoded as `{:ok, x} = term` matches in Elixir.
template <class T>
T to(term t) {
  auto value = decode<T>(t);
  if (!value) throw error(tuple("badmatch"_a, t));
  return std::move(*value);
}

template <class T>
term convert<T, std::enable_if_t<std::is_floating_point_v<T>>>::to_term(T value) {
  const auto number = static_cast<double>(value);
  if (!__builtin_isfinite(number)) {
    if (!detail::converts_state()) throw badarith();
    return __builtin_isnan(number) ? is<"nan">::value() : number > 0 ? is<"infinity">::value() : is<"-infinity">::value();
  }
  cnode_term* p = detail::reserve(2);
  p[0] = CNODE_HEADER(CNODE_FLOAT, 1);
  __builtin_memcpy(p + 1, &number, sizeof number);
  return term{cnode_make_boxed(p)};
}

namespace detail {

inline cnode_term set_raised(const raised& r) noexcept {
  cnode_env* e = env();
  e->outcome = CNODE_RAISE;
  e->error_class = r.error_class;
  e->reason = r.reason;
  e->stacktrace = r.stacktrace;
  return CNODE_NONE;
}

[[gnu::cold, gnu::noinline]] inline term cxx_exception(const char* what) noexcept {
  const std::type_info* type = abi::__cxa_current_exception_type();
  int status = -1;
  char* name = type != nullptr ? abi::__cxa_demangle(type->name(), nullptr, nullptr, &status) : nullptr;
  term t = tuple_of(is<"cxx_exception">::value(), binary(status == 0 ? name : "unknown"), binary(what));
  std::free(name);
  return t;
}

[[gnu::cold, gnu::noinline]] inline cnode_term raise_current_exception() noexcept {
  try {
    throw;
  } catch (const raised& r) {
    return set_raised(r);
  } catch (const std::exception& e) {
    return set_raised(error(cxx_exception(e.what())));
  } catch (...) {
    return set_raised(error(cxx_exception("")));
  }
}

}  // namespace detail

}  // namespace module_api
}  // namespace cnode
