#include "host_threads.hpp"

#include <system_error>
#include <thread>
#include <utility>

#include <pthread.h>

#include <cnode/actors/code_server.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/term_text.hpp>

#include "core.hpp"
#include "crash_report.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

struct host_threads::entry {
  std::uint64_t number = 0;
  term owner;
  std::string name;
  module_version* version = nullptr;  // retained; null: the node's own
  run_function run = nullptr;
  destroy_function destroy = nullptr;
  void* argument = nullptr;
  // A process that is in no table and has ended for everybody: what host functions do for the thread they do in its name.
  process* stand_in = nullptr;
  block_ptr heap;
  cnode_env env{};
  std::thread thread;
  bool done = false;  // under lock_

  std::uint32_t flags() const { return __atomic_load_n(&env.flags, __ATOMIC_ACQUIRE); }
  void set(std::uint32_t flag) { __atomic_fetch_or(&env.flags, flag, __ATOMIC_RELEASE); }
};

namespace {
constexpr std::uint32_t silent = 1, asked = 2;
}

host_threads::host_threads(runtime& node) : node_(node) {}

void host_threads::join_all() {
  for (;;) {
    entry_ptr e;
    {
      std::lock_guard guard(lock_);
      if (threads_.empty()) return;
      e = threads_.begin()->second;
      silence(*e);
    }
    changed_.notify_all();
    join(e);
    std::this_thread::yield();  // the loader's thread may be joining it
  }
}

// Under lock_, so that its `wait` does not miss it.
void host_threads::silence(entry& e) { e.set(silent); }

std::uint64_t host_threads::start(process& owner, module_version* version, std::string name, run_function run, destroy_function destroy,
                                  void* argument) {
  auto e = std::make_shared<entry>();
  e->owner = owner.pid();
  e->name = std::move(name);
  e->version = version;
  e->run = run;
  e->destroy = destroy;
  e->argument = argument;
  e->stand_in = core::make_stand_in(node_, owner, e->env);
  e->heap = block::make(120);
  e->env.heap = e->heap.get();
  e->env.process = e->stand_in;
  e->env.flags = CNODE_ENV_THREAD;
  e->number = runtime_access::new_ref(node_);
  bool started = false;
  {
    std::lock_guard guard(lock_);
    if (threads_.size() < limit) {
      try {
        e->thread = std::thread(main, std::ref(*this), e);
        started = true;
      } catch (const std::system_error&) {
      }
    }
    if (started) {
      threads_.emplace(e->number, e);
      count_ = threads_.size();
    }
  }
  if (!started) {
    e->stand_in->release();
    if (version) version->release();
    return 0;
  }
  // It may have been killed just now, before there was anything to be told.
  if (!node_.alive(e->owner)) owner_ended(e->owner);
  return e->number;
}

namespace {

// As a process that is linked: error has a stack trace, throw is nocatch, exit is the reason itself.
block_ptr reason_of(const cnode_env& env, term module, const std::string& name) {
  auto b = block::make(64);
  const term error_class{env.error_class};
  const auto reason = env.reason ? copy(*b, term{env.reason}) : a().internal_error;
  if (error_class.same(atom("exit"))) {
    b->root = reason;
    return b;
  }
  auto function = find_or_make_atom(name);
  if (!function) function = atom("thread");
  const auto stack = make_list_of(*b, make_tuple_of(*b, module, function, small(0), nil));
  b->root = make_tuple_of(*b, error_class.same(atom("throw")) ? make_tuple_of(*b, atom("nocatch"), reason) : reason, stack);
  return b;
}

}  // namespace

