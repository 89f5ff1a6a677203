#include "server_calls.hpp"

#include <cstring>
#include <utility>

#include "core.hpp"
#include "otp_atoms.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

// ---- who waits for an answer

void caller_table::put(const entry& e) {
  auto i = place(e.number);
  while (entries_[i].number) i = (i + 1) & (capacity_ - 1);
  entries_[i] = e;
}

void caller_table::resize(std::size_t capacity) {
  const auto former = std::exchange(entries_, std::make_unique<entry[]>(capacity));
  const auto count = std::exchange(capacity_, capacity);
  for (std::size_t i = 0; i < count; ++i)
    if (former[i].number) put(former[i]);
}

void caller_table::add(std::uint64_t number, term pid) {
  if (2 * size_ >= capacity_) resize(capacity_ ? 2 * capacity_ : 4);
  put({number, pid});
  ++size_;
}

term caller_table::remove(std::uint64_t number) {
  if (size_ == 0) return {};
  const auto mask = capacity_ - 1;
  auto i = place(number);
  for (; entries_[i].number != number; i = (i + 1) & mask)
    if (!entries_[i].number) return {};
  const auto pid = entries_[i].pid;
  // What follows moves up, unless it would come to stand before its place.
  for (auto next = (i + 1) & mask; entries_[next].number; next = (next + 1) & mask) {
    if (((next - place(entries_[next].number)) & mask) < ((next - i) & mask)) continue;
    entries_[i] = entries_[next];
    i = next;
  }
  entries_[i] = {};
  if (--size_ * 16 < capacity_ && capacity_ > 64) resize(capacity_ / 4);
  return pid;
}

// ---- the caller

namespace {

term reference_of(term tag) { return tag.is_cons() && tag.head().same(names().alias) ? tag.tail() : tag; }

bool refers_to(term ref, std::uint64_t number) { return ref.is_ref() && ref.size() >= 3 && ref_number(ref) == number && is_our_ref(ref); }

bool is_answer(term m, std::uint64_t number) { return m.is_tuple(2) && refers_to(reference_of(m[0]), number); }

bool is_answer_to(void* number, term m) { return is_answer(m, *static_cast<std::uint64_t*>(number)); }

process& process_of(void* frame) { return *static_cast<process*>(frame); }

}  // namespace

bool ends_call(const open_call& c, term m) {
  if (m.is_tuple(2)) return refers_to(reference_of(m[0]), c.number);
  return m.is_tuple(5) && m[0].same(names().DOWN) && refers_to(m[1], c.number);
}

// The frame of a waiting call is its process: what there is to know stands in open_call.
struct server_call {
  static open_call& of(process& p) { return core::extras(p).call; }

  static int match(cnode_env*, void* frame, cnode_term message) {
    return ends_call(of(process_of(frame)), term{message});
  }

  static cnode_term resume(cnode_env* env, void* frame, cnode_term message) {
    auto& p = process_of(frame);
    auto call = core::close_call(p);
    const term m{message};
    auto& b = heap_of(env);
    env->outcome = 0;
    if (m && m.is_tuple(2)) {
      // Of a message in a block of its own only the reply stays.
      if (!call.message || is_immediate(m[1])) return m[1].word();
      if (call.message->used_words() <= 64) return copy(b, m[1]).word();
      b.adopt(std::move(call.message));
      return m[1].word();
    }
    const auto& n = names();
    if (call.message) b.adopt(std::move(call.message));
    // The reply may have come between the timeout and the end of the monitor.
    if (!m)
      if (auto number = call.number; const auto late = p.take_message(is_answer_to, &number)) return copy(b, late->root[1]).word();
    const term args = call.time ? make_list_of(b, call.server, call.request, call.time) : make_list_of(b, call.server, call.request);
    env->outcome = CNODE_RAISE;
    env->error_class = n.exit.word();
    env->reason = make_tuple_of(b, m ? m[4] : n.timeout, make_tuple_of(b, n.gen_server, n.call, args)).word();
    env->stacktrace = CNODE_NONE;
    return CNODE_NONE;
  }

  static void destroy(void* frame) { core::close_call(process_of(frame)); }
};

