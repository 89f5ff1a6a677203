// code: atomic_load/1, prepare_loading/1, finish_loading/1 and ensure_modules_loaded/1, which take lists of modules.
#include <algorithm>

#include <cnode/protocol/term_order.hpp>

#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace {

using wanted_module = code_server_impl::wanted_module;
using module_errors = code_server_impl::module_errors;

code_server_impl& impl_of(cnode_env* env) { return code_server_impl::of(code_of(env)); }

term error_list(block& b, const module_errors& errors) {
  auto list = nil;
  for (auto e = errors.rbegin(); e != errors.rend(); ++e) list = make_cons(b, make_tuple_of(b, e->first, e->second), list);
  return make_tuple_of(b, atom("error"), list);
}

// [Module | {Module, File, Binary}]: binaries first, as code:partition_load/3 orders them. False: something else is in it.
bool wanted_modules(term list, std::vector<wanted_module>& out) {
  std::vector<wanted_module> files;
  for (; list.is_cons(); list = list.tail()) {
    const auto m = list.head();
    wanted_module w;
    if (m.is_atom()) {
      w.module = m;
      files.push_back(std::move(w));
    } else if (m.is_tuple(3) && m[0].is_atom() && m[1].is_list() && m[2].is_binary()) {
      w.module = m[0];
      w.from_path = false;
      if (!file_name(m[1], w.file)) return false;
      w.bytes = m[2].bytes();
      out.push_back(std::move(w));
    } else {
      return false;
    }
  }
  if (!list.is_nil()) return false;
  std::move(files.begin(), files.end(), std::back_inserter(out));
  return true;
}

// {error, [{M, duplicated}]}: each time more than once.
module_errors duplicates(const std::vector<wanted_module>& modules) {
  std::vector<term> names;
  for (const auto& m : modules) names.push_back(m.module);
  std::sort(names.begin(), names.end(), [](term a, term b) { return compare(a, b) < 0; });
  module_errors errors;
  for (std::size_t i = 1; i < names.size(); ++i)
    if (names[i].same(names[i - 1])) errors.emplace(errors.begin(), names[i], atom("duplicated"));
  return errors;
}

// Prepares what the argument names and goes on with it, on the loader's thread, when all of it is good.
template <class Then>
cnode_term with_prepared(cnode_env* env, term list, Then then) {
  if (!list.is_list()) return raise_function_clause_in(env, "partition_load", make_list_of(heap_of(env), list, nil, nil));
  if (refused_by_remote_code(env)) return CNODE_NONE;
  std::vector<wanted_module> modules;
  if (!wanted_modules(list, modules)) return raise_function_clause(env);
  if (const auto twice = duplicates(modules); !twice.empty()) return error_list(heap_of(env), twice).word();
  return on_loader(env, [&impl = impl_of(env), modules, then](block& b) {
    module_errors errors;
    auto prepared = impl.prepare_all(modules, errors);
    return errors.empty() ? then(impl, b, std::move(prepared)) : error_list(b, errors);
  });
}

cnode_term atomic_load(cnode_env* env, const cnode_term* args) {
  return with_prepared(env, term{args[0]}, [](code_server_impl& impl, block& b, auto prepared) {
    const auto errors = impl.finish_all(std::move(prepared));
    return errors.empty() ? atom("ok") : error_list(b, errors);
  });
}

// {ok, {'$prepared$', [{Module, {Reference, File, undefined}}]}}
cnode_term prepare_loading(cnode_env* env, const cnode_term* args) {
  return with_prepared(env, term{args[0]}, [](code_server_impl& impl, block& b, auto prepared) {
    auto list = nil;
    for (auto& c : prepared) {
      const auto ref = impl.node.make_ref(b);
      list = make_cons(b, make_tuple_of(b, c->module, make_tuple_of(b, ref, make_charlist(b, c->path), atom("undefined"))), list);
      impl.prepared.push_back({copy_to_block(ref), std::move(c)});
      if (impl.prepared.size() > code_server_impl::most_prepared) impl.prepared.pop_front();
    }
    return make_tuple_of(b, atom("ok"), make_tuple_of(b, atom("$prepared$"), list));
  });
}

