// How a process ends, and what is answered in the name of one that is gone.
#include "core.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

// On the process's own thread, always: the memory goes.
void core::finish(process& p) {
  try {
    p.behaviour_->stopping(p, p.exit_reason_);
  } catch (const std::exception& e) {
    p.node_->log(log_level::error, std::string("a behaviour failed while its process ended: ") + e.what());
  }
  process_ptr keep(&p);
  abandon_call(p);
  disarm(p);
  if (!(p.flags_ & announced)) announce(p);
  p.extras_.reset();
  while (p.mailbox_) remove(p, &p.mailbox_);
  p.behaviour_.reset();
  p.scratch_.reset();
}

// From now on it is dead for everybody. On another thread than its own when a function of a module keeps it from hearing of its end.
void core::announce(process& p) {
  auto& node = *p.node_;
  auto& r = runtime_access::of(node);
  const auto reason = p.exit_reason_;
  p.flags_ |= announced;
  runtime_access::forget_name(node, p);
  p.status_.store(dead);
  r.table.remove(p.pid_);
  r.threads.owner_ended(p.pid_);
  if (p.timers_to_it_) runtime_access::cancel_timers_to(node, p.pid_);
  auto* late = take_inbox(p, std::exchange(p.deferred_, nullptr));
  if (p.extras_) {
    for (auto& n : p.extras_->nodes) r.index.remove(n.node, p.pid_);
    // EXIT before DOWN, as BEAM has it.
    tell_links(p, *p.extras_, reason);
    tell_watchers(p, *p.extras_, reason);
    forget_monitors(p, *p.extras_);
  }
  // Who came too late learns that there is nobody.
  handle_in_order(p, late, false);
  handle_in_order(p, oldest_first(p.inbox_.exchange(closed())), false);
}

void core::tell_links(process& p, process_extras& e, term reason) {
  for (auto& [pid, l] : e.links) {
    if (l.unlink_id != 0) continue;
    if (!pid.is_local_pid()) {
      runtime_access::send_remote(*p.node_, node_of(pid).node, dist::exit{p.pid_, pid, reason, {}});
      continue;
    }
    auto b = block::make(24);
    b->root = make_tuple_of(*b, p.pid_, copy(*b, reason));
    b->tag = static_cast<std::uint32_t>(signal::link_exit);
    post_to(*p.node_, pid, std::move(b));
  }
}

void core::tell_watchers(process& p, process_extras& e, term reason) {
  e.watchers.for_each([&](term to, term ref, term target) {
    if (!to.is_local_pid()) {
      runtime_access::send_remote(*p.node_, node_of(to).node, dist::monitor_p_exit{target.is_atom() ? target : p.pid_, to, ref, reason});
      return;
    }
    auto b = block::make(24);
    b->root = make_tuple_of(*b, copy(*b, ref), a().process, p.pid_, copy(*b, reason));
    b->tag = static_cast<std::uint32_t>(signal::down);
    post_to(*p.node_, to, std::move(b));
  });
  e.callers.each([&](std::uint64_t number, term caller) {
    auto b = block::make(24);
    b->root = make_tuple_of(*b, build_ref(*b, number), a().process, p.pid_, copy(*b, reason));
    b->tag = static_cast<std::uint32_t>(signal::down);
    post_to(*p.node_, caller, std::move(b));
  });
}

void core::forget_monitors(process& p, process_extras& e) {
  if (e.call.watched) send_demonitor(p, e.call.number, e.call.pid);
  for (auto& [key, m] : e.monitors) {
    auto b = block::make(24);
    const auto number = static_cast<std::uint64_t>(key.small());
    const auto ref = m.alias != monitor_options::none ? build_alias(*b, number, p.pid_) : build_ref(*b, number);
    if (m.pid) {
      b->root = make_tuple_of(*b, p.pid_, ref);
      b->tag = static_cast<std::uint32_t>(signal::demonitor);
      post_to(*p.node_, m.pid, std::move(b));
    } else if (m.node) {
      const auto t = m.target.get();
      runtime_access::send_remote(*p.node_, m.node, dist::demonitor_p{p.pid_, t.is_tuple() ? t[0] : t, ref});
    }
  }
}

void core::answer_for_dead(runtime& node, term pid, block_ptr s) {
  const auto r = s->root;
  switch (static_cast<signal>(s->tag)) {
    case signal::link:
      if (r.is_local_pid()) {
        auto b = block::make(16);
        b->root = make_tuple_of(*b, pid, a().noproc);
        b->tag = static_cast<std::uint32_t>(signal::link_exit);
        post_to(node, r, std::move(b));
      } else {
        runtime_access::send_remote(node, node_of(r).node, dist::exit{pid, r, a().noproc, {}});
      }
      break;
    case signal::unlink: {
      std::uint64_t id = 0;
      to_uint64(r[1], id);
      if (r[0].is_local_pid()) {
        auto b = block::make(16);
        b->root = make_tuple_of(*b, pid, copy(*b, r[1]));
        b->tag = static_cast<std::uint32_t>(signal::unlink_ack);
        post_to(node, r[0], std::move(b));
      } else if (id != 0) {
        runtime_access::send_remote(node, node_of(r[0]).node, dist::unlink_id_ack{id, pid, r[0]});
      }
      break;
    }
    case signal::monitor:
      if (r[0].is_local_pid()) {
        auto b = block::make(24);
        b->root = make_tuple_of(*b, copy(*b, r[1]), a().process, pid, a().noproc);
        b->tag = static_cast<std::uint32_t>(signal::down);
        post_to(node, r[0], std::move(b));
      } else {
        runtime_access::send_remote(node, node_of(r[0]).node, dist::monitor_p_exit{r[2], r[0], r[1], a().noproc});
      }
      break;
    case signal::call: {
      const term caller = r[1][0], tag = r[1][1];
      auto b = block::make(24);
      b->root = make_tuple_of(*b, copy(*b, tag.is_cons() ? tag.tail() : tag), a().process, pid, a().noproc);
      b->tag = static_cast<std::uint32_t>(signal::down);
      post_to(node, caller, std::move(b));
      break;
    }
    case signal::info_request: {
      auto b = block::make(24);
      b->root = make_tuple_of(*b, copy(*b, r[1]), a().undefined);
      node.send(r[0], std::move(b));
      break;
    }
    case signal::spawn_reply:
      // Whoever asked for a linked process is gone: the new process hears of it as of any broken link.
      if (r[2].is_pid() && !r[2].is_local_pid() && (r[1].small() & 1)) {
        runtime_access::send_remote(node, node_of(r[2]).node, dist::exit{pid, r[2], a().noproc, {}});
      }
      break;
    default: break;
  }
  drop_signal(std::move(s));
}

bool core::is_alive(const process& p) { return p.status_.load() != dead; }

}  // namespace cnode::actors
