// What other nodes say: each control message becomes a signal, or is answered for processes that do not exist (erts: dist.c,
// erts_net_message). And what the loss of a node means.
#include <algorithm>

#include "proc_lib.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

// ---- node_index

std::uint64_t node_index::add(term node, term pid) {
  std::lock_guard guard(lock_);
  pids_[node.word()].insert(pid.word());
  return losses_.load(std::memory_order_relaxed);
}

void node_index::remove(term node, term pid) {
  std::lock_guard guard(lock_);
  const auto n = pids_.find(node.word());
  if (n == pids_.end()) return;
  n->second.erase(pid.word());
  if (n->second.empty()) pids_.erase(n);
}

std::vector<term> node_index::take(term node) {
  std::lock_guard guard(lock_);
  losses_.fetch_add(1);
  std::vector<term> list;
  const auto n = pids_.find(node.word());
  if (n == pids_.end()) return list;
  for (auto pid : n->second) list.push_back(term{pid});
  pids_.erase(n);
  return list;
}

namespace {

// Visits one control message. The frame's block becomes the signal's.
class receiver {
 public:
  receiver(runtime& r, term node, dist::frame_event& f, arrivals& found)
      : r_(r), node_(node), found_(found), b_(f.block ? std::move(f.block) : block::make(16)), message_(f.message) {}

  void operator()(const dist::node_link&) {}

  void operator()(const dist::send& m) {
    if (m.to.is_local_pid()) return add(m.to, signal::message, message_ ? message_ : nil);
    found_.deliver();
    r_.send(m.to, message(message_), m.from);
  }
  void operator()(const dist::reg_send& m) {
    if (const auto pid = r_.whereis(m.to_name)) add(pid, signal::message, message_ ? message_ : nil);
  }
  void operator()(const dist::alias_send& m) {
    if (is_our_alias(m.alias)) add(alias_owner(m.alias), signal::alias_message, tuple(m.alias, message_ ? message_ : nil));
  }
  void operator()(const dist::altact_sig_send& m) {
    if (m.flags & 16) return (*this)(dist::exit2{m.from, m.to, m.reason, m.token});
    if (m.to.is_atom()) return (*this)(dist::reg_send{m.from, m.to, {}});
    if (m.to.is_ref()) return (*this)(dist::alias_send{m.from, m.to, {}});
    if (m.to.is_local_pid()) (*this)(dist::send{m.from, m.to, {}});
  }

  void operator()(const dist::link& m) {
    if (m.to.is_local_pid()) return post(m.to, signal::link, m.from);
    answer(dist::exit{m.to, m.from, a().noproc, {}});
  }
  void operator()(const dist::unlink& m) {
    if (m.to.is_local_pid()) post(m.to, signal::unlink, make_tuple_of(*b_, m.from, small(0)));
  }
  void operator()(const dist::unlink_id& m) {
    if (m.to.is_local_pid()) return post(m.to, signal::unlink, make_tuple_of(*b_, m.from, make_unsigned(*b_, m.id)));
    answer(dist::unlink_id_ack{m.id, m.to, m.from});
  }
  void operator()(const dist::unlink_id_ack& m) {
    if (m.to.is_local_pid()) post(m.to, signal::unlink_ack, make_tuple_of(*b_, m.from, make_unsigned(*b_, m.id)));
  }
  void operator()(const dist::exit& m) {
    if (m.to.is_local_pid()) post(m.to, signal::link_exit, make_tuple_of(*b_, m.from, m.reason));
  }
  void operator()(const dist::exit2& m) {
    if (m.to.is_local_pid()) post(m.to, signal::exit, make_tuple_of(*b_, m.from, m.reason));
  }
  void operator()(const dist::group_leader& m) {
    if (m.to.is_local_pid()) post(m.to, signal::group_leader, make_tuple_of(*b_, m.from, m.from));
  }

  void operator()(const dist::monitor_p& m) {
    const auto pid = m.target.is_atom() ? r_.whereis(m.target) : m.target;
    if (pid && pid.is_local_pid()) return add(pid, signal::monitor, tuple(m.from, m.ref, m.target));
    answer(dist::monitor_p_exit{m.target, m.from, m.ref, a().noproc});
  }
  void operator()(const dist::demonitor_p& m) {
    if (m.target.is_local_pid()) return add(m.target, signal::demonitor, tuple(m.from, m.ref));
    if (!m.target.is_atom()) return;
    found_.deliver();
    for (const auto pid : runtime_access::owners(r_, m.target)) {
      auto b = block::make(24);
      b->root = make_tuple_of(*b, copy(*b, m.from), copy(*b, m.ref));
      b->tag = static_cast<std::uint32_t>(signal::demonitor);
      core::post_to(r_, pid, std::move(b));
    }
  }
  void operator()(const dist::monitor_p_exit& m) {
    if (m.to.is_local_pid()) post(m.to, signal::down, make_tuple_of(*b_, m.ref, a().process, m.from, m.reason));
  }