bool begin_server_call(cnode_env* env, term server, term request, term time) { return core::call_server(env, server, request, time); }

bool core::call_server(cnode_env* env, term server, term request, term time) {
  const auto& n = names();
  std::int64_t ms = 5000;
  if (time) {
    if (time.same(n.infinity)) ms = -1;
    else if (time.is_small() && time.small() >= 0) ms = time.small();
    else return false;
  }
  if (__atomic_load_n(&env->flags, __ATOMIC_RELAXED) & (1 | CNODE_ENV_THREAD)) return false;
  auto& p = self(env);
  const term pid = server.is_atom() ? p.node_->whereis(server) : server;
  if (!pid || !pid.is_local_pid() || pid.same(p.pid_)) return false;
  opened lock(p);
  auto& c = extras(p).call;
  if ((p.flags_ & announced) || c.number) return false;
  // Without a timeout no reply can come too late: no alias.
  c = {runtime_access::new_ref(*p.node_), pid, ms >= 0, true, p.mailbox_end_, nullptr, server, request, time};
  auto b = block::make(24);
  const term ref = c.aliased ? build_alias(*b, c.number, p.pid_) : build_ref(*b, c.number);
  const term tag = c.aliased ? make_cons(*b, n.alias, ref) : ref;
  b->root = make_tuple_of(*b, n.gen_call, make_tuple_of(*b, p.pid_, tag), copy(*b, request));
  b->tag = static_cast<std::uint32_t>(signal::call);
  ++p.reductions_;
  post_to(*p.node_, pid, std::move(b));
  env->outcome = CNODE_SUSPEND;
  env->continuation = {&p, server_call::resume, server_call::destroy, server_call::match, ms};
  return true;
}

// It is not waited for any more.
open_call core::close_call(process& p) {
  opened lock(p);
  auto& c = extras(p).call;
  if (c.watched && !(p.flags_ & announced)) send_demonitor(p, c.number, c.pid);
  return std::exchange(c, {});
}

void core::send_demonitor(process& p, std::uint64_t number, term pid) {
  auto b = block::make(24);
  b->root = make_tuple_of(*b, p.pid_, build_ref(*b, number));
  b->tag = static_cast<std::uint32_t>(signal::demonitor);
  post_to(*p.node_, pid, std::move(b));
}

// Of a call that is over an alias lets nothing through; a plain reference was only a tag, and this is a message like any other.
void core::on_reply(process& p, block_ptr s) {
  const term tag = s->root[0];
  auto* c = p.extras_ ? &p.extras_->call : nullptr;
  if (c && c->watched && c->number == ref_number(reference_of(tag))) c->watched = false;
  else if (tag.is_cons()) return;
  s->tag = static_cast<std::uint32_t>(signal::message);
  append(p, std::move(s));
}

// ---- the server

void core::on_call(process& p, block_ptr s) {
  const term from = s->root[1];
  extras(p).callers.add(ref_number(reference_of(from[1])), from[0]);
  s->tag = static_cast<std::uint32_t>(signal::message);
  append(p, std::move(s));
}

// False: not a call of those that wait here.
bool core::answer_caller(process& p, term from, term reply) {
  const term tag = from[1], ref = reference_of(tag);
  if (!p.extras_ || !ref.is_ref() || !is_our_ref(ref)) return false;
  if (auto* env = p.env_.load(std::memory_order_relaxed); env && (__atomic_load_n(&env->flags, __ATOMIC_RELAXED) & 1)) return false;
  term pid;
  {
    opened lock(p);
    pid = p.extras_->callers.remove(ref_number(ref));
  }
  if (!pid) return false;
  auto b = block::make(16);
  const auto words = 2 + (ref.size() + 1) / 2;
  auto* w = b->reserve(words);
  std::memcpy(w, ref.box(), words * sizeof *w);
  const term own_ref{cnode_make_boxed(w)};
  b->root = make_tuple_of(*b, tag.is_cons() ? make_cons(*b, tag.head(), own_ref) : own_ref, copy(*b, reply));
  b->tag = static_cast<std::uint32_t>(signal::reply);
  ++p.reductions_;
  post_to(*p.node_, pid, std::move(b));
  return true;
}

}  // namespace cnode::actors
