// Calls of module functions: found anew at each call (an external call), run, waited for, continued, and their outcome handed to the behaviour.
#include <exception>

#include "code/code_impl.hpp"
#include "code/waiting.hpp"
#include "biased_lock.hpp"
#include "core.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {

// A finished activation is kept for the next call of this thread.
struct kept_activation {
  activation* a = nullptr;
  ~kept_activation() { delete a; }
};
thread_local kept_activation kept;

activation* new_activation() {
  if (!kept.a) return new activation;
  auto* c = std::exchange(kept.a, nullptr);
  *c = activation{};
  return c;
}

constexpr std::uint32_t activation_timer = 0x80000000;

}  // namespace

activation* core::make_activation() { return new_activation(); }

// Takes over the caller's reference of v; gives the former one back.
void core::hold_version(process& p, module_version* v) {
  if (auto* former = std::exchange(p.activation_->version, v)) former->release();
}

void core::recycle(activation* c) noexcept {
  if (kept.a) delete c;
  else kept.a = c;
}

process& self(cnode_env* env) { return *static_cast<process*>(env->process); }
block& heap_of(cnode_env* env) { return static_cast<block&>(*env->heap); }

bool process::calling() const { return activation_ != nullptr; }

void process::call(term module, term function, std::span<const term> args) {
  static_assert(sizeof(term) == sizeof(cnode_term));
  core::begin_call(*this, module, function, reinterpret_cast<const cnode_term*>(args.data()),
                   static_cast<std::uint32_t>(args.size()));
}

void process::call(term module, term function, term arg_list) {
  std::vector<cnode_term> args;
  for (; arg_list.is_cons(); arg_list = arg_list.tail()) args.push_back(arg_list.head().word());
  core::begin_call(*this, module, function, args.data(), static_cast<std::uint32_t>(args.size()));
}

void core::begin_call(process& p, term module, term function, const cnode_term* args, std::uint32_t arity) {
  assert(!p.activation_);
  if (p.flags_ & exiting) return;
  auto& heap = p.scratch();
  auto* c = new_activation();
  c->module = module;
  c->function = function;
  c->arity = arity;
  auto* copied = heap.reserve(arity + 1);
  std::copy(args, args + arity, copied);
  c->args = copied;
  c->mark = heap.mark();
  p.activation_ = c;
  // Inside `returned` the stack must not grow with each call: the next step starts it.
  if (!(p.flags_ & returning)) run_call(p);
}

void core::enter(process& p, activation& c) {
  c.at = activation::running;
  c.env.heap = &p.scratch();
  c.env.outcome = 0;
  c.env.process = &p;
  p.version_.store(c.version, std::memory_order_release);
  if (auto* w = this_worker()) {
    w->module.store(c.module.word(), std::memory_order_relaxed);
    w->function.store(c.function.word(), std::memory_order_relaxed);
    w->arity.store(c.arity, std::memory_order_relaxed);
    w->version.store(c.version, std::memory_order_release);
  }
  p.env_.store(&c.env, std::memory_order_relaxed);
  store_then_look(p.open_, true);
  if (p.kill_pending_) handle_meanwhile(p);
}

void core::leave(process& p) {
  close(p);
  if (auto* w = this_worker()) {
    w->module.store(0, std::memory_order_relaxed);
    w->version.store(nullptr, std::memory_order_relaxed);
  }
}

namespace {

// Modules throw nothing; the node's own functions may.
template <class F>
cnode_term protect(cnode_env& env, F f) {
  try {
    return f();
  } catch (const std::exception& e) {
    auto& b = static_cast<block&>(*env.heap);
    env.reason = make_tuple_of(b, a().internal_error, make_binary(b, e.what())).word();
  } catch (...) {
    env.reason = a().internal_error.word();
  }
  env.outcome = CNODE_RAISE;
  env.error_class = a().error.word();
  env.stacktrace = CNODE_NONE;
  return CNODE_NONE;
}

}  // namespace