// What was prepared and is still kept; false: one of them is not. Loader thread.
bool take_prepared(code_server_impl& impl, term list, std::vector<code_server_impl::candidate_ptr>& out) {
  for (; list.is_cons(); list = list.tail()) {
    const auto m = list.head();
    if (!m.is_tuple(2) || !m[1].is_tuple() || m[1].arity() < 2) return false;
    const auto i = std::find_if(impl.prepared.begin(), impl.prepared.end(), [&](const auto& p) { return exactly_equal(p.ref->root, m[1][0]); });
    if (i == impl.prepared.end() || !i->candidate->module.same(m[0])) return false;
    out.push_back(i->candidate);
  }
  return list.is_nil();
}

cnode_term finish_loading(cnode_env* env, const cnode_term* args) {
  const term prepared{args[0]};
  if (!prepared.is_tuple(2) || !prepared[0].same(atom("$prepared$")) || list_length(prepared[1]) < 0) return raise_function_clause(env);
  if (refused_by_remote_code(env)) return CNODE_NONE;
  return await_answer(
      env,
      [&](const answer_to& answer) {
        std::shared_ptr<block> kept{copy_to_block(prepared[1]).release(), block_deleter{}};
        auto& impl = impl_of(env);
        impl.post([&impl, kept, answer] {
          std::vector<code_server_impl::candidate_ptr> modules;
          if (!take_prepared(impl, kept->root, modules)) return answer([](block&) { return nil; });
          for (const auto& m : modules) std::erase_if(impl.prepared, [&](const auto& p) { return p.candidate == m; });
          const auto errors = impl.finish_all(modules);
          answer([errors](block& b) { return errors.empty() ? atom("ok") : error_list(b, errors); });
        });
      },
      [](cnode_env* e, term result) { return result.is_nil() ? raise_function_clause(e) : result.word(); });
}

// One module after the other; what failed is collected as [{Module, What}].
cnode_term ensure_next(cnode_env* env, term rest, term failed) {
  auto& b = heap_of(env);
  if (rest.is_nil()) return (failed.is_nil() ? atom("ok") : make_tuple_of(b, atom("error"), failed)).word();
  const auto module = rest.head();
  return await_answer(
      env,
      [&](const answer_to& answer) {
        code_of(env).load_missing(module, [answer](const load_result& r) { answer([r](block& h) { return loaded_or_error(h, r); }); }, self(env).pid());
      },
      [rest, failed, module](cnode_env* e, term result) {
        auto& h = heap_of(e);
        const bool ok = result[0].same(atom("module"));
        return ensure_next(e, rest.tail(), ok ? failed : make_cons(h, make_tuple_of(h, module, result[1]), failed));
      });
}

// As on BEAM these are loaded in embedded mode as well.
cnode_term ensure_modules_loaded(cnode_env* env, const cnode_term* args) {
  if (list_length(term{args[0]}) < 0) return raise_function_clause(env);
  std::vector<term> modules;
  for (term l{args[0]}; l.is_cons(); l = l.tail()) {
    if (!l.head().is_atom()) return raise_function_clause(env);
    if (!code_of(env).is_loaded(l.head())) modules.push_back(l.head());
  }
  std::sort(modules.begin(), modules.end(), [](term a, term b) { return compare(a, b) < 0; });
  modules.erase(std::unique(modules.begin(), modules.end(), [](term a, term b) { return a.same(b); }), modules.end());
  return ensure_next(env, make_list(heap_of(env), modules.data(), modules.size()), nil);
}

}  // namespace

void add_code_together_functions(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"atomic_load", 1, atomic_load}, {"prepare_loading", 1, prepare_loading}, {"finish_loading", 1, finish_loading},
      {"ensure_modules_loaded", 1, ensure_modules_loaded}};
  code.add_builtin("code", functions);
}

}  // namespace cnode::actors
