// pg: process groups, as pg.erl of OTP 25 keeps them, with the protocol of 29 beside its own.
//
//   nodeup          -> {discover, Self} to {Scope, Node}
//   {discover, P}   -> $gen_cast {sync, Self, [{Group, Pids}]}, and {discover, Self} to whom we do not know       version 0
//   {join, P, Group, PidOrPids}, {leave, P, PidOrPids, Groups}, $gen_cast {sync, P, Groups}
//   {discover, P, V}-> $gen_cast {local_data, Self, V, #{Group => Pids}}, and {discover, Self}                    version 1
//   {update, P, [{Group, Add, Remove}]}, $gen_cast {local_data, P, V, Map}
//
// {discover, Self} is the one greeting that every release understands: an unknown one takes pg of OTP 25 down, and with it the node.
// For the same reason an unknown message is dropped here. A scope is a gen_server with this callback module, registered by its name.
#include "pg.hpp"

#include <algorithm>
#include <mutex>

#include <cnode/protocol/local_node.hpp>

#include "gen_call.hpp"
#include "modules.hpp"
#include "native_state.hpp"
#include "net_kernel.hpp"
#include "pg_scope.hpp"
#include "spawn.hpp"

namespace cnode::services {

namespace {

// ---- the scopes of this OS process, for those who only read

struct view_table {
  std::shared_mutex lock;
  std::map<std::pair<const actors::runtime*, cnode_term>, std::shared_ptr<pg_view>> views;
};
view_table& views() {
  static view_table t;
  return t;
}
std::shared_ptr<pg_view> view_of(const actors::runtime& node, term scope) {
  std::shared_lock guard(views().lock);
  const auto i = views().views.find({&node, scope.word()});
  return i == views().views.end() ? nullptr : i->second;
}

// ---- the state: a native object that looks like #state{}

// state{scope, local, remote, scope_monitors, group_monitors, monitored_groups}
struct scope_state {
  static constexpr const char* type = "pg";
  explicit scope_state(actors::runtime& n, term name) : node(&n), scope(name) {
    std::unique_lock guard(views().lock);
    views().views[{node, name.word()}] = scope.view;
  }
  ~scope_state() {
    std::unique_lock guard(views().lock);
    const auto i = views().views.find({node, scope.name.word()});
    if (i != views().views.end() && i->second == scope.view) views().views.erase(i);
  }
  term record(block& b) const;

  actors::runtime* node;
  pg_scope scope;
};

term list_of(block& b, const members& m) {
  term list = nil;
  for (const auto& p : m) list = make_cons(b, copy(b, p.get()), list);
  return list;
}
// The other way round: a vector in Erlang's order.
term in_order(block& b, const std::vector<owned>& v) {
  std::vector<term> t;
  for (const auto& o : v) t.push_back(copy(b, o.get()));
  return make_list(b, t.data(), t.size());
}

class map_builder {
 public:
  explicit map_builder(block& b) : b_(b) {}
  void put(term key, term value) { keys_.push_back(key), values_.push_back(value); }
  term make() { return make_map(b_, keys_.data(), values_.data(), keys_.size()); }

