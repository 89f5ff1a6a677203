#include "gen_call.hpp"

#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>

#include "otp_atoms.hpp"
#include "start_note.hpp"

namespace cnode::actors::gen {

std::int64_t timeout_value(term t) {
  if (t.same(names().infinity)) return -1;
  if (!t.is_small() || t.small() < 0) throw_error(names().function_clause);
  return t.small();
}

term option(term options, term key) {
  for (; options.is_cons(); options = options.tail())
    if (options.head().is_tuple(2) && options.head()[0].same(key)) return options.head()[1];
  if (!options.is_nil()) throw_error(names().badarg);
  return {};
}

task<term> locate(call_context& cx, term process) {
  const auto& n = names();
  if (process.is_pid()) co_return process;
  if (process.is_tuple(2) && process[0].is_atom() && process[1].same(this_node().name) && !process[0].same(n.global))
    process = process[0];
  if (process.is_atom()) co_return cx.self().node().whereis(process);
  term found;
  if (process.is_tuple(2) && process[0].same(n.global)) {
    found = co_await cx.call(n.global, n.whereis_name, make_list_of(cx.heap(), process[1]));
  } else if (process.is_tuple(3) && process[0].same(n.via)) {
    found = co_await cx.call(process[1], n.whereis_name, make_list_of(cx.heap(), process[2]));
  } else if (process.is_tuple(2) && process[0].is_atom() && process[1].is_atom()) {
    co_return process;
  } else {
    throw_error(n.function_clause);
  }
  if (found.is_pid()) co_return found;
  co_return term{};
}

namespace {

struct reply_match {
  term tag;
  bool operator()(term m) const { return m.is_tuple(2) && exactly_equal(m[0], tag); }
};

bool reply_arrived(void* match, term m) { return (*static_cast<const reply_match*>(match))(m); }

term node_of_target(term target) {
  return target.is_tuple(2) ? target[1] : target.is_local_pid() ? this_node().name : node_of(target).node;
}

}  // namespace

bool is_down(term m, term ref) { return ref && m.is_tuple(5) && m[0].same(names().DOWN) && exactly_equal(m[1], ref); }

bool is_registry_name(term process) {
  return (process.is_tuple(2) && process[0].same(names().global)) || (process.is_tuple(3) && process[0].same(names().via));
}

task<term> call(call_context& cx, term process, term label, term request, std::int64_t timeout_ms) {
  const auto& n = names();
  const term target = co_await locate(cx, process);
  if (!target) throw_exit(n.noproc);
  if (target.same(cx.self().pid())) throw_exit(n.calling_self);
  if (target.is_tuple(2) && !cx.self().node().dist()) throw_exit(make_tuple_of(cx.heap(), n.nodedown, target[1]));

  // Here and without a timeout no reply can come too late: no alias.
  const bool plain = target.is_local_pid() && timeout_ms < 0;
  monitor_options how;
  if (!plain) how.alias = monitor_options::demonitor;
  const term ref = copy(cx.heap(), cx.self().monitor(target, how));
  const term tag = plain ? ref : make_cons(cx.heap(), n.alias, ref);
  cx.self().send(target, make_tuple_of(cx.heap(), label, make_tuple_of(cx.heap(), cx.self().pid(), tag), request));
  const reply_match is_reply{tag};
  const term m = co_await cx.receive([=](term t) { return is_reply(t) || is_down(t, ref); }, timeout_ms);
  if (!m) {
    cx.self().demonitor(ref, true);
    // The reply may have come between the timeout and the demonitor, which switched the alias off.
    auto match = is_reply;
    if (auto late = cx.self().take_message(reply_arrived, &match)) {
      const term reply = copy(cx.heap(), late->root[1]);
      co_return reply;
    }
    throw_exit(n.timeout);
  }
  if (m.is_tuple(2)) {
    cx.self().demonitor(ref, true);
    co_return m[1];
  }
  if (!m[4].same(n.noconnection)) throw_exit(m[4]);
  // A nodedown that the registry has not noticed yet is as if it had.
  if (is_registry_name(process)) throw_exit(n.noproc);
  throw_exit(make_tuple_of(cx.heap(), n.nodedown, node_of_target(target)));
}

task<term> call_as(call_context& cx, term process, term label, term request, std::int64_t timeout_ms, term module, term function,
                   term args) {
  term reason;
  try {
    co_return co_await call(cx, process, label, request, timeout_ms);
  } catch (const raised& r) {
    // `catch gen:call(...)` makes an exit of an error.
    const bool is_error = r.error_class.same(names().error) && module.same(names().gen_server);
    if (!is_error && !r.error_class.same(names().exit)) throw;
    reason = r.reason;
    if (is_error) {
      const bool no_clause = reason.same(names().function_clause);
      const term where = make_tuple_of(cx.heap(), no_clause ? names().gen : atom("erlang"), atom(no_clause ? "do_for_proc" : "apply"),
                                       small(no_clause ? 2 : 3), nil);
      reason = make_tuple_of(cx.heap(), reason, r.stacktrace ? r.stacktrace : make_list_of(cx.heap(), where));
    }
  }
  throw_exit(make_tuple_of(cx.heap(), reason, make_tuple_of(cx.heap(), module, function, args)));
}

task<term> server_call(call_context& cx, term module, term server, term request, term time) {
  const auto& n = names();
  const std::int64_t ms = time ? timeout_value(time) : 5000;
  const term args = time ? make_list_of(cx.heap(), server, request, time) : make_list_of(cx.heap(), server, request);
  co_return co_await call_as(cx, server, n.gen_call, request, ms, module, n.call, args);
}

task<bool> send_to_name(call_context& cx, term process, term message) {
  if (!is_registry_name(process)) co_return false;
  const bool global = process.is_tuple(2);
  const term registry = global ? names().global : process[1], key = process[global ? 1 : 2];
  const term args = make_list_of(cx.heap(), key, message);
  co_await cx.apply(registry, names().send, args);
  co_return true;
}

task<term> stop(call_context& cx, term process, term reason, term time) {
  const auto& n = names();
  const auto timeout_ms = timeout_value(time);
  const term target = co_await locate(cx, process);
  if (!target) throw_exit(n.noproc);
  if (target.same(cx.self().pid())) throw_exit(make_tuple_of(cx.heap(), n.calling_self, n.stop));
  const term ref = copy(cx.heap(), cx.self().monitor(target));
  // The answer to the request goes to a reference nobody waits for: what counts is the end of the process.
  const term from = make_tuple_of(cx.heap(), cx.self().pid(), make_cons(cx.heap(), n.alias, cx.self().node().make_ref(cx.heap())));
  cx.self().send(target, make_tuple_of(cx.heap(), n.system, from, make_tuple_of(cx.heap(), n.terminate, reason)));
  const term m = co_await cx.receive([=](term t) { return is_down(t, ref); }, timeout_ms);
  if (!m) {
    cx.self().demonitor(ref, true);
    throw_exit(n.timeout);
  }
  if (exactly_equal(m[4], reason)) co_return n.ok;
  if (m[4].same(n.noconnection)) throw_exit(make_tuple_of(cx.heap(), n.nodedown, node_of_target(target)));
  throw_exit(m[4]);
}

term ancestors_for_child(process& self, block& b) {
  const term name = self.registered_name();
  const term rest = self.dictionary_get(names().ancestors);
  return make_cons(b, name ? name : self.pid(), rest && rest.is_list() ? copy(b, rest) : nil);
}

task<term> sync_start(call_context& cx, linkage l, term pid, std::shared_ptr<start_note> note, std::int64_t timeout_ms) {
  const auto& n = names();
  term ref;
  if (l != linkage::link) ref = copy(cx.heap(), cx.self().monitor(pid));
  const auto ended = [=](term m) {
    return ref ? is_down(m, ref) : m.is_tuple(3) && m[0].same(names().EXIT) && m[1].same(pid);
  };
  const term m = co_await cx.receive(
      [=](term t) { return (t.is_tuple(3) && t[0].same(names().ack) && t[1].same(pid)) || ended(t); }, timeout_ms);
  auto& b = cx.heap();
  term result;
  if (!m) {
    if (l == linkage::link) cx.self().unlink(pid);
    cx.self().exit_signal(pid, n.kill);
    result = make_tuple_of(b, n.error, n.timeout);
  } else if (m[0].same(n.ack)) {
    result = m[2];
  } else {
    // A monitor set after the end only says noproc; the process itself left word.
    term why = ref ? m[4] : m[2];
    if (why.same(n.noproc))
      if (const term said = note ? note->get(b) : term{}) why = said;
    result = make_tuple_of(b, n.error, why);
  }
  if (l == linkage::nolink) cx.self().demonitor(ref, true);
  if (l == linkage::monitor) co_return make_tuple_of(b, result, ref);
  co_return result;
}

task<term> start(call_context& cx, linkage l, term name, term module, term args, term options, server_start::kind behaviour) {
  const auto& n = names();
  if (!module.is_atom() || list_length(options) < 0) throw_error(n.badarg);
  if (name) {
    if (!is_server_name(name)) throw_error(n.badarg);
    const term taken = co_await locate(cx, name[0].same(n.local) ? name[1] : name);
    if (taken) co_return make_tuple_of(cx.heap(), n.error, make_tuple_of(cx.heap(), n.already_started, taken));
  }
  auto& self = cx.self();
  auto& b = cx.heap();
  const term time = option(options, n.timeout);
  const std::int64_t timeout_ms = time ? timeout_value(time) : -1;
  server_start s;
  s.behaviour = behaviour;
  s.module = module;
  s.args = args;
  s.name = name;
  s.starter = self.pid();
  s.group_leader = self.group_leader();
  if (l == linkage::link || l == linkage::monitor) s.parent = self.pid();
  s.link = l == linkage::link;
  s.ancestors = ancestors_for_child(self, b);
  s.options = {option(options, n.debug), option(options, n.hibernate_after)};
  s.note = std::make_shared<start_note>();
  const term pid = spawn_server(self.node(), s);
  const term result = co_await sync_start(cx, l, pid, s.note, timeout_ms);
  if (l != linkage::monitor) co_return result;
  // gen:monitor_return/1
  const term started = result[0], ref = result[1];
  if (started.is_tuple(2) && started[0].same(n.ok)) co_return make_tuple_of(b, n.ok, make_tuple_of(b, pid, ref));
  co_await cx.receive([=](term m) { return is_down(m, ref); }, -1);
  co_return started;
}

}  // namespace cnode::actors::gen
