// The state of a service that is a callback module under gen_server: a C++ object inside a term, shown as the term that OTP keeps.
#pragma once

#include "call.hpp"

namespace cnode::services {

// T has `static constexpr const char* type` and `term record(block&) const`. The term owns the object.
template <class T>
struct native_state {
  static const cnode_native_ops& ops() {
    static const cnode_native_ops o = [] {
      cnode_native_ops n{};
      n.type = T::type;
      n.to_term = [](cnode_env* env, const void* object) { return static_cast<const T*>(object)->record(actors::heap_of(env)).word(); };
      n.destroy = [](void* object) { delete static_cast<T*>(object); };
      return n;
    }();
    return o;
  }
  static term make(cnode_env* env, std::unique_ptr<T> object) { return term{actors::host_functions().make_native(env, object.release(), &ops())}; }
  // Null: the term is something else.
  static T* in(term t) {
    const cnode_native_ops* found = nullptr;
    void* object = t.is_native() ? actors::host_functions().native_object(t.word(), &found) : nullptr;
    return found == &ops() ? static_cast<T*>(object) : nullptr;
  }
};

}  // namespace cnode::services
