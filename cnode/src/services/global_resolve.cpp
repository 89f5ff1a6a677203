// Two partitions have the same name: whose process keeps it.
#include <algorithm>

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "global.hpp"
#include "global_tables.hpp"
#include "routine.hpp"

namespace cnode::services {

namespace {

owned insert_op(talk& t, term name, term pid, term method) { return owned(t.tuple(atom("insert"), t.tuple(name, pid, method))); }

struct name_entry {
  owned name, pid, method;
};

// exchange_names/4: Ops are for us, Resolved for the other node. The smaller node has the conflicts resolved.
routine<term> exchange(talk& t, term node, owned tag, std::vector<name_entry> his) {
  std::vector<owned> ops, resolved;
  const auto tables = tables_of(t.node());
  if (!tables) co_return ok();
  for (const auto& e : his) {
    name_entry ours;
    {
      std::shared_lock guard(tables->lock);
      if (const auto i = tables->names.find(e.name); i != tables->names.end()) ours = {e.name, i->second.pid, i->second.method};
    }
    if (!ours.pid.get()) {
      ops.push_back(insert_op(t, e.name.get(), e.pid.get(), e.method.get()));
      continue;
    }
    if (ours.pid == e.pid || compare(this_node().name, node) > 0) continue;
    const term at = node_of_pid(ours.pid.get());
    const auto& answer = co_await t.apply(
        atom("rpc"), atom("call"),
        t.list(at, atom("global"), atom("resolve_it"), t.list(ours.method.get(), e.name.get(), e.pid.get(), ours.pid.get())));
    const owned kept_pid(answer.value ? answer.value : t.tuple(atom("badrpc"), atom("failed")));
    const term r = kept_pid.get();
    if (kept_pid == e.pid) {
      ops.push_back(insert_op(t, e.name.get(), e.pid.get(), e.method.get()));
    } else if (kept_pid == ours.pid) {
      resolved.push_back(insert_op(t, e.name.get(), ours.pid.get(), ours.method.get()));
    } else if (r.is_tuple(2) && is(r[0], "badrpc")) {
      t.node().log(actors::log_level::info, "global: badrpc " + to_text(r[1]) + " received when conflicting name " + to_text(e.name.get()) + " was found");
      ops.push_back(insert_op(t, e.name.get(), e.pid.get(), e.method.get()));
    } else {
      if (!is(r, "none"))
        t.node().log(actors::log_level::info, "global: Resolve method " + to_text(ours.method.get()) + " for conflicting name " + to_text(e.name.get()) +
                                                  " returned " + to_text(r));
      const owned gone(t.tuple(atom("delete"), e.name.get()));
      ops.push_back(gone);
      resolved.push_back(gone);
    }
  }
  const auto list = [&](const std::vector<owned>& v) {
    term l = nil;
    for (const auto& o : v) l = make_cons(t.heap(), o.get(), l);
    return l;
  };
  t.self().send(atom("global_name_server"), t.tuple(atom("$gen_cast"), t.tuple(atom("exchange_ops"), node, tag.get(), list(ops), list(resolved))));
  co_return ok();
}

// {'EXIT', Reason} as `catch` makes it.
term caught(talk& t, const applied& a) {
  if (a.value) return a.value;
  if (is(a.error_class, "throw")) return a.reason;
  return t.tuple(atom("EXIT"), is(a.error_class, "error") ? t.tuple(a.reason, a.stacktrace ? a.stacktrace : nil) : a.reason);
}

bool is_up(talk& t, term node) {
  const auto all = t.node().dist() ? t.node().dist()->nodes(true, true) : std::vector<term>{};
  return std::any_of(all.begin(), all.end(), [&](term n) { return n.same(node); });
}

// A closure runs where it was made; a function this node lacks runs where the other process lives.
routine<term> resolve(talk& t, owned method, owned name, owned pid1, owned pid2) {
  const term m = method.get();
  term module, function, elsewhere;
  if (m.kind() == CNODE_EXPORT) {
    module = term{m.box()[1]}, function = term{m.box()[2]};
    if (!node_of_pid(pid1.get()).same(this_node().name)) elsewhere = node_of_pid(pid1.get());
  } else if (m.kind() == CNODE_FUN) {
    elsewhere = node_of_pid(term{m.box()[7]});
  } else if (m.is_tuple(2)) {
    module = m[0], function = m[1];
  }
  owned result;
  bool missing = !module;
  if (module) {
    const auto& a = co_await t.apply(module, function, t.list(name.get(), pid1.get(), pid2.get()));
    missing = !a.value && is(a.error_class, "error") && is(a.reason, "undef");
    result = owned(caught(t, a));
  } else {
    result = owned(t.tuple(atom("EXIT"), t.tuple(t.tuple(atom("badfun"), m), nil)));
  }
  if (missing && elsewhere && !elsewhere.same(this_node().name) && is_up(t, elsewhere)) {
    const auto& a = co_await t.apply(atom("rpc"), atom("call"),
                                     t.list(elsewhere, atom("global"), atom("resolve_it"), t.list(m, name.get(), pid1.get(), pid2.get())));
    const term r = caught(t, a);
    if (!r.is_tuple(2) || !is(r[0], "badrpc")) result = owned(r);
  }
  co_return copy(t.heap(), result.get());
}

// {Min, Max} by the nodes' names
std::pair<term, term> min_max(term a, term b) { return compare(node_of_pid(a), node_of_pid(b)) < 0 ? std::pair{a, b} : std::pair{b, a}; }

bool two_pids(call& c) { return c[1].is_pid() && c[2].is_pid(); }

}  // namespace

// [Node, Tag, [{Name, Pid, Method}]]
term global_exchange_names_3(call& c) {
  if (!c[0].is_atom()) return c.badarg();
  std::vector<name_entry> his;
  for (term l = c[2]; l.is_cons(); l = l.tail())
    if (l.head().is_tuple(3)) his.push_back({owned(l.head()[0]), owned(l.head()[1]), owned(l.head()[2])});
  return run_routine(c, [&](talk& t) { return exchange(t, c[0], owned(c[1]), std::move(his)); });
}

term global_resolve_it_4(call& c) {
  if (!c[2].is_pid() || !c[3].is_pid()) return c.function_clause();
  return run_routine(c, [&](talk& t) { return resolve(t, owned(c[0]), owned(c[1]), owned(c[2]), owned(c[3])); });
}

term global_random_exit_name_3(call& c) {
  if (!two_pids(c)) return c.badarg();
  const auto [min, max] = min_max(c[1], c[2]);
  c.node().log(actors::log_level::info, "global: Name conflict terminating " + to_text(c.tuple(c[0], max)));
  c.self().exit_signal(max, atom("kill"));
  return min;
}
term global_random_notify_name_3(call& c) {
  if (!two_pids(c)) return c.badarg();
  const auto [min, max] = min_max(c[1], c[2]);
  c.self().send(max, c.tuple(atom("global_name_conflict"), c[0]));
  return min;
}
term global_notify_all_name_3(call& c) {
  if (!two_pids(c)) return c.badarg();
  c.self().send(c[1], c.tuple(atom("global_name_conflict"), c[0], c[2]));
  c.self().send(c[2], c.tuple(atom("global_name_conflict"), c[0], c[1]));
  return atom("none");
}

}  // namespace cnode::services
