// What a process does to others: sends, links, monitors, aliases, exit signals. What comes back is in process_signals.cpp.
#include <algorithm>

#include "core.hpp"
#include "proc_lib.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {

term unlink_signal(block& b, term from, std::uint64_t id) {
  return make_tuple_of(b, from, make_unsigned(b, id));
}

// A killed callback that still runs is not heard any more.
bool silenced(const cnode_env* env) { return env && (__atomic_load_n(&env->flags, __ATOMIC_RELAXED) & 1); }

}  // namespace

// Remembers that losing this node is this process's business.
void core::concerns(process& p, term node) {
  auto& nodes = extras(p).nodes;
  auto& index = runtime_access::of(*p.node_).index;
  const auto n = std::lower_bound(nodes.begin(), nodes.end(), node, [](const auto& have, term want) { return have.node.word() < want.word(); });
  if (n == nodes.end() || !n->node.same(node)) {
    nodes.insert(n, {node, index.add(node, p.pid_)});
  } else if (n->since != index.losses()) {
    // The loss of an earlier connection took the entry out of the index.
    n->since = index.add(node, p.pid_);
  }
}

std::optional<term> core::monitor_key(term ref) {
  if (!is_our_ref(ref)) return {};
  return small(static_cast<std::int64_t>(ref_number(ref)));
}

void process::send(term to, term message) {
  if (silenced(env_.load(std::memory_order_relaxed))) return;
  ++reductions_;
  runtime_access::send_to(*node_, to, message, pid_);
}

void process::exit_signal(term to, term reason) {
  if (silenced(env_.load(std::memory_order_relaxed))) return;
  node_->exit_signal(pid_, to, reason);
}

// ---- links (erl_dist_protocol, "Link Protocol"; the same within the node)

void process::link(term pid) {
  opened lock(*this);
  if (flags_ & core::announced) return;
  if (!pid.is_pid() || pid.same(pid_)) return;
  auto& e = core::extras(*this);
  auto l = e.links.find(pid);
  if (l != e.links.end()) {
    if (l->second.unlink_id == 0) return;
    l->second.unlink_id = 0;
  } else {
    owned_term mine(pid);
    const auto key = mine.get();
    e.links.emplace(key, link_entry{std::move(mine), 0});
  }
  if (pid.is_local_pid()) {
    core::post_to(*node_, pid, core::make_signal(signal::link, pid_, 1));
    return;
  }
  auto failed = a().noproc;
  if (!named_as_us(pid)) {
    const auto node = node_of(pid).node;
    core::concerns(*this, node);
    if (runtime_access::send_remote(*node_, node, dist::link{pid_, pid})) return;
    failed = a().noconnection;
  }
  auto b = block::make(16);
  b->root = make_tuple_of(*b, copy(*b, pid), failed);
  b->tag = static_cast<std::uint32_t>(signal::link_exit);
  post(std::move(b));
}

void process::unlink(term pid) {
  opened lock(*this);
  if (flags_ & core::announced) return;
  if (!extras_) return;
  auto l = extras_->links.find(pid);
  if (l == extras_->links.end() || l->second.unlink_id != 0) return;
  const auto id = runtime_access::of(*node_).next_unlink.fetch_add(1, std::memory_order_relaxed);
  l->second.unlink_id = id;
  if (pid.is_local_pid()) {
    auto b = block::make(16);
    b->root = unlink_signal(*b, pid_, id);
    b->tag = static_cast<std::uint32_t>(signal::unlink);
    core::post_to(*node_, pid, std::move(b));
  } else if (named_as_us(pid) || !runtime_access::send_remote(*node_, node_of(pid).node, dist::unlink_id{id, pid_, pid})) {
    extras_->links.erase(l);
  }
}

// ---- monitors

