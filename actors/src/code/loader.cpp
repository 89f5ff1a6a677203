// The loader's thread: files come in, versions become current, versions nobody uses any more go. One job after the other; a
// scheduler thread never waits for it.
#include <cstring>
#include <new>
#include <utility>

#include <pthread.h>
#include <unistd.h>

#include <cnode/actors/process.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"
#include "code/code_path.hpp"
#include "crash_report.hpp"
#include "code/probe.hpp"
#include "code/run_directory.hpp"

namespace cnode::actors {

void code_server_impl::post(std::function<void()> job, urgency u) {
  {
    std::lock_guard guard{queue_lock};
    queue.push_back({std::move(job), u});
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

namespace {

// A purge is mostly followed by a load; unmapping takes a third of the time of one.
constexpr std::size_t most_passed = 8;
constexpr std::chrono::microseconds wait_for_a_load{500};

}  // namespace

void code_server_impl::loader_main() {
  cover_this_thread();
  ::pthread_setname_np(::pthread_self(), "loader");
  remove_stale_run_directories();
  std::unique_lock guard{queue_lock};
  for (;;) {
    queue_filled.wait(guard, [this] { return stopping || !queue.empty() || !unload_queue.empty(); });
    if (!stopping && queue.empty()) queue_filled.wait_for(guard, wait_for_a_load, [this] { return stopping || !queue.empty() || unload_queue.size() >= most_passed; });
    const bool passed = !stopping && !queue.empty() && queue.front().how == urgency::may_pass_unloads && unload_queue.size() < most_passed;
    if (!unload_queue.empty() && !passed) {
      auto* v = unload_queue.front();
      unload_queue.pop_front();
      guard.unlock();
      reap(v);
      guard.lock();
    } else if (stopping) {
      // Who waits for a load that has not begun is ending, too. Versions on their way in go like the others.
      if (queue.empty() && on_loads.empty() && prepared.empty()) return;
      const auto jobs = std::exchange(queue, {});
      guard.unlock();
      on_loads.clear();
      prepared.clear();
      guard.lock();
    } else {
      auto job = std::move(queue.front().run);
      queue.pop_front();
      guard.unlock();
      job();
      job = nullptr;
      guard.lock();
    }
  }
}

// ---- what comes in

code_server_impl::candidate::~candidate() {
  if (!copy.empty()) ::unlink(copy.c_str());
  if (version) version->release();
}

void code_server_impl::refuse(candidate& c, std::string_view error, std::string text) {
  if (error != "nofile") node.log(log_level::warning, "module " + (c.module ? std::string{atom_text(c.module)} : c.path) + " not loaded: " + text);
  if (auto done = std::exchange(c.done, nullptr)) done({false, c.module, atom(error), std::move(text)});
}

bool code_server_impl::read_candidate(candidate& c) {
  std::string why;
  auto error = file_error::bad;
  try {
    error = read_module_file(c.path, c.file.bytes, why);
  } catch (const std::bad_alloc&) {
    why = c.path + ": no memory to read it";
  }
  if (error == file_error::none) return true;
  refuse(c, error == file_error::missing ? "nofile" : "badfile", std::move(why));
  return false;
}

void code_server_impl::load_path(term module, std::string path, load_done done) {
  auto c = std::make_shared<candidate>();
  c->module = module;
  c->path = std::move(path);
  c->done = std::move(done);
  if (read_candidate(*c)) check(c);
}

bool code_server_impl::is_part_of_node(term module) const {
  auto* s = slot_of(module);
  auto* v = s ? s->current.load(std::memory_order_acquire) : nullptr;
  return v && v->builtin();  // those never go
}

void code_server_impl::check(candidate_ptr c) {
  if (c->module && !replaceable(*c)) return;
  bool good = false;
  try {
    good = prepare(*c);
  } catch (const std::bad_alloc&) {
    if (c->version) std::exchange(c->version, nullptr)->release();
    refuse(*c, "badfile", c->path + ": no memory to load it");
  }
  if (!good) return;
  // load_binary purges, once the file is known to be good (code_server:try_finish_module since OTP 27).
  if (c->purge_first) purge_now(c->module, false);
  if (!may_enter(*c)) return std::exchange(c->version, nullptr)->release();
  if (c->version->description()->on_load) return run_on_load(c);
  publish(c);
}

// All that can fail comes before anything of the version that serves is touched. False: refused.
bool code_server_impl::prepare(candidate& c) {
  std::string why;
  const auto bad = [&] {
    refuse(c, "badfile", c.path + ": " + why);
    return false;
  };
  if (!check_module_file(c.file, c.module ? atom_text(c.module) : std::string_view{}, why)) return bad();
  if (!c.module) c.module = find_or_make_atom(stamped_name(c.file.stamp));
  if (!c.module) return why = "the module's name is no atom", bad();
  if (!replaceable(c)) return false;
  const auto loaded = [this](const std::string& name) { return server.is_loaded(find_or_make_atom(name)); };
  auto directories = server.path();
  if (const auto slash = c.path.rfind('/'); slash != std::string::npos) directories.push_back(c.path.substr(0, slash));
  if (!check_needed_libraries(c.file, directories, loaded, why)) return bad();
  for (const auto& w : c.file.warnings) node.log(log_level::warning, c.path + ": " + w);
  if (!write_copy(c, why)) return bad();
  if (!c.file.is_signed) {
    auto probe = probe_unsigned_file(c.copy, atom_text(c.module));
    if (!probe.ok) return why = std::move(probe.why), bad();
  }
  if (!c.purge_first && !may_enter(c)) return false;
  return open_module(c, why) || bad();
}

bool code_server_impl::replaceable(candidate& c) {
  bool builtin, stuck_on;
  {
    std::lock_guard guard{table_lock};
    auto* slot = slot_of(c.module);
    auto* current = slot ? slot->current.load(std::memory_order_acquire) : nullptr;
    builtin = current && current->builtin();
    stuck_on = current && sticky.contains(c.module.word());
  }
  const std::string name{atom_text(c.module)};
  if (builtin) refuse(c, "sticky_directory", name + " is part of the node and cannot be replaced");
  else if (stuck_on) refuse(c, "sticky_directory", name + " is sticky: code:unstick_mod(" + name + ") lets it be replaced");
  return !builtin && !stuck_on;
}

bool code_server_impl::may_enter(candidate& c) {
  if (!replaceable(c)) return false;
  bool old;
  {
    std::lock_guard guard{table_lock};
    auto* slot = slot_of(c.module);
    old = slot && slot->old && slot->current.load(std::memory_order_acquire);  // after a delete the place of the current version is free
  }
  if (old) refuse(c, "not_purged", std::string{atom_text(c.module)} + " has old code: purge it first");
  return !old;
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
  if (auto done = std::exchange(c->done, nullptr)) done({true, c->module, {}, {}});
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

// ---- what takes long

namespace {
constexpr std::chrono::seconds long_step{1};
}

code_server_impl::timed_step::timed_step(code_server_impl& s, term module, const char* what) : server_{s} {
  std::lock_guard guard{s.step_lock};
  s.step = what;
  s.step_module = module;
  s.step_since = std::chrono::steady_clock::now();
  s.step_reported = false;
}

code_server_impl::timed_step::~timed_step() {
  std::lock_guard guard{server_.step_lock};
  server_.step = nullptr;
}

void code_server_impl::look_at_loader() {
  std::string text;
  {
    std::lock_guard guard{step_lock};
    if (!step || step_reported || std::chrono::steady_clock::now() - step_since < long_step) return;
    step_reported = true;
    text = "module " + std::string{atom_text(step_module)} + ": " + step + " takes longer than 1 s; all loading and purging waits for it";
  }
  node.log(log_level::warning, text);
}

// As code_server.erl the search passes over what cannot be read; who looks for the file that lies there wants to hear of it.
std::string code_server_impl::why_not_found(term module) const {
  const auto name = std::string{atom_text(module)} + ".so";
  auto text = name + " is nowhere on the code path";
  for (const auto& dir : server.path()) {
    const auto file = dir + "/" + name;
    std::string bytes, why;
    if (name.find('/') == std::string::npos && read_module_file(file, bytes, why) == file_error::bad) {
      text += "; " + why;
      node.log(log_level::warning, "module " + std::string{atom_text(module)} + " not loaded: " + why);
    }
  }
  return text;
}

void code_server::look_at_loader() { impl_->look_at_loader(); }

// ---- public

void code_server_impl::load_if_missing(term module, load_done done, term asker) {
  if (wait_for_on_load(module, asker, done, [this, module, asker, done] { load_if_missing(module, done, asker); })) return;
  if (server.is_loaded(module)) return done({true, module, {}, {}});
  auto path = find_on_path(module);
  if (path.empty()) return done({false, module, atom("nofile"), {}});
  load_path(module, std::move(path), done);
}

void code_server::ensure_loaded(term module, load_done done, term asker) {
  impl_->post([this, module, asker, done = std::move(done)] {
    if (is_loaded(module)) return done({true, module, {}, {}});
    if (impl_->embedded) return done({false, module, atom("embedded"), {}});
    impl_->load_if_missing(module, done, asker);
  }, code_server_impl::urgency::may_pass_unloads);
}

void code_server::load_missing(term module, load_done done, term asker) {
  impl_->post([this, module, asker, done = std::move(done)] { impl_->load_if_missing(module, done, asker); }, code_server_impl::urgency::may_pass_unloads);
}

void code_server::load_file(term module, load_done done, term asker) {
  impl_->post([this, module, asker, done = std::move(done)] {
    if (impl_->wait_for_on_load(module, asker, done, [this, module, asker, done] { load_file(module, done, asker); })) return;
    if (impl_->is_part_of_node(module)) return done({false, module, atom("sticky_directory"), std::string{atom_text(module)} + " is part of the node"});
    auto path = impl_->find_on_path(module);
    if (path.empty()) return done({false, module, atom("nofile"), impl_->why_not_found(module)});
    impl_->load_path(module, std::move(path), done);
  }, code_server_impl::urgency::may_pass_unloads);
}

void code_server::load_abs(std::string file, load_done done, term module, term asker) {
  impl_->post([this, file = std::move(file), done = std::move(done), module, asker]() mutable {
    if (!module) module = find_or_make_atom(file.substr(file.rfind('/') + 1));
    if (!module) return done({false, {}, atom("badfile"), file + ": the file's name is no atom"});
    if (impl_->wait_for_on_load(module, asker, done, [=, this] { load_abs(file, done, module, asker); })) return;
    impl_->load_path(module, absolute_name(file + ".so"), done);
  }, code_server_impl::urgency::may_pass_unloads);
}

void code_server::load_binary(term module, std::string file, std::string bytes, load_done done, bool file_is_atom, term asker) {
  auto c = std::make_shared<code_server_impl::candidate>();
  c->module = module;
  c->path = std::move(file);
  c->path_is_atom = file_is_atom;
  c->file.bytes = std::move(bytes);
  c->purge_first = true;
  c->done = std::move(done);
  auto load = [this, c] { impl_->check(c); };
  impl_->post([this, c, asker, load] {
    if (!impl_->wait_for_on_load(c->module, asker, c->done, load)) load();
  });
}

}  // namespace cnode::actors
