// The table of functions a module gets: each is a few lines over processes, blocks and atoms.
#include <chrono>
#include <cstring>
#include <new>

#include <cnode/actors/process.hpp>
#include <cnode/actors/runtime.hpp>
#include <cnode/protocol/atom_table.hpp>
#include <cnode/protocol/local_node.hpp>
#include <cnode/protocol/term_order.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"
#include "code/native_objects.hpp"
#include "code/waiting.hpp"
#include "native_terms.hpp"
#include "runtime_impl.hpp"
#include "slabs.hpp"

namespace cnode::actors {

term raise(cnode_env* env, term error_class, term reason) {
  env->outcome = CNODE_RAISE;
  env->error_class = error_class.word();
  env->reason = reason.word();
  env->stacktrace = CNODE_NONE;
  return {};
}

term raise_badarg(cnode_env* env) { return raise(env, atom("error"), atom("badarg")); }

term raise_undef(cnode_env* env, term module, term function, term args) {
  auto& b = heap_of(env);
  raise(env, atom("error"), atom("undef"));
  env->stacktrace = make_list_of(b, make_tuple_of(b, module, function, args, nil)).word();
  return {};
}

namespace {

// Its process was killed while it runs: dead to the world.
bool silent(const cnode_env* env) { return (__atomic_load_n(&env->flags, __ATOMIC_ACQUIRE) & 1) != 0; }

block& block_of(cnode_heap* heap) { return *static_cast<block*>(heap); }

// ---- no process needed
cnode_term h_atom(const char* text, size_t n) { return find_or_make_atom({text, n}).word(); }

const char* h_atom_text(cnode_term a, size_t* n) {
  const auto text = atom_text(term{a});
  if (n) *n = text.size();
  return text.data();
}

int h_compare(cnode_term a, cnode_term b) { return compare(term{a}, term{b}); }
int h_exactly_equal(cnode_term a, cnode_term b) { return exactly_equal(term{a}, term{b}); }
cnode_term h_map_get(cnode_term map, cnode_term key) { return (term{map}.is_map() ? map_get(term{map}, term{key}) : term{}).word(); }

template <class Clock>
int64_t nanoseconds() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch()).count();
}

void h_log(int level, const char* text, size_t n) {
  const auto l = level < 0 ? log_level::debug : level > 4 ? log_level::error : static_cast<log_level>(level);
  log_from_module(l, {text, n});
}

// ---- terms
cnode_term* h_heap_grow(cnode_heap* heap, size_t words) { return block_of(heap).reserve(words); }
cnode_term h_make_binary(cnode_heap* heap, const char* bytes, size_t n) { return make_binary(block_of(heap), {bytes, n}).word(); }

cnode_term h_make_big(cnode_heap* heap, int negative, const uint64_t* limbs, size_t n) {
  return make_big(block_of(heap), negative != 0, limbs, n).word();
}

cnode_term h_make_map(cnode_heap* heap, const cnode_term* keys, const cnode_term* values, size_t n) {
  return make_map(block_of(heap), reinterpret_cast<const term*>(keys), reinterpret_cast<const term*>(values), n).word();
}

cnode_term h_make_ref(cnode_env* env) { return self(env).node().make_ref(heap_of(env)).word(); }
cnode_term h_copy(cnode_heap* heap, cnode_term t) { return copy(block_of(heap), term{t}).word(); }

cnode_term h_format(cnode_heap* heap, cnode_term t, int style) {
  print_options o;
  o.pretty_strings = style == 0;
  return make_binary(block_of(heap), style == 2 ? inspect(term{t}) : to_text(term{t}, o)).word();
}

cnode_term h_parse(cnode_heap* heap, const char* text, size_t n) {
  auto parsed = parse_term({text, n});
  if (!parsed) return CNODE_NONE;
  const auto t = (*parsed)->root;
  block_of(heap).adopt(std::move(*parsed));
  return t.word();
}

void* h_heap_mark(cnode_env* env) { return heap_of(env).mark(); }
void h_heap_release(cnode_env* env, void* mark) { heap_of(env).release_to(mark); }

// ---- native objects
cnode_term h_make_native(cnode_env* env, void* object, const cnode_native_ops* ops) {
  return make_native_object(env, object, ops).word();
}
void* h_native_object(cnode_term t, const cnode_native_ops** ops) { return native_object_of(term{t}, ops); }
cnode_term h_native_to_term(cnode_env* env, cnode_term t) { return natives_to_terms(env, term{t}).word(); }

