// erlang:spawn_request and its abandonment; erlang:send with options. What a process does towards other nodes without waiting.
#include <algorithm>

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "call.hpp"
#include "modules.hpp"
#include "spawn.hpp"

namespace cnode::services {

namespace {

bool reply_option(term t, actors::spawn_request_options& o) {
  if (is(t, "yes")) o.reply_ok = o.reply_error = true;
  else if (is(t, "no")) o.reply_ok = o.reply_error = false;
  else if (is(t, "error_only")) o.reply_ok = false, o.reply_error = true;
  else if (is(t, "success_only")) o.reply_ok = true, o.reply_error = false;
  else return false;
  return true;
}

// False: the reply is `badopt`.
bool request_options(const std::vector<term>& list, actors::spawn_request_options& o) {
  spawn_how how;
  for (const term t : list) {
    if (t.is_tuple(2) && is(t[0], "reply")) {
      if (!reply_option(t[1], o)) return false;
    } else if (t.is_tuple(2) && is(t[0], "reply_tag")) {
      o.reply_tag = t[1];
    } else if (!spawn_option_of(t, how)) {
      return false;
    }
  }
  o.link = how.link;
  o.monitor = how.monitor;
  o.monitoring = how.monitoring;
  return true;
}

term request(call& c, term node, const spawn_what& what, term options) {
  const auto list = elements(options);
  if (!list || !node.is_atom() || !what.module || !what.module.is_atom() || !what.function.is_atom() || list_length(what.args) < 0) return c.badarg();
  actors::spawn_request_options o;
  if (request_options(*list, o)) return copy(c.heap(), c.self().spawn_request(node, what.module, what.function, what.args, o));
  const term id = c.node().make_ref(c.heap());
  if (o.reply_error) c.self().send(c.self().pid(), c.tuple(o.reply_tag ? o.reply_tag : atom("spawn_reply"), id, atom("error"), atom("badopt")));
  return id;
}

term spawn_request_1(call& c) { return request(c, this_node().name, fun_call(c, c[0]), nil); }
term spawn_request_2(call& c) {
  if (c[0].is_fun()) return request(c, this_node().name, fun_call(c, c[0]), c[1]);
  return request(c, c[0], fun_call(c, c[1]), nil);
}
term spawn_request_3(call& c) {
  if (c[1].is_fun()) return request(c, c[0], fun_call(c, c[1]), c[2]);
  return request(c, this_node().name, {c[0], c[1], c[2], {}}, nil);
}
term spawn_request_4(call& c) {
  if (c[2].is_atom()) return request(c, c[0], {c[1], c[2], c[3], {}}, nil);
  return request(c, this_node().name, {c[0], c[1], c[2], {}}, c[3]);
}
term spawn_request_5(call& c) { return request(c, c[0], {c[1], c[2], c[3], {}}, c[4]); }
term spawn_request_abandon_1(call& c) { return c[0].is_ref() ? boolean(c.self().spawn_request_abandon(c[0])) : c.badarg(); }

// The other node a message goes to; none when it stays here.
term node_of_destination(term to) {
  term node;
  if (to.is_tuple(2)) node = to[1];
  else if ((to.is_pid() && !to.is_local_pid()) || to.is_ref() || to.is_port()) node = node_of(to).node;
  return node && !node.same(this_node().name) ? node : term{};
}

// erlang:send/3. `noconnect` and `nosuspend` mean that the message was not sent.
term send_with(call& c, term options) {
  const auto list = elements(options);
  const term to = c[0];
  if (!list || !(to.is_pid() || to.is_port() || to.is_atom() || to.is_ref() || (to.is_tuple(2) && to[0].is_atom() && to[1].is_atom()))) return c.badarg();
  bool noconnect = false, nosuspend = false;
  for (const term o : *list) {
    if (is(o, "noconnect")) noconnect = true;
    else if (is(o, "nosuspend")) nosuspend = true;
    else return c.badarg();
  }
  if (to.is_atom() && !c.node().whereis(to)) return c.badarg();
  const term node = node_of_destination(to);
  auto* dist = c.node().dist();
  if (node && dist && noconnect && !dist->is_connected(node)) return atom("noconnect");
  if (node && dist && nosuspend && dist->is_busy(node)) return atom("nosuspend");
  c.self().send(to, c[1]);
  return ok();
}
term send_3(call& c) { return send_with(c, c[2]); }
term sent(call& c, term options) {
  const term how = send_with(c, options);
  return how ? boolean(is(how, "ok")) : how;
}
term send_nosuspend_2(call& c) { return sent(c, c.list(atom("nosuspend"))); }
term send_nosuspend_3(call& c) { return c[2].is_list() ? sent(c, make_cons(c.heap(), atom("nosuspend"), c[2])) : c.badarg(); }

constexpr actors::builtin_function table[] = {
    {"spawn_request", 1, bif<spawn_request_1>}, {"spawn_request", 2, bif<spawn_request_2>}, {"spawn_request", 3, bif<spawn_request_3>},
    {"spawn_request", 4, bif<spawn_request_4>}, {"spawn_request", 5, bif<spawn_request_5>}, {"spawn_request_abandon", 1, bif<spawn_request_abandon_1>},
    {"send", 3, bif<send_3>}, {"send_nosuspend", 2, bif<send_nosuspend_2>}, {"send_nosuspend", 3, bif<send_nosuspend_3>},
};

}  // namespace

void add_spawn_request_functions(actors::code_server& code) { code.add_builtin("erlang", table); }

}  // namespace cnode::services
