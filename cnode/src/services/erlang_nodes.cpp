// erlang: nodes and cookies. The builtin modules net_kernel, net_adm and auth. (The process net_kernel: net_kernel.cpp.)
#include <unistd.h>

#include <algorithm>
#include <set>
#include <thread>

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "call.hpp"
#include "gen_call.hpp"
#include "modules.hpp"
#include "net_kernel.hpp"

namespace cnode::services {

namespace {

bool alive() { return !this_node().name.same(atom("nonode@nohost")); }

term node_0(call&) { return this_node().name; }
term node_1(call& c) {
  if (!(c[0].is_pid() || c[0].is_port() || c[0].is_ref())) return c.badarg();
  return c[0].is_local_pid() ? this_node().name : node_of(c[0]).node;
}
term is_alive_(call&) { return boolean(alive()); }

bool nodes_of(actors::runtime& node, term which, std::vector<term>& out) {
  auto* d = node.dist();
  const auto add = [&](bool visible, bool hidden) {
    if (!d) return;
    const auto more = d->nodes(visible, hidden);
    out.insert(out.end(), more.begin(), more.end());
  };
  if (is(which, "visible")) add(true, false);
  else if (is(which, "hidden")) add(false, true);
  else if (is(which, "connected")) add(true, true);
  else if (is(which, "this")) out.push_back(this_node().name);
  else if (is(which, "known")) {
    out.push_back(this_node().name);
    add(true, true);
  } else return false;
  return true;
}
term node_list(call& c, std::vector<term> nodes) {
  std::vector<term> unique;
  for (const term n : nodes)
    if (std::none_of(unique.begin(), unique.end(), [&](term u) { return u.same(n); })) unique.push_back(n);
  return make_list(c.heap(), unique.data(), unique.size());
}
term nodes_0(call& c) {
  std::vector<term> out;
  nodes_of(c.node(), atom("visible"), out);
  return node_list(c, out);
}
term nodes_1(call& c) {
  std::vector<term> out;
  if (c[0].is_atom()) return nodes_of(c.node(), c[0], out) ? node_list(c, out) : c.badarg();
  const auto kinds = elements(c[0]);
  if (!kinds) return c.badarg();
  for (const term k : *kinds)
    if (!nodes_of(c.node(), k, out)) return c.badarg();
  return node_list(c, out);
}

// nodes/2: {Node, #{connection_id, node_type}}, what is asked for.
term nodes_2(call& c) {
  if (!c[1].is_map()) return c.badarg();
  bool id = false, type = false;
  for (std::uint64_t i = 0; i < c[1].map_size(); ++i) {
    const term key = c[1].map_key(i), value = c[1].map_value(i);
    if (!(is(value, "true") || is(value, "false"))) return c.badarg();
    if (is(key, "connection_id")) id = is(value, "true");
    else if (is(key, "node_type")) type = is(value, "true");
    else return c.badarg();
  }
  std::vector<term> kinds{c[0]}, all, hidden, out;
  if (!c[0].is_atom()) {
    const auto several = elements(c[0]);
    if (!several) return c.badarg();
    kinds = *several;
  }
  for (const term k : kinds)
    if (!nodes_of(c.node(), k, all)) return c.badarg();
  nodes_of(c.node(), atom("hidden"), hidden);
  std::set<cnode_term> seen;
  for (const term n : all) {
    if (!seen.insert(n.word()).second) continue;
    std::vector<term> keys, values;
    const bool us = n.same(this_node().name);
    if (id) {
      const auto connection = us ? 0 : connection_id(c.node(), n);
      keys.push_back(atom("connection_id")), values.push_back(connection ? small(connection) : undefined());
    }
    if (type) {
      const bool is_hidden = std::any_of(hidden.begin(), hidden.end(), [&](term h) { return h.same(n); });
      keys.push_back(atom("node_type")), values.push_back(atom(us ? "this" : is_hidden ? "hidden" : "visible"));
    }
    out.push_back(c.tuple(n, make_map(c.heap(), keys.data(), values.data(), keys.size())));
  }
  return make_list(c.heap(), out.data(), out.size());
}

term monitor_node_(call& c) {
  if (!c[0].is_atom() || !(is(c[1], "true") || is(c[1], "false"))) return c.badarg();
  if (!alive() && !c[0].same(this_node().name)) return c.error(atom("notalive"));
  const bool on = is(c[1], "true");
  if (c[0].same(this_node().name)) return boolean(true);  // it cannot go down for those who live in it
  auto& runtime = c.node();
  runtime.monitor_node(c.self().pid(), c[0], on);
  // Watching a node connects to it; when that fails, {nodedown, Node} comes.
  if (auto* host = host_of(runtime); host && on) {
    const term node = c[0];
    host->connect(node, false, [&runtime, node, here = std::this_thread::get_id()](bool up) {
      // Refused at once: no node can be called so. The end of an attempt is told by whoever made it, on another thread.
      if (!up && std::this_thread::get_id() == here) runtime.node_down(node, atom("connection_setup_failed"));
    });
  }
  return boolean(true);
}
term monitor_node_3(call& c) {
  const auto options = elements(c[2]);
  if (!options) return c.badarg();
  for (const term o : *options)
    if (!is(o, "allow_passive_connect")) return c.badarg();
  return monitor_node_(c);
}
term disconnect_node_(call& c) {
  if (!c[0].is_atom()) return boolean(false);
  if (!alive()) return atom("ignored");
  if (auto* host = host_of(c.node())) return boolean(host->disconnect(c[0]));
  return boolean(false);
}

// ---- cookies
term get_cookie_(call& c, const std::string& node) {
  auto* host = host_of(c.node());
  if (!host || !alive()) return atom("nocookie");
  const term cookie = find_or_make_atom(host->cookie(node));
  return cookie ? cookie : c.error(atom("system_limit"));
}
term get_cookie_0(call& c) { return get_cookie_(c, {}); }
term get_cookie_1(call& c) { return c[0].is_atom() ? get_cookie_(c, std::string(atom_text(c[0]))) : c.badarg(); }
term set_cookie_1(call& c) {
  auto* host = host_of(c.node());
  if (!c[0].is_atom() || !host) return c.badarg();
  host->set_cookie({}, std::string(atom_text(c[0])));
  return boolean(true);
}
term set_cookie_2(call& c) {
  auto* host = host_of(c.node());
  if (!c[0].is_atom() || !c[1].is_atom() || !host) return c.badarg();
  host->set_cookie(c[0].same(this_node().name) ? std::string{} : std::string(atom_text(c[0])), std::string(atom_text(c[1])));
  return boolean(true);
}
// auth:set_cookie answers `true` too; auth is what older programs use.

// ---- net_kernel
term connect(call& c, bool hidden) {
  if (!c[0].is_atom()) return c.error(atom("function_clause"));
  if (c[0].same(this_node().name)) return boolean(true);
  auto* host = host_of(c.node());
  if (!host || !alive()) return atom("ignored");
  return await(
      c, boolean(false),
      [&](give_answer answer) { host->connect(c[0], hidden, [answer](bool up) { answer([up](block&) { return boolean(up); }); }); },
      [](call&, term up) { return up; });
}
term connect_node_(call& c) { return connect(c, false); }
term hidden_connect_node_(call& c) { return connect(c, true); }
// Seconds; {ongoing_change_to, Seconds} while it changes.
term ticktime(call& c, const node_host& host) {
  const term seconds = c.integer(std::chrono::duration_cast<std::chrono::seconds>(host.net_ticktime()).count());
  return host.net_ticktime_changing() ? c.tuple(atom("ongoing_change_to"), seconds) : seconds;
}
term get_net_ticktime_(call& c) {
  auto* host = host_of(c.node());
  if (!host || !alive()) return atom("ignored");
  return ticktime(c, *host);
}
term set_net_ticktime(call& c, std::chrono::seconds transition) {
  auto* host = host_of(c.node());
  if (!c[0].is_small() || c[0].small() <= 0 || c[0].small() > 10000000) return c.function_clause();
  if (!host || !alive()) return atom("ignored");
  switch (host->set_net_ticktime(std::chrono::seconds(c[0].small()), transition)) {
    case ticktime_change::unchanged: return atom("unchanged");
    case ticktime_change::change_initiated: return atom("change_initiated");
    case ticktime_change::ongoing_change_to: break;
  }
  return ticktime(c, *host);
}
term set_net_ticktime_1(call& c) { return set_net_ticktime(c, std::chrono::seconds(60)); }
term set_net_ticktime_2(call& c) {
  if (!c[1].is_small() || c[1].small() < 0 || c[1].small() > 10000000) return c.function_clause();
  return set_net_ticktime(c, std::chrono::seconds(c[1].small()));
}

term peer_items(call& c, const peer& p) {
  const term owner = c.node().whereis(atom("net_kernel"));
  return c.list(c.tuple(atom("owner"), owner ? owner : undefined()), c.tuple(atom("state"), atom("up")),
                c.tuple(atom("address"), c.binary(p.address)), c.tuple(atom("type"), atom(p.visible ? "normal" : "hidden")),
                c.tuple(atom("in"), make_unsigned(c.heap(), p.bytes_in)), c.tuple(atom("out"), make_unsigned(c.heap(), p.bytes_out)));
}
term nodes_info_(call& c) {
  std::vector<term> out;
  if (auto* host = host_of(c.node()))
    for (const auto& p : host->peers()) out.push_back(c.tuple(p.node, peer_items(c, p)));
  return c.tuple(ok(), make_list(c.heap(), out.data(), out.size()));
}
term node_info_1(call& c) {
  if (auto* host = host_of(c.node()))
    for (const auto& p : host->peers())
      if (p.node.same(c[0])) return c.tuple(ok(), peer_items(c, p));
  return c.tuple(atom("error"), atom("bad_node"));
}
term node_info_2(call& c) {
  const term info = node_info_1(c);
  if (!info[0].same(ok())) return info;
  for (term l = info[1]; l.is_cons(); l = l.tail())
    if (exactly_equal(l.head()[0], c[1])) return c.tuple(ok(), l.head()[1]);
  return c.tuple(atom("error"), atom("invalid_key"));
}
term allow_(call& c) {
  const auto nodes = elements(c[0]);
  if (!nodes) return atom("error");
  std::vector<std::string> names;
  for (const term n : *nodes) {
    if (!n.is_atom()) return atom("error");
    names.emplace_back(atom_text(n));
  }
  auto* host = host_of(c.node());
  if (!host) return atom("ignored");
  host->allow(std::move(names));
  return ok();
}
term longnames_(call& c) {
  auto* host = host_of(c.node());
  return host ? boolean(host->long_names()) : atom("ignored");
}
term nodename_(call&) { return this_node().name; }
term get_state_(call& c) { return net_kernel_state(c.node(), c.heap()); }
term monitor_nodes_1(call& c) { return monitor_nodes(c, c[0], nil); }
term monitor_nodes_2(call& c) { return monitor_nodes(c, c[0], c[1]); }

// ---- net_adm
term ping(call& c, term node, std::function<term(call&, bool)> then) {
  const auto target = node;
  return gen_call(c, c.tuple(atom("net_kernel"), node), c.tuple(atom("is_auth"), this_node().name), -1,
                  [target, then = std::move(then)](call& again, term reply, term) {
                    const bool yes = reply && is(reply, "yes");
                    if (!yes) {
                      if (auto* host = host_of(again.node())) host->disconnect(target);
                    }
                    return then(again, yes);
                  });
}
term ping_1(call& c) {
  if (!c[0].is_atom()) return c.error(atom("function_clause"));
  return ping(c, c[0], [](call&, bool yes) { return atom(yes ? "pong" : "pang"); });
}

std::string hostname() {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  return name;
}
term localhost_(call& c) {
  const auto name = alive() ? std::string(atom_text(this_node().name)) : std::string{};
  auto* host = host_of(c.node());
  if (host && host->long_names() && name.find('@') != name.npos) return c.text(name.substr(name.find('@') + 1));
  const auto h = hostname();
  return c.text(h.substr(0, h.find('.')));
}
term names(call& c, const std::string& of) {
  auto* host = host_of(c.node());
  const auto failed = c.tuple(atom("error"), atom("address"));
  if (!host) return failed;
  return await(
      c, failed,
      [&](give_answer answer) {
        host->epmd_names(of, [answer](const result<std::vector<std::pair<std::string, std::uint16_t>>>& r) {
          answer([&r](block& b) {
            if (!r) return make_tuple_of(b, atom("error"), atom("address"));
            std::vector<term> list;
            for (const auto& [name, port] : *r) list.push_back(make_tuple_of(b, make_charlist(b, name), small(port)));
            return make_tuple_of(b, ok(), make_list(b, list.data(), list.size()));
          });
        });
      },
      [](call&, term v) { return v; });
}
term names_0(call& c) { return names(c, {}); }
term names_1(call& c) {
  std::string of;
  if (c[0].is_tuple(4)) {
    for (std::uint64_t i = 0; i < 4; ++i) {
      if (!c[0][i].is_small()) return c.badarg();
      of += (i ? "." : "") + std::to_string(c[0][i].small());
    }
  } else if (!to_string(c[0], of)) {
    return c.badarg();
  }
  return names(c, of);
}
// .hosts.erlang is not read here.
term host_file_(call& c) { return c.tuple(atom("error"), atom("enoent")); }

// ---- Elixir.Node
term elixir_ping(call& c) { return ping_1(c); }
term elixir_connect(call& c) { return connect(c, false); }

constexpr actors::builtin_function erlang_table[] = {
    {"node", 0, bif<node_0>}, {"node", 1, bif<node_1>}, {"nodes", 0, bif<nodes_0>}, {"nodes", 1, bif<nodes_1>}, {"nodes", 2, bif<nodes_2>}, {"is_alive", 0, bif<is_alive_>},
    {"monitor_node", 2, bif<monitor_node_>}, {"monitor_node", 3, bif<monitor_node_3>}, {"disconnect_node", 1, bif<disconnect_node_>},
    {"get_cookie", 0, bif<get_cookie_0>}, {"get_cookie", 1, bif<get_cookie_1>}, {"set_cookie", 1, bif<set_cookie_1>}, {"set_cookie", 2, bif<set_cookie_2>},
};
constexpr actors::builtin_function net_kernel_table[] = {
    {"connect_node", 1, bif<connect_node_>}, {"hidden_connect_node", 1, bif<hidden_connect_node_>}, {"get_net_ticktime", 0, bif<get_net_ticktime_>},
    {"set_net_ticktime", 1, bif<set_net_ticktime_1>}, {"set_net_ticktime", 2, bif<set_net_ticktime_2>}, {"monitor_nodes", 1, bif<monitor_nodes_1>},
    {"monitor_nodes", 2, bif<monitor_nodes_2>}, {"nodes_info", 0, bif<nodes_info_>}, {"node_info", 1, bif<node_info_1>}, {"node_info", 2, bif<node_info_2>},
    {"allow", 1, bif<allow_>}, {"longnames", 0, bif<longnames_>}, {"nodename", 0, bif<nodename_>}, {"get_state", 0, bif<get_state_>},
    {"disconnect", 1, bif<disconnect_node_>},
};
constexpr actors::builtin_function net_adm_table[] = {
    {"ping", 1, bif<ping_1>}, {"names", 0, bif<names_0>}, {"names", 1, bif<names_1>}, {"localhost", 0, bif<localhost_>}, {"host_file", 0, bif<host_file_>},
};
constexpr actors::builtin_function auth_table[] = {
    {"get_cookie", 0, bif<get_cookie_0>}, {"get_cookie", 1, bif<get_cookie_1>}, {"set_cookie", 1, bif<set_cookie_1>}, {"set_cookie", 2, bif<set_cookie_2>},
    {"cookie", 0, bif<get_cookie_0>},
};
constexpr actors::builtin_function elixir_table[] = {
    {"self", 0, bif<node_0>}, {"alive?", 0, bif<is_alive_>}, {"list", 0, bif<nodes_0>}, {"list", 1, bif<nodes_1>}, {"list", 2, bif<nodes_2>}, {"ping", 1, bif<elixir_ping>},
    {"connect", 1, bif<elixir_connect>}, {"disconnect", 1, bif<disconnect_node_>}, {"get_cookie", 0, bif<get_cookie_0>},
    {"set_cookie", 1, bif<set_cookie_1>}, {"set_cookie", 2, bif<set_cookie_2>}, {"monitor", 2, bif<monitor_node_>}, {"monitor", 3, bif<monitor_node_3>},
};
constexpr actors::builtin_function kernel_table[] = {{"node", 0, bif<node_0>}, {"node", 1, bif<node_1>}};

}  // namespace

void add_node_functions(actors::code_server& code) {
  code.add_builtin("erlang", erlang_table);
  code.add_builtin("net_kernel", net_kernel_table);
  code.add_builtin("net_adm", net_adm_table);
  code.add_builtin("auth", auth_table);
  code.add_builtin("Elixir.Node", elixir_table);
  code.add_builtin("Elixir.Kernel", kernel_table);
}

}  // namespace cnode::services