void core::run_call(process& p) {
  auto& c = *p.activation_;
  auto& code = p.node_->code();
  const auto f = code.find(c.module, c.function, c.arity);
  if (!f) {
    if (!c.looked_on_path && code.look(c.module) == code_server::presence::loadable) {
      c.looked_on_path = true;
      c.at = activation::loading;
      auto* node = p.node_;
      const auto pid = p.pid_;
      code.ensure_loaded(c.module, [node, pid](const load_result&) { post_to(*node, pid, make_signal(signal::call_ready, nil, 1)); }, pid);
      return;
    }
    return finish_call(p, undef(p, c));
  }
  hold_version(p, f.version);
  const bool blocks = f.flags & CNODE_EXPORT_DIRTY;
  enter(p, c);
  auto* w = this_worker();
  if (blocks) runtime_access::of(*p.node_).sched.about_to_block();
  calling(f);
  const auto word = protect(c.env, [&] { return f.function(&c.env, c.args); });
  if (blocks && w) w->blocking = false;
  leave(p);
  call_returned(p, word);
}

void core::resume(process& p, term message) {
  auto& c = *p.activation_;
  c.timed_out = false;
  c.scan = nullptr;
  const auto k = c.env.continuation;
  c.env.continuation = {};
  enter(p, c);
  const auto word = protect(c.env, [&] { return k.resume(&c.env, k.frame, message.word()); });
  leave(p);
  call_returned(p, word);
}

void core::call_returned(process& p, cnode_term word) {
  auto& c = *p.activation_;
  if (word != CNODE_NONE) {
    outcome o;
    o.result = term{word};
    return finish_call(p, o);
  }
  switch (c.env.outcome) {
    case CNODE_SUSPEND: {
      c.at = activation::suspended;
      // What was there before a call's reference was made does not answer it.
      c.scan = p.extras_ && p.extras_->call.number ? p.extras_->call.from : &p.mailbox_;
      return set_deadline(p, c, c.env.continuation.timeout_ms);
    }
    case CNODE_TAIL_CALL: return tail_call(p);
    default: return finish_call(p, raised_by(p, c));
  }
}

void core::set_deadline(process& p, activation& c, std::int64_t ms) {
  if (ms <= 0) {
    c.deadline = std::chrono::steady_clock::time_point::max();
    return;
  }
  c.deadline = runtime_access::in_milliseconds(*p.node_, ms);
  if (c.timer && c.timer_at <= c.deadline) return;
  if (c.timer) runtime_access::of(*p.node_).clockwork.cancel(c.timer);
  arm_wait(p, c);
}

void core::arm_wait(process& p, activation& c) {
  c.timer_generation = ++p.timer_generation_ & 0x7fffffff;
  c.timer_at = c.deadline;
  c.timer = runtime_access::notify_at(*p.node_, c.deadline, p.pid_, c.timer_generation | activation_timer);
}

void core::wait_timer_fired(process& p) {
  auto& c = *p.activation_;
  c.timer = 0;
  if (c.at != activation::suspended || c.deadline == std::chrono::steady_clock::time_point::max()) return;
  if (p.node_->now() >= c.deadline) c.timed_out = true;
  else arm_wait(p, c);
}