term process::monitor(term target, const monitor_options& options) {
  opened lock(*this);
  auto& s = scratch();
  const auto number = runtime_access::new_ref(*node_);
  const bool aliased = options.alias != monitor_options::none;
  const auto ref = aliased ? build_alias(s, number, pid_) : build_ref(s, number);
  if (flags_ & core::announced) return ref;
  if (target.same(pid_)) {
    if (aliased) core::extras(*this).aliases[number] = options.alias;
    return ref;
  }
  term name, node;
  if (target.is_atom()) name = target;
  if (target.is_tuple(2) && target[0].is_atom() && target[1].is_atom()) name = target[0], node = target[1];
  if (!name && !target.is_pid()) return {};
  if (node && node.same(this_node().name)) node = {};
  if (!name && !target.is_local_pid() && !named_as_us(target)) node = node_of(target).node;

  monitor_entry m;
  m.tag = owned_term(options.tag);
  m.alias = options.alias;
  m.node = node;
  m.target = name ? owned_term(make_tuple_of(s, name, node ? node : this_node().name)) : owned_term(target);
  auto failed = a().noproc;
  if (!node) m.pid = name ? node_->whereis(name) : target.is_local_pid() ? target : term{};
  const auto pid = m.pid;
  auto& e = core::extras(*this);
  e.monitors.emplace(small(static_cast<std::int64_t>(number)), std::move(m));
  if (aliased) e.aliases[number] = options.alias;
  if (node) {
    core::concerns(*this, node);
    if (runtime_access::send_remote(*node_, node, dist::monitor_p{pid_, name ? name : target, ref})) return ref;
    failed = a().noconnection;
  } else if (pid) {
    auto b = block::make(24);
    b->root = make_tuple_of(*b, pid_, copy(*b, ref), name ? name : pid);
    b->tag = static_cast<std::uint32_t>(signal::monitor);
    core::post_to(*node_, pid, std::move(b));
    return ref;
  }
  core::deliver_down_now(*this, ref, failed);
  return ref;
}

void core::watch(process& p, term ref, term pid) {
  opened lock(p);
  const auto key = monitor_key(ref);
  if (!key) return;
  monitor_entry m;
  m.target = owned_term(pid);
  m.pid = pid;
  extras(p).monitors.insert_or_assign(*key, std::move(m));
}

// As a signal to ourselves, so that it does not overtake what is on its way.
void core::deliver_down_now(process& p, term ref, term reason) {
  auto b = block::make(24);
  b->root = make_tuple_of(*b, copy(*b, ref), a().process, nil, reason);
  b->tag = static_cast<std::uint32_t>(signal::down);
  p.post(std::move(b));
}

bool process::demonitor(term ref, bool flush) {
  opened lock(*this);
  if (flags_ & core::announced) return false;
  const auto key = core::monitor_key(ref);
  if (!key) return false;
  bool found = false;
  if (extras_) {
    auto m = extras_->monitors.find(*key);
    if (m != extras_->monitors.end()) {
      found = true;
      auto& entry = m->second;
      if (entry.pid) {
        auto b = block::make(24);
        b->root = make_tuple_of(*b, pid_, copy(*b, ref));
        b->tag = static_cast<std::uint32_t>(signal::demonitor);
        core::post_to(*node_, entry.pid, std::move(b));
      } else if (entry.node) {
        const auto t = entry.target.get();
        runtime_access::send_remote(*node_, entry.node, dist::demonitor_p{pid_, t.is_tuple() ? t[0] : t, ref});
      }
      if (entry.alias == monitor_options::demonitor || entry.alias == monitor_options::reply_demonitor) {
        extras_->aliases.erase(ref_number(ref));
      }
      extras_->monitors.erase(m);
    }
  }
  if (!found && flush) {
    take_message([](void* wanted, term m) {
      return m.is_tuple(5) && exactly_equal(m[1], *static_cast<term*>(wanted));
    }, &ref);
  }
  return found;
}

// ---- aliases

term process::alias(monitor_options::alias_mode mode) {
  opened lock(*this);
  const auto number = runtime_access::new_ref(*node_);
  core::extras(*this).aliases[number] = mode;
  return build_alias(scratch(), number, pid_);
}

bool process::unalias(term ref) {
  opened lock(*this);
  if (!extras_ || !is_our_alias(ref) || !alias_owner(ref).same(pid_)) return false;
  return extras_->aliases.erase(ref_number(ref)) > 0;
}

