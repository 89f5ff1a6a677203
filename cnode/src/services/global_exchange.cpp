// Both partitions are locked: names go to and fro, conflicts are resolved, everybody hears of everybody.
#include <algorithm>

#include <cnode/protocol/local_node.hpp>

#include "global_locks.hpp"
#include "global_server.hpp"
#include "modules.hpp"

namespace cnode::services {

namespace {

bool is_names_list(term l) {
  for (; l.is_cons(); l = l.tail())
    if (!l.head().is_tuple(3) || !l.head()[1].is_pid()) return false;
  return l.is_nil();
}

}  // namespace

// Our locker has the lock in both partitions.
void global_server::lock_is_set(term node, term tag, term lock_id) {
  if (!tag_is(node, tag) || !find_resolver(node)) return cancel_locker(node, owned(tag), nil);
  auto& s = session_of(node);
  cast(node, c_->tuple(atom("exchange"), this_node().name, names_list(), nil, s.his_tag.get() ? s.his_tag.get() : undefined()));
  s.lock_id = owned(lock_id);
  // The resolve functions of both sides run in this time.
  after(4 * stall_limit(node_), c_->tuple(atom("$stalled"), node, tag));
  if (s.wait_lock != session::exchanged) {
    s.wait_lock = session::locked;
    return;
  }
  s.wait_lock = session::nothing;
  const auto names = std::exchange(s.names, {});
  hand_over_names(node, get(names));
}

void global_server::exchange(term node, term names, term tag) {
  if (!node.is_atom() || !is_names_list(names)) return;
  if (!tag_is(node, tag) || !find_resolver(node)) return cancel_locker(node, owned(tag), nil);
  auto& s = session_of(node);
  if (s.wait_lock == session::locked) {
    s.wait_lock = session::nothing;
    return hand_over_names(node, names);
  }
  s.wait_lock = session::exchanged;
  s.names = keep(names);
}

// A process of its own compares the lists, so that locks can be had meanwhile.
void global_server::hand_over_names(term node, term names) {
  auto* r = find_resolver(node);
  if (r && !r->pid) r->pid = node_.spawn_function(atom("global"), atom("exchange_names"), c_->list(node, r->tag.get(), names));
}

// The resolver is done, perhaps after the other node's.
void global_server::exchange_ops(term node, term tag, term ops, term resolved) {
  if (!tag_is(node, tag)) return cancel_locker(node, owned(tag), nil);
  auto& s = session_of(node);
  cast(node, c_->tuple(atom("resolved"), this_node().name, resolved, known_list(version_of(node)), atom("unused"), external_names(),
                       s.his_tag.get() ? s.his_tag.get() : undefined()));
  const auto his = s.save_ops == session::his_ops ? s.ops : kept{};
  s.ops = keep(ops);
  s.save_ops = session::own_ops;
  if (his) finish(node, get(his)[2], get(his)[0], get(his)[1]);
}

void global_server::resolved(term node, term ops, term his_known, term external, term tag) {
  if (!node.is_atom() || list_length(ops) < 0 || list_length(his_known) < 0 || list_length(external) < 0) return;
  if (!tag_is(node, tag)) return cancel_locker(node, owned(tag), nil);
  auto& s = session_of(node);
  if (s.save_ops == session::own_ops) return finish(node, ops, his_known, external);
  s.ops = keep(c_->tuple(his_known, external, ops));
  s.save_ops = session::his_ops;
}

// resolved/5
void global_server::finish(term node, term his_ops, term his_known, term external) {
  auto& s = session_of(node);
  const auto own = std::exchange(s.ops, {});
  std::vector<term> ops = elements(get(own)).value_or(std::vector<term>{});
  for (; his_ops.is_cons(); his_ops = his_ops.tail()) ops.push_back(his_ops.head());
  auto nodes = versions_in(his_known);
  std::vector<term> his_nodes;
  for (const auto& [n, v] : nodes) his_nodes.push_back(n);
  nodes.insert(nodes.begin(), {node, version_of(node)});
  // Known may have shrunk since the lock was taken.
  const auto known_before = known_;
  sync_others(his_nodes);
  const term lock = s.lock_id.get() ? s.lock_id.get() : undefined();
  const term extra = c_->list(c_->tuple(atom("vsn"), small(s.version)), c_->tuple(atom("lock"), lock));
  do_ops(ops, this_node().name, external, extra);
  tell_syncers(node);
  const auto over = [this](term n, term last_words) {
    const auto* found = find_session(n);
    const owned tag = found ? found->my_tag : owned{};
    pending_.erase(n.word());
    cancel_locker(n, tag, last_words);
    reset(n);
  };
  for (const term n : his_nodes) over(n, nil);

  // The locker says it, so that nobody's lock goes before he has heard of the new nodes.
  std::vector<term> with_versions, plain, words;
  for (const auto& [n, v] : nodes) with_versions.push_back(c_->tuple(n, small(v))), plain.push_back(n);
  const term all_ops = make_list(heap(), ops.data(), ops.size());
  for (const auto& [n, v] : known_before) {
    const auto& list = v >= partitions_version ? with_versions : plain;
    const term message = c_->tuple(atom("new_nodes"), this_node().name, all_ops, external, make_list(heap(), list.data(), list.size()), extra);
    words.push_back(c_->tuple(c_->tuple(atom("global_name_server"), term{n}), c_->tuple(atom("$gen_cast"), message)));
  }
  over(node, make_list(heap(), words.data(), words.size()));
  add_to_known(nodes);
  stalls_.erase(node.word());
  if (std::none_of(synced_.begin(), synced_.end(), [&](term n) { return n.same(node); })) synced_.insert(synced_.begin(), node);
}

void global_server::new_nodes(term node, term ops, term external, term nodes, term extra) {
  const auto list = elements(ops);
  if (!node.is_atom() || !list || list_length(external) < 0) return;
  sync_others(add_to_known(versions_in(nodes)));
  do_ops(*list, node, external, extra);
}

// That node knows us and all our names.
void global_server::in_sync(term node) {
  if (!node.is_atom() || node.same(this_node().name)) return;
  tell_syncers(node);
  if (std::none_of(synced_.begin(), synced_.end(), [&](term n) { return n.same(node); })) synced_.insert(synced_.begin(), node);
  pending_.erase(node.word());
  const auto* s = find_session(node);
  cancel_locker(node, s ? s->my_tag : owned{}, nil);
  reset(node);
  stalls_.erase(node.word());
}

// [Node] or [{Node, Version}], without us.
std::vector<std::pair<term, int>> global_server::versions_in(term list) const {
  std::vector<std::pair<term, int>> out;
  for (; list.is_cons(); list = list.tail()) {
    const term e = list.head();
    const bool pair = e.is_tuple(2) && e[0].is_atom() && e[1].is_small();
    if (!pair && !e.is_atom()) continue;
    const term n = pair ? e[0] : e;
    if (n.same(this_node().name)) continue;
    const auto v = pair && e[1].small() > 0 ? std::min<std::int64_t>(e[1].small(), 1'000'000) : version_of(n);
    out.emplace_back(n, static_cast<int>(v));
  }
  return out;
}

std::vector<term> global_server::add_to_known(const std::vector<std::pair<term, int>>& nodes) {
  std::vector<term> added;
  for (const auto& [n, v] : nodes)
    if (known_.try_emplace(n.word(), v).second) added.push_back(n);
  publish_known();
  return added;
}

// Nodes we are to be connected with: each hears from us, or is gone again.
void global_server::sync_others(const std::vector<term>& nodes) {
  auto* host = host_of(node_);
  if (!host) return;
  auto* runtime = &node_;
  for (const term n : nodes)
    host->connect(n, false, [runtime, n](bool up) {
      auto b = block::make(16);
      if (up) {
        b->root = make_tuple_of(*b, atom("$gen_cast"), make_tuple_of(*b, atom("in_sync"), this_node().name, boolean(true)));
        auto to = block::make(8);
        return runtime->send(make_tuple_of(*to, atom("global_name_server"), n), std::move(b));
      }
      runtime->log(actors::log_level::warning,
                   "'global' at " + std::string(atom_text(this_node().name)) + " failed to connect to " + std::string(atom_text(n)));
      b->root = make_tuple_of(*b, atom("extra_nodedown"), n);
      runtime->send(atom("global_name_server"), std::move(b));
    });
}

}  // namespace cnode::services
