// "Prevent Overlapping Partitions Algorithm" of global.erl: a lost connection between two nodes makes everybody part with one of them.
#include <cnode/protocol/local_node.hpp>

#include "global_server.hpp"

namespace cnode::services {

namespace {

// How long the word of a lost connection is remembered.
constexpr std::chrono::hours remembered{1};
constexpr std::int64_t smallest_of_60_bits = -(std::int64_t{1} << 59);

std::string here() { return "'global' at node " + std::string(atom_text(this_node().name)) + " "; }

}  // namespace

void global_server::multicast(term message, term except) {
  const auto to = [&](cnode_term n, int v) {
    if (!term{n}.same(except) && v >= partitions_version) volatile_send(term{n}, message);
  };
  for (const auto& [n, v] : known_) to(n, v);
  for (const auto& [n, v] : pending_)
    if (!known_.contains(n)) to(n, v);
}

void global_server::inform_connection_loss(term node) {
  if (!settings_.connect_all || !settings_.prevent_overlapping_partitions) return;
  const auto creation = creation_extension_ + static_cast<std::int64_t>(this_node().creation) - smallest_of_60_bits;
  multicast(c_->tuple(atom("lost_connection"), this_node().name, c_->integer(creation), c_->integer(++next_tag_), node), node);
}

// {lost_connection, NodeA, XCreationA, OpIdA, NodeB}
void global_server::lost_connection(term m) {
  if (!settings_.connect_all || !settings_.prevent_overlapping_partitions) return;
  const term a = m[1], creation = m[2], operation = m[3], b = m[4];
  if (!a.is_atom() || !b.is_atom() || !creation.is_integer() || !operation.is_integer()) return;
  const auto key = std::pair{a.word(), b.word()};
  if (const auto i = lost_.find(key); i != lost_.end())
    if (exactly_equal(i->second.creation.get(), creation) && compare(operation, i->second.operation.get()) <= 0) return;
  multicast(m, a);
  const auto now = node_.now();
  std::erase_if(lost_, [&](const auto& l) { return now - l.second.at > remembered; });
  lost_[key] = {owned(creation), owned(operation), now};
  // About us it is said by one who is about to go himself.
  const term gone = b.same(this_node().name) ? a : b;
  if (!is_known(gone) && !is_pending(gone)) return;
  const bool old = version_of(gone) < partitions_version;
  if (old) disconnect(gone);
  else volatile_send(gone, c_->tuple(atom("remove_connection"), this_node().name));
  log(actors::log_level::warning, here() + (old ? "disconnected old" : "requested disconnect from") + " node " + std::string(atom_text(gone)) +
                                      " in order to prevent overlapping partitions");
  node_down(gone, nodedown::remove_connection);
}

void global_server::remove_connection(term node) {
  if (!node.is_atom() || (!is_known(node) && !is_pending(node))) return;
  disconnect(node);
  node_down(node, nodedown::remove_connection);
  log(actors::log_level::warning, here() + "disconnected node " + std::string(atom_text(node)) + " in order to prevent overlapping partitions");
}

void global_server::quiet() { settings_ = {false, false}; }

}  // namespace cnode::services