 private:
  block& b_;
  std::vector<term> keys_, values_;
};

term groups_to_map(block& b, const group_map& groups) {
  map_builder m(b);
  for (const auto& [g, pids] : groups) m.put(copy(b, g.get()), list_of(b, pids));
  return m.make();
}

term scope_state::record(block& b) const {
  const auto& s = scope;
  map_builder local(b), remote(b), scope_monitors(b), group_monitors(b), monitored(b);
  for (const auto& [pid, m] : s.local) local.put(copy(b, pid.get()), make_tuple_of(b, copy(b, m.monitor.get()), list_of(b, m.groups)));
  for (const auto& [pid, p] : s.peers) remote.put(copy(b, pid.get()), make_tuple_of(b, copy(b, p.monitor.get()), groups_to_map(b, p.groups)));
  std::map<owned, std::vector<term>> by_group;
  for (const auto& sub : s.subscriptions) {
    const term ref = copy(b, sub.ref.get()), pid = copy(b, sub.pid.get());
    if (sub.whole) {
      scope_monitors.put(ref, pid);
    } else {
      group_monitors.put(ref, make_tuple_of(b, pid, copy(b, sub.group.get())));
      auto& list = by_group[sub.group];
      list.insert(list.begin(), make_tuple_of(b, pid, ref));
    }
  }
  for (const auto& [g, list] : by_group) monitored.put(copy(b, g.get()), make_list(b, list.data(), list.size()));
  return make_tuple_of(b, atom("state"), s.name, local.make(), remote.make(), scope_monitors.make(), group_monitors.make(), monitored.make());
}
pg_scope* scope_in(term t) {
  auto* s = native_state<scope_state>::in(t);
  return s ? &s->scope : nullptr;
}

// ---- what the callbacks do

// A callback at work: the process, its scope, and the state term it gives back.
struct turn {
  call& c;
  pg_scope& scope;
  term state;

  // erlang:send(To, Message, [noconnect])
  void send(term to, term message) const {
    const term pid = to.is_tuple(2) ? to[1] : to;
    const term node = pid.is_atom() ? pid : pid.is_local_pid() ? term{} : node_of(pid).node;
    if (node && !node.same(this_node().name)) {
      const auto* dist = c.node().dist();
      const auto nodes = dist ? dist->nodes(true, true) : std::vector<term>{};
      if (std::none_of(nodes.begin(), nodes.end(), [&](term n) { return n.same(node); })) return;
    }
    c.self().send(to, message);
  }
  owned monitor(term pid) const { return owned(c.self().monitor(pid)); }
  void demonitor(term ref) const { c.self().demonitor(ref, false); }
  pg_scope::notify tell() const {
    return [this](const pg_scope::subscription& s, bool join, const owned& group, const std::vector<owned>& pids) {
      auto& b = c.heap();
      send(s.pid.get(), c.tuple(s.ref.get(), atom(join ? "join" : "leave"), group.get(), in_order(b, pids)));
    };
  }
  term reply(term value) const { return c.tuple(atom("reply"), value, state); }
  term noreply() const { return c.tuple(atom("noreply"), state); }

  // To every peer in the words of its version. PidOrPids as the caller gave them; 25 sends them on so.
  void publish_join(term group, term pids, const std::vector<owned>& list) const {
    for (const auto& [pid, p] : scope.peers) {
      const term self = c.self().pid();
      if (p.version == 0) send(pid.get(), c.tuple(atom("join"), self, group, pids));
      else send(pid.get(), c.tuple(atom("update"), self, c.list(c.tuple(group, in_order(c.heap(), list), nil))));
    }
  }
  void publish_leave(term pids, const std::vector<owned>& list, term groups) const {
    for (const auto& [pid, p] : scope.peers) {
      const term self = c.self().pid();
      if (p.version == 0) {
        send(pid.get(), c.tuple(atom("leave"), self, pids, groups));
        continue;
      }
      std::vector<term> updates;
      for (term g = groups; g.is_cons(); g = g.tail()) updates.push_back(c.tuple(g.head(), nil, in_order(c.heap(), list)));
      send(pid.get(), c.tuple(atom("update"), self, make_list(c.heap(), updates.data(), updates.size())));
    }
  }

  void greet(term peer, int version) const {
    auto& b = c.heap();
    const term groups = groups_to_map(b, scope.local_groups());
    term answer;
    if (version == 0) {
      std::vector<term> list;
      for (std::uint64_t i = 0; i < groups.map_size(); ++i) list.push_back(c.tuple(groups.map_key(i), groups.map_value(i)));
      answer = c.tuple(atom("sync"), c.self().pid(), make_list(b, list.data(), list.size()));
    } else {
      answer = c.tuple(atom("local_data"), c.self().pid(), small(version), groups);
    }
    send(peer, c.tuple(atom("$gen_cast"), answer));
    const auto [i, fresh] = scope.peers.try_emplace(owned(peer));
    if (version > i->second.version) i->second.version = version;
    if (!fresh) return;
    i->second.monitor = monitor(peer);
    send(peer, c.tuple(atom("discover"), c.self().pid()));
  }

