#include <cnode/actors/upgrade.hpp>

#include <atomic>
#include <map>
#include <mutex>

#include <cnode/actors/gen_server.hpp>
#include <cnode/actors/runtime.hpp>

#include "native_terms.hpp"
#include "otp_atoms.hpp"
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

// A supervisor's state is one object that changes in place: its fields are what is kept.
struct saved_supervisor final : saved_state {
  owned_term args;
  term strategy, auto_shutdown;
  std::int64_t intensity = 1, period = 5;
  std::vector<child> children;
};

struct saved_server final : saved_state {
  block_ptr state;
};

child copy_of(const child& c) {
  child out;
  out.pid = owned_term(c.pid.get());
  out.state = c.state;
  out.id = owned_term(c.id.get());
  out.mfa = owned_term(c.mfa.get());
  out.restart_type = c.restart_type;
  out.significant = c.significant;
  out.shutdown = c.shutdown;
  out.type = c.type;
  out.modules = owned_term(c.modules.get());
  return out;
}

std::shared_ptr<saved_state> save_supervisor(const supervisor_state& s) {
  auto out = std::make_shared<saved_supervisor>();
  out->args = owned_term(s.args.get());
  out->strategy = s.strategy;
  out->auto_shutdown = s.auto_shutdown;
  out->intensity = s.intensity;
  out->period = s.period;
  for (const auto& c : s.children) out->children.push_back(copy_of(c));
  return out;
}

// The specifications of then, the processes of now: a child that has been restarted since is still its child.
void restore_supervisor(supervisor_state& s, const saved_supervisor& saved) {
  s.strategy = saved.strategy;
  s.auto_shutdown = saved.auto_shutdown;
  s.intensity = saved.intensity;
  s.period = saved.period;
  std::vector<child> children;
  for (const auto& c : saved.children) {
    auto old = copy_of(c);
    if (const auto* now = s.find(c.id.get())) {
      old.pid = owned_term(now->pid.get());
      old.state = now->state;
    }
    children.push_back(std::move(old));
  }
  for (auto& now : s.children) {
    bool known = false;
    for (const auto& c : children) known = known || exactly_equal(c.id.get(), now.id.get());
    // Whatever runs and is of no specification of then stays under its supervisor, to end with it.
    if (!known && now.state == child::running::yes) children.push_back(copy_of(now));
  }
  s.children = std::move(children);
}

}  // namespace

std::shared_ptr<saved_state> gen_server::save(process& self) {
  if (auto* s = supervisor_of(state_.get())) return save_supervisor(*s);
  auto out = std::make_shared<saved_server>();
  cnode_env env{};
  env.heap = &self.scratch();
  env.process = &self;
  const term whole = natives_to_terms(&env, state_.get());
  if (!whole) return {};
  out->state = copy_to_block(whole);
  return out;
}

void gen_server::restore(process&, saved_state& s) {
  if (auto* saved = dynamic_cast<saved_supervisor*>(&s)) {
    if (auto* now = supervisor_of(state_.get())) restore_supervisor(*now, *saved);
  } else if (auto* server = dynamic_cast<saved_server*>(&s)) {
    state_.set(server->state->root);
  }
}

}  // namespace cnode::actors
