// Child specifications and supervisor flags: checks, defaults, and how they look from outside.
#include <algorithm>

#include <cnode/protocol/term_order.hpp>

#include "otp_atoms.hpp"
#include "supervisor_state.hpp"

namespace cnode::actors {

namespace {

term invalid(block& b, const char* what, term value) { return make_tuple_of(b, atom(what), value); }

bool one_of(term t, std::initializer_list<term> list) {
  for (const term e : list)
    if (t.same(e)) return true;
  return false;
}

bool is_natural(term t) { return t.is_small() && t.small() >= 0; }

// What a specification says, defaults filled in. none where nothing is said.
struct raw_spec {
  term id, start, restart, significant, shutdown, type, modules;
};

term check(block& b, const raw_spec& r, term auto_shutdown, child& c) {
  const auto& n = names();
  if (!r.id) return atom("missing_id");
  if (!r.start) return atom("missing_start");
  if (!r.start.is_tuple(3) || !r.start[0].is_atom() || !r.start[1].is_atom() || !r.start[2].is_list())
    return invalid(b, "invalid_mfa", r.start);
  if (!one_of(r.restart, {n.permanent, n.transient, n.temporary})) return invalid(b, "invalid_restart_type", r.restart);
  if (r.significant.same(n.true_)) {
    const auto combination = [&](term k1, term v1) {
      return make_tuple_of(b, atom("bad_combination"),
                           make_list_of(b, make_tuple_of(b, k1, v1), make_tuple_of(b, n.significant, n.true_)));
    };
    if (auto_shutdown.same(n.never)) return combination(n.auto_shutdown, n.never);
    if (r.restart.same(n.permanent)) return combination(n.restart, n.permanent);
  } else if (!r.significant.same(n.false_)) {
    return invalid(b, "invalid_significant", r.significant);
  }
  if (!one_of(r.type, {n.worker, n.supervisor})) return invalid(b, "invalid_child_type", r.type);
  const term shutdown = r.shutdown ? r.shutdown : r.type.same(n.worker) ? small(5000) : n.infinity;
  if (!is_natural(shutdown) && !one_of(shutdown, {n.infinity, n.brutal_kill})) return invalid(b, "invalid_shutdown", shutdown);
  const term modules = r.modules ? r.modules : make_list_of(b, r.start[0]);
  if (!modules.same(n.dynamic)) {
    if (list_length(modules) < 0) return invalid(b, "invalid_modules", modules);
    for (term l = modules; l.is_cons(); l = l.tail())
      if (!l.head().is_atom()) return invalid(b, "invalid_module", l.head());
  }
  c = child{};
  c.id = owned_term(r.id);
  c.mfa = owned_term(r.start);
  c.restart_type = r.restart;
  c.significant = r.significant.same(n.true_);
  c.shutdown = shutdown;
  c.type = r.type;
  c.modules = owned_term(modules);
  return {};
}

term boolean(bool v) { return v ? names().true_ : names().false_; }

term shown_pid(block& b, const child& c) {
  const auto& n = names();
  switch (c.state) {
    case child::running::yes: return c.pid.get();
    case child::running::restarting: return make_tuple_of(b, n.restarting, c.pid.get() ? c.pid.get() : n.undefined);
    default: return n.undefined;
  }
}

}  // namespace

term check_child_spec(block& b, term spec, term auto_shutdown, child& out) {
  const auto& n = names();
  raw_spec r;
  if (spec.is_map()) {
    const auto get = [&](term key, term otherwise) {
      const term t = map_get(spec, key);
      return t ? t : otherwise;
    };
    r = {get(n.id, {}),       get(n.start, {}),       get(n.restart, n.permanent), get(n.significant, n.false_),
         get(n.shutdown, {}), get(n.type, n.worker), get(n.modules, {})};
  } else if (spec.is_tuple(6)) {
    r = {spec[0], spec[1], spec[2], n.false_, spec[3], spec[4], spec[5]};
  } else {
    return invalid(b, "invalid_child_spec", spec);
  }
  return check(b, r, auto_shutdown, out);
}

term check_start_spec(block& b, term specs, term auto_shutdown, std::vector<child>& out) {
  for (; specs.is_cons(); specs = specs.tail()) {
    child c;
    if (const term error = check_child_spec(b, specs.head(), auto_shutdown, c)) return error;
    for (const auto& other : out)
      if (exactly_equal(other.id.get(), c.id.get())) return invalid(b, "duplicate_child_name", copy(b, c.id.get()));
    out.push_back(std::move(c));
  }
  if (!specs.is_nil()) throw_error(names().function_clause);
  return {};
}

term set_flags(block& b, term flags, supervision_flags& out) {
  const auto& n = names();
  term strategy = n.one_for_one, intensity = small(1), period = small(5), auto_shutdown = n.never, hibernate_after = n.infinity;
  if (flags.is_map()) {
    const auto get = [&](term key, term& into) {
      if (const term t = map_get(flags, key)) into = t;
    };
    get(n.strategy, strategy);
    get(n.intensity, intensity);
    get(n.period, period);
    get(n.auto_shutdown, auto_shutdown);
    get(n.hibernate_after, hibernate_after);  // of OTP 28
  } else if (flags.is_tuple(3)) {
    strategy = flags[0];
    intensity = flags[1];
    period = flags[2];
  } else {
    return invalid(b, "invalid_type", flags);
  }
  if (!one_of(strategy, {n.one_for_one, n.one_for_all, n.rest_for_one, n.simple_one_for_one}))
    return invalid(b, "invalid_strategy", strategy);
  if (!is_natural(intensity)) return invalid(b, "invalid_intensity", intensity);
  if (!is_natural(period) || period.small() == 0) return invalid(b, "invalid_period", period);
  if (!one_of(auto_shutdown, {n.never, n.any_significant, n.all_significant}))
    return invalid(b, "invalid_auto_shutdown", auto_shutdown);
  if (!is_natural(hibernate_after) && !hibernate_after.same(n.infinity)) return invalid(b, "invalid_hibernate_after", hibernate_after);
  out = {strategy, intensity.small(), period.small(), auto_shutdown, hibernate_after.same(n.infinity) ? -1 : hibernate_after.small()};
  return {};
}

term children_pair(block& b, const std::vector<child>& children, bool latest_first) {
  std::vector<term> ids, keys, records;
  for (const auto& c : children) {
    keys.push_back(copy(b, c.id.get()));
    records.push_back(child_record(b, c));
  }
  ids = keys;
  if (latest_first) std::reverse(ids.begin(), ids.end());
  return make_tuple_of(b, make_list(b, ids.data(), ids.size()), make_map(b, keys.data(), records.data(), keys.size()));
}

term child_to_spec(block& b, const child& c) {
  const auto& n = names();
  const term keys[] = {n.id, n.start, n.restart, n.significant, n.shutdown, n.type, n.modules};
  const term values[] = {copy(b, c.id.get()), copy(b, c.mfa.get()), c.restart_type, boolean(c.significant),
                         c.shutdown,          c.type,               copy(b, c.modules.get())};
  return make_map(b, keys, values, 7);
}

term child_record(block& b, const child& c) {
  const term e[] = {names().child,  copy(b, shown_pid(b, c)), copy(b, c.id.get()), copy(b, c.mfa.get()), c.restart_type,
                    boolean(c.significant), c.shutdown,       c.type,              copy(b, c.modules.get())};
  return make_tuple(b, e, 9);
}

term child_report(block& b, const child& c) {
  const auto& n = names();
  const auto entry = [&](term key, term value) { return make_tuple_of(b, key, value); };
  return make_list_of(b, entry(n.pid, copy(b, shown_pid(b, c))), entry(n.id, copy(b, c.id.get())),
                      entry(atom("mfargs"), copy(b, c.mfa.get())), entry(atom("restart_type"), c.restart_type),
                      entry(n.significant, boolean(c.significant)), entry(n.shutdown, c.shutdown),
                      entry(atom("child_type"), c.type));
}

term state_record(block& b, const supervisor_state& s) {
  const auto& n = names();
  const term children = children_pair(b, s.children, true);
  term dynamics = n.undefined;
  std::int64_t waiting = 0;
  if (s.is_simple()) {
    std::vector<term> pids, args;
    for (const auto& [pid, d] : s.dynamic) {
      waiting += d.restarting;
      pids.push_back(d.restarting ? make_tuple_of(b, n.restarting, copy(b, pid)) : copy(b, pid));
      args.push_back(copy(b, d.args.get()));
    }
    const bool temporary = s.children.front().is(n.temporary);
    dynamics = make_tuple_of(b, atom(temporary ? "mapsets" : "maps"), make_map(b, pids.data(), args.data(), pids.size()));
  }
  std::vector<term> restarts;
  for (const auto r : s.restarts) restarts.push_back(make_integer(b, r));
  const term e[] = {n.state,
                    copy(b, s.name.get()),
                    s.flags.strategy,
                    children,
                    dynamics,
                    make_integer(b, s.flags.intensity),
                    make_integer(b, s.flags.period),
                    make_list(b, restarts.data(), restarts.size()),
                    small(waiting),
                    s.flags.auto_shutdown,
                    s.module,
                    copy(b, s.args.get())};
  return make_tuple(b, e, 12);
}

}  // namespace cnode::actors
