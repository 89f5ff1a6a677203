// How a process ends, and what is answered in the name of one that is gone.
#include "core.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

void core::finish(process& p) {
  auto& node = *p.node_;
  auto& r = runtime_access::of(node);
  const auto reason = p.exit_reason_->root;
  try {
    p.behaviour_->stopping(p, reason);
  } catch (const std::exception& e) {
    node.log(log_level::error, std::string("a behaviour failed while its process ended: ") + e.what());
  }
  abandon_call(p);
  disarm(p);
  runtime_access::forget_name(node, p);
  p.status_.store(dead);
  process_ptr keep(&p);
  r.table.remove(p.pid_);
  auto* rest = p.inbox_.exchange(closed());

  if (auto e = std::move(p.extras_)) {
    for (auto n : e->nodes) r.index.remove(n, p.pid_);
    for (auto& [pid, l] : e->links) {
      if (l.unlink_id != 0) continue;
      if (pid.is_local_pid()) {
        auto b = block::make(24);
        b->root = make_tuple_of(*b, p.pid_, copy(*b, reason));
        b->tag = static_cast<std::uint32_t>(signal::link_exit);
        post_to(node, pid, std::move(b));
      } else {
        runtime_access::send_remote(node, node_of(pid).node, dist::exit{p.pid_, pid, reason, {}});
      }
    }
    for (auto& [key, w] : e->watchers) {
      const auto to = w.pid.get();
      if (to.is_local_pid()) {
        auto b = block::make(24);
        b->root = make_tuple_of(*b, copy(*b, w.ref.get()), a().process, p.pid_, copy(*b, reason));
        b->tag = static_cast<std::uint32_t>(signal::down);
        post_to(node, to, std::move(b));
      } else {
        runtime_access::send_remote(node, node_of(to).node,
                                    dist::monitor_p_exit{w.name ? w.name : p.pid_, to, w.ref.get(), reason});
      }
    }
    for (auto& [key, m] : e->monitors) {
      auto b = block::make(24);
      const auto number = static_cast<std::uint64_t>(key.small());
      const auto ref = m.alias != monitor_options::none ? build_alias(*b, number, p.pid_) : build_ref(*b, number);
      if (m.pid) {
        b->root = make_tuple_of(*b, p.pid_, ref);
        b->tag = static_cast<std::uint32_t>(signal::demonitor);
        post_to(node, m.pid, std::move(b));
      } else if (m.node) {
        const auto t = m.target.get();
        runtime_access::send_remote(node, m.node, dist::demonitor_p{p.pid_, t.is_tuple() ? t[0] : t, ref});
      }
    }
  }
  // Who came too late learns that there is nobody; in the order they came.
  block* oldest = nullptr;
  while (rest) {
    auto* next = rest->next;
    rest->next = oldest;
    oldest = rest;
    rest = next;
  }
  while (oldest) {
    block_ptr s{oldest};
    oldest = oldest->next;
    s->next = nullptr;
    answer_for_dead(node, p.pid_, std::move(s));
  }
  while (p.mailbox_) remove(p, &p.mailbox_);
  p.behaviour_.reset();
  p.scratch_.reset();
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
