// What a builtin function is written against: its arguments, the process that calls it, the block its result goes to, and the
// ways to end other than with a value. `bif<f>` makes the ABI's function of `term f(call&)`.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/module.h>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/block.hpp>

namespace cnode::services {

// A function's second half: what goes on when the message it waits for has come. Deleted by whoever runs it last.
class waiter;

struct call {
  cnode_env* env;
  const cnode_term* args;

  term operator[](std::size_t i) const { return term{args[i]}; }
  block& heap() const { return actors::heap_of(env); }
  actors::process& self() const { return actors::self(env); }
  actors::runtime& node() const { return self().node(); }

  // Each returns none, after it has said in env how the function ends.
  term error(term reason) const;
  term badarg() const;
  term badarith() const;
  term exit(term reason) const;
  term throw_(term value) const;
  term function_clause() const { return error(atom("function_clause")); }
  // Waits for a message the waiter matches; its go_on makes the result. Negative: for ever.
  term wait(std::unique_ptr<waiter> w, std::int64_t timeout_ms = -1) const;

  term text(std::string_view utf8) const { return make_charlist(heap(), utf8); }
  term binary(std::string_view bytes) const { return make_binary(heap(), bytes); }
  template <class... T>
  term tuple(T... e) const { return make_tuple_of(heap(), e...); }
  template <class... T>
  term list(T... e) const { return make_list_of(heap(), e...); }
  term integer(std::int64_t v) const { return make_integer(heap(), v); }
};

class waiter {
 public:
  virtual ~waiter() = default;
  virtual bool matches(cnode_env* env, term message) = 0;
  // The message that matched, or none after the timeout. c has no arguments. May end with c.wait of another waiter.
  virtual term go_on(call& c, term message) = 0;
};

// A waiter from two functions.
template <class Match, class Then>
std::unique_ptr<waiter> when(Match match, Then then) {
  struct impl final : waiter {
    impl(Match m, Then t) : match(std::move(m)), then(std::move(t)) {}
    bool matches(cnode_env*, term message) override { return match(message); }
    term go_on(call& c, term message) override { return then(c, message); }
    Match match;
    Then then;
  };
  return std::make_unique<impl>(std::move(match), std::move(then));
}

template <term (*F)(call&)>
cnode_term bif(cnode_env* env, const cnode_term* args) {
  call c{env, args};
  return F(c).word();
}

using builtin = actors::builtin_function;

// ---- small reading helpers
inline bool is(term t, std::string_view atom_utf8) { return t.is_atom() && atom_text(t) == atom_utf8; }
// {Pid, Tag}: who called a gen_server.
inline bool is_from(term t) { return t.is_tuple(2) && t[0].is_pid(); }
inline term boolean(bool b) {
  static const term yes = atom("true"), no = atom("false");
  return b ? yes : no;
}
term ok();
term undefined();
// A proper list's elements; nothing when it is none.
std::optional<std::vector<term>> elements(term list);
// Text of an atom, string or binary; false for anything else.
bool to_string(term t, std::string& out);
// A term that outlives its block.
using kept = std::shared_ptr<const block_ptr>;
kept keep(term t);
inline term get(const kept& k) { return (*k)->root; }

}  // namespace cnode::services
