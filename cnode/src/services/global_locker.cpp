// The locker of global.erl ("The locker is a satellite process to global_name_server"), function by function.
#include "global_locker.hpp"

#include <unistd.h>

#include <algorithm>
#include <random>

#include <cnode/protocol/local_node.hpp>

#include "global_locks.hpp"

namespace cnode::services {

namespace {

constexpr int verify_connect_version = 8;

struct him {
  term node;
  owned locker, my_tag, his_tag;
  int version = 0;
};

class locker final : public routine_process {
 public:
  locker() : routine_process("loop_the_locker") {}

 private:
  routine<void> main() override;
  routine<bool> handle(term m);
  routine<bool> select_node();
  routine<bool> spontaneous(const owned& pid, const owned& tag);
  routine<lock_attempt> lock_nodes_safely(const owned& id, const std::vector<term>& extra);
  routine<bool> lock_is_set(const him& h, const std::vector<term>& locked, const owned& id);
  routine<bool> wait_cancel(term node, const owned& tag, const std::vector<term>& locked, const owned& id);

  void send_lock_set(const him& h, bool set);
  void to_server(term request) { self().send(atom("global_name_server"), tuple(atom("$gen_cast"), request)); }
  void stalled(term node, const owned& tag) { to_server(tuple(atom("stalled"), node, tag.get())); }
  // {global, [LockerA, LockerB]}: the same on both sides.
  owned lock_id(const owned& his) {
    term a = self().pid(), b = his.get();
    if (compare(a, b) > 0) std::swap(a, b);
    return owned(tuple(atom("global"), list(a, b)));
  }
  std::vector<term> known() const {
    const auto t = tables_of(node());
    return t ? t->known_nodes() : std::vector<term>{};
  }
  const him* find(term node) const {
    for (const auto* all : {&local_, &remote_})
      for (const auto& h : *all)
        if (h.node.same(node)) return &h;
    return nullptr;
  }
  void remove(term node, const owned& tag) {
    for (auto* all : {&local_, &remote_}) {
      const auto i = std::find_if(all->begin(), all->end(), [&](const him& h) { return h.node.same(node) && h.my_tag == tag; });
      if (i != all->end()) all->erase(i);
    }
  }
  // What follows a lock that is no longer needed: [{To, Message}], said before it is given back.
  void run_last_words(term l) {
    for (; l.is_cons(); l = l.tail())
      if (l.head().is_tuple(2)) self().send(l.head()[0], l.head()[1]);
  }

