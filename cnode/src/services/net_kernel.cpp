// Others send to net_kernel:
//   {'$gen_call', From, {is_auth, Node}}         -> yes                 net_adm:ping/1; anything else and they disconnect us
//   {'$gen_call', From, {connect, Type, Node}}   -> true | false        gen_server:call from older programs
//   {'$gen_call', From, ticktime | longnames | nodename | get_state | ...}
//   {'$gen_call', From, _}, {'$gen_cast', _}, _  -> nothing             as net_kernel:handle_call/3's last clause
#include "net_kernel.hpp"

#include <map>
#include <mutex>

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "modules.hpp"
#include "service.hpp"

namespace cnode::services {

namespace {

// One monitor_nodes(true, Options). The same process may have several, and gets as many messages.
struct subscription {
  term pid;
  bool info = false;          // options were given: a third element follows,
  bool map = false;           // a map rather than a list
  bool reason = false;        // nodedown_reason
  bool id = false;            // connection_id
  bool visible = true, hidden = false, with_type = false;

  bool same(const subscription& o) const {
    return pid.same(o.pid) && info == o.info && map == o.map && reason == o.reason && id == o.id && visible == o.visible && hidden == o.hidden && with_type == o.with_type;
  }
};

struct subscribers {
  std::mutex lock;
  std::vector<subscription> list;
  std::map<cnode_term, std::int64_t> connections;  // the id of each node's connection
  std::int64_t last_connection = 0;
};

struct subscriber_table {
  std::mutex lock;
  std::map<const actors::runtime*, subscribers> all;
};
subscriber_table& subscriptions() {
  static subscriber_table t;
  return t;
}
subscribers& subscribers_of(const actors::runtime& node) {
  std::lock_guard guard(subscriptions().lock);
  return subscriptions().all[&node];
}

void tell(actors::runtime& node, const subscription& s, term name, bool up, bool visible, term reason, std::int64_t connection) {
  auto b = block::make(32);
  const term event = atom(up ? "nodeup" : "nodedown");
  if (s.info) {
    std::vector<term> items;
    if (s.id) items.push_back(make_tuple_of(*b, atom("connection_id"), small(connection)));
    if (s.reason && !up) items.push_back(make_tuple_of(*b, atom("nodedown_reason"), copy(*b, reason)));
    if (s.with_type) items.push_back(make_tuple_of(*b, atom("node_type"), atom(visible ? "visible" : "hidden")));
    if (s.map) {
      std::vector<term> keys, values;
      for (const term i : items) keys.push_back(i[0]), values.push_back(i[1]);
      b->root = make_tuple_of(*b, event, name, make_map(*b, keys.data(), values.data(), keys.size()));
    } else {
      b->root = make_tuple_of(*b, event, name, make_list(*b, items.data(), items.size()));
    }
  } else {
    b->root = make_tuple_of(*b, event, name);
  }
  node.send(s.pid, std::move(b));
}

void node_changed(actors::runtime& node, term name, bool up, bool visible, term reason) {
  auto& subs = subscribers_of(node);
  std::lock_guard guard(subs.lock);
  std::erase_if(subs.list, [&](const subscription& s) { return !node.alive(s.pid); });
  auto& connection = subs.connections[name.word()];
  if (up) connection = ++subs.last_connection;
  for (const auto& s : subs.list)
    if (visible ? s.visible : s.hidden) tell(node, s, name, up, visible, reason ? reason : atom("connection_closed"), connection);
  if (!up) subs.connections.erase(name.word());
}

class net_kernel final : public service {
 public:
  explicit net_kernel(node_host& host) : service("net_kernel"), host_(host) {}

 private:
  bool handle_call(actors::process& self, term from, term request, term& reply) override {
    if (request.is_tuple(2) && is(request[0], "is_auth")) {
      reply = atom("yes");
      return true;
    }
    if (is(request, "ticktime")) return reply = ticktime(self.scratch()), true;
    if (request.is_tuple(3) && is(request[0], "new_ticktime") && is_period(request[1]) && is_period(request[2])) return new_ticktime(self, request, reply);
    if (is(request, "longnames")) return reply = boolean(host_.long_names()), true;
    if (is(request, "nodename")) return reply = this_node().name, true;
    if (is(request, "get_state")) return reply = net_kernel_state(self.node(), self.scratch()), true;
    if (request.is_tuple(3) && is(request[0], "connect") && request[2].is_atom()) return connect(self, from, is(request[1], "hidden"), request[2], reply);
    if (request.is_tuple(2) && is(request[0], "disconnect") && request[1].is_atom()) return reply = boolean(host_.disconnect(request[1])), true;
    return false;
  }

