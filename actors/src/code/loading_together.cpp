// code:atomic_load/1, prepare_loading/1 and finish_loading/1: several modules become current at once, or none of them.
#include <utility>

#include "code/code_impl.hpp"

namespace cnode::actors {

std::vector<code_server_impl::candidate_ptr> code_server_impl::prepare_all(std::vector<wanted_module> modules, module_errors& errors) {
  std::vector<candidate_ptr> good;
  module_errors parts_of_node;
  for (auto& m : modules) {
    if (m.from_path && is_part_of_node(m.module)) {
      parts_of_node.emplace_back(m.module, atom("sticky_directory"));
      continue;
    }
    auto c = std::make_shared<candidate>();
    c->module = m.module;
    c->purge_first = true;  // whether there is room for it is asked when all are ready
    c->done = [&errors, module = m.module](const load_result& r) { errors.emplace_back(module, r.error); };
    if (m.from_path) {
      c->path = find_on_path(m.module);
      if (c->path.empty()) {
        c->done({false, m.module, atom("nofile"), {}});
        continue;
      }
      if (!read_candidate(*c)) continue;
    } else {
      c->path = std::move(m.file);
      c->file.bytes = std::move(m.bytes);
    }
    bool opened = false;
    try {
      opened = prepare(*c);
    } catch (const std::bad_alloc&) {
      refuse(*c, "badfile", c->path + ": no memory to load it");
    }
    c->done = nullptr;
    if (opened) good.push_back(std::move(c));
  }
  if (errors.empty())
    for (const auto& c : good)
      if (c->version->description()->on_load) errors.emplace_back(c->module, atom("on_load_not_allowed"));
  if (errors.empty()) errors = parts_of_node;  // on BEAM that is found out last
  if (errors.empty()) return good;
  return {};
}

code_server_impl::module_errors code_server_impl::finish_all(std::vector<candidate_ptr> prepared_modules) {
  module_errors pending, stuck_on, old;
  for (const auto& c : prepared_modules)
    if (on_loads.contains(c->module.word())) pending.emplace_back(c->module, atom("pending_on_load"));
  if (!pending.empty()) return pending;
  std::lock_guard guard{table_lock};
  for (const auto& c : prepared_modules) {
    auto* slot = slot_of(c->module);
    auto* current = slot ? slot->current.load(std::memory_order_relaxed) : nullptr;
    if (current && (current->builtin() || sticky.contains(c->module.word()))) stuck_on.emplace_back(c->module, atom("sticky_directory"));
    else if (current && slot->old) old.emplace_back(c->module, atom("not_purged"));
  }
  if (!stuck_on.empty()) return stuck_on;
  if (!old.empty()) return old;
  for (const auto& c : prepared_modules) {
    auto& slot = make_slot(c->module);
    if (auto* current = slot.current.load(std::memory_order_relaxed)) slot.old = current;
    slot.current.store(std::exchange(c->version, nullptr), std::memory_order_release);
  }
  return {};
}

}  // namespace cnode::actors