  std::vector<him> local_, remote_;  // nodes of this host and others that wait for the lock
  bool just_synced_ = false;
  std::minstd_rand random_{std::random_device{}()};
};

bool is_local_host(term node) {
  char name[256] = "";
  gethostname(name, sizeof name - 1);
  const std::string_view host = name, text = atom_text(node);
  const auto at = text.find('@');
  return at != text.npos && text.substr(at + 1) == host.substr(0, host.find('.'));
}

routine<void> locker::main() {
  const matcher any = [](term) { return true; };
  for (;;) {
    // Messages first; only then may the success of a moment ago be forgotten.
    term m = co_await wait_for(any, 0);
    if (!m) {
      const auto others = known().size();
      const std::int64_t wait = local_.empty() && remote_.empty() ? -1
                                : just_synced_                    ? 0
                                : others == 0                     ? 200
                                                                  : std::min<std::int64_t>(1000 + 100 * static_cast<std::int64_t>(others), 3000);
      just_synced_ = false;
      m = co_await wait_for(any, wait);
    }
    if (m) {
      co_await handle(m);
    } else if (const auto t = tables_of(node()); t && !t->global_lock_set()) {
      co_await select_node();
    }
  }
}

routine<bool> locker::handle(term m) {
  // Whoever knows our pid can send anything.
  if (m.is_tuple(5) && is(m[0], "his_the_locker") && m[1].is_pid() && m[2].is_small()) {
    him h{node_of_pid(m[1]), owned(m[1]), owned(m[4]), owned(m[3]), static_cast<int>(m[2].small())};
    auto& all = is_local_host(h.node) ? local_ : remote_;
    all.insert(all.begin(), std::move(h));
  } else if (m.is_tuple(4) && is(m[0], "cancel") && !is(m[2], "undefined")) {
    // Nothing is locked for that node now.
    const owned tag(m[2]);
    const term node = m[1];
    run_last_words(m[3]);
    remove(node, tag);
  } else if (m.is_tuple(5) && is(m[0], "lock_set") && m[1].is_pid() && is(m[2], "true")) {
    const owned pid(m[1]), tag(m[4]);
    co_await spontaneous(pid, tag);
  }
  co_return true;
}

// The other locker has taken its lock first.
routine<bool> locker::spontaneous(const owned& pid, const owned& tag) {
  const term node = node_of_pid(pid.get());
  const auto* found = find(node);
  if (!found || !(found->my_tag == tag)) {
    him nobody{node, pid, {}, owned(small(0)), 5};
    if (found) nobody = *found;
    send_lock_set(nobody, false);
    co_return false;
  }
  const him h = *found;
  const owned id = lock_id(pid);
  const std::vector<term> none;
  const auto attempt = co_await lock_nodes_safely(id, none);
  send_lock_set(h, attempt.locked);
  just_synced_ = false;
  if (!attempt.locked) co_return false;
  auto locked = known();
  locked.insert(locked.begin(), this_node().name);
  to_server(tuple(atom("lock_is_set"), node, tag.get(), id.get()));
  co_await wait_cancel(node, tag, locked, id);
  just_synced_ = true;
  remove(node, tag);
  co_return true;
}

// Nodes of this host go first.
routine<bool> locker::select_node() {
  auto& waiting = local_.empty() ? remote_ : local_;
  const auto ours = known();
  std::erase_if(waiting, [&](const him& h) { return std::any_of(ours.begin(), ours.end(), [&](term k) { return k.same(h.node); }); });
  if (waiting.empty()) co_return false;
  const him h = waiting[std::uniform_int_distribution<std::size_t>(0, waiting.size() - 1)(random_)];
  const owned id = lock_id(h.locker);
  // His own node among ours prevents deadlock.
  std::vector<term> his;
  his.push_back(h.node);
  const auto attempt = co_await lock_nodes_safely(id, his);
  if (!attempt.locked) {
    if (std::any_of(attempt.silent.begin(), attempt.silent.end(), [&](term n) { return n.same(h.node); })) stalled(h.node, h.my_tag);
    co_return false;
  }
  std::vector<term> locked{this_node().name, h.node};
  const auto now = known();
  locked.insert(locked.end(), now.begin(), now.end());
  send_lock_set(h, true);
  co_return co_await lock_is_set(h, locked, id);
}

void locker::send_lock_set(const him& h, bool set) {
  const auto nodes = known();
  const term ours = make_list(heap(), nodes.data(), nodes.size());
  const term message = h.version < verify_connect_version ? tuple(atom("lock_set"), self().pid(), boolean(set), ours)
                                                          : tuple(atom("lock_set"), self().pid(), boolean(set), ours, h.his_tag.get());
  if (h.version < 6) self().send(h.locker.get(), message);
  else self().send(tuple(atom("global_name_server"), h.node), tuple(atom("$gen_cast"), message));
}

routine<lock_attempt> locker::lock_nodes_safely(const owned& id, const std::vector<term>& extra) {
  const auto us = [](std::vector<term> nodes) {
    nodes.insert(nodes.begin(), this_node().name);
    return nodes;
  };
  const std::vector<term> first{the_boss(us(known()))};
  const auto tables = tables_of(node());
  // Locking this node could stop one that has locked the boss: a look is enough.
  if (!first[0].same(this_node().name) && !(tables && tables->can_lock(id.get()[0], id.get()[1]))) co_return lock_attempt{};
  auto attempt = co_await set_lock_on(*this, id, first);
  if (!attempt.locked) co_return attempt;
  const auto second = without(us(extra), first);
  attempt = co_await set_lock_on(*this, id, second);
  if (!attempt.locked) {
    co_await del_lock(*this, id, first);
    co_return attempt;
  }
  const auto rest = without(known(), first);
  attempt = co_await set_lock_on(*this, id, rest);
  if (attempt.locked) co_return attempt;
  auto so_far = first;
  so_far.insert(so_far.end(), second.begin(), second.end());
  co_await del_lock(*this, id, so_far);
  co_return attempt;
}

// We have the lock and wait for the other locker's word.
routine<bool> locker::lock_is_set(const him& h, const std::vector<term>& locked, const owned& id) {
  const owned tag = h.my_tag;
  const term node = h.node;
  const matcher word = [&tag, node](term got) {
    if (got.is_tuple(5) && is(got[0], "lock_set")) return got[1].is_pid() && node_of_pid(got[1]).same(node) && exactly_equal(got[4], tag.get());
    return got.is_tuple(4) && is(got[0], "cancel") && got[1].same(node) && exactly_equal(got[2], tag.get());
  };
  const term m = co_await wait_for(word, stall_limit(talk::node()));
  if (!m) {
    co_await delete_global_lock(*this, id, locked);
    stalled(node, tag);
    co_return false;
  }
  if (is(m[0], "cancel")) {
    run_last_words(m[3]);
    co_await delete_global_lock(*this, id, locked);
    remove(node, tag);
    co_return false;
  }
  if (!is(m[2], "true")) {
    co_await delete_global_lock(*this, id, locked);
    co_return false;
  }
  to_server(tuple(atom("lock_is_set"), node, tag.get(), id.get()));
  co_await wait_cancel(node, tag, locked, id);
  just_synced_ = true;
  remove(node, tag);
  co_return true;
}

// The name server says when the lock is no longer needed; it has a clock for that.
routine<bool> locker::wait_cancel(term node, const owned& tag, const std::vector<term>& locked, const owned& id) {
  const matcher word = [&tag, node](term got) {
    return got.is_tuple(4) && is(got[0], "cancel") && got[1].same(node) && exactly_equal(got[2], tag.get());
  };
  const term m = co_await wait_for(word);
  run_last_words(m[3]);
  co_return co_await delete_global_lock(*this, id, locked);
}

}  // namespace

std::unique_ptr<actors::behaviour> make_locker() { return std::make_unique<locker>(); }

}  // namespace cnode::services