  void operator()(const dist::spawn_request& m) {
    found_.deliver();
    spawn_options o;
    o.group_leader = m.group_leader;
    std::uint32_t flags = 0;
    bool ok = list_length(m.options) >= 0 && list_length(message_) == static_cast<std::int64_t>(m.arity);
    if (!ok) return answer(dist::spawn_reply{m.req_id, m.from, 0, a().badarg, {}});
    for (auto list = m.options; list.is_cons(); list = list.tail()) ok = ok && option(list.head(), flags);
    if (!ok) return answer(dist::spawn_reply{m.req_id, m.from, 0, a().badopt, {}});
    if (flags & 1) o.link_to = m.from;
    if (flags & 2) o.monitor_by = m.from, o.monitor_ref = m.req_id;
    const auto n = list_length(message_);
    o.initial_call = make_tuple_of(*b_, m.module, m.function, small(n));
    // The process starts when the answer has left: the answer precedes all it sends.
    auto f = make_spawned_by_proc_lib(m.module, m.function, message_, o, *b_);
    if (!f) f = make_function_process(m.module, m.function, message_);
    const auto pid = runtime_access::spawn(r_, std::move(f), o, {{}, true}, [&](term p) {
      answer(dist::spawn_reply{m.req_id, m.from, flags, p, {}});
    });
    if (!pid) answer(dist::spawn_reply{m.req_id, m.from, 0, a().system_limit, {}});
  }
  void operator()(const dist::spawn_reply& m) {
    if (m.to.is_local_pid()) post(m.to, signal::spawn_reply, make_tuple_of(*b_, m.req_id, small(m.flags), m.result));
  }

 private:
  block_ptr message(term m) {
    b_->root = m ? m : nil;
    return std::move(b_);
  }
  template <class... T>
  term tuple(T... fields) {
    auto* p = b_->reserve(1 + sizeof...(fields));
    const term made{cnode_make_boxed(p)};
    *p = CNODE_HEADER(CNODE_TUPLE, sizeof...(fields));
    ((*++p = fields.word()), ...);
    return made;
  }
  // Signals that are many and kill nobody.
  void add(term pid, signal kind, term fields) {
    b_->root = fields;
    b_->tag = static_cast<std::uint32_t>(kind);
    found_.add(pid, std::move(b_));
  }
  void post(term pid, signal kind, term fields) {
    found_.deliver();
    b_->root = fields;
    b_->tag = static_cast<std::uint32_t>(kind);
    core::post_to(r_, pid, std::move(b_));
  }
  void answer(const dist::control_message& m) { runtime_access::send_remote(r_, node_, m); }

  // What erts_parse_spawn_opts takes; those that tune a BEAM heap mean nothing here.
  static bool option(term o, std::uint32_t& flags) {
    if (o.same(a().link)) return flags |= 1, true;
    if (o.same(a().monitor)) return flags |= 2, true;
    if (!o.is_tuple(2) || !o[0].is_atom()) return false;
    if (o[0].same(a().monitor)) return flags |= 2, o[1].is_list();
    if (o[0].same(a().link)) return flags |= 1, o[1].is_list();
    static const term tuning[] = {atom("priority"),          atom("fullsweep_after"), atom("min_heap_size"),      atom("min_bin_vheap_size"),
                                  atom("max_heap_size"),     atom("scheduler"),       atom("message_queue_data"), atom("async_dist"),
                                  atom("reply_tag"),         atom("reply")};
    return std::any_of(std::begin(tuning), std::end(tuning), [&](term t) { return t.same(o[0]); });
  }

  runtime& r_;
  term node_;
  arrivals& found_;
  block_ptr b_;
  term message_;
};

}  // namespace

void runtime::receive(term node, dist::frame_event&& frame, arrivals& found) {
  std::visit(receiver(*this, node, frame, found), frame.control);
}

void runtime::receive(term node, dist::frame_event&& frame) {
  arrivals found(*this);
  receive(node, std::move(frame), found);
}

void runtime::node_up(term node, bool visible) {
  std::vector<node_listener> all;
  {
    std::lock_guard guard(impl_->nodes_lock);
    impl_->nodes_up[node.word()] = visible;
    all = impl_->listeners;
  }
  for (auto& l : all) l(node, true, visible, {});
}

void runtime::node_down(term node, term reason) {
  for (auto pid : impl_->index.take(node)) {
    auto b = block::make(24);
    b->root = make_tuple_of(*b, node, copy(*b, reason));
    b->tag = static_cast<std::uint32_t>(signal::node_down);
    core::post_to(*this, pid, std::move(b));
  }
  std::vector<node_listener> all;
  std::vector<cnode_term> watching;
  bool was_up = false, visible = false;
  {
    std::lock_guard guard(impl_->nodes_lock);
    all = impl_->listeners;
    if (auto n = impl_->nodes_up.find(node.word()); n != impl_->nodes_up.end()) {
      was_up = true;
      visible = n->second;
      impl_->nodes_up.erase(n);
    }
    if (auto n = impl_->node_monitors.find(node.word()); n != impl_->node_monitors.end()) {
      watching = std::move(n->second);
      impl_->node_monitors.erase(n);
    }
  }
  for (auto pid : watching) {
    auto b = block::make(16);
    b->root = make_tuple_of(*b, a().nodedown, node);
    send(term{pid}, std::move(b));
  }
  // An attempt to connect that failed is no news to those who listen for nodes that come and go.
  if (!was_up) return;
  for (auto& l : all) l(node, false, visible, reason);
}

// Each monitor_node(Node, true) gives one message and is undone by one monitor_node(Node, false).
void runtime::monitor_node(term pid, term node, bool on) {
  std::lock_guard guard(impl_->nodes_lock);
  auto& list = impl_->node_monitors[node.word()];
  if (on) {
    // Who has ended is forgotten now and then: a node that stays up is watched by many in its time.
    if (list.size() >= 64 && (list.size() & (list.size() - 1)) == 0) std::erase_if(list, [this](cnode_term p) { return !alive(term{p}); });
    list.push_back(pid.word());
  } else if (auto e = std::find(list.begin(), list.end(), pid.word()); e != list.end()) {
    list.erase(e);
  }
  if (list.empty()) impl_->node_monitors.erase(node.word());
}

void runtime::on_node_change(node_listener l) {
  std::lock_guard guard(impl_->nodes_lock);
  impl_->listeners.push_back(std::move(l));
}

}  // namespace cnode::actors
