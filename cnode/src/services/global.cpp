// The module global as programs call it. The process behind it: global_process.cpp.
#include "global.hpp"

#include <cnode/protocol/local_node.hpp>

#include "gen_call.hpp"
#include "global_locks.hpp"
#include "modules.hpp"
#include "spawn.hpp"

namespace cnode::services {

namespace {

term server() { return atom("global_name_server"); }

term ask(call& c, term request) { return tail_call(c, atom("gen_server"), atom("call"), c.list(server(), request, atom("infinity"))); }

term where(call& c, term name) {
  const auto t = tables_of(c.node());
  const term pid = t ? t->whereis(c.node(), c.heap(), name) : term{};
  return pid ? pid : undefined();
}

// allow_tuple_fun/1: a function of three arguments, or {M, F}; none: neither.
term method_of(call& c, term method) {
  if (method.is_tuple(2) && method[0].is_atom() && method[1].is_atom()) return make_export(c.heap(), method[0], method[1], 3);
  if (method.kind() == CNODE_EXPORT) return term{method.box()[3]}.same(small(3)) ? method : term{};
  if (method.kind() == CNODE_FUN) return method.box()[3] >> 32 == 3 ? method : term{};
  return {};
}
term default_method(call& c) { return make_export(c.heap(), atom("global"), atom("random_exit_name"), 3); }

term change(call& c, std::string_view what, term method) {
  method = method_of(c, method);
  if (!c[1].is_pid() || !method) return c.function_clause();
  return ask(c, c.tuple(atom("registrar"), c.tuple(atom(what), c[0], c[1], method)));
}
term register_name_2(call& c) { return change(c, "register", default_method(c)); }
term register_name_3(call& c) { return change(c, "register", c[2]); }
term re_register_name_2(call& c) { return change(c, "re_register", default_method(c)); }
term re_register_name_3(call& c) { return change(c, "re_register", c[2]); }
term register_external(call& c, term method) {
  if (!c[1].is_pid()) return c.function_clause();
  return ask(c, c.tuple(atom("registrar"), c.tuple(atom("register_ext"), c[0], c[1], method, this_node().name)));
}
term register_name_external_2(call& c) { return register_external(c, default_method(c)); }
term register_name_external_3(call& c) { return register_external(c, c[2]); }
term unregister_name_1(call& c) {
  return is(where(c, c[0]), "undefined") ? ok() : ask(c, c.tuple(atom("registrar"), c.tuple(atom("unregister"), c[0])));
}
term whereis_name_1(call& c) { return where(c, c[0]); }
term send_2(call& c) {
  const term pid = where(c, c[0]);
  if (!pid.is_pid()) return c.exit(c.tuple(atom("badarg"), c.tuple(c[0], c[1])));
  c.self().send(pid, c[1]);
  return pid;
}
term registered_names_0(call& c) {
  std::vector<term> out;
  if (const auto t = tables_of(c.node())) {
    std::shared_lock guard(t->lock);
    for (const auto& [name, e] : t->names) out.push_back(copy(c.heap(), name.get()));
  }
  return make_list(c.heap(), out.data(), out.size());
}

// ---- locks

std::vector<term> all_nodes(call& c) {
  std::vector<term> nodes{this_node().name};
  if (const auto* d = c.node().dist())
    for (const term n : d->nodes(true, false)) nodes.push_back(n);
  return nodes;
}

struct lock_call {
  owned id;
  std::vector<term> nodes;
  std::int64_t retries = -1;
};
// What is well-formed of Id, Nodes (none: all) and Retries (none: infinity).
std::optional<lock_call> lock_call_of(call& c, term id, term nodes, term retries) {
  lock_call l;
  if (!is_lock_id(id)) return std::nullopt;
  l.id = owned(id);
  if (nodes) {
    const auto list = elements(nodes);
    if (!list) return std::nullopt;
    for (const term n : *list)
      if (!n.is_atom()) return std::nullopt;
    l.nodes = *list;
  } else {
    l.nodes = all_nodes(c);
  }
  if (!retries || is(retries, "infinity")) return l;
  if (!retries.is_small() || retries.small() < 0) return std::nullopt;
  l.retries = retries.small();
  return l;
}

routine<term> set_lock_then_say(talk& t, lock_call l) {
  const bool set = co_await set_lock(t, l.id, l.nodes, l.retries);
  co_return boolean(set);
}
term set_lock(call& c, term nodes, term retries) {
  const auto l = lock_call_of(c, c[0], nodes, retries);
  return l ? run_routine(c, [&](talk& t) { return set_lock_then_say(t, *l); }) : c.function_clause();
}
term set_lock_1(call& c) { return set_lock(c, {}, {}); }
term set_lock_2(call& c) { return set_lock(c, c[1], {}); }
term set_lock_3(call& c) { return set_lock(c, c[1], c[2]); }

routine<term> del_lock_then_say(talk& t, lock_call l) {
  const bool deleted = co_await del_lock(t, l.id, l.nodes);
  co_return boolean(deleted);
}
term del_lock(call& c, term nodes) {
  const auto l = lock_call_of(c, c[0], nodes, {});
  return l ? run_routine(c, [&](talk& t) { return del_lock_then_say(t, *l); }) : c.function_clause();
}
term del_lock_1(call& c) { return del_lock(c, {}); }
term del_lock_2(call& c) { return del_lock(c, c[1]); }

routine<term> transaction(talk& t, lock_call l, owned fun) {
  const bool set = co_await set_lock(t, l.id, l.nodes, l.retries);
  if (!set) co_return atom("aborted");
  const term f = fun.get();
  // Each by itself: GCC 12 works out both sides of a ?: inside a co_await expression.
  term module = atom("erlang"), function = atom("apply"), args = nil;
  if (f.is_tuple(2)) module = f[0], function = f[1];
  else args = t.list(f, nil);
  const auto& a = co_await t.apply(module, function, args);
  const owned value = a.value ? owned(a.value) : owned{};
  const term error_class = a.error_class;
  const owned reason = a.value ? owned{} : owned(a.reason);
  co_await del_lock(t, l.id, l.nodes);
  if (!value.get()) throw raised_in_routine{error_class, reason};
  co_return copy(t.heap(), value.get());
}
term trans(call& c, term nodes, term retries) {
  const auto l = lock_call_of(c, c[0], nodes, retries);
  return l ? run_routine(c, [&](talk& t) { return transaction(t, *l, owned(c[1])); }) : c.function_clause();
}
term trans_2(call& c) { return trans(c, {}, {}); }
term trans_3(call& c) { return trans(c, c[2], {}); }
term trans_4(call& c) { return trans(c, c[2], c[3]); }

// ---- the server

term sync_0(call& c) {
  const auto nodes = c.node().dist() ? c.node().dist()->nodes(true, false) : std::vector<term>{};
  return ask(c, c.tuple(atom("sync"), make_list(c.heap(), nodes.data(), nodes.size())));
}
term sync_1(call& c) { return list_length(c[0]) < 0 ? c.function_clause() : ask(c, c.tuple(atom("sync"), c[0])); }
term info_0(call& c) { return ask(c, atom("info")); }
term disconnect_0(call& c) { return ask(c, atom("disconnect")); }
term get_locker_0(call& c) {
  return gen_call(c, server(), atom("info"), -1, [](call& again, term reply, term down) { return reply ? reply[7] : again.exit(down); });
}
term start_link_0(call& c) {
  return tail_call(c, atom("gen_server"), atom("start_link"), c.list(c.tuple(atom("local"), server()), atom("global"), nil, nil));
}
term start_0(call& c) { return tail_call(c, atom("gen_server"), atom("start"), c.list(c.tuple(atom("local"), server()), atom("global"), nil, nil)); }

constexpr actors::builtin_function global_table[] = {
    {"init", 1, bif<global_init_1>}, {"handle_call", 3, bif<global_handle_call_3>}, {"handle_cast", 2, bif<global_handle_cast_2>},
    {"handle_info", 2, bif<global_handle_info_2>}, {"start", 0, bif<start_0>}, {"start_link", 0, bif<start_link_0>},
    {"exchange_names", 3, bif<global_exchange_names_3>}, {"resolve_it", 4, bif<global_resolve_it_4>},
    {"random_exit_name", 3, bif<global_random_exit_name_3>}, {"random_notify_name", 3, bif<global_random_notify_name_3>},
    {"notify_all_name", 3, bif<global_notify_all_name_3>},
    {"register_name", 2, bif<register_name_2>}, {"register_name", 3, bif<register_name_3>},
    {"re_register_name", 2, bif<re_register_name_2>}, {"re_register_name", 3, bif<re_register_name_3>},
    {"register_name_external", 2, bif<register_name_external_2>}, {"register_name_external", 3, bif<register_name_external_3>},
    {"unregister_name", 1, bif<unregister_name_1>}, {"unregister_name_external", 1, bif<unregister_name_1>},
    {"whereis_name", 1, bif<whereis_name_1>}, {"send", 2, bif<send_2>}, {"registered_names", 0, bif<registered_names_0>},
    {"set_lock", 1, bif<set_lock_1>}, {"set_lock", 2, bif<set_lock_2>}, {"set_lock", 3, bif<set_lock_3>},
    {"del_lock", 1, bif<del_lock_1>}, {"del_lock", 2, bif<del_lock_2>},
    {"trans", 2, bif<trans_2>}, {"trans", 3, bif<trans_3>}, {"trans", 4, bif<trans_4>},
    {"sync", 0, bif<sync_0>}, {"sync", 1, bif<sync_1>}, {"info", 0, bif<info_0>}, {"disconnect", 0, bif<disconnect_0>}, {"get_locker", 0, bif<get_locker_0>},
};

}  // namespace

void add_global_functions(actors::code_server& code) { code.add_builtin("global", global_table); }

void start_global(actors::runtime& node) {
  const auto gen_server = node.code().find(atom("gen_server"), atom("start"), 4);
  if (!gen_server) return;  // a runtime without behaviours
  gen_server.version->release();
  node.spawn_function(atom("global"), atom("start"), nil);
}

}  // namespace cnode::services