// The frames are gone, and so is what they made: a loop that calls itself for ever needs the memory of one turn.
void core::tail_call(process& p) {
  auto& c = *p.activation_;
  auto& heap = p.scratch();
  const term list{c.env.tail_args};
  const auto arity = list_length(list);
  const term module{c.env.tail_module}, function{c.env.tail_function};
  if (arity < 0 || arity > 255 || !module.is_atom() || !function.is_atom()) {
    c.env.outcome = CNODE_RAISE;
    c.env.error_class = a().error.word();
    c.env.reason = a().badarg.word();
    c.env.stacktrace = CNODE_NONE;
    return finish_call(p, raised_by(p, c));
  }
  const auto kept_args = copy_to_block(list);
  heap.release_to(c.mark);
  c.mark = heap.mark();
  p.version_.store(nullptr, std::memory_order_release);
  hold_version(p, nullptr);
  auto* copied = heap.reserve(static_cast<std::size_t>(arity) + 1);
  auto rest = copy(heap, kept_args->root);
  for (std::int64_t i = 0; i < arity; ++i, rest = rest.tail()) copied[i] = rest.head().word();
  c.args = copied;
  c.arity = static_cast<std::uint32_t>(arity);
  c.module = module;
  c.function = function;
  c.looked_on_path = false;
  c.pinned = false;
  c.at = activation::ready;
}

outcome core::undef(process& p, activation& c) {
  c.env = {};
  c.env.heap = &p.scratch();
  c.env.error_class = a().error.word();
  c.env.reason = a().undef.word();
  return raised_by(p, c);
}

outcome core::raised_by(process& p, activation& c) {
  outcome o;
  o.kind = outcome::raised;
  o.error_class = c.env.error_class ? term{c.env.error_class} : a().error;
  o.reason = c.env.reason ? term{c.env.reason} : a().internal_error;
  o.stacktrace = term{c.env.stacktrace};
  auto& b = p.scratch();
  const bool builtin = c.version != nullptr && c.version->builtin();
  if (!o.stacktrace) {
    static const term erlang = atom("erlang");
    // As on BEAM: these say with what arguments, all others with how many.
    const bool with_args =
        o.error_class.same(a().error) && (o.reason.same(a().undef) || o.reason.same(a().function_clause) || (builtin && c.module.same(erlang) && o.reason.is_atom()));
    const auto arity = with_args ? make_list(b, reinterpret_cast<const term*>(c.args), c.arity) : small(c.arity);
    o.stacktrace = make_list_of(b, make_tuple_of(b, c.module, c.function, arity, builtin && with_args ? error_info_of(b, c.module) : nil));
  } else if (c.version != nullptr && !builtin) {
    // What it had called raised: the function called comes after it in the list.
    std::vector<term> frames;
    for (auto t = o.stacktrace; t.is_cons(); t = t.tail()) frames.push_back(t.head());
    const auto last = frames.empty() ? term{} : frames.back();
    if (!last || !last.is_tuple() || last.size() < 2 || !last[0].same(c.module) || !last[1].same(c.function)) {
      frames.push_back(make_tuple_of(b, c.module, c.function, small(c.arity), nil));
      o.stacktrace = make_list(b, frames.data(), frames.size());
    }
  }
  return o;
}

void core::finish_call(process& p, const outcome& o) {
  auto* c = std::exchange(p.activation_, nullptr);
  p.version_.store(nullptr, std::memory_order_release);
  if (c->version) c->version->release();
  if (c->timer) runtime_access::of(*p.node_).clockwork.cancel(c->timer);
  recycle(c);
  if (p.flags_ & exiting) return;
  p.flags_ |= returning;
  struct back {
    process& p;
    ~back() { p.flags_ &= ~static_cast<std::uint32_t>(returning); }
  } restore{p};
  p.behaviour_->returned(p, o);
}

void core::abandon_call(process& p) {
  auto* c = p.activation_;
  if (!c) return;
  p.version_.store(nullptr, std::memory_order_release);
  if (c->timer) runtime_access::of(*p.node_).clockwork.cancel(c->timer);
  if (c->at == activation::suspended) {
    // Destructors may call host functions: as in a killed callback, nothing comes of it.
    const auto k = c->env.continuation;
    c->env.flags = 1;
    enter(p, *c);
    k.destroy(k.frame);
    leave(p);
  }
  hold_version(p, nullptr);
  recycle(std::exchange(p.activation_, nullptr));
}

}  // namespace cnode::actors
