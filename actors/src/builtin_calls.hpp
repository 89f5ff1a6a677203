// Tables of builtin functions: a row is {name, arity, waiting<f>} or {name, arity, plain<f>}, where f is an ordinary C++ function of terms.
#pragma once

#include <algorithm>
#include <array>
#include <type_traits>
#include <utility>

#include <cnode/actors/code_server.hpp>

#include "call_context.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

using builtin_args = const cnode_term*;

inline term arg(builtin_args a, int i) { return term{a[i]}; }

// The function's arguments as a list: what exit reasons name.
template <class... T>
term args_list(call_context& cx, T... t) {
  return make_list_of(cx.heap(), t...);
}

inline void must_be_atom(term t) {
  if (!t.is_atom()) throw_error(names().function_clause);
}

// What a row may name as f's arguments in place of the caller's own, in order: a number is the caller's argument of that place, from 0; an
// atom is word{"text"} or a member of otp_atoms; anything else is given to f as it is.
template <std::size_t N>
struct word {
  char text[N]{};
  constexpr word(const char (&s)[N]) { std::copy_n(s, N, text); }
};
struct integer {
  std::int64_t value;
};
enum class absent { none, empty_list };
inline constexpr auto none = absent::none;
inline constexpr auto empty_list = absent::empty_list;

template <class T>
constexpr bool is_word = false;
template <std::size_t N>
constexpr bool is_word<word<N>> = true;
template <word W>
term atom_of() {
  static const term t = atom(W.text);
  return t;
}

namespace detail {

template <auto source>
auto argument([[maybe_unused]] builtin_args a) {
  using kind = std::remove_const_t<decltype(source)>;
  if constexpr (std::is_same_v<kind, int>) return term{a[source]};
  else if constexpr (std::is_same_v<kind, term otp_atoms::*>) return names().*source;
  else if constexpr (std::is_same_v<kind, integer>) return small(source.value);
  else if constexpr (std::is_same_v<kind, absent>) return source == none ? term{} : nil;
  else if constexpr (is_word<kind>) return atom_of<source>();
  else return source;
}
template <auto source>
constexpr std::uint32_t place_behind() {
  if constexpr (std::is_same_v<std::remove_const_t<decltype(source)>, int>) return source + 1;
  else return 0;
}

// f's own parameters behind the first, which is the environment or the call's context.
template <class F>
struct parameters;
template <class R, class First, class... T>
struct parameters<R (*)(First, T...)> {
  static constexpr std::uint32_t count = sizeof...(T);
  template <auto f>
  static R call(First first, [[maybe_unused]] builtin_args a) {
    return [&]<std::size_t... i>(std::index_sequence<i...>) { return f(first, term{a[i]}...); }(std::index_sequence_for<T...>{});
  }
};
template <class R, class First, std::size_t n>
struct parameters<R (*)(First, std::array<term, n>)> {
  static constexpr std::uint32_t count = n;
  template <auto f>
  static R call(First first, builtin_args a) {
    std::array<term, n> all;
    for (std::size_t i = 0; i < n; ++i) all[i] = term{a[i]};
    return f(first, all);
  }
};

template <auto f, auto... sources, class First>
auto call_with(First&& first, builtin_args a) {
  if constexpr (sizeof...(sources) == 0) return parameters<decltype(f)>::template call<f>(first, a);
  else return f(first, argument<sources>(a)...);
}

template <auto f, auto... sources>
cnode_term run_plain(cnode_env* env, builtin_args a) {
  return run_at_once(env, a, [](cnode_env* e, builtin_args args) -> term { return call_with<f, sources...>(e, args); });
}
template <auto f, auto... sources>
cnode_term run_as_task(cnode_env* env, builtin_args a) {
  return run_waiting(env, a, [](call_context& cx, builtin_args args) -> task<term> { return call_with<f, sources...>(cx, args); });
}

template <auto f, auto... sources>
constexpr std::uint32_t least_arity =
    sizeof...(sources) == 0 ? parameters<decltype(f)>::count : std::max({std::uint32_t{0}, place_behind<sources>()...});

}  // namespace detail

// task<term> f(call_context&, term...), or of a std::array<term, N> that is all arguments: a function that waits. A row whose arity is not
// f's does not compile.
template <auto f, auto... sources>
constexpr adapted_function waiting{detail::run_as_task<f, sources...>, detail::least_arity<f, sources...>, sizeof...(sources) == 0};
// term f(cnode_env*, term...): one that does not wait. Either may throw `raised`.
template <auto f, auto... sources>
constexpr adapted_function plain{detail::run_plain<f, sources...>, detail::least_arity<f, sources...>, sizeof...(sources) == 0};

void add_gen_builtins(code_server& code);
void add_gen_server_builtins(code_server& code);
void add_gen_statem_builtins(code_server& code);
void add_gen_event_builtins(code_server& code);
void add_gen_request_builtins(code_server& code);
void add_elixir_gen_server_builtins(code_server& code);
void add_sys_builtins(code_server& code);
void add_proc_lib_builtins(code_server& code);
void add_supervisor_builtins(code_server& code);

}  // namespace cnode::actors
