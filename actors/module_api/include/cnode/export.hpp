// What a module exports.
//
//   CNODE_VSN("1")                                    // as @vsn "1"; may be left out; the constant `vsn` is "1" afterwards
//   CNODE_MODULE("Elixir.Calculator", add, sub)       // functions (or clauses) by name; last line of one source file
//   CNODE_MODULE("math", add, ("+", plus), ("crunch", crunch, CNODE_EXPORT_DIRTY))   // under another name, with flags
//
// A function's signature gives arity and conversions (convert.hpp), its result the value: anything convertible, void (the atom ok),
// a task, or an external_call (a tail call).
#pragma once

#include <cnode/clauses.hpp>
#include <cnode/for_each.hpp>
#include <cnode/native_list.hpp>
#include <cnode/stamp.hpp>
#include <cnode/task.hpp>

namespace cnode {
inline namespace module_api {
namespace detail {

inline cnode_term give(const external_call& call) { return set_tail_call(call); }
template <class T>
cnode_term give(task<T>&& t) {
  return start_task(std::move(t));
}
template <class T>
  requires(!std::is_same_v<T, external_call>)
cnode_term give(const T& value) {
  return encode(value).word();
}

// A function or clauses, as a type. Also for a type given directly (functions of the host that are lambdas).
template <class F>
struct callable;
template <class R, class... A>
struct callable<R(A...)> {
  static constexpr std::size_t arity = sizeof...(A);
  template <class With>
  static bool call(R (*f)(A...), const cnode_term* args, With& with) {
    return call_clause(f, args, with);
  }
};
template <class R, class... A>
struct callable<R(A...) noexcept> : callable<R(A...)> {};
template <class... F>
struct callable<clauses_of<F...>> {
  static constexpr std::size_t arity = clauses_of<F...>::arity;
  template <class With>
  static bool call(const clauses_of<F...>&, const cnode_term* args, With& with) {
    return clauses_of<F...>::call(args, with);
  }
};
// One lambda.
template <class F>
struct callable {
  static constexpr std::size_t arity = signature<F>::arity;
  template <class With>
  static bool call(const F& f, const cnode_term* args, With& with) {
    return call_clause(f, args, with);
  }
};

[[gnu::cold, gnu::noinline]] inline cnode_term raise_no_clause(term reason, std::string_view function, const cnode_term* args, std::size_t arity) {
  term list = nil;
  for (std::size_t i = arity; i > 0; --i) list = cons(term{args[i - 1]}, list);
  const term frame = tuple_of(term{this_module()}, intern(function), list, nil);
  return set_raised({is<"error">::value().word(), reason.word(), list_of(frame).word()});
}

struct give_to {
  cnode_term result = CNODE_NONE;
  bool searching = false;  // in search_natives
  void read() {
    if (searching) natives_wanted() = nullptr;
  }
  void operator()() { result = is<"ok">::value().word(); }
  template <class T>
  void operator()(T&& value) {
    result = give(std::forward<T>(value));
  }
};

template <auto& F>
using callable_of = callable<std::remove_const_t<std::remove_reference_t<decltype(F)>>>;

// As people see it.
inline term shown_term(cnode_term t) {
  conversion_env scope{CNODE_ENV_SHOW};
  const term shown{host().native_to_term(scope.get(), t)};
  return shown ? shown : is<"undefined">::value();
}

struct give_to_code_change : give_to {
  using takes_old_state = void;
};

// No clause fits. Once more for native objects that the clauses passed over because this version knows them as another type; when
// one has no place because its term does not convert, that is the reason: {bad_state, Term}.
template <auto& F, class With>
[[gnu::cold, gnu::noinline]] cnode_term search_natives(const cnode_term* args, std::string_view function) {
  With with;
  if (known_natives != nullptr) {
    native_search search;
    with.searching = true;
    if (callable_of<F>::call(F, args, with)) return with.result;
    if (search.misfit() != CNODE_NONE) {
      const term reason = tuple_of(is<"bad_state">::value(), shown_term(search.misfit()));
      return raise_no_clause(reason, function, args, callable_of<F>::arity);
    }
  }
  return raise_no_clause(is<"function_clause">::value(), function, args, callable_of<F>::arity);
}

template <fixed_string Name, auto& F>
cnode_term run_function(const cnode_term* args) {
  constexpr std::string_view name{Name.text, Name.size};
  using With = std::conditional_t<name == "code_change" && (callable_of<F>::arity == 3 || callable_of<F>::arity == 4), give_to_code_change, give_to>;
  With with;
  if (callable_of<F>::call(F, args, with)) return with.result;
  return search_natives<F, With>(args, name);
}

inline cnode_term run_entry(cnode_env* env, const cnode_term* args, cnode_term (*function)(const cnode_term*)) noexcept {
  return guarded(env, [=] { return function(args); });
}

template <fixed_string Name, auto& F>
cnode_term entry(cnode_env* env, const cnode_term* args) noexcept {
  return run_entry(env, args, run_function<Name, F>);
}

template <fixed_string Name, auto& F>
constexpr cnode_export make_export(std::uint32_t flags = 0) {
  return {Name.text, callable_of<F>::arity, flags, entry<Name, F>};
}

// @vsn "1" is the binary <<"1">>, @vsn 1 the integer.
template <std::size_t N>
struct vsn_text {
  char text[N + 32]{};
};
template <std::size_t N>
constexpr vsn_text<N> vsn_term(const char (&binary)[N]) {
  vsn_text<N> v;
  std::size_t n = 0;
  for (char c : {'<', '<', '"'}) v.text[n++] = c;
  for (std::size_t i = 0; i + 1 < N; ++i) {
    if (binary[i] == '"' || binary[i] == '\\') throw "CNODE_VSN: no quotes or backslashes, please";
    v.text[n++] = binary[i];
  }
  for (char c : {'"', '>', '>'}) v.text[n++] = c;
  return v;
}
constexpr vsn_text<1> vsn_term(std::uint64_t integer) {
  vsn_text<1> v;
  std::size_t digits = 1;
  for (auto rest = integer; rest > 9; rest /= 10) ++digits;
  for (; digits > 0; --digits, integer /= 10) v.text[digits - 1] = static_cast<char>('0' + integer % 10);
  return v;
}

inline bool accept_host(const cnode_host* host, const char* name) noexcept {
  // Compiled against functions that this host lacks, or other meanings: stay out.
  if (host->abi_major != CNODE_ABI_MAJOR || host->size < offsetof(cnode_host, give_frame) + sizeof host->give_frame) return false;
  host_table = host;
  module_name = name;
  return true;
}

}  // namespace detail
}  // namespace module_api

// What CNODE_VSN and CNODE_ON_LOAD define in cnode::module_definition hides these.
inline constexpr struct {
  char text[1];
} vsn_of_module{};
inline constexpr cnode_function on_load_of_module = nullptr;
}  // namespace cnode

