// The native types this module knows, and the search for an object's type when no clause takes it. native.hpp and export.hpp share it.
#pragma once

#include <cstring>

#include <cnode/host.hpp>

namespace cnode {
inline namespace module_api {
namespace detail {

// Filled while the file is being loaded, read by the host as cnode_module::natives.
inline constinit const cnode_native_type* known_natives = nullptr;

inline bool same_type(const cnode_native_ops& a, const cnode_native_ops& b) {
  return a.layout == b.layout && std::strcmp(a.type, b.type) == 0;
}
// One of this module's types, owned by this version or of the same layout and name?
inline const cnode_native_ops* known_as(const cnode_native_ops& ops) {
  for (auto* t = known_natives; t != nullptr; t = t->next)
    if (t->ops == &ops || (ops.layout != 0 && same_type(*t->ops, ops))) return t->ops;
  return nullptr;
}
inline bool knows_name(const char* type) {
  for (auto* t = known_natives; t != nullptr; t = t->next)
    if (std::strcmp(t->ops->type, type) == 0) return true;
  return false;
}

class native_search;
inline constinit thread_local native_search* native_search_here = nullptr;
// Not inlined, as env_slot().
[[gnu::noinline]] inline native_search*& natives_wanted() noexcept { return native_search_here; }

// While one lives, parameters also take objects that this version knows as another type, and tell which of them did not convert.
class native_search {
 public:
  native_search() noexcept { natives_wanted() = this; }
  ~native_search() { natives_wanted() = nullptr; }
  native_search(const native_search&) = delete;
  native_search& operator=(const native_search&) = delete;
  void misfit(cnode_term native) { misfit_ = native; }
  cnode_term misfit() const { return misfit_; }

 private:
  cnode_term misfit_ = CNODE_NONE;
};

}  // namespace detail
}  // namespace module_api
}  // namespace cnode
