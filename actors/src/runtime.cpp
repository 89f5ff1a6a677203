// The runtime: construction, life cycle, spawning, logging. Names are in registry.cpp, signals from outside in runtime_signals.cpp,
// other nodes in remote_signals.cpp, timer references in timer_references.cpp.
#include <cnode/actors/runtime.hpp>

#include <cstdio>
#include <thread>

#include <time.h>

#include <cnode/protocol/term_text.hpp>

#include "proc_lib.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {

void log_to_stderr(log_level level, std::string_view text) {
  static constexpr const char* names[] = {"debug", "info", "notice", "warning", "error"};
  std::fprintf(stderr, "[%s] %.*s\n", names[static_cast<int>(level)], static_cast<int>(text.size()), text.data());
}

// As the emulator logs it (erts: "Error in process ~p on node ~p with exit value:~n~p~n").
void log_crash(process& p, term reason) {
  p.node().log(log_level::error, "Error in process " + to_text(p.pid()) + " on node " + to_text(this_node().name) +
                                     " with exit value:\n" + to_text(reason));
}

}  // namespace

runtime::impl::impl(runtime& node, runtime_config c)
    : config(std::move(c)),
      table(config.max_processes, node),
      sched(node, config, config.events ? std::move(config.events) : make_condition_poller()),
      threads(node),
      on_crash(log_crash) {}

runtime_access::impl& runtime_access::of(const runtime& r) { return *r.impl_; }

runtime::runtime(runtime_config config) : impl_(std::make_unique<impl>(*this, std::move(config))) {
  impl_->started_at = now();
  impl_->code = std::make_unique<code_server>(*this);
  const auto user = spawn(make_user_process());
  impl_->user = user;
  impl_->leader = user.word();
  register_name(a().user, user);
  run_in(user, [user](process& p) { p.set_group_leader(user); });
}

runtime::~runtime() {
  stop();
  impl_->sched.join();
  impl_->threads.join_all();
  // Nobody runs any more: what is left ends here, on this thread.
  for (auto& p : impl_->table.all()) {
    p->exit(a().killed);
    set_running_process(p.get());
    core::finish(*p);
    set_running_process(nullptr);
  }
  impl_->clockwork.clear();
  impl_->code.reset();
}

void runtime::start() { impl_->sched.start(); }

