#include "release/script_dependencies.hpp"

#include <algorithm>

namespace cnode::release {

bool script_dependencies::depends(term i) {
  return i.is_tuple() && i.arity() > 1 && (is(i[0], "update") || is(i[0], "load_module") || is(i[0], "add_module") || is(i[0], "delete_module"));
}

script_dependencies::script_dependencies(block& b, const terms& script) {
  const auto bad = [&b](const char* reason, term module, const char* text) {
    return refused(b, "systools_rc", make_tuple_of(b, atom(reason), module), text + text_of(module));
  };
  for (const term i : script) {
    if (!depends(i)) continue;
    if (index_of(i[1]) < nodes_.size()) throw bad("muldef_module", i[1], "two instructions for the module ");
    nodes_.push_back({i, {}, {}});
  }
  for (std::size_t n = 0; n < nodes_.size(); ++n) {
    const term i = nodes_[n].instruction;
    for (const term module : elements(i[i.arity() - 1])) {
      const auto needed = index_of(module);
      if (needed == nodes_.size()) throw bad("undef_module", module, "there is no instruction for a module that another one depends on: ");
      nodes_[n].needs.push_back(needed);
      nodes_[needed].needed_by.push_back(n);
    }
  }
}

std::size_t script_dependencies::index_of(term module) const {
  return static_cast<std::size_t>(std::find_if(nodes_.begin(), nodes_.end(), [&](const node& n) { return n.instruction[1].same(module); }) - nodes_.begin());
}

std::vector<bool> script_dependencies::reachable(std::size_t from, bool both_ways) const {
  std::vector<bool> seen(nodes_.size());
  std::vector<std::size_t> open{from};
  seen[from] = true;
  while (!open.empty()) {
    const auto& n = nodes_[open.back()];
    open.pop_back();
    const auto visit = [&](const std::vector<std::size_t>& others) {
      for (const auto o : others)
        if (!seen[o]) seen[o] = true, open.push_back(o);
    };
    visit(n.needs);
    if (both_ways) visit(n.needed_by);
  }
  return seen;
}

terms script_dependencies::group_of(term module) const {
  const auto connected = reachable(index_of(module), true);
  std::vector<std::size_t> waiting;
  std::vector<std::vector<bool>> reach(nodes_.size());
  for (std::size_t n = 0; n < nodes_.size(); ++n)
    if (connected[n]) waiting.push_back(n), reach[n] = reachable(n, false);
  terms out;
  while (!waiting.empty()) {
    // The first that nobody waiting needs, unless it is needed in return; then its whole circle.
    const auto first = *std::find_if(waiting.begin(), waiting.end(), [&](std::size_t n) {
      return std::none_of(waiting.begin(), waiting.end(), [&](std::size_t m) { return reach[m][n] && !reach[n][m]; });
    });
    std::erase_if(waiting, [&](std::size_t n) {
      const bool circle = reach[first][n] && reach[n][first];
      if (circle) out.push_back(nodes_[n].instruction);
      return circle;
    });
  }
  return out;
}

}  // namespace cnode::release
