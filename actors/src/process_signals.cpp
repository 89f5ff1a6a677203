// What signals do to the process they arrive at, in their order of arrival.
#include "core.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

void core::handle(process& p, block_ptr s) {
  const auto r = s->root;
  switch (static_cast<signal>(s->tag)) {
    case signal::message: return append(p, std::move(s));
    case signal::exit: return on_exit(p, r[0], r[1], std::move(s));
    case signal::link_exit: return on_link_exit(p, r[0], r[1], std::move(s));
    case signal::link: return on_link(p, r);
    case signal::unlink: {
      std::uint64_t id = 0;
      to_uint64(r[1], id);
      return on_unlink(p, r[0], id);
    }
    case signal::unlink_ack: {
      std::uint64_t id = 0;
      to_uint64(r[1], id);
      return on_unlink_ack(p, r[0], id);
    }
    case signal::monitor: return on_monitor(p, std::move(s));
    case signal::demonitor:
      if (!p.extras_ || (is_our_ref(r[1]) && p.extras_->callers.remove(ref_number(r[1])))) return;
      p.extras_->watchers.erase(r[1]);
      return;
    case signal::down: return on_down(p, r[0], r[3]);
    case signal::alias_message:
      if (accept_alias(p, *s)) append(p, std::move(s));
      return;
    case signal::group_leader: return p.set_group_leader(r[1]);
    case signal::node_down: return on_node_down(p, r[0]);
    case signal::info_request: {
      auto b = block::make(64);
      const auto answer = p.info(r[2], *b);
      b->root = make_tuple_of(*b, copy(*b, r[1]), answer ? answer : a().badarg);
      return p.node_->send(r[0], std::move(b), p.pid_);
    }
    case signal::purge: return;
    case signal::timeout: {
      const auto generation = s->user & 0x7fffffff;
      if (s->user >> 31) {
        if (p.activation_ && p.activation_->timer_generation == generation) wait_timer_fired(p);
      } else if ((p.timer_generation_ & 0x7fffffff) == generation && (p.flags_ & timer_armed)) {
        p.flags_ = (p.flags_ & ~static_cast<std::uint32_t>(timer_armed)) | timer_due;
      }
      return;
    }
    case signal::call_ready:
      if (p.activation_ && p.activation_->at == activation::loading) p.activation_->at = activation::ready;
      return;
    case signal::run: {
      std::unique_ptr<std::function<void(process&)>> f(
          reinterpret_cast<std::function<void(process&)>*>(static_cast<std::uintptr_t>(r.word())));
      try {
        (*f)(p);
      } catch (const std::exception& e) {
        auto b = block::make(32);
        p.exit(make_tuple_of(*b, a().internal_error, make_binary(*b, e.what())));
      }
      return;
    }
    case signal::spawn_reply: return on_spawn_reply(p, r[0], static_cast<std::uint32_t>(r[1].small()), r[2]);
    case signal::call: return on_call(p, std::move(s));
    case signal::reply: return on_reply(p, std::move(s));
  }
}

void core::die(process& p, term reason) { p.exit(reason); }

// {'EXIT', From, Reason}, built in the signal's own block.
void core::exit_message(process& p, term from, term reason, block_ptr s) {
  s->root = make_tuple_of(*s, a().EXIT, from, reason);
  s->tag = static_cast<std::uint32_t>(signal::message);
  append(p, std::move(s));
}

void core::on_exit(process& p, term from, term reason, block_ptr s) {
  if (reason.same(a().kill)) return die(p, a().killed);
  if (p.trap_exit()) return exit_message(p, from, reason, std::move(s));
  if (reason.same(a().normal) && !from.same(p.pid_)) return;
  die(p, reason);
}

void core::on_link_exit(process& p, term from, term reason, block_ptr s) {
  if (!p.extras_) return;
  auto l = p.extras_->links.find(from);
  if (l == p.extras_->links.end() || l->second.unlink_id != 0) return;
  p.extras_->links.erase(l);
  if (p.trap_exit()) return exit_message(p, from, reason, std::move(s));
  if (!reason.same(a().normal)) die(p, reason);
}

void core::on_link(process& p, term from) {
  auto& links = extras(p).links;
  if (links.contains(from)) return;
  owned_term mine(from);
  const auto key = mine.get();
  links.emplace(key, link_entry{std::move(mine), 0});
  if (!from.is_local_pid()) concerns(p, node_of(from).node);
}

void core::on_unlink(process& p, term from, std::uint64_t id) {
  if (p.extras_) {
    auto l = p.extras_->links.find(from);
    if (l != p.extras_->links.end() && l->second.unlink_id == 0) p.extras_->links.erase(l);
  }
  // The answer leaves before any other signal to that process.
  if (from.is_local_pid()) {
    auto b = block::make(16);
    b->root = make_tuple_of(*b, p.pid_, make_unsigned(*b, id));
    b->tag = static_cast<std::uint32_t>(signal::unlink_ack);
    post_to(*p.node_, from, std::move(b));
  } else if (id != 0) {
    runtime_access::send_remote(*p.node_, node_of(from).node, dist::unlink_id_ack{id, p.pid_, from});
  }
}

void core::on_unlink_ack(process& p, term from, std::uint64_t id) {
  if (!p.extras_) return;
  auto l = p.extras_->links.find(from);
  if (l != p.extras_->links.end() && id != 0 && l->second.unlink_id == id) p.extras_->links.erase(l);
}

