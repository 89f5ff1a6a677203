#include "application_table.hpp"

#include <cnode/actors/upgrade.hpp>

namespace cnode::actors {

environment_value application_table::env(term app, term key) const {
  std::shared_lock guard(lock_);
  const auto i = env_.find({app, key});
  return i == env_.end() ? nullptr : i->second.value;
}

void application_table::set_env(term app, term key, term value) {
  auto kept = std::make_shared<const block_ptr>(copy_to_block(value));
  env_entry entry{owned_term(app), owned_term(key), std::move(kept)};
  std::unique_lock guard(lock_);
  const auto found = env_.find({app, key});
  if (found != env_.end()) {
    found->second.value = std::move(entry.value);
    return;
  }
  const std::pair place{entry.app.get(), entry.key.get()};
  env_.emplace(place, std::move(entry));
}

void application_table::unset_env(term app, term key) {
  std::unique_lock guard(lock_);
  // The node goes as a whole: the map's key lies in the entry.
  if (const auto i = env_.find({app, key}); i != env_.end()) env_.erase(i);
}

void application_table::delete_env(term app) {
  std::unique_lock guard(lock_);
  for (auto i = env_.begin(); i != env_.end();) i = exactly_equal(i->first.first, app) ? env_.erase(i) : std::next(i);
}

term application_table::all_env(block& b, term app) const {
  std::shared_lock guard(lock_);
  std::vector<term> list;
  for (const auto& [place, entry] : env_)
    if (exactly_equal(place.first, app)) list.push_back(make_tuple_of(b, copy(b, place.second), copy(b, (*entry.value)->root)));
  return make_list(b, list.data(), list.size());
}

application_ptr application_table::loaded(term app) const {
  std::shared_lock guard(lock_);
  const auto i = app.is_atom() ? loaded_.find(app.word()) : loaded_.end();
  return i == loaded_.end() ? nullptr : i->second;
}

void application_table::insert(application_ptr app) {
  std::unique_lock guard(lock_);
  const auto name = app->name.word();
  loaded_[name] = std::move(app);
}

void application_table::erase(term app) {
  std::unique_lock guard(lock_);
  loaded_.erase(app.word());
}

application_table::saved application_table::save() const {
  saved s;
  std::shared_lock guard(lock_);
  for (const auto& [place, entry] : env_) s.env.push_back({owned_term(place.first), owned_term(place.second), entry.value});
  for (const auto& [name, app] : loaded_) s.loaded.push_back(app);
  return s;
}

void application_table::restore(const saved& s) {
  std::unique_lock guard(lock_);
  env_.clear();
  loaded_.clear();
  for (const auto& e : s.env) {
    env_entry entry{owned_term(e.app.get()), owned_term(e.key.get()), e.value};
    const std::pair place{entry.app.get(), entry.key.get()};
    env_.emplace(place, std::move(entry));
  }
  for (const auto& app : s.loaded) loaded_[app->name.word()] = app;
}

std::vector<application_ptr> application_table::all_loaded() const {
  std::shared_lock guard(lock_);
  std::vector<application_ptr> out;
  for (const auto& [name, app] : loaded_) out.push_back(app);
  return out;
}

term application_table::master(term app) const {
  std::shared_lock guard(lock_);
  const auto i = app.is_atom() ? masters_.find(app.word()) : masters_.end();
  return i == masters_.end() ? term{} : i->second;
}

void application_table::set_master(term app, term pid) {
  std::unique_lock guard(lock_);
  masters_[app.word()] = pid;
}

void application_table::erase_master(term app) {
  std::unique_lock guard(lock_);
  masters_.erase(app.word());
}

void application_table::erase_master_pid(term pid) {
  std::unique_lock guard(lock_);
  std::erase_if(masters_, [pid](const auto& e) { return e.second.same(pid); });
}

term application_table::application_of(term master) const {
  std::shared_lock guard(lock_);
  for (const auto& [app, pid] : masters_)
    if (pid.same(master)) return term{app};
  return {};
}

void application_table::set_running(std::vector<running_application> list) {
  std::unique_lock guard(lock_);
  running_ = std::move(list);
}

std::vector<running_application> application_table::running() const {
  std::shared_lock guard(lock_);
  return running_;
}

void application_table::set_config(term config) {
  std::unique_lock guard(lock_);
  config_ = owned_term(config);
}

block_ptr application_table::config() const {
  std::shared_lock guard(lock_);
  return copy_to_block(config_.get());
}

void application_table::began() {
  const std::lock_guard guard(life_lock_);
  began_ = true;
  life_changed_.notify_all();
}

void application_table::ended() {
  const std::lock_guard guard(life_lock_);
  ended_ = true;
  life_changed_.notify_all();
}

void application_table::wait_for_begin() {
  std::unique_lock guard(life_lock_);
  life_changed_.wait(guard, [this] { return began_ || ended_; });
}

void application_table::wait_for_end() {
  std::unique_lock guard(life_lock_);
  life_changed_.wait(guard, [this] { return ended_; });
}

// ---- which table is whose

namespace {

struct table_of_tables {
  std::shared_mutex lock;
  std::map<const runtime*, std::shared_ptr<application_table>> tables;
};
table_of_tables& tables() {
  static table_of_tables t;
  return t;
}

}  // namespace

std::shared_ptr<application_table> applications_of(const runtime& node) {
  auto& t = tables();
  {
    std::shared_lock guard(t.lock);
    if (const auto i = t.tables.find(&node); i != t.tables.end()) return i->second;
  }
  std::unique_lock guard(t.lock);
  auto& mine = t.tables[&node];
  if (!mine) mine = std::make_shared<application_table>();
  return mine;
}

void forget_applications(const runtime& node) {
  auto& t = tables();
  std::unique_lock guard(t.lock);
  t.tables.erase(&node);
}

environment_value application_env(const runtime& node, term application, term key) { return applications_of(node)->env(application, key); }

void configure_applications(runtime& node, term config) {
  const auto table = applications_of(node);
  table->set_config(config);
  for (term apps = config; apps.is_cons(); apps = apps.tail()) {
    const term app = apps.head();
    if (!app.is_tuple(2)) continue;
    for (term l = app[1]; l.is_cons(); l = l.tail())
      if (l.head().is_tuple(2)) table->set_env(app[0], l.head()[0], l.head()[1]);
  }
}

std::vector<running_application> running_applications(const runtime& node) { return applications_of(node)->running(); }

class saved_applications {
 public:
  application_table::saved table;
};

std::shared_ptr<const saved_applications> save_applications(const runtime& node) {
  auto out = std::make_shared<saved_applications>();
  if (const auto table = applications_of(node)) out->table = table->save();
  return out;
}

void restore_applications(runtime& node, const saved_applications& s) {
  if (const auto table = applications_of(node)) table->restore(s.table);
}

}  // namespace cnode::actors
