// The callback module of the process global_name_server: which message is which.
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_text.hpp>

#include "application.hpp"
#include "global.hpp"
#include "global_locker.hpp"
#include "global_server.hpp"
#include "modules.hpp"
#include "native_state.hpp"
#include "net_kernel.hpp"
#include "routine.hpp"

namespace cnode::services {

namespace {

global_server* server_in(call& c, term t) {
  auto* s = native_state<global_server>::in(t);
  if (s) s->use(c);
  return s;
}

bool setting(actors::runtime& node, std::string_view key) {
  const auto value = environment_of(node).get(atom("kernel"), atom(key));
  if (!value || is(get(value), "true")) return true;
  if (is(get(value), "false")) return false;
  node.log(actors::log_level::error, "{kernel, " + std::string(key) + "} is neither true nor false: " + to_text(get(value)) + "; taken for true");
  return true;
}

term reply(call& c, term value, term state) { return c.tuple(atom("reply"), value, state); }
term noreply(call& c, term state) { return c.tuple(atom("noreply"), state); }

void unexpected(call& c, const char* where, term what) {
  c.node().log(actors::log_level::warning, std::string("The global_name_server received an unexpected message: ") + where + " " + to_text(what));
}

// Disconnects from all without a word of lost connections.
routine<term> disconnect_all(talk& t, global_server* server, term state) {
  const auto nodes = server->connected();
  auto* host = host_of(t.node());
  for (const term n : nodes)
    if (host) host->disconnect(n);
  for (const term n : nodes) {
    const talk::matcher gone = [n](term m) { return (m.is_tuple(2) || m.is_tuple(3)) && is(m[0], "nodedown") && m[1].same(n); };
    co_await t.wait_for(gone, 5000);
    call c{t.env(), nullptr};
    server->use(c);
    server->node_down(n, global_server::nodedown::ignore_node);
    server->forget_connection(n);
  }
  co_return t.tuple(atom("reply"), make_list(t.heap(), nodes.data(), nodes.size()), state);
}

}  // namespace

term global_init_1(call& c) {
  c.self().set_async_dist();
  c.self().set_trap_exit(true);
  const term key = atom("connection_id"), yes = boolean(true);
  monitor_nodes(c, boolean(true), make_map(c.heap(), &key, &yes, 1));
  std::unique_ptr<global_server> made(new global_server(c.node(), {setting(c.node(), "connect_all"), setting(c.node(), "prevent_overlapping_partitions")}));
  auto* server = made.get();
  const term state = native_state<global_server>::make(c.env, std::move(made));
  server->use(c);
  actors::spawn_options options;
  options.link_to = c.self().pid();
  options.group_leader = c.node().default_group_leader();
  const term locker = c.node().spawn(make_locker(), options);
  server->set_helpers(locker, c.node().spawn(make_registrar(), options));
  return c.tuple(ok(), state);
}

term global_handle_call_3(call& c) {
  auto* s = server_in(c, c[2]);
  if (!s) return c.badarg();
  const term m = c[0], from = c[1], state = c[2];
  if (!is_from(from)) {
    unexpected(c, "handle_call", m);
    return noreply(c, state);
  }
  if (m.is_tuple(4) && is(m[0], "register") && m[2].is_pid()) return s->register_name(m[1], m[2], m[3], from[0]), reply(c, atom("yes"), state);
  if (m.is_tuple(2) && is(m[0], "unregister")) return s->unregister_name(m[1]), reply(c, ok(), state);
  if (m.is_tuple(5) && is(m[0], "register_ext") && m[2].is_pid() && m[4].is_atom())
    return s->register_external(m[1], m[2], m[3], m[4], from[0]), reply(c, atom("yes"), state);
  if (m.is_tuple(2) && is(m[0], "set_lock") && is_lock_id(m[1])) return reply(c, boolean(s->set_lock(m[1], from[0])), state);
  if (m.is_tuple(2) && is(m[0], "del_lock") && is_lock_id(m[1])) return s->del_lock(m[1], from[0]), reply(c, boolean(true), state);
  if (is(m, "get_known")) return reply(c, s->known(), state);
  if (is(m, "get_synced")) return reply(c, s->synced(), state);
  if (m.is_tuple(2) && is(m[0], "sync")) return s->sync(from, m[1]), noreply(c, state);
  if (is(m, "get_protocol_version")) return reply(c, small(global_server::version), state);
  if (is(m, "get_names_ext")) return reply(c, s->external_names(), state);
  if (is(m, "info")) return reply(c, s->record(c.heap()), state);
  if (m.is_tuple(2) && is(m[0], "registrar") && from[0].is_local_pid()) {
    c.self().send(s->registrar(), c.tuple(atom("trans_all_known"), m[1], from));
    return noreply(c, state);
  }
  if (is(m, "disconnect") && from[0].is_local_pid()) return run_routine(c, [s, state](talk& t) { return disconnect_all(t, s, state); });
  unexpected(c, "handle_call", m);
  return noreply(c, state);
}

term global_handle_cast_2(call& c) {
  auto* s = server_in(c, c[1]);
  if (!s) return c.badarg();
  const term m = c[0];
  const auto kind = m.is_tuple() && m.arity() > 1 ? m[0] : term{nil};
  const auto one = [&](std::string_view name, std::uint64_t arity) { return is(kind, name) && m.arity() == arity; };
  if (one("init_connect", 4)) s->init_connect(m[1], m[2], m[3]);
  else if (one("lock_is_set", 4) && m[1].is_atom()) s->lock_is_set(m[1], m[2], m[3]);
  else if (one("exchange", 5)) s->exchange(m[1], m[2], m[4]);
  else if (one("exchange_ops", 5) && m[1].is_atom()) s->exchange_ops(m[1], m[2], m[3], m[4]);
  else if (one("resolved", 7)) s->resolved(m[1], m[2], m[3], m[5], m[6]);
  else if (one("new_nodes", 6)) s->new_nodes(m[1], m[2], m[3], m[4], m[5]);
  else if (one("in_sync", 3)) s->in_sync(m[1]);
  else if (is(kind, "lock_set")) s->lock_set(m);
  else if (one("stalled", 3)) s->stalled(m[1], m[2]);
  else if (!is(kind, "async_del_name") && !is(kind, "async_del_lock")) unexpected(c, "handle_cast", m);
  return noreply(c, c[1]);
}

term global_handle_info_2(call& c) {
  auto* s = server_in(c, c[1]);
  if (!s) return c.badarg();
  const term m = c[0], kind = m.is_tuple() && m.arity() > 1 ? m[0] : term{nil};
  const auto one = [&](std::string_view name, std::uint64_t arity) { return is(kind, name) && m.arity() == arity; };
  if (one("DOWN", 5)) {
    s->down(m[1]);
  } else if (one("nodeup", 3) && m[1].is_atom()) {
    if (!m[1].same(this_node().name)) s->node_up(m[1]);
  } else if (one("nodedown", 3) && m[1].is_atom()) {
    s->node_down(m[1], global_server::nodedown::disconnected);
    s->forget_connection(m[1]);
  } else if (one("extra_nodedown", 2) && m[1].is_atom()) {
    s->extra_nodedown(m[1]);
  } else if (one("lost_connection", 5)) {
    s->lost_connection(m);
  } else if (one("remove_connection", 2)) {
    s->remove_connection(m[1]);
  } else if (one("cancel_connect", 3)) {
    s->cancel_connect(m[1], m[2]);
  } else if (one("init_connect_ack", 4)) {
    s->init_connect_ack(m[1], m[2], m[3]);
  } else if (one("prepare_shutdown", 3)) {
    s->quiet();
    c.self().send(m[1], c.tuple(m[2], ok()));
  } else if (one("$stalled", 3)) {
    s->stalled(m[1], m[2]);
  } else if (one("$lock_held", 2)) {
    s->lock_held(m[1]);
  } else if (one("$not_there", 2) && m[1].is_atom()) {
    s->not_there(m[1]);
  } else if (one("EXIT", 3)) {
    if (s->is_helper(m[1])) return c.tuple(atom("stop"), c.tuple(atom("locker_died"), m), c[1]);
  } else {
    unexpected(c, "handle_info", m);
  }
  return noreply(c, c[1]);
}

}  // namespace cnode::services