void host_threads::main(host_threads& all, entry_ptr e) {
  { std::lock_guard until_it_is_listed(all.lock_); }
  ::pthread_setname_np(::pthread_self(), e->name.substr(0, 15).c_str());
  cover_this_thread();
  const auto module = e->version ? e->version->name() : atom("cnode");
  crash_note note(e->owner, module, e->name.c_str());
  e->run(&e->env, e->argument);
  if (e->env.outcome == CNODE_RAISE && !(e->flags() & silent)) {
    const auto reason = reason_of(e->env, module, e->name);
    all.node_.log(log_level::error, "thread " + e->name + " of " + to_text(e->owner) + " ended with " + to_text(reason->root));
    all.node_.exit_signal(e->owner, e->owner, reason->root);
  }
  if (e->destroy) e->destroy(e->argument);
  all.returned(e);
}

// Somebody else joins it, and gives its code back only then.
void host_threads::returned(const entry_ptr& e) {
  auto& node = node_;
  auto* self = this;
  node.code().on_loader_thread([self, e] { self->join(e); });
  std::lock_guard guard(lock_);
  e->done = true;
  changed_.notify_all();
}

void host_threads::join(const entry_ptr& e) {
  std::thread mine;
  {
    std::lock_guard guard(lock_);
    if (!e->thread.joinable()) return;
    mine = std::move(e->thread);
  }
  mine.join();
  e->stand_in->release();
  e->heap.reset();
  if (e->version) e->version->release();
  std::lock_guard guard(lock_);
  threads_.erase(e->number);
  count_ = threads_.size();
}

bool host_threads::ask_to_stop(std::uint64_t number) {
  std::lock_guard guard(lock_);
  const auto i = threads_.find(number);
  if (i == threads_.end() || i->second->done) return false;
  i->second->set(asked);
  changed_.notify_all();
  return true;
}

bool host_threads::wait(cnode_env* env, std::int64_t ms) {
  const auto stop = [env] { return (__atomic_load_n(&env->flags, __ATOMIC_ACQUIRE) & (silent | asked)) != 0; };
  std::unique_lock guard(lock_);
  if (ms < 0) changed_.wait(guard, stop);
  else changed_.wait_for(guard, std::chrono::milliseconds(std::min<std::int64_t>(ms, std::int64_t{1} << 40)), stop);
  return stop();
}

void host_threads::owner_ended(term pid) {
  if (count() == 0) return;
  std::lock_guard guard(lock_);
  for (auto& [number, e] : threads_)
    if (e->owner.same(pid)) silence(*e);
  changed_.notify_all();
}

bool host_threads::runs(const module_version& v) const {
  if (count() == 0) return false;
  std::lock_guard guard(lock_);
  for (auto& [number, e] : threads_)
    if (e->version == &v && !e->done && !(e->flags() & silent)) return true;
  return false;
}

std::size_t host_threads::purged(const module_version& v) {
  std::vector<term> owners;
  {
    std::lock_guard guard(lock_);
    for (auto& [number, e] : threads_) {
      if (e->version != &v || e->done || (e->flags() & silent)) continue;
      silence(*e);
      owners.push_back(e->owner);
    }
  }
  changed_.notify_all();
  for (const auto pid : owners) node_.exit_signal(pid, pid, a().killed);
  return owners.size();
}

std::size_t host_threads::stop(std::chrono::milliseconds patience) {
  std::unique_lock guard(lock_);
  for (auto& [number, e] : threads_) silence(*e);
  changed_.notify_all();
  const auto running = [this] {
    std::size_t n = 0;
    for (auto& [number, e] : threads_) n += !e->done;
    return n;
  };
  changed_.wait_for(guard, patience, [&] { return running() == 0; });
  for (auto& [number, e] : threads_)
    if (!e->done) node_.log(log_level::warning, "thread " + e->name + " of " + to_text(e->owner) + " does not stop");
  return running();
}

std::vector<host_threads::description> host_threads::list() const {
  std::vector<description> all;
  std::lock_guard guard(lock_);
  for (auto& [number, e] : threads_)
    if (!e->done) all.push_back({number, e->owner, e->version ? e->version->name() : term{}, e->name, (e->flags() & (silent | asked)) != 0});
  return all;
}

}  // namespace cnode::actors
