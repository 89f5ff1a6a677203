// The loader's thread: files come in, versions become current, versions nobody uses any more go. One job after the other; a
// scheduler thread never waits for it.
#include <cstring>
#include <utility>

#include <cnode/actors/process.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"

namespace cnode::actors {

void code_server_impl::post(std::function<void()> job) {
  {
    std::lock_guard guard{queue_lock};
    queue.push_back(std::move(job));
  }
  queue_filled.notify_one();
}

void code_server_impl::post_unload(module_version* v) {
  {
    std::lock_guard guard{queue_lock};
    unload_queue.push_back(v);
  }
  queue_filled.notify_one();
}

void code_server_impl::loader_main() {
  std::unique_lock guard{queue_lock};
  for (;;) {
    queue_filled.wait(guard, [this] { return stopping || !queue.empty() || !unload_queue.empty(); });
    if (!unload_queue.empty()) {
      auto* v = unload_queue.front();
      unload_queue.pop_front();
      guard.unlock();
      reap(v);
      guard.lock();
    } else if (stopping) {
      return;  // who waits for a load that has not begun is ending, too
    } else {
      auto job = std::move(queue.front());
      queue.pop_front();
      guard.unlock();
      job();
      job = nullptr;
      guard.lock();
    }
  }
}

// ---- what comes in

void code_server_impl::refuse(candidate& c, std::string_view error, std::string text) {
  if (error != "nofile") node.log(log_level::warning, "module " + (c.module ? std::string{atom_text(c.module)} : c.path) + " not loaded: " + text);
  c.done({false, c.module, atom(error), std::move(text)});
}

void code_server_impl::load_path(term module, std::string path, load_done done) {
  auto c = std::make_shared<candidate>();
  c->module = module;
  c->path = std::move(path);
  c->done = std::move(done);
  std::string why;
  switch (read_module_file(c->path, c->file.bytes, why)) {
    case file_error::none: return check(c);
    case file_error::missing: return refuse(*c, "nofile", std::move(why));
    case file_error::bad: return refuse(*c, "badfile", std::move(why));
  }
}

void code_server_impl::check(candidate_ptr c) {
  std::string why;
  if (!check_module_file(c->file, c->module ? atom_text(c->module) : std::string_view{}, why))
    return refuse(*c, "badfile", c->path + ": " + why);
  if (!c->module) c->module = find_or_make_atom({c->file.stamp.module_name, strnlen(c->file.stamp.module_name, sizeof c->file.stamp.module_name)});
  if (!c->module) return refuse(*c, "badfile", c->path + ": the module's name is no atom");
  for (const auto& w : c->file.warnings) node.log(log_level::warning, c->path + ": " + w + "; that must end before the module is unloaded");
  // load_binary purges, once the file is known to be good (code_server:try_finish_module since OTP 27).
  if (c->purge_first) purge_now(c->module, false);
  if (!may_enter(*c)) return;
  if (!open_module(*c, why)) return refuse(*c, "badfile", c->path + ": " + why);
  if (c->version->description()->on_load) return run_on_load(c);
  publish(c);
}

bool code_server_impl::may_enter(candidate& c) {
  bool old, builtin;
  {
    std::lock_guard guard{table_lock};
    auto& slot = make_slot(c.module);
    auto* current = slot.current.load(std::memory_order_acquire);
    builtin = current && current->builtin();
    old = slot.old && current;  // after a delete the place of the current version is free
  }
  const std::string name{atom_text(c.module)};
  if (builtin) refuse(c, "sticky_directory", name + " is part of the node and cannot be replaced");
  else if (old) refuse(c, "not_purged", name + " has old code: purge it first");
  return !builtin && !old;
}

namespace {

// on_load runs in a process of its own, as on BEAM, so that every host function works; it must not wait.
class on_load_process : public behaviour {
 public:
  on_load_process(cnode_function f, std::function<void(bool, std::string)> done) : f_{f}, done_{std::move(done)} {}
  ~on_load_process() override {
    if (done_) done_(false, "on_load was killed");
  }
  void start(process& self) override {
    cnode_env env{};
    env.heap = &self.scratch();
    env.process = &self;
    const term result{f_(&env, nullptr)};
    std::string why;
    if (!result && env.outcome == CNODE_SUSPEND) {
      env.continuation.destroy(env.continuation.frame);
      why = "on_load must not wait";
    } else if (!result) {
      why = "on_load failed: " + (env.outcome == CNODE_RAISE ? to_text(term{env.reason}) : std::string{"no result"});
    } else if (!result.same(atom("ok"))) {
      why = "on_load returned " + to_text(result);
    }
    std::exchange(done_, nullptr)(why.empty(), why);
    self.exit(atom("normal"));
  }
  void receive(process&, block_ptr& message) override { message.reset(); }
  void returned(process&, outcome) override {}

