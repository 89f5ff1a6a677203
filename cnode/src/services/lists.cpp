// lists and maps: what lists.erl and maps.erl offer without a fun.
#include <algorithm>

#include <cnode/protocol/term_order.hpp>

#include "call.hpp"
#include "modules.hpp"

namespace cnode::services {

namespace {

using terms = std::vector<term>;

term list_of(call& c, const terms& t, term tail = nil) { return make_list(c.heap(), t.data(), t.size(), tail); }
bool less(term a, term b) { return compare(a, b) < 0; }

// Runs f on the elements of argument i, or ends as lists.erl does for what is no proper list.
template <class F>
term with_list(call& c, std::size_t i, F f) {
  auto e = elements(c[i]);
  return e ? f(*e) : c.function_clause();
}

term reverse_1(call& c) {
  return with_list(c, 0, [&](terms& e) {
    std::reverse(e.begin(), e.end());
    return list_of(c, e);
  });
}
term reverse_2(call& c) {
  return with_list(c, 0, [&](terms& e) {
    std::reverse(e.begin(), e.end());
    return e.empty() ? c[1] : list_of(c, e, c[1]);
  });
}
term sort_1(call& c) {
  return with_list(c, 0, [&](terms& e) {
    std::stable_sort(e.begin(), e.end(), less);
    return list_of(c, e);
  });
}
term usort_1(call& c) {
  return with_list(c, 0, [&](terms& e) {
    std::stable_sort(e.begin(), e.end(), less);
    e.erase(std::unique(e.begin(), e.end(), equal), e.end());
    return list_of(c, e);
  });
}
term member_2(call& c) {
  const auto e = elements(c[1]);
  return e ? boolean(std::any_of(e->begin(), e->end(), [&](term t) { return exactly_equal(t, c[0]); })) : c.badarg();
}
term nth_2(call& c) {
  if (!c[0].is_small() || c[0].small() < 1) return c.function_clause();
  term l = c[1];
  for (auto n = c[0].small(); n > 1 && l.is_cons(); --n) l = l.tail();
  return l.is_cons() ? l.head() : c.function_clause();
}
term nthtail_2(call& c) {
  if (!c[0].is_small() || c[0].small() < 0) return c.function_clause();
  term l = c[1];
  for (auto n = c[0].small(); n > 0; --n) {
    if (!l.is_cons()) return c.function_clause();
    l = l.tail();
  }
  return l.is_list() ? l : c.function_clause();
}
term last_1(call& c) {
  return with_list(c, 0, [&](terms& e) { return e.empty() ? c.function_clause() : e.back(); });
}
term droplast_1(call& c) {
  return with_list(c, 0, [&](terms& e) {
    if (e.empty()) return c.function_clause();
    e.pop_back();
    return list_of(c, e);
  });
}

constexpr std::int64_t longest_list = 50'000'000;  // words a caller may make us reserve for one number

term sequence(call& c, term from, term to, term step) {
  if (!from.is_small() || !to.is_small() || !step.is_small()) return c.function_clause();
  const auto a = from.small(), b = to.small(), s = step.small();
  if (s == 0 ? a != b : s > 0 ? a - s > b : a - s < b) return c.function_clause();
  if (s == 0) return c.list(from);
  if ((b - a) / s > longest_list) return c.error(atom("system_limit"));
  terms e;
  for (auto v = a; s > 0 ? v <= b : v >= b; v += s) e.push_back(small(v));
  return list_of(c, e);
}
term seq_2(call& c) { return sequence(c, c[0], c[1], small(1)); }
term seq_3(call& c) { return sequence(c, c[0], c[1], c[2]); }
term duplicate_2(call& c) {
  if (!c[0].is_small() || c[0].small() < 0) return c.function_clause();
  if (c[0].small() > longest_list) return c.error(atom("system_limit"));
  return list_of(c, terms(static_cast<std::size_t>(c[0].small()), c[1]));
}
term sum_1(call& c) {
  return with_list(c, 0, [&](terms& e) {
    term total = small(0);
    for (const term t : e) {
      const cnode_term both[] = {total.word(), t.word()};
      call add{c.env, both};
      total = number_plus(add);
      if (!total) break;
    }
    return total;
  });
}
template <bool Greatest>
term extreme(call& c) {
  return with_list(c, 0, [&](terms& e) {
    if (e.empty()) return c.function_clause();
    term best = e[0];
    for (const term t : e)
      if (Greatest ? compare(t, best) > 0 : compare(t, best) < 0) best = t;
    return best;
  });
}
term append_2(call& c) {
  const auto e = elements(c[0]);
  return !e ? c.badarg() : e->empty() ? c[1] : list_of(c, *e, c[1]);
}
term append_1(call& c) {
  return with_list(c, 0, [&](terms& lists) {
    terms all;
    term tail = nil;
    for (std::size_t i = 0; i < lists.size(); ++i) {
      if (i + 1 == lists.size()) {
        tail = lists[i];
        break;
      }
      const auto e = elements(lists[i]);
      if (!e) return c.badarg();
      all.insert(all.end(), e->begin(), e->end());
    }
    return all.empty() ? tail : list_of(c, all, tail);
  });
}
term flatten_1(call& c) {
  if (!c[0].is_list()) return c.function_clause();
  terms out, todo{c[0]};  // lists whose rest is still to be looked at
  while (!todo.empty()) {
    const term l = todo.back();
    todo.pop_back();
    if (l.is_cons()) {
      todo.push_back(l.tail());
      if (l.head().is_list()) todo.push_back(l.head());
      else out.push_back(l.head());
    } else if (!l.is_nil()) {
      return c.function_clause();
    }
  }
  return list_of(c, out);
}
term delete_2(call& c) {
  return with_list(c, 1, [&](terms& e) {
    const auto at = std::find_if(e.begin(), e.end(), [&](term t) { return exactly_equal(t, c[0]); });
    if (at != e.end()) e.erase(at);
    return list_of(c, e);
  });
}
term zip_2(call& c) {
  const auto a = elements(c[0]), b = elements(c[1]);
  if (!a || !b || a->size() != b->size()) return c.function_clause();
  terms out;
  for (std::size_t i = 0; i < a->size(); ++i) out.push_back(c.tuple((*a)[i], (*b)[i]));
  return list_of(c, out);
}
term unzip_1(call& c) {
  return with_list(c, 0, [&](terms& e) {
    terms a, b;
    for (const term t : e) {
      if (!t.is_tuple(2)) return c.function_clause();
      a.push_back(t[0]);
      b.push_back(t[1]);
    }
    return c.tuple(list_of(c, a), list_of(c, b));
  });
}
term sublist(call& c, std::int64_t start, term length) {
  return with_list(c, 0, [&](terms& e) {
    if (!length.is_small() || length.small() < 0 || start < 1) return c.function_clause();
    if (start > static_cast<std::int64_t>(e.size())) return nil;
    const auto from = static_cast<std::size_t>(start - 1);
    const auto n = std::min(static_cast<std::size_t>(length.small()), e.size() - from);
    return list_of(c, terms(e.begin() + static_cast<std::ptrdiff_t>(from), e.begin() + static_cast<std::ptrdiff_t>(from + n)));
  });
}
term sublist_2(call& c) { return sublist(c, 1, c[1]); }
term sublist_3(call& c) { return c[1].is_small() ? sublist(c, c[1].small(), c[2]) : c.function_clause(); }
term split_2(call& c) {
  const auto e = elements(c[1]);
  if (!c[0].is_small() || c[0].small() < 0 || !e || c[0].small() > static_cast<std::int64_t>(e->size())) return c.badarg();
  const auto at = e->begin() + static_cast<std::ptrdiff_t>(c[0].small());
  return c.tuple(list_of(c, terms(e->begin(), at)), list_of(c, terms(at, e->end())));
}
template <bool Prefix>
term begins_or_ends(call& c) {
  const auto a = elements(c[0]), b = elements(c[1]);
  if (!a || !b) return c.function_clause();
  if (a->size() > b->size()) return boolean(false);
  const auto from = Prefix ? b->begin() : b->end() - static_cast<std::ptrdiff_t>(a->size());
  return boolean(std::equal(a->begin(), a->end(), from, exactly_equal));
}

// ---- lists of tuples
bool key_matches(term tuple, std::int64_t n, term key) {
  return tuple.is_tuple() && static_cast<std::int64_t>(tuple.arity()) >= n && equal(tuple[static_cast<std::uint64_t>(n - 1)], key);
}
struct found {
  terms all;
  std::ptrdiff_t at = -1;
};
// The first tuple whose n-th element is key. Nothing: the arguments are wrong.
std::optional<found> key_search(term key, term n, term list) {
  auto e = elements(list);
  if (!e || !n.is_small() || n.small() < 1) return std::nullopt;
  found f{std::move(*e)};
  const auto i = std::find_if(f.all.begin(), f.all.end(), [&](term t) { return key_matches(t, n.small(), key); });
  if (i != f.all.end()) f.at = i - f.all.begin();
  return f;
}
term keyfind_3(call& c) {
  const auto f = key_search(c[0], c[1], c[2]);
  return !f ? c.badarg() : f->at < 0 ? boolean(false) : f->all[static_cast<std::size_t>(f->at)];
}
term keysearch_3(call& c) {
  const auto f = key_search(c[0], c[1], c[2]);
  return !f ? c.badarg() : f->at < 0 ? boolean(false) : c.tuple(atom("value"), f->all[static_cast<std::size_t>(f->at)]);
}
term keymember_3(call& c) {
  const auto f = key_search(c[0], c[1], c[2]);
  return f ? boolean(f->at >= 0) : c.badarg();
}
term keydelete_3(call& c) {
  auto f = key_search(c[0], c[1], c[2]);
  if (!f) return c.function_clause();
  if (f->at >= 0) f->all.erase(f->all.begin() + f->at);
  return list_of(c, f->all);
}
term keytake_3(call& c) {
  auto f = key_search(c[0], c[1], c[2]);
  if (!f) return c.function_clause();
  if (f->at < 0) return boolean(false);
  const term t = f->all[static_cast<std::size_t>(f->at)];
  f->all.erase(f->all.begin() + f->at);
  return c.tuple(atom("value"), t, list_of(c, f->all));
}
template <bool Store>
term key_put(call& c) {
  auto f = key_search(c[0], c[1], c[2]);
  if (!f || !c[3].is_tuple()) return c.function_clause();
  if (f->at >= 0) f->all[static_cast<std::size_t>(f->at)] = c[3];
  else if (Store) f->all.push_back(c[3]);
  return list_of(c, f->all);
}
term keysort_2(call& c) {
  auto e = elements(c[1]);
  if (!e || !c[0].is_small() || c[0].small() < 1) return c.function_clause();
  const auto n = static_cast<std::uint64_t>(c[0].small());
  for (const term t : *e)
    if (!t.is_tuple() || t.arity() < n) return c.badarg();
  std::stable_sort(e->begin(), e->end(), [n](term a, term b) { return less(a[n - 1], b[n - 1]); });
  return list_of(c, *e);
}

constexpr actors::builtin_function table[] = {
    {"reverse", 1, bif<reverse_1>}, {"reverse", 2, bif<reverse_2>}, {"sort", 1, bif<sort_1>}, {"usort", 1, bif<usort_1>},
    {"member", 2, bif<member_2>}, {"nth", 2, bif<nth_2>}, {"nthtail", 2, bif<nthtail_2>}, {"last", 1, bif<last_1>}, {"droplast", 1, bif<droplast_1>},
    {"seq", 2, bif<seq_2>}, {"seq", 3, bif<seq_3>}, {"duplicate", 2, bif<duplicate_2>}, {"sum", 1, bif<sum_1>}, {"max", 1, bif<extreme<true>>},
    {"min", 1, bif<extreme<false>>}, {"append", 1, bif<append_1>}, {"append", 2, bif<append_2>}, {"flatten", 1, bif<flatten_1>},
    {"delete", 2, bif<delete_2>}, {"zip", 2, bif<zip_2>}, {"unzip", 1, bif<unzip_1>}, {"sublist", 2, bif<sublist_2>}, {"sublist", 3, bif<sublist_3>},
    {"split", 2, bif<split_2>}, {"prefix", 2, bif<begins_or_ends<true>>}, {"suffix", 2, bif<begins_or_ends<false>>},
    {"keyfind", 3, bif<keyfind_3>}, {"keysearch", 3, bif<keysearch_3>}, {"keymember", 3, bif<keymember_3>}, {"keydelete", 3, bif<keydelete_3>},
    {"keytake", 3, bif<keytake_3>}, {"keyreplace", 4, bif<key_put<false>>}, {"keystore", 4, bif<key_put<true>>}, {"keysort", 2, bif<keysort_2>},
};

// ---- maps
term bad_map(call& c, term t) { return c.error(c.tuple(atom("badmap"), t)); }
term bad_key(call& c, term t) { return c.error(c.tuple(atom("badkey"), t)); }

// Keys and values side by side, to change and make a map of.
struct pairs {
  terms keys, values;
  explicit pairs(term map) {
    for (std::uint64_t i = 0; i < map.map_size(); ++i) put(map.map_key(i), map.map_value(i));
  }
  pairs() = default;
  void put(term k, term v) {
    keys.push_back(k);
    values.push_back(v);
  }
  term map(call& c) const { return make_map(c.heap(), keys.data(), values.data(), keys.size()); }
};

term maps_get_2(call& c) {
  if (!c[1].is_map()) return bad_map(c, c[1]);
  const term v = map_get(c[1], c[0]);
  return v ? v : bad_key(c, c[0]);
}
term maps_get_3(call& c) {
  if (!c[1].is_map()) return bad_map(c, c[1]);
  const term v = map_get(c[1], c[0]);
  return v ? v : c[2];
}
term maps_find(call& c) {
  if (!c[1].is_map()) return bad_map(c, c[1]);
  const term v = map_get(c[1], c[0]);
  return v ? c.tuple(ok(), v) : atom("error");
}
term maps_is_key(call& c) { return c[1].is_map() ? boolean(static_cast<bool>(map_get(c[1], c[0]))) : bad_map(c, c[1]); }
term maps_put(call& c) {
  if (!c[2].is_map()) return bad_map(c, c[2]);
  pairs p(c[2]);
  p.put(c[0], c[1]);
  return p.map(c);
}
term maps_update(call& c) {
  if (!c[2].is_map()) return bad_map(c, c[2]);
  return map_get(c[2], c[0]) ? maps_put(c) : bad_key(c, c[0]);
}
// The map without the keys (or with none but the keys) in the list.
pairs filtered(term map, const terms& keys, bool keep) {
  pairs p;
  for (std::uint64_t i = 0; i < map.map_size(); ++i) {
    const bool listed = std::any_of(keys.begin(), keys.end(), [&](term k) { return exactly_equal(k, map.map_key(i)); });
    if (listed == keep) p.put(map.map_key(i), map.map_value(i));
  }
  return p;
}
term maps_remove(call& c) { return c[1].is_map() ? filtered(c[1], {c[0]}, false).map(c) : bad_map(c, c[1]); }
term maps_take(call& c) {
  if (!c[1].is_map()) return bad_map(c, c[1]);
  const term v = map_get(c[1], c[0]);
  return v ? c.tuple(v, filtered(c[1], {c[0]}, false).map(c)) : atom("error");
}
template <bool Keep>
term maps_with(call& c) {
  const auto keys = elements(c[0]);
  if (!c[1].is_map()) return bad_map(c, c[1]);
  return keys ? filtered(c[1], *keys, Keep).map(c) : c.badarg();
}
term maps_keys(call& c) { return c[0].is_map() ? list_of(c, pairs(c[0]).keys) : bad_map(c, c[0]); }
term maps_values(call& c) { return c[0].is_map() ? list_of(c, pairs(c[0]).values) : bad_map(c, c[0]); }
term maps_size(call& c) { return c[0].is_map() ? c.integer(static_cast<std::int64_t>(c[0].map_size())) : bad_map(c, c[0]); }
term maps_to_list(call& c) {
  if (!c[0].is_map()) return bad_map(c, c[0]);
  terms out;
  for (std::uint64_t i = 0; i < c[0].map_size(); ++i) out.push_back(c.tuple(c[0].map_key(i), c[0].map_value(i)));
  return list_of(c, out);
}
term maps_from_list(call& c) {
  const auto e = elements(c[0]);
  if (!e) return c.badarg();
  pairs p;
  for (const term t : *e) {
    if (!t.is_tuple(2)) return c.badarg();
    p.put(t[0], t[1]);
  }
  return p.map(c);
}
term maps_from_keys(call& c) {
  const auto e = elements(c[0]);
  if (!e) return c.badarg();
  pairs p;
  for (const term k : *e) p.put(k, c[1]);
  return p.map(c);
}
term maps_merge(call& c) {
  if (!c[0].is_map()) return bad_map(c, c[0]);
  if (!c[1].is_map()) return bad_map(c, c[1]);
  pairs p(c[0]);
  const pairs q(c[1]);
  p.keys.insert(p.keys.end(), q.keys.begin(), q.keys.end());
  p.values.insert(p.values.end(), q.values.begin(), q.values.end());
  return p.map(c);
}
term maps_new(call& c) { return pairs().map(c); }

constexpr actors::builtin_function maps_table[] = {
    {"get", 2, bif<maps_get_2>}, {"get", 3, bif<maps_get_3>}, {"find", 2, bif<maps_find>}, {"is_key", 2, bif<maps_is_key>}, {"put", 3, bif<maps_put>},
    {"update", 3, bif<maps_update>}, {"remove", 2, bif<maps_remove>}, {"take", 2, bif<maps_take>}, {"with", 2, bif<maps_with<true>>},
    {"without", 2, bif<maps_with<false>>}, {"keys", 1, bif<maps_keys>}, {"values", 1, bif<maps_values>}, {"size", 1, bif<maps_size>},
    {"to_list", 1, bif<maps_to_list>}, {"from_list", 1, bif<maps_from_list>}, {"from_keys", 2, bif<maps_from_keys>}, {"merge", 2, bif<maps_merge>},
    {"new", 0, bif<maps_new>},
};

}  // namespace

void add_list_functions(actors::code_server& code) {
  code.add_builtin("lists", table);
  code.add_builtin("maps", maps_table);
}

}  // namespace cnode::services