  pg_scope::peer& peer_of(term pid) const {
    const auto [i, fresh] = scope.peers.try_emplace(owned(pid));
    if (fresh) i->second.monitor = monitor(pid);
    return i->second;
  }
};

// A pid or a proper list of pids, in Erlang's order.
std::optional<std::vector<owned>> pids_of(term t) {
  std::vector<owned> out;
  if (t.is_pid()) {
    out.emplace_back(t);
    return out;
  }
  const auto list = elements(t);
  if (!list) return std::nullopt;
  for (const term p : *list) {
    if (!p.is_pid()) return std::nullopt;
    out.emplace_back(p);
  }
  return out;
}

std::optional<group_map> groups_from(const std::vector<std::pair<term, term>>& pairs) {
  group_map out;
  for (const auto& [group, pids] : pairs) {
    auto list = pids_of(pids);
    if (!list) return std::nullopt;
    out[owned(group)] = members(list->rbegin(), list->rend());
  }
  return out;
}

// Members of a node that is not the peer's own would stay when that node goes: no peer of any release says such a thing.
bool lives_at(const std::vector<owned>& pids, term peer) {
  const term node = node_of(peer).node;
  return std::all_of(pids.begin(), pids.end(), [&](const owned& p) { return !p.get().is_local_pid() && node_of(p.get()).node.same(node); });
}

term handle_call(const turn& t, term request, term from) {
  auto& c = t.c;
  if (request.is_tuple(3) && (is(request[0], "join_local") || is(request[0], "leave_local"))) {
    const auto pids = pids_of(request[2]);
    if (!pids) return c.badarg();
    const owned group(request[1]);
    if (is(request[0], "join_local")) {
      t.scope.join_local(group, *pids, [&](term p) { return t.monitor(p); }, t.tell());
      t.publish_join(request[1], request[2], *pids);
      return t.reply(ok());
    }
    if (!t.scope.leave_local(group, *pids, [&](term r) { t.demonitor(r); }, t.tell())) return t.reply(atom("not_joined"));
    t.publish_leave(request[2], *pids, c.list(request[1]));
    return t.reply(ok());
  }
  const bool one = request.is_tuple(2) && is(request[0], "monitor");
  if (is(request, "monitor") || one) {
    pg_scope::subscription s{t.monitor(from[0]), owned(from[0]), !one, one ? owned(request[1]) : owned{}};
    term result;
    {
      std::shared_lock guard(t.scope.view->lock);
      const auto& groups = t.scope.view->groups;
      if (one) {
        const auto i = groups.find(s.group);
        result = i == groups.end() ? nil : list_of(c.heap(), i->second.all);
      } else {
        map_builder m(c.heap());
        for (const auto& [g, e] : groups) m.put(copy(c.heap(), g.get()), list_of(c.heap(), e.all));
        result = m.make();
      }
    }
    const term ref = copy(c.heap(), s.ref.get());
    t.scope.subscriptions.push_back(std::move(s));
    return t.reply(c.tuple(ref, result));
  }
  if (request.is_tuple(2) && is(request[0], "demonitor")) {
    auto& subs = t.scope.subscriptions;
    const auto i = std::find_if(subs.begin(), subs.end(), [&](const auto& s) { return exactly_equal(s.ref.get(), request[1]); });
    if (i == subs.end()) return t.reply(boolean(false));
    t.demonitor(i->ref.get());
    subs.erase(i);
    return t.reply(ok());
  }
  return c.badarg();
}

// What scopes of other nodes say; from whom nobody knows or in another shape it is dropped.
void remote_message(const turn& t, term m) {
  if (!m.is_tuple() || m.arity() < 2 || !m[1].is_pid() || m[1].is_local_pid()) return;
  const term peer = m[1];
  if (m.is_tuple(2) && is(m[0], "discover")) return t.greet(peer, 0);
  if (m.is_tuple(3) && is(m[0], "discover") && m[2].is_small()) return t.greet(peer, m[2].small() > 0 ? 1 : 0);
  std::vector<std::pair<term, term>> pairs;
  if (m.is_tuple(3) && is(m[0], "sync")) {
    const auto list = elements(m[2]);
    if (!list) return;
    for (const term p : *list) {
      if (!p.is_tuple(2)) return;
      pairs.emplace_back(p[0], p[1]);
    }
  } else if (m.is_tuple(4) && is(m[0], "local_data") && m[3].is_map()) {
    for (std::uint64_t i = 0; i < m[3].map_size(); ++i) pairs.emplace_back(m[3].map_key(i), m[3].map_value(i));
  } else {
    const auto known = t.scope.peers.find(owned(peer));
    if (known == t.scope.peers.end()) return;  // its node flickers, or it is of another overlay
    std::vector<pg_update> updates;
    if (m.is_tuple(4) && is(m[0], "join")) {
      const auto pids = pids_of(m[3]);
      if (pids) updates.push_back({owned(m[2]), *pids, {}});
    } else if (m.is_tuple(4) && is(m[0], "leave")) {
      const auto pids = pids_of(m[2]);
      const auto groups = elements(m[3]);
      if (!pids || !groups) return;
      for (const term g : *groups) updates.push_back({owned(g), {}, *pids});
    } else if (m.is_tuple(3) && is(m[0], "update")) {
      const auto list = elements(m[2]);
      if (!list) return;
      for (const term u : *list) {
        if (!u.is_tuple(3)) return;
        const auto add = pids_of(u[1]), remove = pids_of(u[2]);
        if (!add || !remove) return;
        updates.push_back({owned(u[0]), *add, *remove});
      }
    }
    for (const auto& u : updates)
      if (lives_at(u.add, peer)) t.scope.remote_update(known->second, u, t.tell());
    return;
  }
  auto groups = groups_from(pairs);
  if (!groups) return;
  for (const auto& [g, pids] : *groups)
    if (!lives_at(pids, peer)) return;
  t.scope.remote_sync(t.peer_of(peer), std::move(*groups), t.tell());
}

void down(const turn& t, term ref, term pid) {
  std::erase_if(t.scope.subscriptions, [&](const auto& s) { return exactly_equal(s.ref.get(), ref); });
  const owned who(pid);
  if (const auto i = t.scope.local.find(who); i != t.scope.local.end() && exactly_equal(i->second.monitor.get(), ref)) {
    const auto groups = t.scope.local_down(pid, t.tell());
    t.publish_leave(pid, {who}, in_order(t.c.heap(), groups));
  }
  if (const auto i = t.scope.peers.find(who); i != t.scope.peers.end() && exactly_equal(i->second.monitor.get(), ref)) t.scope.remote_down(who, t.tell());
}

// ---- the callback module

term init_1(call& c) {
  c.self().set_async_dist();
  const auto args = elements(c[0]);
  if (!args || args->size() != 1 || !args->front().is_atom()) return c.function_clause();
  const term name = args->front();
  monitor_nodes(c, boolean(true), nil);
  auto state = std::make_unique<scope_state>(c.node(), name);
  auto& scope = state->scope;
  const term t = native_state<scope_state>::make(c.env, std::move(state));
  const turn now{c, scope, t};
  if (const auto* dist = c.node().dist())
    for (const term node : dist->nodes(true, false)) now.send(c.tuple(name, node), c.tuple(atom("discover"), c.self().pid()));
  return c.tuple(ok(), t);
}
term handle_call_3(call& c) {
  auto* s = scope_in(c[2]);
  return s && is_from(c[1]) ? handle_call({c, *s, c[2]}, c[0], c[1]) : c.badarg();
}
term handle_cast_2(call& c) {
  auto* s = scope_in(c[1]);
  if (!s) return c.badarg();
  const turn t{c, *s, c[1]};
  remote_message(t, c[0]);
  return t.noreply();
}
term handle_info_2(call& c) {
  auto* s = scope_in(c[1]);
  if (!s) return c.badarg();
  const turn t{c, *s, c[1]};
  const term m = c[0];
  if (m.is_tuple(5) && is(m[0], "DOWN") && m[3].is_pid()) down(t, m[1], m[3]);
  else if (m.is_tuple(2) && is(m[0], "nodeup") && m[1].is_atom()) {
    if (!m[1].same(this_node().name)) t.send(c.tuple(s->name, m[1]), c.tuple(atom("discover"), c.self().pid()));
  } else {
    remote_message(t, m);
  }
  return t.noreply();
}

// ---- the functions

term default_scope() { return atom("pg"); }
term infinity() { return atom("infinity"); }

term start(call& c, std::string_view function, term scope) {
  if (!scope.is_atom()) return c.function_clause();
  return tail_call(c, atom("gen_server"), atom(function), c.list(c.tuple(atom("local"), scope), atom("pg"), c.list(scope), nil));
}
term start_1(call& c) { return start(c, "start", c[0]); }
term start_link_0(call& c) { return start(c, "start_link", default_scope()); }
term start_link_1(call& c) { return start(c, "start_link", c[0]); }

term ask(call& c, term scope, term request) { return tail_call(c, atom("gen_server"), atom("call"), c.list(scope, request, infinity())); }

// pg:ensure_local/1
term change(call& c, std::string_view what, term scope, term group, term pids) {
  const auto nolocal = [&](term bad) { return c.error(c.tuple(atom("nolocal"), bad)); };
  const auto local = [](term p) { return p.is_local_pid(); };
  if (!local(pids)) {
    const auto list = elements(pids);
    if (!list) return nolocal(pids);
    for (const term p : *list)
      if (!local(p)) return nolocal(p);
  }
  return ask(c, scope, c.tuple(atom(what), group, pids));
}
term join_2(call& c) { return change(c, "join_local", default_scope(), c[0], c[1]); }
term join_3(call& c) { return change(c, "join_local", c[0], c[1], c[2]); }
term leave_2(call& c) { return change(c, "leave_local", default_scope(), c[0], c[1]); }
term leave_3(call& c) { return change(c, "leave_local", c[0], c[1], c[2]); }

term monitor_scope_0(call& c) { return ask(c, default_scope(), atom("monitor")); }
term monitor_scope_1(call& c) { return ask(c, c[0], atom("monitor")); }
term monitor_1(call& c) { return ask(c, default_scope(), c.tuple(atom("monitor"), c[0])); }
term monitor_2(call& c) { return ask(c, c[0], c.tuple(atom("monitor"), c[1])); }

// gen_server:call(Scope, {demonitor, Ref}, infinity) =:= ok andalso flush(Ref)
term demonitor(call& c, term scope, term ref) {
  const auto request = keep(c.tuple(atom("demonitor"), ref)), server = keep(scope);
  return gen_call(c, scope, c.tuple(atom("demonitor"), ref), -1, [request, server](call& again, term reply, term why) {
    auto& b = again.heap();
    if (!reply)
      return again.exit(again.tuple(copy(b, why), again.tuple(atom("gen_server"), atom("call"),
                                                              again.list(copy(b, get(server)), copy(b, get(request)), infinity()))));
    if (!is(reply, "ok")) return boolean(false);
    auto mine = [](void* r, term m) {
      return m.is_tuple(4) && exactly_equal(m[0], *static_cast<term*>(r)) && (is(m[1], "join") || is(m[1], "leave"));
    };
    term wanted = get(request)[1];
    while (again.self().take_message(mine, &wanted)) {
    }
    return ok();
  });
}
term demonitor_1(call& c) { return demonitor(c, default_scope(), c[0]); }
term demonitor_2(call& c) { return demonitor(c, c[0], c[1]); }

term members_of(call& c, term scope, term group, members pg_view::entry::*which) {
  const auto view = scope.is_atom() ? view_of(c.node(), scope) : nullptr;
  if (!view) return nil;
  std::shared_lock guard(view->lock);
  const auto i = view->groups.find(owned(group));
  return i == view->groups.end() ? nil : list_of(c.heap(), i->second.*which);
}
term get_members_1(call& c) { return members_of(c, default_scope(), c[0], &pg_view::entry::all); }
term get_members_2(call& c) { return members_of(c, c[0], c[1], &pg_view::entry::all); }
term get_local_members_1(call& c) { return members_of(c, default_scope(), c[0], &pg_view::entry::local); }
term get_local_members_2(call& c) { return members_of(c, c[0], c[1], &pg_view::entry::local); }

term groups_of(call& c, term scope, bool only_local) {
  const auto view = scope.is_atom() ? view_of(c.node(), scope) : nullptr;
  if (!scope.is_atom()) return c.function_clause();
  if (!view) return c.badarg();
  std::shared_lock guard(view->lock);
  std::vector<term> out;
  for (const auto& [g, e] : view->groups)
    if (!only_local || !e.local.empty()) out.push_back(copy(c.heap(), g.get()));
  return make_list(c.heap(), out.data(), out.size());
}
term which_groups_0(call& c) { return groups_of(c, default_scope(), false); }
term which_groups_1(call& c) { return groups_of(c, c[0], false); }
term which_local_groups_0(call& c) { return groups_of(c, default_scope(), true); }
term which_local_groups_1(call& c) { return groups_of(c, c[0], true); }

constexpr actors::builtin_function pg_table[] = {
    {"init", 1, bif<init_1>}, {"handle_call", 3, bif<handle_call_3>}, {"handle_cast", 2, bif<handle_cast_2>}, {"handle_info", 2, bif<handle_info_2>},
    {"start", 1, bif<start_1>}, {"start_link", 0, bif<start_link_0>}, {"start_link", 1, bif<start_link_1>},
    {"join", 2, bif<join_2>}, {"join", 3, bif<join_3>}, {"leave", 2, bif<leave_2>}, {"leave", 3, bif<leave_3>},
    {"monitor_scope", 0, bif<monitor_scope_0>}, {"monitor_scope", 1, bif<monitor_scope_1>}, {"monitor", 1, bif<monitor_1>}, {"monitor", 2, bif<monitor_2>},
    {"demonitor", 1, bif<demonitor_1>}, {"demonitor", 2, bif<demonitor_2>},
    {"get_members", 1, bif<get_members_1>}, {"get_members", 2, bif<get_members_2>},
    {"get_local_members", 1, bif<get_local_members_1>}, {"get_local_members", 2, bif<get_local_members_2>},
    {"which_groups", 0, bif<which_groups_0>}, {"which_groups", 1, bif<which_groups_1>},
    {"which_local_groups", 0, bif<which_local_groups_0>}, {"which_local_groups", 1, bif<which_local_groups_1>},
};

}  // namespace

void add_pg_functions(actors::code_server& code) { code.add_builtin("pg", pg_table); }

bool pg_wanted(actors::runtime& node) {
  const auto wanted = environment_of(node).get(atom("kernel"), atom("start_pg"));
  return wanted && is(get(wanted), "true");
}

void start_pg(actors::runtime& node) {
  if (!pg_wanted(node)) return;
  auto b = block::make(8);
  node.spawn_function(atom("pg"), atom("start"), make_list_of(*b, default_scope()));
}

}  // namespace cnode::services
