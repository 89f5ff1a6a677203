// cnode:unloads/0: what of purged code is still there, and why.
#include <cnode/protocol/block.hpp>

#include "code/code_arguments.hpp"
#include "runtime_impl.hpp"

namespace cnode::actors {

namespace {

term map_of(block& b, std::initializer_list<std::pair<const char*, term>> entries) {
  std::vector<term> keys, values;
  for (const auto& [key, value] : entries) {
    keys.push_back(atom(key));
    values.push_back(value);
  }
  return make_map(b, keys.data(), values.data(), keys.size());
}

// Loader thread: nothing comes or goes meanwhile.
term mapped_versions(code_server_impl& impl, block& b) {
  auto list = nil;
  std::vector<module_version*> all;
  {
    std::lock_guard guard{impl.versions_lock};
    for (auto& v : impl.versions) all.push_back(&v);
  }
  for (auto* v : all) {
    if (v->builtin() || !code_server_impl::mapped(*v)) continue;
    const char* state = "purged";
    {
      std::lock_guard guard{impl.table_lock};
      const auto* slot = impl.slot_of(v->name());
      if (slot && slot->current.load() == v) state = "current";
      else if (slot && slot->old == v) state = "old";
    }
    const auto& f = code_server_impl::file(*v);
    list = make_cons(b,
                     map_of(b, {{"module", v->name()},
                                {"vsn", make_binary(b, code_server_impl::vsn_of_version(*v))},
                                {"state", atom(state)},
                                {"references", small(code_server_impl::references(*v))},
                                {"file", make_charlist(b, f.path)},
                                {"copy", make_charlist(b, f.private_path)}}),
                     list);
  }
  return list;
}

term threads_of(runtime& node, block& b) {
  auto list = nil;
  for (const auto& t : runtime_access::of(node).threads.list())
    list = make_cons(b,
                     map_of(b, {{"thread", build_ref(b, t.number)},
                                {"name", make_binary(b, t.name)},
                                {"module", t.module ? t.module : a().undefined},
                                {"owner", t.owner},
                                {"stopping", t.stopping ? a().true_ : a().false_}}),
                     list);
  return list;
}

task<term> unloads(call_context& cx) {
  return on_loader(cx, [&impl = impl_of(cx)](block& b) {
    const auto n = impl.server.unloads();
    return map_of(b, {{"unmapped", small(static_cast<std::int64_t>(n.unmapped))},
                      {"stuck", small(static_cast<std::int64_t>(n.stuck))},
                      {"lingering", small(static_cast<std::int64_t>(n.lingering))},
                      {"mapped", mapped_versions(impl, b)},
                      {"threads", threads_of(impl.node, b)}});
  });
}

}  // namespace

void add_unload_module(code_server& code) {
  static constexpr builtin_function functions[] = {{"unloads", 0, waiting<unloads>}};
  code.add_builtin("cnode", functions);
}

}  // namespace cnode::actors