// What the module was built with, for module_info(compile): the build may link a second source that defines it. (A macro on the command
// line would not go with a precompiled header.)
extern "C" [[gnu::weak, gnu::visibility("hidden")]] const char cnode_module_options[];

#define CNODE_VSN(value)                                                        \
  [[maybe_unused]] static constexpr auto vsn = value;                           \
  namespace cnode::module_definition {                                          \
  static constexpr auto vsn_of_module = ::cnode::detail::vsn_term(value);       \
  }                                                                             \
  static_assert(true)

// Called once before this version becomes current; anything but the atom ok refuses the load.
#define CNODE_ON_LOAD(function)                                                                            \
  namespace cnode::module_definition {                                                                     \
  static constexpr cnode_function on_load_of_module = ::cnode::detail::entry<#function, function>;         \
  }                                                                                                        \
  static_assert(true)

#define CNODE_MODULE(name, ...) CNODE_DETAIL_MODULE(name, nullptr, __VA_ARGS__)

#define CNODE_DETAIL_MODULE(name_, behaviour_, ...)                                                                   \
  namespace cnode::module_definition {                                                                                \
  [[gnu::section(CNODE_NOTE_SECTION), gnu::used, gnu::aligned(4)]] constinit const ::cnode::stamp_note note{                      \
      ::cnode::make_stamp(name_, vsn_of_module.text)};                                                                \
  static constexpr const char* vsn_pointer = vsn_of_module.text[0] != 0 ? vsn_of_module.text : nullptr;               \
  static constexpr cnode_function on_load_pointer = on_load_of_module;                                                \
  }                                                                                                                   \
  extern "C" [[gnu::visibility("default")]] const cnode_module* cnode_module_entry(const cnode_host* host) {          \
    static constexpr cnode_export exports[] = {CNODE_FOR_EACH(CNODE_DETAIL_EXPORT, , __VA_ARGS__)};                   \
    static constexpr cnode_module module = {                                                                          \
        sizeof(cnode_module), CNODE_ABI_MAJOR, CNODE_ABI_MINOR, name_, ::cnode::module_definition::vsn_pointer,       \
        behaviour_, exports, sizeof exports / sizeof exports[0], ::cnode::module_definition::on_load_pointer,            \
        &::cnode::detail::known_natives, __FILE__, cnode_module_options};                                                 \
    return ::cnode::detail::accept_host(host, name_) ? &module : nullptr;                                             \
  }                                                                                                                   \
  static_assert(true)

// The author's own function is meant, also where cnode has one of that name: hence the ::.
// name, or ("name", function), or ("name", function, flags)
#define CNODE_DETAIL_EXPORT(unused, item) CNODE_DETAIL_JOIN(CNODE_DETAIL_EXPORT_, CNODE_DETAIL_IS_LIST(item))(item)
#define CNODE_DETAIL_EXPORT_0(item) ::cnode::detail::make_export<#item, ::item>(),
#define CNODE_DETAIL_EXPORT_1(item) CNODE_DETAIL_EXPORT_AS item,
#define CNODE_DETAIL_EXPORT_AS(name, function, ...) ::cnode::detail::make_export<name, function>(__VA_ARGS__)
#define CNODE_DETAIL_JOIN(a, b) CNODE_DETAIL_JOIN_(a, b)
#define CNODE_DETAIL_JOIN_(a, b) a##b
#define CNODE_DETAIL_IS_LIST(item) CNODE_DETAIL_SECOND(CNODE_DETAIL_PROBE item, 0, 0)
#define CNODE_DETAIL_PROBE(...) 0, 1
#define CNODE_DETAIL_SECOND(...) CNODE_DETAIL_SECOND_(__VA_ARGS__)
#define CNODE_DETAIL_SECOND_(a, b, ...) b
