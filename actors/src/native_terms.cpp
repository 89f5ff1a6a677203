#include "native_terms.hpp"

#include <functional>
#include <vector>

#include <cnode/actors/code_server.hpp>
#include <cnode/actors/runtime.hpp>

#include "code/native_objects.hpp"
#include "otp_atoms.hpp"

namespace cnode::actors {

// The version whose operations the object uses; null for the node's own (native_objects.cpp).
module_version* native_owner(term native);

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

term native_as_term(process& self, term native) {
  cnode_env env{};
  env.heap = &self.scratch();
  env.process = &self;
  const term t = native_object_to_term(&env, native);
  return t ? t : names().undefined;
}

// A copy in which `wanted` objects are terms. Iterative; map values may change, keys hold no native objects that anyone looks up.
template <class Predicate>
term replaced(process& self, term root, Predicate wanted) {
  auto& b = self.scratch();
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
    if (t.is_native() && wanted(t)) {
      *where = native_as_term(self, t).word();
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

bool native_of_host(term t) { return t.is_native() && !native_owner(t); }

term without_natives(process& self, term t) {
  if (!contains_native(t)) return t;
  return replaced(self, t, [](term) { return true; });
}

term without_old_natives(process& self, term t, term module, bool& changed) {
  module_version* current = nullptr;
  if (auto f = self.node().code().find(module, names().init, 1)) {
    current = f.version;
    f.version->release();  // only compared
  }
  const auto old = [&](term native) {
    auto* v = native_owner(native);
    return v && v != current && v->name().same(module);
  };
  changed = any_native(t, old);
  return changed ? replaced(self, t, old) : t;
}

}  // namespace cnode::actors