bool core::accept_alias(process& p, block& s) {
  if (!p.extras_) return false;
  auto& e = *p.extras_;
  const auto ref = s.root.element(0);
  const auto number = ref_number(ref);
  if (auto& c = e.call; c.watched && c.aliased && c.number == number) {
    c.watched = false;
    send_demonitor(p, number, c.pid);
  } else {
    auto found = e.aliases.find(number);
    if (found == e.aliases.end()) return false;
    if (found->second == monitor_options::reply_demonitor) {
      e.aliases.erase(found);
      p.demonitor(ref, false);
    }
  }
  s.root = s.root.element(1);
  s.tag = static_cast<std::uint32_t>(signal::message);
  return true;
}

// ---- spawn requests

term process::spawn_request(term node, term module, term function, term args, bool link, bool monitor) {
  spawn_request_options options;
  options.link = link;
  options.monitor = monitor;
  return spawn_request(node, module, function, args, options);
}

term process::spawn_request(term node, term module, term function, term args, const spawn_request_options& options) {
  opened lock(*this);
  auto& s = scratch();
  const auto number = runtime_access::new_ref(*node_);
  const auto alias = options.monitor ? options.monitoring.alias : monitor_options::none;
  const auto ref = alias != monitor_options::none ? build_alias(s, number, pid_) : build_ref(s, number);
  if (flags_ & core::announced) return ref;
  if (alias != monitor_options::none) core::extras(*this).aliases[number] = alias;
  auto& asked = core::extras(*this).spawns[number];
  asked = {node, options.link, options.monitor, options.reply_ok, options.reply_error, false, owned_term(options.reply_tag),
           owned_term(options.monitoring.tag), alias};
  if (node.same(this_node().name)) {
    asked.node = {};
    core::spawn_requested_here(*this, ref, module, function, args);
    return ref;
  }
  core::concerns(*this, node);
  auto wanted = nil;
  if (options.monitor) wanted = make_cons(s, a().monitor, wanted);
  if (options.link) wanted = make_cons(s, a().link, wanted);
  dist::spawn_request request{ref, pid_, group_leader(), module, function, static_cast<std::uint32_t>(list_length(args)), wanted, {}};
  if (!runtime_access::send_remote(*node_, node, request, args)) {
    auto b = block::make(24);
    b->root = make_tuple_of(*b, copy(*b, ref), small(0), a().noconnection);
    b->tag = static_cast<std::uint32_t>(signal::spawn_reply);
    post(std::move(b));
  }
  return ref;
}

// The answer is in the mailbox before the new process can do anything.
void core::spawn_requested_here(process& p, term ref, term module, term function, term args) {
  const auto& asked = p.extras_->spawns[ref_number(ref)];
  auto b = block::make(16);
  spawn_options o;
  o.group_leader = p.group_leader();
  if (asked.link) o.link_to = p.pid_;
  if (asked.monitor) o.monitor_by = p.pid_, o.monitor_ref = ref;
  const auto answer = [&](term result) { on_spawn_reply(p, ref, 0, result); };
  const auto tag_monitor = [&](term pid) {
    if (asked.monitor) {
      auto& m = p.extras_->monitors[*monitor_key(ref)];
      m.tag = owned_term(asked.monitor_tag.get());
      m.alias = asked.alias;
    }
    answer(pid);
  };
  auto f = make_spawned_by_proc_lib(module, function, args, o, *b);
  if (!f) f = make_function_process(module, function, args);
  if (!runtime_access::spawn(*p.node_, std::move(f), o, {p.pid_, false, module, function, static_cast<std::uint32_t>(std::max<std::int64_t>(list_length(args), 0))}, tag_monitor))
    answer(a().system_limit);
}

bool process::spawn_request_abandon(term request) {
  opened lock(*this);
  if (!extras_ || !is_our_ref(request)) return false;
  const auto s = extras_->spawns.find(ref_number(request));
  if (s == extras_->spawns.end() || s->second.abandoned) return false;
  s->second.abandoned = true;
  extras_->aliases.erase(ref_number(request));
  return true;
}

}  // namespace cnode::actors