void runtime::stop() {
  static constexpr std::chrono::seconds patience{2};
  const auto user = default_group_leader();
  const auto ended = [&](const std::vector<process_ptr>& list) {
    for (auto& p : list) {
      if (core::is_alive(*p)) return false;
    }
    return true;
  };
  for (const auto reason : {a().shutdown, a().kill}) {
    auto list = impl_->table.all();
    std::erase_if(list, [&](auto& p) { return p->pid().same(user); });
    for (auto& p : list) exit_signal(p->pid(), p->pid(), reason);
    if (impl_->config.manual) {
      run_until_idle();
    } else {
      const auto deadline = std::chrono::steady_clock::now() + patience;
      while (impl_->sched.started() && !ended(list) && std::chrono::steady_clock::now() < deadline) {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
  }
  impl_->held_up = impl_->sched.stop(patience) + impl_->threads.stop(patience);
}

std::size_t runtime::held_up() const { return impl_->held_up; }

bool runtime::run_one() {
  if (runtime_access::fire_timers(*this)) return true;
  return impl_->sched.run_one();
}

void runtime::run_until_idle() {
  while (run_one()) {
  }
}

std::chrono::steady_clock::time_point runtime::now() const {
  return impl_->config.clock ? impl_->config.clock() : std::chrono::steady_clock::now();
}

// ---- spawning

term runtime::spawn(std::unique_ptr<behaviour> b, const spawn_options& options) {
  auto* parent = running_process();
  return runtime_access::spawn(*this, std::move(b), options,
                               {parent && &parent->node() == this ? parent->pid() : term{}, false});
}

term runtime::spawn_function(term module, term function, term args, const spawn_options& options) {
  const auto n = list_length(args);
  auto* parent = running_process();
  const spawn_origin origin{parent && &parent->node() == this ? parent->pid() : term{}, false, module, function,
                            static_cast<std::uint32_t>(n < 0 ? 0 : n)};
  if (is_from_proc_lib(module, function)) {
    auto with_dictionary = options;
    auto keep = block::make(16);
    if (auto f = make_spawned_by_proc_lib(module, function, args, with_dictionary, *keep))
      return runtime_access::spawn(*this, std::move(f), with_dictionary, origin);
  }
  return runtime_access::spawn(*this, make_function_process(module, function, args), options, origin);
}

term runtime_access::spawn(runtime& r, std::unique_ptr<behaviour> b, const spawn_options& o, const spawn_origin& origin,
                           const std::function<void(term)>& before_start) {
  auto& impl = of(r);
  const auto pid = impl.table.reserve();
  if (!pid) return {};
  auto* parent = running_process();
  if (parent && &parent->node() != &r) parent = nullptr;
  auto* p = core::create(r, pid, std::move(b));
  const auto leader = o.group_leader ? o.group_leader : parent ? parent->group_leader() : r.default_group_leader();
  core::prepare(*p, leader, o, origin);
  const bool by_parent = parent && o.link_to.same(parent->pid());
  if (o.link_to) core::on_link(*p, o.link_to);
  if (by_parent) {
    opened lock(*parent);
    core::on_link(*parent, pid);
  }
  if (o.monitor_by) {
    auto monitor = block::make(16);
    monitor->root = make_tuple_of(*monitor, copy(*monitor, o.monitor_by), copy(*monitor, o.monitor_ref), pid);
    core::on_monitor(*p, std::move(monitor));
    if (parent && o.monitor_by.same(parent->pid())) core::watch(*parent, o.monitor_ref, pid);
  }
  // The first step starts it, whatever comes before.
  core::set_queued(*p);
  impl.table.put(pid, p);
  if (o.link_to && !by_parent && !origin.remote) {
    if (o.link_to.is_local_pid()) core::post_to(r, o.link_to, core::make_signal(signal::link, pid, 1));
    else send_remote(r, node_of(o.link_to).node, dist::link{pid, o.link_to});
  }
  if (o.monitor_by.is_local_pid() && !(parent && o.monitor_by.same(parent->pid()))) {
    owned_term ref(o.monitor_ref);
    r.run_in(o.monitor_by, [pid, ref = std::make_shared<owned_term>(std::move(ref))](process& m) { core::watch(m, ref->get(), pid); });
  }
  if (before_start) before_start(pid);
  impl.sched.make_runnable(*p);
  return pid;
}

process_ptr runtime::find(term pid) const { return pid.is_local_pid() ? impl_->table.find(pid) : process_ptr{}; }
bool runtime::alive(term pid) const {
  return pid.is_local_pid() && impl_->table.contains(pid);
}

std::vector<term> runtime::processes() const {
  return impl_->table.pids();
}
std::size_t runtime::process_count() const { return impl_->table.count(); }

bool runtime::run_in(term pid, std::function<void(process&)> f) {
  if (!pid.is_local_pid()) return false;
  auto b = block::make(1);
  b->root = term{reinterpret_cast<std::uintptr_t>(new std::function<void(process&)>(std::move(f)))};
  b->tag = static_cast<std::uint32_t>(signal::run);
  impl_->table.with(pid, [&](process& p) { core::try_post(p, b); });
  if (!b) return true;
  core::drop_signal(std::move(b));
  return false;
}

void runtime::on_crash(std::function<void(process&, term)> f) { impl_->on_crash = std::move(f); }

// ---- timers

namespace {

// So far in the future that adding it to any clock stays in range.
constexpr std::chrono::nanoseconds longest_delay = std::chrono::hours(24 * 365 * 100);

// The kernel's clock of the last tick: behind by less than `tick`, read without asking the processor's counter.
std::chrono::nanoseconds nanoseconds_of(const timespec& t) { return std::chrono::seconds(t.tv_sec) + std::chrono::nanoseconds(t.tv_nsec); }
const std::chrono::nanoseconds tick = [] {
  timespec t{};
  ::clock_getres(CLOCK_MONOTONIC_COARSE, &t);
  return nanoseconds_of(t);
}();
timers::time_point last_tick() {
  timespec t{};
  ::clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
  return timers::time_point{nanoseconds_of(t)};
}
constexpr std::int64_t long_milliseconds = 1000;

}  // namespace

timers::time_point runtime_access::in_milliseconds(const runtime& r, std::int64_t ms) {
  const auto delay = std::min<std::chrono::nanoseconds>(std::chrono::milliseconds(std::min<std::int64_t>(ms, 1ll << 42)), longest_delay);
  return ms < long_milliseconds || of(r).config.clock ? r.now() + delay : last_tick() + tick + delay;
}

bool runtime_access::fire_timers(runtime& r) {
  auto& impl = of(r);
  const auto next = impl.clockwork.next();
  if (next == timers::time_point::max() || (!impl.config.clock && last_tick() + tick < next)) return false;
  const auto now = r.now();
  bool any = false;
  // In manual mode one timer is one step.
  while (!(any && impl.config.manual)) {
    auto due = impl.clockwork.take_due(now);
    if (!due) break;
    any = true;
    if (due->run) {
      try {
        due->run();
      } catch (const std::exception& e) {
        r.log(log_level::error, std::string("a timer failed: ") + e.what());
      }
    } else {
      auto b = core::make_signal(signal::timeout, nil, 1);
      b->user = due->generation;
      core::post_to(r, due->pid, std::move(b));
    }
  }
  return any;
}

std::chrono::steady_clock::time_point runtime_access::next_timer(const runtime& r) { return of(r).clockwork.next(); }

std::uint64_t runtime_access::notify_at(runtime& r, timers::time_point deadline, term pid, std::uint32_t generation) {
  auto& impl = of(r);
  bool first = false;
  const auto id = impl.clockwork.add(deadline, {{}, pid, generation}, &first);
  if (first) impl.sched.wake();
  return id;
}

std::uint64_t runtime_access::notify_after(runtime& r, std::chrono::nanoseconds delay, term pid, std::uint32_t generation) {
  return add(r, delay, {{}, pid, generation});
}

std::uint64_t runtime_access::add(runtime& r, std::chrono::nanoseconds delay, timer_task task) {
  auto& impl = of(r);
  bool first = false;
  const auto id = impl.clockwork.add(r.now() + std::min(delay, longest_delay), std::move(task), &first);
  if (first) impl.sched.wake();
  return id;
}

runtime::timer_id runtime::after(std::chrono::nanoseconds delay, std::function<void()> f) {
  return runtime_access::add(*this, delay, {std::move(f), {}, 0});
}

std::optional<std::chrono::nanoseconds> runtime::cancel(timer_id id) {
  const auto deadline = impl_->clockwork.cancel(id);
  if (!deadline) return {};
  return std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(*deadline - now()));
}

std::optional<std::chrono::nanoseconds> runtime::read(timer_id id) const {
  const auto deadline = impl_->clockwork.read(id);
  if (!deadline) return {};
  return std::max(std::chrono::nanoseconds(0), std::chrono::nanoseconds(*deadline - now()));
}

// ---- the rest

code_server& runtime::code() { return *impl_->code; }
const code_server& runtime::code() const { return *impl_->code; }
term runtime::default_group_leader() const { return term{impl_->leader.load()}; }
void runtime::set_default_group_leader(term pid) {
  if (pid.is_local_pid()) impl_->leader = pid.word();
}

void runtime::log(log_level level, std::string_view text) const {
  if (impl_->config.log) return impl_->config.log(level, text);
  std::lock_guard guard(impl_->log_lock);
  log_to_stderr(level, text);
}

unsigned runtime::schedulers() const { return impl_->sched.threads(); }
std::uint64_t runtime::reductions() const { return impl_->sched.reductions(); }
std::size_t runtime::run_queue() const { return impl_->sched.run_queue(); }
std::chrono::steady_clock::time_point runtime::started_at() const { return impl_->started_at; }
void runtime::set_distribution(distribution* d) { impl_->dist = d; }
distribution* runtime::dist() const { return impl_->dist; }

}  // namespace cnode::actors
