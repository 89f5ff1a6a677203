// What the module `erlang` says about code.
#include <cnode/protocol/block.hpp>

#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace {

[[noreturn]] void badarg() { throw_error(names().badarg); }

term module_loaded(cnode_env* env, term module) {
  if (!module.is_atom()) badarg();
  return truth(code_of(env).is_loaded(module));
}

term function_exported(cnode_env* env, term module, term function, term arity) {
  if (!module.is_atom() || !function.is_atom() || !arity.is_small()) badarg();
  if (arity.small() < 0 || arity.small() > 255) return truth(false);
  const auto found = code_of(env).find(module, function, static_cast<std::uint32_t>(arity.small()));
  if (found) found.version->release();
  return truth(static_cast<bool>(found));
}

// Deleted modules are among them until they are purged.
term loaded(cnode_env* env) {
  auto& b = heap_of(env);
  auto& impl = impl_of(env);
  auto list = nil;
  std::lock_guard guard{impl.table_lock};
  for (const auto& s : impl.slots)
    if (s.current.load(std::memory_order_acquire) || s.old) list = make_cons(b, s.name, list);
  return list;
}

term pre_loaded(cnode_env* env) {
  auto& b = heap_of(env);
  auto list = nil;
  for (const auto& [module, file] : code_of(env).all_loaded())
    if (file == "preloaded") list = make_cons(b, module, list);
  return list;
}

module_version* retain_old(code_server_impl& impl, term module) {
  std::lock_guard guard{impl.table_lock};
  auto* slot = impl.slot_of(module);
  auto* v = slot ? slot->old : nullptr;
  if (v) v->retain();
  return v;
}

term check_old_code(cnode_env* env, term module) {
  if (!module.is_atom()) badarg();
  auto* v = retain_old(impl_of(env), module);
  if (v) v->release();
  return truth(v != nullptr);
}

term check_process_code(cnode_env* env, term pid, term module) {
  if (!pid.is_local_pid() || !module.is_atom()) badarg();
  auto* v = retain_old(impl_of(env), module);
  if (!v) return truth(false);
  const bool uses = impl_of(env).uses(pid, *v);
  v->release();
  return truth(uses);
}

// erlang:check_process_code/3: options; all answers come at once, so {async, Id} is answered by a message to the caller.
term check_process_code_3(cnode_env* env, term pid, term module, term options) {
  term id;
  for (; options.is_cons(); options = options.tail()) {
    const auto o = options.head();
    if (!o.is_tuple(2)) badarg();
    const bool allow_gc = o[0].same(atom("allow_gc")) && (o[1].same(atom("true")) || o[1].same(atom("false")));
    if (o[0].same(atom("async"))) id = o[1];
    else if (!allow_gc) badarg();
  }
  if (!options.is_nil()) badarg();
  const auto answer = check_process_code(env, pid, module);
  if (!id) return answer;
  auto& p = self(env);
  p.send(p.pid(), make_tuple_of(heap_of(env), atom("check_process_code"), id, answer));
  return atom("async");
}

// erlang:purge_module/1 is the code server's tool: badarg without old code.
task<term> purge_module(call_context& cx, term module) {
  check_remote_code(cx.env());
  auto* v = module.is_atom() ? retain_old(impl_of(cx), module) : nullptr;
  if (!v) badarg();
  v->release();
  return answered(cx, [&cx, module](const answer_to& answer) {
    code_of(cx).purge(module, false, [answer](bool) { answer([](block&) { return truth(true); }); });
  });
}

term delete_module(cnode_env* env, term module) {
  if (!module.is_atom()) badarg();
  check_remote_code(env);
  switch (code_of(env).delete_module(module)) {
    case code_server::deletion::done: return truth(true);
    case code_server::deletion::never_loaded: return atom("undefined");
    case code_server::deletion::has_old_code: break;
  }
  badarg();
}

// key none: all of it
term get_module_info(cnode_env* env, term module, term key) {
  auto* v = impl_of(env).retain_current(module);
  if (!v) badarg();
  const auto info = key ? module_info_item(heap_of(env), *v, key) : module_info_list(heap_of(env), *v);
  v->release();
  if (!info) badarg();
  return info;
}

}  // namespace

void add_erlang_code_functions(code_server& code) {
  static constexpr builtin_function erlang[] = {
      {"module_loaded", 1, plain<module_loaded>}, {"function_exported", 3, plain<function_exported>}, {"loaded", 0, plain<loaded>},
      {"pre_loaded", 0, plain<pre_loaded>}, {"check_old_code", 1, plain<check_old_code>},
      {"check_process_code", 2, plain<check_process_code>}, {"check_process_code", 3, plain<check_process_code_3>},
      {"purge_module", 1, waiting<purge_module>}, {"delete_module", 1, plain<delete_module>},
      {"get_module_info", 1, plain<get_module_info, 0, none>}, {"get_module_info", 2, plain<get_module_info>},
  };
  code.add_builtin("erlang", erlang);
}

}  // namespace cnode::actors