 private:
  cnode_function f_;
  std::function<void(bool, std::string)> done_;
};

}  // namespace

void code_server_impl::run_on_load(candidate_ptr c) {
  auto answer = [this, c](bool ok, std::string why) {
    post([this, c, ok, why = std::move(why)]() mutable {
      if (ok) return publish(c);
      std::exchange(c->version, nullptr)->release();
      refuse(*c, "on_load_failure", c->path + ": " + why);
    });
  };
  node.spawn(std::make_unique<on_load_process>(c->version->description()->on_load, std::move(answer)));
}

// Current becomes old, the new version current. The rules are looked at once more: a delete or, while on_load ran, another load may
// have come between.
void code_server_impl::publish(candidate_ptr c) {
  if (!may_enter(*c)) {
    std::exchange(c->version, nullptr)->release();
    return;
  }
  auto* v = std::exchange(c->version, nullptr);
  bool lost = false;
  {
    std::lock_guard guard{table_lock};
    auto& slot = make_slot(c->module);
    auto* current = slot.current.load(std::memory_order_relaxed);
    lost = slot.old && current;
    if (!lost) {
      if (current) slot.old = current;
      slot.current.store(v, std::memory_order_release);
    }
  }
  if (lost) {
    v->release();
    return refuse(*c, "not_purged", std::string{atom_text(c->module)} + " has old code: purge it first");
  }
  node.log(log_level::debug, "loaded " + std::string{atom_text(c->module)} + " from " + c->path);
  c->done({true, c->module, {}, {}});
}

// ---- what goes

void code_server_impl::last_reference(module_version* v) noexcept {
  lingering.fetch_add(1, std::memory_order_relaxed);
  post_unload(v);
}

void code_server_impl::reap(module_version* v) {
  close_module(*v);
  lingering.fetch_sub(1, std::memory_order_relaxed);
  recycle(v);
}

// ---- public

void code_server::ensure_loaded(term module, load_done done) {
  impl_->post([this, module, done = std::move(done)] {
    if (is_loaded(module)) return done({true, module, {}, {}});
    auto path = impl_->find_on_path(module);
    if (path.empty()) return done({false, module, atom("nofile"), {}});
    impl_->load_path(module, std::move(path), done);
  });
}

void code_server::load_file(term module, load_done done) {
  impl_->post([this, module, done = std::move(done)] {
    auto path = impl_->find_on_path(module);
    if (path.empty()) return done({false, module, atom("nofile"), std::string{atom_text(module)} + ".so is nowhere on the code path"});
    impl_->load_path(module, std::move(path), done);
  });
}

void code_server::load_abs(std::string file, load_done done) {
  impl_->post([this, file = std::move(file), done = std::move(done)] {
    const auto module = find_or_make_atom(file.substr(file.rfind('/') + 1));
    if (!module) return done({false, {}, atom("badfile"), file + ": the file's name is no atom"});
    impl_->load_path(module, file + ".so", done);
  });
}

void code_server::load_binary(term module, std::string file, std::string bytes, load_done done) {
  impl_->post([this, module, file = std::move(file), bytes = std::move(bytes), done = std::move(done)]() mutable {
    auto c = std::make_shared<code_server_impl::candidate>();
    c->module = module;
    c->path = std::move(file);
    c->file.bytes = std::move(bytes);
    c->purge_first = true;
    c->done = std::move(done);
    impl_->check(std::move(c));
  });
}

}  // namespace cnode::actors