// ---- the process that runs
cnode_term h_self(cnode_env* env) { return self(env).pid().word(); }
void h_send(cnode_env* env, cnode_term to, cnode_term message) { self(env).send(term{to}, term{message}); }

cnode_term h_spawn(cnode_env* env, cnode_term m, cnode_term f, cnode_term args, uint32_t flags) {
  auto& p = self(env);
  auto& b = heap_of(env);
  // Who was killed spawns nobody: what it gets is as good as a process that has already ended.
  if (silent(env)) return (flags & CNODE_SPAWN_MONITOR ? make_tuple_of(b, p.pid(), p.node().make_ref(b)) : p.pid()).word();
  if (!term{m}.is_atom() || !term{f}.is_atom() || list_length(term{args}) < 0) return raise_badarg(env).word();
  spawn_options o;
  o.group_leader = p.group_leader();
  if (flags & CNODE_SPAWN_LINK) o.link_to = p.pid();
  if (flags & CNODE_SPAWN_MONITOR) {
    o.monitor_by = p.pid();
    o.monitor_ref = p.node().make_ref(b);
  }
  const auto pid = p.node().spawn_function(term{m}, term{f}, term{args}, o);
  return (flags & CNODE_SPAWN_MONITOR ? make_tuple_of(b, pid, o.monitor_ref) : pid).word();
}

cnode_term h_monitor(cnode_env* env, cnode_term target, uint32_t flags) {
  monitor_options o;
  if (flags & CNODE_MONITOR_ALIAS) o.alias = monitor_options::reply_demonitor;
  return copy(heap_of(env), self(env).monitor(term{target}, o)).word();
}

int h_demonitor(cnode_env* env, cnode_term ref, int flush) { return self(env).demonitor(term{ref}, flush != 0); }
cnode_term h_alias(cnode_env* env) { return copy(heap_of(env), self(env).alias()).word(); }
int h_unalias(cnode_env* env, cnode_term a) { return self(env).unalias(term{a}); }
void h_link(cnode_env* env, cnode_term pid) { self(env).link(term{pid}); }
void h_unlink(cnode_env* env, cnode_term pid) { self(env).unlink(term{pid}); }
void h_exit_signal(cnode_env* env, cnode_term pid, cnode_term reason) { self(env).exit_signal(term{pid}, term{reason}); }
int h_trap_exit(cnode_env* env, int on) { return self(env).set_trap_exit(on != 0); }

cnode_term or_undefined(term t) { return (t ? t : atom("undefined")).word(); }

cnode_term h_dictionary_put(cnode_env* env, cnode_term key, cnode_term value) {
  return or_undefined(self(env).dictionary_put(term{key}, term{value}, heap_of(env)));
}
// A copy: the entry may be replaced while the callback still looks at it.
cnode_term h_dictionary_get(cnode_env* env, cnode_term key) {
  const auto t = self(env).dictionary_get(term{key});
  return t ? copy(heap_of(env), t).word() : or_undefined(t);
}
cnode_term h_group_leader(cnode_env* env) { return copy(heap_of(env), self(env).group_leader()).word(); }

int h_register_name(cnode_env* env, cnode_term name, cnode_term pid) {
  return !silent(env) && term{name}.is_atom() && self(env).node().register_name(term{name}, term{pid});
}
int h_unregister_name(cnode_env* env, cnode_term name) {
  return !silent(env) && term{name}.is_atom() && self(env).node().unregister_name(term{name});
}
cnode_term h_whereis(cnode_env* env, cnode_term name) { return or_undefined(self(env).node().whereis(term{name})); }

cnode_term h_send_after(cnode_env* env, int64_t ms, cnode_term to, cnode_term message) {
  if (ms < 0 || (!term{to}.is_local_pid() && !term{to}.is_atom())) return raise_badarg(env).word();
  if (silent(env)) return self(env).node().make_ref(heap_of(env)).word();
  return self(env).node().send_after(ms, term{to}, term{message}, heap_of(env)).word();
}
int64_t h_cancel_timer(cnode_env* env, cnode_term ref) {
  return silent(env) ? -1 : self(env).node().cancel_timer(term{ref});
}