  // Milliseconds.
  static bool is_period(term t) { return t.is_small() && t.small() >= 0 && t.small() <= 10'000'000'000; }
  term ticktime(block& b) const {
    const term t = make_integer(b, host_.net_ticktime().count());
    return host_.net_ticktime_changing() ? make_tuple_of(b, atom("ongoing_change_to"), t) : t;
  }
  bool new_ticktime(actors::process& self, term request, term& reply) {
    switch (host_.set_net_ticktime(std::chrono::milliseconds(request[1].small()), std::chrono::milliseconds(request[2].small()))) {
      case ticktime_change::unchanged: reply = atom("unchanged"); break;
      case ticktime_change::change_initiated: reply = atom("change_initiated"); break;
      case ticktime_change::ongoing_change_to: reply = ticktime(self.scratch()); break;
    }
    return true;
  }

  term state(actors::process& self, block& b) override { return net_kernel_state(self.node(), b); }

  bool connect(actors::process& self, term from, bool hidden, term node, term& reply) {
    if (node.same(this_node().name)) {
      reply = boolean(true);
      return true;
    }
    auto* runtime = &self.node();
    const auto asker = keep(from);
    host_.connect(node, hidden, [runtime, asker](bool up) {
      auto b = block::make(16);
      b->root = make_tuple_of(*b, copy(*b, get(asker)[1]), boolean(up));
      runtime->send(reply_target(get(asker)), std::move(b));
    });
    return false;
  }

  node_host& host_;
};

}  // namespace

term net_kernel_state(actors::runtime& node, block& b) {
  const bool alive = !this_node().name.same(atom("nonode@nohost"));
  auto* host = host_of(node);
  const term keys[] = {atom("started"), atom("name_type"), atom("name"), atom("name_domain")};
  const term values[] = {atom(alive ? "static" : "no"), atom("static"), alive ? this_node().name : undefined(),
                         atom(host && host->long_names() ? "longnames" : "shortnames")};
  return make_map(b, keys, values, alive ? 4 : 1);
}

namespace {

term refusal(call& c, std::string_view why, term what) { return c.tuple(atom("error"), c.tuple(atom(why), what)); }
bool is_flag(term t) { return is(t, "true") || is(t, "false"); }
bool is_node_type(term t) { return is(t, "visible") || is(t, "hidden") || is(t, "all"); }
void take_type(subscription& s, term type) {
  s.with_type = true;
  s.visible = !is(type, "hidden");
  s.hidden = !is(type, "visible");
}

// What net_kernel:check_options/1 answers; nothing when the options are right.
term read_options(call& c, const std::vector<term>& options, subscription& s) {
  std::vector<term> unknown;
  term type;
  for (const term o : options) {
    if (is(o, "nodedown_reason")) {
      s.reason = true;
    } else if (is(o, "connection_id")) {
      s.id = true;
    } else if (o.is_tuple(2) && is(o[0], "node_type")) {
      if (!is_node_type(o[1])) return refusal(c, "bad_option_value", o);
      if (type && !type[1].same(o[1])) return refusal(c, "option_value_mismatch", c.list(o, type));
      take_type(s, (type = o)[1]);
    } else {
      unknown.push_back(o);
    }
  }
  s.info = !options.empty();
  return unknown.empty() ? term{} : refusal(c, "unknown_options", make_list(c.heap(), unknown.data(), unknown.size()));
}
term read_options(call& c, term map, subscription& s) {
  s.info = s.map = true;  // also an empty one
  std::vector<term> keys, values;
  for (std::uint64_t i = 0; i < map.map_size(); ++i) {
    const term key = map.map_key(i), value = map.map_value(i);
    const bool type = is(key, "node_type"), reason = is(key, "nodedown_reason"), id = is(key, "connection_id");
    if (type ? !is_node_type(value) : (reason || id) && !is_flag(value)) {
      return refusal(c, "bad_option_value", make_map(c.heap(), &key, &value, 1));
    }
    if (type) take_type(s, value);
    else if (reason) s.reason = is(value, "true");
    else if (id) s.id = is(value, "true");
    else keys.push_back(key), values.push_back(value);
  }
  return keys.empty() ? term{} : refusal(c, "unknown_options", make_map(c.heap(), keys.data(), values.data(), keys.size()));
}

}  // namespace

term monitor_nodes(call& c, term flag, term options) {
  if (!is_flag(flag)) return atom("error");
  subscription s;
  s.pid = c.self().pid();
  const auto list = elements(options);
  if (!list && !options.is_map()) return refusal(c, "invalid_options", options);
  if (const term wrong = list ? read_options(c, *list, s) : read_options(c, options, s)) return wrong;
  auto& subs = subscribers_of(c.node());
  std::lock_guard guard(subs.lock);
  if (is(flag, "true")) subs.list.push_back(s);
  else std::erase_if(subs.list, [&](const subscription& o) { return o.same(s); });
  return ok();
}

std::int64_t connection_id(const actors::runtime& node, term name) {
  auto& subs = subscribers_of(node);
  std::lock_guard guard(subs.lock);
  const auto c = subs.connections.find(name.word());
  return c == subs.connections.end() ? 0 : c->second;
}

void forget_subscribers(const actors::runtime& node) {
  std::lock_guard guard(subscriptions().lock);
  subscriptions().all.erase(&node);
}

void start_net_kernel(node_host& host) {
  auto& node = host.runtime();
  spawn_service(node, "net_kernel", std::make_unique<net_kernel>(host));
  node.on_node_change([&node](term name, bool up, bool visible, term reason) { node_changed(node, name, up, visible, reason); });
}

}  // namespace cnode::services
