// code: atomic_load/1, prepare_loading/1, finish_loading/1 and ensure_modules_loaded/1, which take lists of modules.
#include <algorithm>

#include <cnode/protocol/term_order.hpp>

#include "code/code_arguments.hpp"

namespace cnode::actors {

namespace {

using wanted_module = code_server_impl::wanted_module;
using module_errors = code_server_impl::module_errors;

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
task<term> with_prepared(call_context& cx, term list, Then then) {
  if (!list.is_list()) throw_function_clause_in(cx.heap(), "partition_load", make_list_of(cx.heap(), list, nil, nil));
  check_remote_code(cx.env());
  std::vector<wanted_module> modules;
  if (!wanted_modules(list, modules)) throw_error(names().function_clause);
  return on_loader(cx, [&impl = impl_of(cx), modules, then](block& b) {
    auto errors = duplicates(modules);
    if (!errors.empty()) return error_list(b, errors);
    auto prepared = impl.prepare_all(modules, errors);
    return errors.empty() ? then(impl, b, std::move(prepared)) : error_list(b, errors);
  });
}

task<term> atomic_load(call_context& cx, term modules) {
  return with_prepared(cx, modules, [](code_server_impl& impl, block& b, auto prepared) {
    const auto errors = impl.finish_all(std::move(prepared));
    return errors.empty() ? atom("ok") : error_list(b, errors);
  });
}

// {ok, {'$prepared$', [{Module, {Reference, File, undefined}}]}}
task<term> prepare_loading(call_context& cx, term modules) {
  return with_prepared(cx, modules, [](code_server_impl& impl, block& b, auto prepared) {
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

task<term> finish_loading(call_context& cx, term prepared) {
  if (!prepared.is_tuple(2) || !prepared[0].same(atom("$prepared$")) || list_length(prepared[1]) < 0) throw_error(names().function_clause);
  check_remote_code(cx.env());
  std::shared_ptr<block> kept{copy_to_block(prepared[1]).release(), block_deleter{}};
  const std::function<term(block&)> work = [&impl = impl_of(cx), kept](block& b) {
    std::vector<code_server_impl::candidate_ptr> modules;
    if (!take_prepared(impl, kept->root, modules)) return nil;
    for (const auto& m : modules) std::erase_if(impl.prepared, [&](const auto& p) { return p.candidate == m; });
    const auto errors = impl.finish_all(modules);
    return errors.empty() ? atom("ok") : error_list(b, errors);
  };
  const term result = co_await on_loader(cx, work);
  if (result.is_nil()) throw_error(names().function_clause);
  co_return result;
}

// One module after the other; what failed is collected as [{Module, What}]. As on BEAM these are loaded in embedded mode as well.
task<term> ensure_modules_loaded(call_context& cx, term list) {
  if (list_length(list) < 0) throw_error(names().function_clause);
  std::vector<term> modules;
  for (; list.is_cons(); list = list.tail()) {
    must_be_atom(list.head());
    if (!code_of(cx).is_loaded(list.head())) modules.push_back(list.head());
  }
  std::sort(modules.begin(), modules.end(), [](term a, term b) { return compare(a, b) < 0; });
  modules.erase(std::unique(modules.begin(), modules.end(), [](term a, term b) { return a.same(b); }), modules.end());
  term failed = nil;
  for (const term module : modules) {
    const std::function<void(answer_to)> start = [&](const answer_to& answer) {
      code_of(cx).load_missing(module, tell(answer), cx.self().pid());
    };
    const term result = co_await answered(cx, start);
    if (!result[0].same(names().module)) failed = make_cons(cx.heap(), make_tuple_of(cx.heap(), module, result[1]), failed);
  }
  co_return failed.is_nil() ? names().ok : make_tuple_of(cx.heap(), names().error, failed);
}

}  // namespace

void add_code_together_functions(code_server& code) {
  static constexpr builtin_function functions[] = {
      {"atomic_load", 1, waiting<atomic_load>}, {"prepare_loading", 1, waiting<prepare_loading>},
      {"finish_loading", 1, waiting<finish_loading>}, {"ensure_modules_loaded", 1, waiting<ensure_modules_loaded>}};
  code.add_builtin("code", functions);
}

}  // namespace cnode::actors
