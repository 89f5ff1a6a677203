// module_info/0,1 and __info__/1: what every module answers about itself without writing it.
#include <algorithm>
#include <string>
#include <vector>

#include <cnode/actors/process.hpp>
#include <cnode/protocol/term_text.hpp>

#include "code/code_impl.hpp"

namespace cnode::actors {

namespace {

// Retained by who calls; read before anything else happens on the thread.
thread_local module_version* called_in = nullptr;

bool hidden(const export_index::entry& e, bool info) {
  return info && ((e.flags & generated_export) || atom_text(e.name) == "module_info");
}

// Sorted by name and arity, as Elixir's __info__(:functions); module_info keeps the order of the table.
term functions(block& b, module_version& v, bool info) {
  auto entries = code_server_impl::file(v).exports.in_order();
  std::erase_if(entries, [&](const auto& e) { return hidden(e, info); });
  if (info)
    std::sort(entries.begin(), entries.end(), [](const auto& x, const auto& y) {
      const auto a = atom_text(x.name), c = atom_text(y.name);
      return a != c ? a < c : x.arity < y.arity;
    });
  std::vector<term> list;
  for (const auto& e : entries) list.push_back(make_tuple_of(b, e.name, small(e.arity)));
  return make_list(b, list.data(), list.size());
}

term kept(block& b, const block_ptr& p) { return p ? copy(b, p->root) : nil; }

term md5_of(block& b, module_version& v) {
  return make_binary(b, {reinterpret_cast<const char*>(code_server_impl::file(v).digest), 16});
}

term item(block& b, module_version& v, std::string_view key, bool info) {
  auto& f = code_server_impl::file(v);
  if (key == "module") return v.name();
  if (key == "exports" && !info) return functions(b, v, false);
  if (key == "functions") return functions(b, v, info);
  if (key == "attributes") return kept(b, f.attributes);
  if (key == "compile") return kept(b, f.compile);
  if (key == "md5") return md5_of(b, v);
  if (key == "native" && !info) return atom("false");  // as BEAM: not compiled by HiPE
  if (key == "nifs" && !info) return nil;
  if (key == "macros" && info) return nil;
  if (key == "deprecated" && info) return nil;
  if (key == "struct" && info) return atom("nil");
  return {};
}

cnode_term module_info_0(cnode_env* env, const cnode_term*) { return module_info_list(heap_of(env), *called_in).word(); }

cnode_term answer_item(cnode_env* env, term key, bool info) {
  auto& v = *called_in;
  auto& b = heap_of(env);
  const auto t = key.is_atom() ? item(b, v, atom_text(key), info) : term{};
  if (t) return t.word();
  if (info) return raise(env, atom("error"), atom("function_clause")).word();
  // M:module_info(Key) is erlang:get_module_info(M, Key).
  raise_badarg(env);
  env->stacktrace = make_list_of(b, make_tuple_of(b, atom("erlang"), atom("get_module_info"), make_list_of(b, v.name(), key), nil)).word();
  return CNODE_NONE;
}

cnode_term module_info_1(cnode_env* env, const cnode_term* args) { return answer_item(env, term{args[0]}, false); }
cnode_term info_1(cnode_env* env, const cnode_term* args) { return answer_item(env, term{args[0]}, true); }

}  // namespace

term module_info_item(block& b, module_version& v, term key) { return key.is_atom() ? item(b, v, atom_text(key), false) : term{}; }

term module_info_list(block& b, module_version& v) {
  std::vector<term> items;
  for (const auto* key : {"module", "exports", "attributes", "compile", "md5"})
    items.push_back(make_tuple_of(b, atom(key), item(b, v, key, false)));
  return make_list(b, items.data(), items.size());
}

void set_generated_for(module_version* v) { called_in = v; }

void add_generated_exports(export_index& index, std::string_view module_name) {
  if (module_name.starts_with("Elixir.")) index.add(atom("__info__"), 1, generated_export, info_1);
  index.add(atom("module_info"), 0, generated_export, module_info_0);
  index.add(atom("module_info"), 1, generated_export, module_info_1);
}

}  // namespace cnode::actors
