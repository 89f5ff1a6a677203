#include <cnode/actors/upgrade.hpp>

#include <atomic>
#include <map>
#include <mutex>

#include <cnode/actors/runtime.hpp>

#include "gen_server.hpp"
#include "supervisor_state.hpp"

namespace cnode::actors {

// ---- processes that start meanwhile

namespace {

struct hold_table {
  std::atomic<unsigned> held{0};  // modules; nobody looks further while there are none
  std::mutex lock;
  std::map<std::pair<const runtime*, cnode_term>, std::vector<held_process>> modules;
};
hold_table& holds() {
  static hold_table t;
  return t;
}

}  // namespace

void hold_new_processes(runtime& node, term module) {
  auto& t = holds();
  std::lock_guard guard(t.lock);
  if (t.modules.try_emplace({&node, module.word()}).second) ++t.held;
}

std::vector<held_process> held_processes(runtime& node, term module) {
  auto& t = holds();
  std::lock_guard guard(t.lock);
  const auto i = t.modules.find({&node, module.word()});
  return i == t.modules.end() ? std::vector<held_process>{} : i->second;
}

std::vector<held_process> release_new_processes(runtime& node, term module) {
  auto& t = holds();
  std::lock_guard guard(t.lock);
  const auto i = t.modules.find({&node, module.word()});
  if (i == t.modules.end()) return {};
  auto out = std::move(i->second);
  t.modules.erase(i);
  --t.held;
  return out;
}

bool hold_if_wanted(process& self, term module, const module_version* born_in) {
  auto& t = holds();
  if (t.held.load(std::memory_order_acquire) == 0) return false;
  std::lock_guard guard(t.lock);
  const auto i = t.modules.find({&self.node(), module.word()});
  if (i == t.modules.end()) return false;
  i->second.push_back({self.pid(), born_in});
  return true;
}

// ---- the state of a gen_server

namespace {

// A supervisor's state is one object that changes in place: what code_change changes of it is kept.
struct saved_supervisor final : saved_state {
  explicit saved_supervisor(const supervisor_state& s) : flags(s.flags), children(s.children) {}
  const supervision_flags flags;
  const std::vector<child> children;
};

// The specifications of then, the processes of now: a child that has been restarted since is still its child.
void restore_supervisor(supervisor_state& s, const saved_supervisor& saved) {
  std::vector<child> children;
  for (const auto& then : saved.children) {
    auto c = then;
    if (child* now = s.find(c.id.get())) {
      c.pid = std::move(now->pid);
      c.state = std::exchange(now->state, child::running::no);
    } else if (c.state != child::running::no) {  // it has ended, and its specification went with it
      if (c.is(names().temporary)) continue;
      c.pid = owned_term();
      c.state = child::running::no;
    }
    children.push_back(std::move(c));
  }
  // Whatever runs and is of no specification of then stays under its supervisor, to end with it.
  for (auto& now : s.children)
    if (now.state == child::running::yes) children.push_back(std::move(now));
  s.children = std::move(children);
  s.flags = saved.flags;
}

}  // namespace

std::shared_ptr<saved_state> gen_server::save(process& self) {
  if (auto* s = supervisor_of(state_.get())) return std::make_shared<saved_supervisor>(*s);
  return callback_process::save(self);
}

void gen_server::restore(process& self, saved_state& s) {
  auto* saved = dynamic_cast<saved_supervisor*>(&s);
  if (!saved) return callback_process::restore(self, s);
  if (auto* now = supervisor_of(state_.get())) restore_supervisor(*now, *saved);
}

}  // namespace cnode::actors
