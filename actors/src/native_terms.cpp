#include "native_terms.hpp"

#include <functional>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"
#include "code/native_objects.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

namespace {

bool has_elements(term t) { return t.is_tuple() || t.is_map() || t.kind() == CNODE_RECORD || t.kind() == CNODE_FUN; }
std::uint64_t first_element(term t) { return t.kind() == CNODE_FUN ? 3 : 0; }
std::uint64_t element_count(term t) { return t.is_map() ? 2 * t.size() : t.size(); }

template <class Predicate>
bool any_native(term root, Predicate wanted) {
  std::vector<term> open{root};
  while (!open.empty()) {
    term t = open.back();
    open.pop_back();
    for (; t.is_cons(); t = t.tail())
      if (t.head().is_boxed() || t.head().is_cons()) open.push_back(t.head());
    if (!t.is_boxed()) continue;
    if (t.is_native()) {
      if (wanted(t)) return true;
    } else if (has_elements(t)) {
      for (auto i = first_element(t); i < element_count(t); ++i) {
        const term e{t.box()[1 + i]};
        if (e.is_boxed() || e.is_cons()) open.push_back(e);
      }
    }
  }
  return false;
}

// A copy in which native objects are what `as_term` makes of them, or left when that is none. Iterative; map values may change, keys hold
// no native objects that anyone looks up.
template <class AsTerm>
term replaced(block& b, term root, AsTerm as_term) {
  struct slot {
    cnode_term* where;
    term what;
  };
  cnode_term result = 0;
  std::vector<slot> open{{&result, root}};
  while (!open.empty()) {
    auto [where, t] = open.back();
    open.pop_back();
    while (t.is_cons()) {
      auto* cell = b.reserve(2);
      *where = cnode_make_cons(cell);
      cell[0] = CNODE_NIL;
      cell[1] = CNODE_NIL;
      open.push_back({cell, t.head()});
      where = cell + 1;
      t = t.tail();
    }
    if (t.is_native()) {
      const term made = as_term(t);
      *where = (made ? made : t).word();
    } else if (t.is_boxed() && has_elements(t)) {
      const auto n = element_count(t), first = first_element(t);
      auto* box = b.reserve(1 + n);
      for (std::uint64_t i = 0; i <= first; ++i) box[i] = t.box()[i];
      for (auto i = first; i < n; ++i) {
        box[1 + i] = t.box()[1 + i];
        if (const term e{t.box()[1 + i]}; e.is_boxed() || e.is_cons()) open.push_back({box + 1 + i, e});
      }
      *where = cnode_make_boxed(box);
    } else {
      *where = t.word();
    }
  }
  return term{result};
}

}  // namespace

bool contains_native(term t) {
  return any_native(t, [](term) { return true; });
}

term natives_to_terms(cnode_env* env, term t) {
  if (!contains_native(t)) return t;
  bool failed = false;
  const term made = replaced(heap_of(env), t, [&](term native) {
    const term whole = failed ? term{} : native_object_to_term(env, native);
    failed = failed || !whole;
    return whole;
  });
  return failed ? term{} : made;
}

term without_natives(process& self, term t) {
  if (!contains_native(t)) return t;
  return replaced(self.scratch(), t, [&](term native) {
    cnode_env env{};
    env.heap = &self.scratch();
    env.process = &self;
    env.flags = CNODE_ENV_SHOW;
    const term shown = native_object_to_term(&env, native);
    if (shown) return shown;
    const term reason = env.outcome == CNODE_RAISE ? term{env.reason} : names().undefined;
    return make_tuple_of(self.scratch(), atom("native_error"), make_binary(self.scratch(), native_type_of(native)), reason);
  });
}

term release_old_natives(process& self, term t, term module, bool& changed) {
  auto& code = code_server_impl::of(self.node().code());
  auto* current = code.retain_current(module);
  const auto stays_old = [&](term native) {
    auto* v = native_owner(native);
    return v && v != current && v->name().same(module) && !(current && adopt_by_layout(native, *current));
  };
  changed = false;
  // Looks at all of them: whatever can be adopted is.
  any_native(t, [&](term native) {
    if (stays_old(native)) changed = true;
    return false;
  });
  if (changed)
    t = replaced(self.scratch(), t, [&](term native) {
      if (!stays_old(native)) return native;
      cnode_env env{};
      env.heap = &self.scratch();
      env.process = &self;
      const term whole = native_object_to_term(&env, native);
      if (!whole)
        self.node().log(log_level::warning, "a native " + std::string{native_type_of(native)} + " of purged code of " +
                                                std::string{atom_text(module)} + " cannot be written as a term: " +
                                                (env.outcome == CNODE_RAISE ? to_text(term{env.reason}) : "no result") +
                                                "; the old version stays mapped until the object is gone");
      return whole;
    });
  if (current) current->release();
  return t;
}

}  // namespace cnode::actors
