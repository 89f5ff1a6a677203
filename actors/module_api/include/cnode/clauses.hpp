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

// The term as a code_change that knows nothing of native objects expects it.
inline cnode_term without_natives(cnode_term word) {
  if (!term{word}.is_boxed() && !term{word}.is_cons()) return word;
  word = host().native_to_term(env(), word);
  if (word == CNODE_NONE) throw raised{env()->error_class, env()->reason, env()->stacktrace};
  return word;
}

// The decoded arguments of one clause. Plain bases, not std::tuple: this is instantiated for every clause an author writes.
template <std::size_t I, class A>
struct argument {
  std::optional<std::decay_t<A>> value;
  template <bool OldState>
  bool read(cnode_term word) {
    if constexpr (OldState && !holds_native<std::decay_t<A>>::value) word = without_natives(word);
    return (value = decode<std::decay_t<A>>(term{word})).has_value();
  }
  A give() {
    if constexpr (std::is_lvalue_reference_v<A>)
      return *value;
    else
      return std::move(*value);
  }
};

template <class Indices, class... A>
struct argument_list;
template <std::size_t... I, class... A>
struct argument_list<std::index_sequence<I...>, A...> : argument<I, A>... {
  // In order, until one does not fit; native objects last, for taking one may convert it.
  template <bool OldState = false>
  bool read([[maybe_unused]] const cnode_term* args) {
    return (... && (holds_native<std::decay_t<A>>::value || this->argument<I, A>::template read<OldState>(args[I]))) &&
           (... && (!holds_native<std::decay_t<A>>::value || this->argument<I, A>::template read<OldState>(args[I])));
  }
  template <class R, class F, class With>
  void call(F f, With& with) {
    static_assert(!is_task<R>::value || !(... || std::is_reference_v<A>),
                  "a task's parameters must be values: what a reference means is gone when the task goes on");
    if constexpr (std::is_void_v<R>) {
      f(this->argument<I, A>::give()...);
      with();
    } else {
      with(f(this->argument<I, A>::give()...));
    }
  }
};

// A clause whose body has an error has no type. The compiler has said why; this keeps what would follow from it to one line.
template <class F>
struct signature {
  static_assert(!std::is_class_v<F>, "a clause needs parameters with types (not auto) and a body without errors");
  static constexpr bool broken = true;
  static constexpr std::size_t arity = 0;
};
template <class F>
  requires requires { &F::operator(); }
struct signature<F> : signature<decltype(&F::operator())> {};
template <class R, class... A>
struct signature<R (*)(A...)> {
  using result = R;
  using arguments = argument_list<std::index_sequence_for<A...>, A...>;
  static constexpr bool broken = false;
  static constexpr std::size_t arity = sizeof...(A);
};
template <class C, class R, class... A>
struct signature<R (C::*)(A...)> : signature<R (*)(A...)> {
  static_assert(!std::is_class_v<C>, "a clause must not be mutable: state is an argument");
};
template <class R, class... A>
struct signature<R (*)(A...) noexcept> : signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct signature<R (C::*)(A...) const> : signature<R (*)(A...)> {};
template <class C, class R, class... A>
struct signature<R (C::*)(A...) const noexcept> : signature<R (*)(A...)> {};

// Calls f and hands its result to `with` when the arguments fit. With::takes_old_state: parameters without a place for a native object
// get it as a term. with.read(): the arguments have been read.
template <class F, class With>
bool call_clause([[maybe_unused]] F f, [[maybe_unused]] const cnode_term* args, [[maybe_unused]] With& with) {
  if constexpr (signature<F>::broken) {
    return false;
  } else {
    typename signature<F>::arguments values;
    if (!values.template read<requires { typename With::takes_old_state; }>(args)) return false;
    if constexpr (requires { with.read(); }) with.read();
    values.template call<typename signature<F>::result>(f, with);
    return true;
  }
}

}  // namespace detail

template <class First, class... More>
struct clauses_of {
  static constexpr std::size_t arity = detail::signature<First>::arity;
  static_assert((detail::signature<First>::broken || ... || detail::signature<More>::broken) || (... && (detail::signature<More>::arity == arity)),
                "all clauses of a function take the same number of arguments");
  static_assert(std::is_empty_v<First> && (... && std::is_empty_v<More>), "a clause must not capture: state is an argument");

  template <class With>
  static bool call(const cnode_term* args, With& with) {
    return detail::call_clause(First{}, args, with) || (... || detail::call_clause(More{}, args, with));
  }
};

template <class... F>
constexpr clauses_of<F...> clauses(F...) {
  return {};
}

}  // namespace module_api
}  // namespace cnode