// Sent as from the process itself, so that it keeps its order with what the process sends its leader; the answer goes to a process
// that drops it, so that a callback's mailbox stays clean.
void h_put_chars(cnode_env* env, const char* text, size_t n) {
  auto& p = self(env);
  auto& b = heap_of(env);
  auto* mark = b.mark();
  const auto request = make_tuple_of(b, atom("put_chars"), atom("unicode"), make_binary(b, {text, n}));
  const auto sink = code_server_impl::of(p.node().code()).sink();
  p.send(p.group_leader(), make_tuple_of(b, atom("io_request"), sink, p.node().make_ref(b), request));
  b.release_to(mark);
}

cnode_term h_apply(cnode_env* env, cnode_term m, cnode_term f, cnode_term args) { return apply(env, term{m}, term{f}, term{args}); }

cnode_term h_node(cnode_env*, cnode_term t) {
  if (t == CNODE_NONE || term{t}.is_local_pid()) return this_node().name.word();
  const term boxed{t};
  return (boxed.is_pid() || boxed.is_ref() || boxed.is_port() ? node_of(boxed).node : atom("undefined")).word();
}

int h_adopt_native(cnode_env* env, cnode_term native, const cnode_native_ops* ops) {
  auto* v = code_server_impl::of(self(env).node().code()).version_at(ops);
  const bool done = adopt_native(term{native}, v, ops);
  if (v) v->release();
  return done;
}

int h_replace_native(cnode_env* env, cnode_term native, void* object, const cnode_native_ops* ops) {
  auto* v = code_server_impl::of(self(env).node().code()).version_at(ops);
  const bool done = replace_native(term{native}, v, object, ops);
  if (v) v->release();
  return done;
}

// ---- threads

cnode_term h_start_thread(cnode_env* env, const char* name, void (*run)(cnode_env*, void*), void (*destroy)(void*), void* argument) {
  auto& p = self(env);
  auto& b = heap_of(env);
  if (!name || !run) return raise_badarg(env).word();
  if (silent(env)) {
    if (destroy) destroy(argument);
    return p.node().make_ref(b).word();
  }
  auto* version = code_server_impl::of(p.node().code()).version_at(reinterpret_cast<const void*>(run));
  const auto number = runtime_access::of(p.node()).threads.start(p, version, name, run, destroy, argument);
  return number ? build_ref(b, number).word() : raise(env, atom("error"), atom("system_limit")).word();
}

int h_stop_thread(cnode_env* env, cnode_term thread) {
  return is_our_ref(term{thread}) && runtime_access::of(self(env).node()).threads.ask_to_stop(ref_number(term{thread}));
}

int h_thread_wait(cnode_env* env, int64_t ms) { return runtime_access::of(self(env).node()).threads.wait(env, ms); }

cnode_env* h_running_env() {
  auto* p = running_process();
  return p ? core::env_of(*p) : nullptr;
}

void* h_take_frame(size_t bytes) {
  try {
    return slabs::take(bytes);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}
void h_give_frame(void* frame, size_t bytes) { slabs::give(frame, bytes); }

}  // namespace

const cnode_host& host_functions() {
  static const cnode_host table = {
      sizeof(cnode_host), CNODE_ABI_MAJOR, CNODE_ABI_MINOR,
      h_atom, h_atom_text, h_compare, h_exactly_equal, h_map_get,
      nanoseconds<std::chrono::steady_clock>, nanoseconds<std::chrono::system_clock>, h_log,
      h_heap_grow, h_make_binary, h_make_big, h_make_map, h_make_ref, h_copy, h_format, h_parse, h_heap_mark, h_heap_release,
      h_make_native, h_native_object, h_native_to_term,
      h_self, h_send, h_spawn, h_monitor, h_demonitor, h_alias, h_unalias, h_link, h_unlink, h_exit_signal, h_trap_exit,
      h_dictionary_put, h_dictionary_get, h_group_leader, h_register_name, h_unregister_name, h_whereis, h_send_after,
      h_cancel_timer, h_put_chars, h_apply, h_node, h_adopt_native,
      h_start_thread, h_stop_thread, h_thread_wait,
      h_replace_native,
      h_running_env, h_take_frame, h_give_frame,
  };
  return table;
}

const cnode_host* code_server::host_table() const { return &host_functions(); }

}  // namespace cnode::actors
