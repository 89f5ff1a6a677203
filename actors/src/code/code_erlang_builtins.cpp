// What the module `erlang` says about code.
#include <cnode/protocol/block.hpp>

#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace {

cnode_term module_loaded(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_atom()) return raise_badarg(env).word();
  return truth(code_of(env).is_loaded(term{args[0]})).word();
}

cnode_term function_exported(cnode_env* env, const cnode_term* args) {
  const term m{args[0]}, f{args[1]}, arity{args[2]};
  if (!m.is_atom() || !f.is_atom() || !arity.is_small()) return raise_badarg(env).word();
  if (arity.small() < 0 || arity.small() > 255) return truth(false).word();
  const auto found = code_of(env).find(m, f, static_cast<std::uint32_t>(arity.small()));
  if (found) found.version->release();
  return truth(static_cast<bool>(found)).word();
}

// Deleted modules are among them until they are purged.
cnode_term loaded(cnode_env* env, const cnode_term*) {
  auto& b = heap_of(env);
  auto& impl = code_server_impl::of(code_of(env));
  auto list = nil;
  std::lock_guard guard{impl.table_lock};
  for (const auto& s : impl.slots)
    if (s.current.load(std::memory_order_acquire) || s.old) list = make_cons(b, s.name, list);
  return list.word();
}

cnode_term pre_loaded(cnode_env* env, const cnode_term*) {
  auto& b = heap_of(env);
  auto list = nil;
  for (const auto& [module, file] : code_of(env).all_loaded())
    if (file == "preloaded") list = make_cons(b, module, list);
  return list.word();
}

module_version* retain_old(code_server_impl& impl, term module) {
  std::lock_guard guard{impl.table_lock};
  auto* slot = impl.slot_of(module);
  auto* v = slot ? slot->old : nullptr;
  if (v) v->retain();
  return v;
}

cnode_term check_old_code(cnode_env* env, const cnode_term* args) {
  if (!term{args[0]}.is_atom()) return raise_badarg(env).word();
  auto* v = retain_old(code_server_impl::of(code_of(env)), term{args[0]});
  if (v) v->release();
  return truth(v != nullptr).word();
}

cnode_term check_process_code(cnode_env* env, const cnode_term* args) {
  const term pid{args[0]}, module{args[1]};
  if (!pid.is_local_pid() || !module.is_atom()) return raise_badarg(env).word();
  auto& impl = code_server_impl::of(code_of(env));
  auto* v = retain_old(impl, module);
  if (!v) return truth(false).word();
  const bool uses = impl.uses(pid, *v);
  v->release();
  return truth(uses).word();
}

// erlang:check_process_code/3: options; all answers come at once, so {async, Id} is answered by a message to the caller.
cnode_term check_process_code_3(cnode_env* env, const cnode_term* args) {
  term id, l{args[2]};
  for (; l.is_cons(); l = l.tail()) {
    const auto o = l.head();
    if (!o.is_tuple(2)) return raise_badarg(env).word();
    const bool allow_gc = o[0].same(atom("allow_gc")) && (o[1].same(atom("true")) || o[1].same(atom("false")));
    if (o[0].same(atom("async"))) id = o[1];
    else if (!allow_gc) return raise_badarg(env).word();
  }
  if (!l.is_nil()) return raise_badarg(env).word();
  const auto answer = check_process_code(env, args);
  if (!answer || !id) return answer;
  auto& p = self(env);
  p.send(p.pid(), make_tuple_of(heap_of(env), atom("check_process_code"), id, term{answer}));
  return atom("async").word();
}

// erlang:purge_module/1 is the code server's tool: badarg without old code.
cnode_term purge_module(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (refused_by_remote_code(env)) return CNODE_NONE;
  auto* v = module.is_atom() ? retain_old(code_server_impl::of(code_of(env)), module) : nullptr;
  if (!v) return raise_badarg(env).word();
  v->release();
  return await_answer(
      env, [&](const answer_to& answer) { code_of(env).purge(module, false, [answer](bool) { answer([](block&) { return truth(true); }); }); },
      [](cnode_env*, term t) { return t.word(); });
}

cnode_term delete_module(cnode_env* env, const cnode_term* args) {
  const term module{args[0]};
  if (!module.is_atom()) return raise_badarg(env).word();
  if (refused_by_remote_code(env)) return CNODE_NONE;
  switch (code_of(env).delete_module(module)) {
    case code_server::deletion::done: return truth(true).word();
    case code_server::deletion::never_loaded: return atom("undefined").word();
    case code_server::deletion::has_old_code: break;
  }
  return raise_badarg(env).word();
}

cnode_term get_module_info(cnode_env* env, const cnode_term* args) {
  auto* v = code_server_impl::of(code_of(env)).retain_current(term{args[0]});
  if (!v) return raise_badarg(env).word();
  const auto list = module_info_list(heap_of(env), *v);
  v->release();
  return list.word();
}
cnode_term get_module_info_2(cnode_env* env, const cnode_term* args) {
  auto* v = code_server_impl::of(code_of(env)).retain_current(term{args[0]});
  if (!v) return raise_badarg(env).word();
  const auto item = module_info_item(heap_of(env), *v, term{args[1]});
  v->release();
  return (item ? item : raise_badarg(env)).word();
}

}  // namespace

void add_erlang_code_functions(code_server& code) {
  static constexpr builtin_function erlang[] = {
      {"module_loaded", 1, module_loaded}, {"function_exported", 3, function_exported}, {"loaded", 0, loaded},
      {"pre_loaded", 0, pre_loaded}, {"check_old_code", 1, check_old_code}, {"check_process_code", 2, check_process_code},
      {"check_process_code", 3, check_process_code_3}, {"purge_module", 1, purge_module}, {"delete_module", 1, delete_module},
      {"get_module_info", 1, get_module_info}, {"get_module_info", 2, get_module_info_2},
  };
  code.add_builtin("erlang", erlang);
}

}  // namespace cnode::actors