void core::on_monitor(process& p, block_ptr s) {
  const auto from = s->root[0];
  extras(p).watchers.put(std::move(s));
  if (!from.is_local_pid()) concerns(p, node_of(from).node);
}

// The monitor's owner builds the message: it knows what it asked for.
void core::on_down(process& p, term ref, term reason) {
  const auto key = monitor_key(ref);
  if (!key || !p.extras_) return;
  const auto number = ref_number(ref);
  if (auto& c = p.extras_->call; c.watched && c.number == number) {
    c.watched = false;
    auto b = block::make(32);
    const auto own_ref = c.aliased ? build_alias(*b, number, p.pid_) : build_ref(*b, number);
    b->root = make_tuple_of(*b, a().DOWN, own_ref, a().process, c.pid, copy(*b, reason));
    return append(p, std::move(b));
  }
  auto m = p.extras_->monitors.find(*key);
  if (m == p.extras_->monitors.end()) return;
  auto& e = m->second;
  auto b = block::make(32);
  const auto own_ref = e.alias != monitor_options::none ? build_alias(*b, number, p.pid_) : build_ref(*b, number);
  b->root = make_tuple_of(*b, e.tag.get() ? copy(*b, e.tag.get()) : a().DOWN, own_ref, a().process, copy(*b, e.target.get()),
                          copy(*b, reason));
  if (e.alias == monitor_options::demonitor || e.alias == monitor_options::reply_demonitor) p.extras_->aliases.erase(number);
  p.extras_->monitors.erase(m);
  append(p, std::move(b));
}

void core::on_spawn_reply(process& p, term req, std::uint32_t flags, term result) {
  const auto key = monitor_key(req);
  if (!key || !p.extras_) return;
  auto s = p.extras_->spawns.find(ref_number(req));
  if (s == p.extras_->spawns.end()) return;
  const auto asked = std::move(s->second);
  p.extras_->spawns.erase(s);
  const bool ok = result.is_pid();
  const bool here = !asked.node;  // links and monitors are there from the beginning
  if (ok && asked.abandoned) return abandon_spawned(p, asked, req, result);
  if (ok && !here && asked.link && (flags & 1)) on_link(p, result);
  if (ok && !here && asked.monitor && (flags & 2)) {
    monitor_entry m;
    m.target = owned_term(result);
    m.tag = owned_term(asked.monitor_tag.get());
    m.alias = asked.alias;
    m.node = asked.node;
    p.extras_->monitors.insert_or_assign(*key, std::move(m));
  }
  if (!ok) p.extras_->aliases.erase(ref_number(req));
  if (asked.abandoned || !(ok ? asked.reply_ok : asked.reply_error)) return;
  auto b = block::make(32);
  const auto number = ref_number(req);
  const auto id = asked.alias != monitor_options::none ? build_alias(*b, number, p.pid_) : build_ref(*b, number);
  const auto tag = asked.reply_tag.get() ? copy(*b, asked.reply_tag.get()) : a().spawn_reply;
  b->root = make_tuple_of(*b, tag, id, ok ? a().ok : a().error, copy(*b, result));
  append(p, std::move(b));
}

// erlang:spawn_request_abandon/1 came before the answer.
void core::abandon_spawned(process& p, const process_extras::pending_spawn& asked, term req, term pid) {
  if (!asked.node) {
    if (asked.monitor) p.demonitor(req, false);
    if (asked.link) {
      p.extras_->links.erase(pid);
      auto b = block::make(16);
      b->root = make_tuple_of(*b, p.pid_, a().abandoned);
      b->tag = static_cast<std::uint32_t>(signal::link_exit);
      post_to(*p.node_, pid, std::move(b));
    }
    return;
  }
  if (asked.monitor) runtime_access::send_remote(*p.node_, asked.node, dist::demonitor_p{p.pid_, pid, req});
  if (asked.link) runtime_access::send_remote(*p.node_, asked.node, dist::exit{p.pid_, pid, a().abandoned, {}});
}

void core::on_node_down(process& p, term node) {
  if (!p.extras_) return;
  auto& e = *p.extras_;
  e.watchers.erase_if([&](term pid) { return !is_immediate(pid) && node_of(pid).node.same(node); });
  std::vector<owned_term> lost;
  for (auto l = e.links.begin(); l != e.links.end();) {
    const bool there = !is_immediate(l->first) && node_of(l->first).node.same(node);
    if (there && l->second.unlink_id != 0) {
      l = e.links.erase(l);
      continue;
    }
    if (there) lost.push_back(owned_term(l->first));
    ++l;
  }
  std::vector<std::pair<std::uint64_t, bool>> downs;
  for (auto& [key, m] : e.monitors) {
    if (m.node && m.node.same(node)) downs.emplace_back(static_cast<std::uint64_t>(key.small()), false);
  }
  std::vector<std::uint64_t> spawns;
  for (auto& [number, s] : e.spawns) {
    if (s.node.same(node)) spawns.push_back(number);
  }
  std::erase_if(e.nodes, [&](const auto& n) { return n.node.same(node); });
  auto b = block::make(32);
  for (auto& d : downs) on_down(p, build_ref(*b, d.first), a().noconnection);
  for (auto number : spawns) on_spawn_reply(p, build_ref(*b, number), 0, a().noconnection);
  for (auto& pid : lost) {
    auto s = block::make(16);
    const auto from = copy(*s, pid.get());
    on_link_exit(p, from, a().noconnection, std::move(s));
  }
}

}  // namespace cnode::actors
