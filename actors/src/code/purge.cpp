// Purging is logical and at once: who runs old code is killed, the table forgets the version. It is unmapped when the last call, frame
// or native object of it is gone.
#include <algorithm>
#include <chrono>
#include <thread>
#include <utility>

#include <cnode/actors/process.hpp>

#include "code/code_impl.hpp"
#include "code/native_objects.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

std::vector<term> code_server_impl::users_of(module_version& v) const {
  std::vector<term> users;
  {
    std::lock_guard guard{users_lock};
    for (const auto& [pid, n] : file(v).waiting) users.push_back(term{pid});
  }
  const auto& table = runtime_access::of(node).table;
  for (const auto pid : table.pids()) {
    if (table.active_version(pid) == &v && std::none_of(users.begin(), users.end(), [&](term u) { return u.same(pid); })) users.push_back(pid);
  }
  return users;
}

bool code_server_impl::uses(term pid, module_version& v) const {
  {
    std::lock_guard guard{users_lock};
    if (file(v).waiting.contains(pid.word())) return true;
  }
  return runtime_access::of(node).table.active_version(pid) == &v;
}

namespace {

// erts_code_purger waits for the DOWN of those it kills. Ours die logically at once, whatever their callback does; the bound is for a
// node whose schedulers are all busy.
void wait_until_dead(const runtime& node, const std::vector<term>& pids) {
  using namespace std::chrono;
  const auto deadline = steady_clock::now() + milliseconds{500};
  auto pause = microseconds{20};
  while (std::any_of(pids.begin(), pids.end(), [&](term p) { return node.alive(p); }) && steady_clock::now() < deadline) {
    std::this_thread::sleep_for(pause);
    pause = std::min(pause * 2, microseconds{1000});
  }
}

}  // namespace

bool code_server_impl::purge_now(term module, bool soft) {
  module_version* v;
  {
    std::lock_guard guard{table_lock};
    auto* slot = slot_of(module);
    v = slot ? slot->old : nullptr;
    if (v) v->retain();  // the reaper must not come between
  }
  if (!v) return soft;
  std::vector<term> users;
  bool natives = false;
  // Our own reference and the table's: nobody calls it, no state is of it, nobody need be asked.
  if (references(*v) > 2) {
    users = users_of(*v);
    natives = true;
  }
  auto& threads = runtime_access::of(node).threads;
  if (soft && (!users.empty() || threads.runs(*v))) {
    v->release();
    return false;
  }
  bool dropped = false;
  {
    std::lock_guard guard{table_lock};
    auto* slot = slot_of(module);
    if (slot->old == v) {
      slot->old = nullptr;
      dropped = true;
    }
  }
  for (const auto pid : users) node.exit_signal({}, pid, atom("kill"));
  const bool stopped = threads.purged(*v) > 0;
  if (!users.empty()) wait_until_dead(node, users);
  const auto still_used = [&] { return references(*v) > (dropped ? 2u : 1u); };
  if (natives && still_used()) {
    if (auto* current = retain_current(module)) {
      adopt_all_by_layout(*v, *current);
      current->release();
    }
  }
  if (natives && still_used()) {
    // Native state of another layout becomes a term, by each process in its own context.
    for (const auto pid : node.processes())
      node.run_in(pid, [module](process& p) {
        if (auto* b = p.current_behaviour()) b->purging(p, module);
      });
  }
  if (dropped) v->release();
  v->release();
  return soft || stopped || !users.empty();
}

void code_server::purge(term module, bool soft, std::function<void(bool)> done) {
  impl_->post([this, module, soft, done = std::move(done)] { done(impl_->purge_now(module, soft)); });
}

// As erlang:delete_module/1: what has been loaded once may be deleted again and again, as long as there is no old code.
code_server::deletion code_server::delete_module(term module) {
  std::lock_guard guard{impl_->table_lock};
  auto* slot = impl_->slot_of(module);
  if (!slot) return deletion::never_loaded;
  auto* current = slot->current.load(std::memory_order_acquire);
  if ((current && current->builtin()) || slot->old) return deletion::has_old_code;
  slot->old = current;
  slot->current.store(nullptr, std::memory_order_release);
  return deletion::done;
}

}  // namespace cnode::actors
