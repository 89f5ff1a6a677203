// Functions with several clauses, tried in order: clauses([](is<"inc">, from, number n) {...}, [](is<"total">, from, number n) {...}).
// A clause is taken when every argument converts to its parameter's type; when none is, the call fails with function_clause.
#pragma once

#include <cnode/error.hpp>

namespace cnode {
inline namespace module_api {

template <class T>
class task;

namespace detail {

template <class T>
struct is_task : std::false_type {};
template <class T>
struct is_task<task<T>> : std::true_type {};

template <class F>
struct signature : signature<decltype(&F::operator())> {};
template <class R, class... A>
struct signature<R (*)(A...)> {
  using result = R;
  using arguments = std::tuple<A...>;
  static constexpr std::size_t arity = sizeof...(A);
};
template <class R, class... A>
struct signature<R (*)(A...) noexcept> : signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct signature<R (C::*)(A...) const> : signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct signature<R (C::*)(A...) const noexcept> : signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct signature<R (C::*)(A...)> : signature<R (*)(A...)> {};

template <class Arguments>
struct argument_decoder;
template <class... A>
struct argument_decoder<std::tuple<A...>> {
  using values = std::tuple<std::decay_t<A>...>;
  template <std::size_t... I>
  static std::optional<values> run([[maybe_unused]] const cnode_term* args, std::index_sequence<I...>) {
    std::tuple<std::optional<std::decay_t<A>>...> parts;
    if (!(... && (std::get<I>(parts) = decode<std::decay_t<A>>(term{args[I]})).has_value())) return std::nullopt;
    return values{std::move(*std::get<I>(parts))...};
  }
};

template <class Arguments>
auto decode_arguments(const cnode_term* args) {
  return argument_decoder<Arguments>::run(args, std::make_index_sequence<std::tuple_size_v<Arguments>>{});
}

template <class Arguments>
struct has_reference;
template <class... A>
struct has_reference<std::tuple<A...>> : std::bool_constant<(... || std::is_reference_v<A>)> {};

template <class A>
A forward_argument(std::decay_t<A>& value) {
  if constexpr (std::is_lvalue_reference_v<A>)
    return value;
  else
    return std::move(value);
}

// Calls f and hands its result to `with` when the arguments fit.
template <class F, class With>
bool call_clause(F f, const cnode_term* args, With with) {
  using arguments = typename signature<F>::arguments;
  static_assert(!is_task<typename signature<F>::result>::value || !has_reference<arguments>::value,
                "a task's parameters must be values: what a reference means is gone when the task goes on");
  auto values = decode_arguments<arguments>(args);
  if (!values) return false;
  [&]<std::size_t... I>(std::index_sequence<I...>) {
    if constexpr (std::is_void_v<typename signature<F>::result>) {
      f(forward_argument<std::tuple_element_t<I, arguments>>(std::get<I>(*values))...);
      with();
    } else {
      with(f(forward_argument<std::tuple_element_t<I, arguments>>(std::get<I>(*values))...));
    }
  }(std::make_index_sequence<std::tuple_size_v<arguments>>{});
  return true;
}

}  // namespace detail

template <class First, class... More>
struct clauses_of {
  static constexpr std::size_t arity = detail::signature<First>::arity;
  static_assert((... && (detail::signature<More>::arity == arity)), "all clauses of a function take the same number of arguments");
  static_assert(std::is_empty_v<First> && (... && std::is_empty_v<More>), "a clause must not capture: state is an argument");

  template <class With>
  static bool call(const cnode_term* args, With with) {
    return detail::call_clause(First{}, args, with) || (... || detail::call_clause(More{}, args, with));
  }
};

template <class... F>
constexpr clauses_of<F...> clauses(F...) {
  return {};
}

}  // namespace module_api
}  // namespace cnode
