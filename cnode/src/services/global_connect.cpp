// Two nodes meet: init_connect and its tags, the locker's words, cancelling and beginning again.
#include <algorithm>
#include <chrono>
#include <mutex>
#include <random>

#include <cnode/protocol/local_node.hpp>

#include "global_locks.hpp"
#include "global_server.hpp"
#include "modules.hpp"
#include "service.hpp"

namespace cnode::services {

namespace {

std::string name_of(term node) { return std::string(atom_text(node)); }

bool same_tag(const owned& a, const owned& b) { return a.get() && b.get() ? a == b : !a.get() && !b.get(); }

}  // namespace

global_server::global_server(actors::runtime& node, settings s)
    : node_(node), settings_(s), next_tag_(std::chrono::duration_cast<std::chrono::microseconds>(std::chrono::system_clock::now().time_since_epoch()).count()) {
  set_tables(node, tables_);
  // The upper part of a 60-bit number whose lower part is the creation.
  std::random_device random;
  creation_extension_ = static_cast<std::int64_t>(random() & 0x7ffffff) << 32;
}

global_server::~global_server() {
  if (tables_of(node_) == tables_) set_tables(node_, nullptr);
}

term global_server::self() const { return c_->self().pid(); }

bool global_server::is_connected(term node) const {
  if (!node_.dist()) return false;
  const auto all = node_.dist()->nodes(true, true);
  return std::any_of(all.begin(), all.end(), [&](term n) { return n.same(node); });
}

void global_server::volatile_send(term node, term message) {
  if (is_connected(node)) c_->self().send(c_->tuple(atom("global_name_server"), node), message);
}

void global_server::cast(term node, term message) {
  c_->self().send(c_->tuple(atom("global_name_server"), node), c_->tuple(atom("$gen_cast"), message));
}

void global_server::to_locker(term message) { c_->self().send(locker_, message); }

void global_server::disconnect(term node) {
  if (auto* host = host_of(node_)) host->disconnect(node);
}

void global_server::log(actors::log_level level, const std::string& text) const { node_.log(level, text); }

void global_server::after(std::int64_t ms, term message) { node_.send_after(ms, self(), message, heap()); }

const global_server::session* global_server::find_session(term node) const {
  const auto i = sessions_.find(node.word());
  return i == sessions_.end() ? nullptr : &i->second;
}

bool global_server::tag_is(term node, term tag) const {
  const auto* s = find_session(node);
  return s && s->my_tag.get() && exactly_equal(s->my_tag.get(), tag);
}

global_server::resolver* global_server::find_resolver(term node) {
  const auto i = std::find_if(resolvers_.begin(), resolvers_.end(), [&](const resolver& r) { return r.node.same(node); });
  return i == resolvers_.end() ? nullptr : &*i;
}

int global_server::version_of(term node) const {
  if (node.same(this_node().name)) return version;
  if (const auto k = known_.find(node.word()); k != known_.end()) return k->second;
  if (const auto p = pending_.find(node.word()); p != pending_.end()) return p->second;
  return 0;
}

void global_server::publish_known() {
  std::unique_lock guard(tables_->lock);
  tables_->known.clear();
  for (const auto& [n, v] : known_) tables_->known.push_back(term{n});
}

// ---- nodes come and go

void global_server::node_up(term node) {
  if (std::none_of(connections_.begin(), connections_.end(), [&](term n) { return n.same(node); })) connections_.push_back(node);
  if (!settings_.connect_all || is_known(node) || find_resolver(node)) return;
  auto& s = session_of(node);
  // What came before we knew of the connection comes again, behind our own greeting.
  if (const auto early = std::exchange(s.pre_connect, {}))
    c_->self().send(self(), c_->tuple(atom("$gen_cast"), c_->tuple(atom("init_connect"), get(early)[0], node, get(early)[1])));
  s.my_tag = owned(c_->integer(++next_tag_));
  std::vector<term> keys, values;
  for (const auto& [n, v] : known_) keys.push_back(term{n}), values.push_back(small(v));
  const term locker = c_->tuple(atom("locker"), atom("no_longer_a_pid"), make_map(heap(), keys.data(), values.data(), keys.size()), locker_);
  cast(node, c_->tuple(atom("init_connect"), c_->tuple(small(version), s.my_tag.get()), this_node().name, locker));
  resolvers_.insert(resolvers_.begin(), {node, s.my_tag, {}});
}

void global_server::node_down(term node, nodedown what) {
  const auto* s = find_session(node);
  cancel_locker(node, s ? s->my_tag : owned{}, nil);
  reset(node);
  if (what == nodedown::remove_connection) removing_.insert(node.word());
  else if (what == nodedown::ignore_node) removing_.erase(node.word());
  else if (removing_.erase(node.word()) == 0) inform_connection_loss(node);
  pending_.erase(node.word());
  known_.erase(node.word());
  publish_known();
  std::erase_if(synced_, [&](term n) { return n.same(node); });
  if (what != nodedown::remove_connection) tell_syncers(node);
}

void global_server::forget_connection(term node) {
  std::erase_if(connections_, [&](term n) { return n.same(node); });
}

// An artificial nodedown: a node others know could not be reached.
void global_server::extra_nodedown(term node) {
  node_down(node, nodedown::disconnected);
  forget_connection(node);
}

// ---- connecting

void global_server::init_connect(term his, term node, term init) {
  if (!node.is_atom() || node.same(this_node().name)) return;
  const bool well = his.is_tuple() && his.arity() >= 2 && his[0].is_small() && init.is_tuple(4) && is(init[0], "locker") && init[3].is_pid() &&
                    node_of_pid(init[3]).same(node);
  if (!well || his[0].small() < oldest_version)
    return log(actors::log_level::info, "Illegal global protocol version Node: " + name_of(node));
  const int his_version = static_cast<int>(std::min<std::int64_t>(his[0].small(), 1'000'000)), spoken = std::min(his_version, version);
  const term his_tag = his[1];
  if (is_pending(node)) {
    // In the middle of one attempt another: neither counts.
    if (his_version < verify_connect_version) {
      log(actors::log_level::error, "'global' at node " + name_of(this_node().name) + " got an out of sync connection attempt from old version " +
                                        std::to_string(his_version) + " node " + name_of(node) + ". Disconnecting from it.");
      return disconnect(node);
    }
    send_cancel_connect(node, his_tag);
    return restart_connect(node, session_of(node).my_tag);
  }
  auto& s = session_of(node);
  s.version = spoken;
  s.his_tag = owned(his_tag);
  if (!find_resolver(node)) {
    s.pre_connect = keep(c_->tuple(his, init));
    return;
  }
  to_locker(c_->tuple(atom("his_the_locker"), init[3], small(spoken), his_tag, s.my_tag.get()));
  if (his_version >= verify_connect_version) volatile_send(node, c_->tuple(atom("init_connect_ack"), this_node().name, his_tag, s.my_tag.get()));
  pending_[node.word()] = his_version;
}

void global_server::init_connect_ack(term node, term my_tag, term his_tag) {
  if (!node.is_atom()) return;
  const auto* s = find_session(node);
  const owned mine = s ? s->my_tag : owned{};
  if (s && mine.get() && s->his_tag.get() && exactly_equal(mine.get(), my_tag) && exactly_equal(s->his_tag.get(), his_tag)) return;
  send_cancel_connect(node, his_tag);
  restart_connect(node, mine);
}

void global_server::cancel_connect(term node, term tag) {
  if (!node.is_atom() || !tag_is(node, tag)) return;
  const owned mine(tag);
  cancel_locker(node, mine, nil);
  reset(node);
  pending_.erase(node.word());
  restart_connect(node, mine);
}

void global_server::restart_connect(term node, owned my_tag) {
  cancel_locker(node, my_tag, nil);
  reset(node);
  pending_.erase(node.word());
  // Its locks here cannot count on a DOWN: the connection stays.
  delete_node_resources(node);
  if (my_tag.get() && my_tag.get().is_integer()) node_up(node);
}

// `last_words`: [{To, Message}] the locker says before it gives the lock back.
void global_server::cancel_locker(term node, owned tag, term last_words) {
  to_locker(c_->tuple(atom("cancel"), node, tag.get() ? tag.get() : undefined(), last_words));
  if (const auto p = pending_.find(node.word()); p != pending_.end() && p->second >= verify_connect_version) {
    const auto* s = find_session(node);
    if (s && same_tag(s->my_tag, tag) && s->his_tag.get()) send_cancel_connect(node, s->his_tag.get());
  }
  const auto i = std::find_if(resolvers_.begin(), resolvers_.end(), [&](const resolver& r) { return r.node.same(node) && same_tag(r.tag, tag); });
  if (i == resolvers_.end()) return;
  if (i->pid) c_->self().exit_signal(i->pid, atom("kill"));
  resolvers_.erase(i);
}

void global_server::send_cancel_connect(term node, term his_tag) {
  volatile_send(node, c_->tuple(atom("cancel_connect"), this_node().name, his_tag));
}

// Nothing has come from that node for too long.
void global_server::stalled(term node, term tag) {
  if (!node.is_atom() || !tag_is(node, tag) || !find_resolver(node)) return;
  const bool old = version_of(node) < verify_connect_version;
  const bool again = ++stalls_[node.word()] > 1;
  log(actors::log_level::warning, "'global' at node " + name_of(this_node().name) + ": node " + name_of(node) + " does not go on with the connect; " +
                                      (old || again ? "disconnecting from it" : "beginning again"));
  if (!old && !again) return restart_connect(node, owned(tag));
  stalls_.erase(node.word());
  disconnect(node);
}

// Lockers of two nodes speak through their name servers.
void global_server::lock_set(term m) {
  if (m.arity() < 4 || !m[1].is_pid()) return;
  const auto* s = find_session(node_of_pid(m[1]));
  if (m.is_tuple(5)) {
    if (tag_is(node_of_pid(m[1]), m[4])) to_locker(m);
  } else if (s && s->my_tag.get()) {
    to_locker(c_->tuple(m[0], m[1], m[2], m[3], s->my_tag.get()));  // protocols 6 and 7 have no tag
  }
}

// ---- questions

term global_server::known_list(int for_version) const {
  std::vector<term> out;
  for (const auto& [n, v] : known_) out.push_back(for_version < partitions_version ? term{n} : c_->tuple(term{n}, small(v)));
  return make_list(heap(), out.data(), out.size());
}
term global_server::known() const { return known_list(0); }
term global_server::synced() const { return make_list(heap(), synced_.data(), synced_.size()); }

term global_server::record(block& b) const {
  std::vector<term> keys, values, resolvers, syncers;
  for (const auto& [n, v] : known_) keys.push_back(term{n}), values.push_back(small(v));
  for (const auto& [n, v] : pending_) keys.push_back(make_tuple_of(b, atom("pending"), term{n})), values.push_back(small(v));
  for (const auto n : removing_) keys.push_back(make_tuple_of(b, atom("removing"), term{n})), values.push_back(atom("yes"));
  for (const auto& r : resolvers_) resolvers.push_back(make_tuple_of(b, r.node, copy(b, r.tag.get()), r.pid ? r.pid : undefined()));
  for (const auto& s : syncers_) syncers.push_back(copy(b, s.from.get()[0]));
  return make_tuple_of(b, atom("state"), make_tuple_of(b, atom("conf"), boolean(settings_.connect_all), boolean(settings_.prevent_overlapping_partitions)),
                       make_map(b, keys.data(), values.data(), keys.size()), make_list(b, synced_.data(), synced_.size()),
                       make_list(b, resolvers.data(), resolvers.size()), make_list(b, syncers.data(), syncers.size()), this_node().name,
                       locker_ ? locker_ : undefined(), registrar_ ? registrar_ : undefined(), atom("no_trace"), boolean(global_lock_down_));
}

// {sync, Nodes}: From is answered when all of them are in sync with us, or gone.
void global_server::sync(term from, term nodes) {
  syncer s{owned(from), {}};
  const auto list = elements(nodes).value_or(std::vector<term>{});
  const auto is_in = [](const std::vector<term>& v, term n) { return std::any_of(v.begin(), v.end(), [&](term m) { return m.same(n); }); };
  for (const term n : list)
    if (settings_.connect_all && n.is_atom() && !n.same(this_node().name) && !is_in(synced_, n) && !is_in(s.nodes, n)) s.nodes.push_back(n);
  const auto wanted = s.nodes;
  syncers_.push_back(std::move(s));
  tell_syncers({});
  auto* host = host_of(node_);
  auto* runtime = &node_;
  for (const term n : wanted) {
    if (is_in(connections_, n)) continue;
    const auto gone = [runtime, n] {
      auto b = block::make(8);
      b->root = make_tuple_of(*b, atom("$not_there"), n);
      runtime->send(atom("global_name_server"), std::move(b));
    };
    if (!host) gone();
    else host->connect(n, false, [gone, runtime, n](bool up) {
        // With a hidden node there is nothing to be in sync about.
        const auto visible = up && runtime->dist() ? runtime->dist()->nodes(true, false) : std::vector<term>{};
        if (std::none_of(visible.begin(), visible.end(), [&](term v) { return v.same(n); })) gone();
      });
  }
}

// That node is in sync, or gone; none: who waits for nobody has his answer.
void global_server::tell_syncers(term node) {
  std::erase_if(syncers_, [&](syncer& s) {
    if (node) std::erase_if(s.nodes, [&](term n) { return n.same(node); });
    if (!s.nodes.empty()) return false;
    c_->self().send(reply_target(s.from.get()), c_->tuple(s.from.get()[1], ok()));
    return true;
  });
}

}  // namespace cnode::services
