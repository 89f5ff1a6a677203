#include "code/native_objects.hpp"

#include <atomic>
#include <cstring>
#include <utility>
#include <vector>

#include <cnode/actors/process.hpp>

#include "code/code_impl.hpp"

namespace cnode::actors {

// `ops` and `version` change together, when a newer version adopts the object.
struct hosted_object : native_object {
  void* object = nullptr;
  const cnode_native_ops* ops = nullptr;
  module_version* version = nullptr;  // retained; null for the node's own objects
  std::mutex lock;
  // The list of its version, under that version's natives_lock, which is taken after `lock`.
  hosted_object *previous = nullptr, *next = nullptr;
};

namespace {

void link(hosted_object* h) {
  if (!h->version) return;
  auto& f = code_server_impl::file(*h->version);
  std::lock_guard guard{f.natives_lock};
  h->previous = nullptr;
  h->next = f.natives;
  if (h->next) h->next->previous = h;
  f.natives = h;
}

void unlink(hosted_object* h, module_version* from) {
  if (!from) return;
  auto& f = code_server_impl::file(*from);
  std::lock_guard guard{f.natives_lock};
  (h->previous ? h->previous->next : f.natives) = h->next;
  if (h->next) h->next->previous = h->previous;
}

void release_hosted(native_object* n) noexcept {
  auto* h = static_cast<hosted_object*>(n);
  unlink(h, h->version);
  if (h->ops && h->ops->destroy) h->ops->destroy(h->object);
  auto* v = h->version;
  delete h;
  if (v) v->release();
}

hosted_object* hosted(term t) {
  if (!t.is_native()) return nullptr;
  auto* n = reinterpret_cast<native_object*>(t.box()[2]);
  return n->release == release_hosted ? static_cast<hosted_object*>(n) : nullptr;
}

}  // namespace

term make_native_object(cnode_env* env, void* object, const cnode_native_ops* ops) {
  auto* h = new hosted_object;
  h->release = release_hosted;
  h->refs = 0;  // the term takes the first reference
  h->object = object;
  h->ops = ops;
  h->version = code_server_impl::of(self(env).node().code()).version_at(ops);
  const auto t = make_native(heap_of(env), h);
  link(h);
  return t;
}

void* native_object_of(term native, const cnode_native_ops** ops) {
  auto* h = hosted(native);
  if (!h) {
    if (ops) *ops = nullptr;
    return nullptr;
  }
  std::lock_guard guard{h->lock};
  if (ops) *ops = h->ops;
  return h->object;
}

term native_object_to_term(cnode_env* env, term native) {
  auto* h = hosted(native);
  if (!h) return raise_badarg(env);
  const cnode_native_ops* ops;
  module_version* v;
  {
    std::lock_guard guard{h->lock};
    ops = h->ops;
    v = h->version;
    if (v) v->retain();
  }
  cnode_env own{};
  own.heap = env->heap;
  own.process = env->process;
  own.flags = __atomic_load_n(&env->flags, __ATOMIC_RELAXED) & CNODE_ENV_SHOW ? CNODE_ENV_SHOW : CNODE_ENV_STATE;
  const auto t = ops->to_term ? term{ops->to_term(&own, h->object)} : make_binary(heap_of(env), ops->type ? ops->type : "native");
  if (!t) {
    env->outcome = own.outcome;
    env->error_class = own.error_class;
    env->reason = own.reason;
    env->stacktrace = own.stacktrace;
  }
  if (v) v->release();
  return t;
}

const char* native_type_of(term native) {
  const cnode_native_ops* ops = nullptr;
  native_object_of(native, &ops);
  return ops && ops->type ? ops->type : "native";
}

module_version* native_owner(term native) {
  auto* h = hosted(native);
  if (!h) return nullptr;
  std::lock_guard guard{h->lock};
  return h->version;
}

namespace {

bool adopt(hosted_object* h, module_version* to, const cnode_native_ops* ops) {
  module_version* before;
  {
    std::lock_guard guard{h->lock};
    if (h->ops == ops) return true;
    if (!h->ops->layout || h->ops->layout != ops->layout) return false;
    before = h->version;
    if (to) to->retain();
    unlink(h, before);
    h->version = to;
    h->ops = ops;
    link(h);
  }
  if (before) before->release();
  return true;
}

bool adopt_by_layout(hosted_object* h, module_version& to) {
  const cnode_native_ops* ops;
  {
    std::lock_guard guard{h->lock};
    ops = h->ops;
  }
  if (!ops || !ops->layout || !to.description() || !to.description()->natives) return false;
  for (auto* t = *to.description()->natives; t; t = t->next)
    if (t->ops->layout == ops->layout && std::strcmp(t->ops->type, ops->type) == 0) return adopt(h, &to, t->ops);
  return false;
}

}  // namespace

bool adopt_native(term native, module_version* to, const cnode_native_ops* ops) {
  auto* h = hosted(native);
  return h && ops && adopt(h, to, ops);
}

bool replace_native(term native, module_version* to, void* object, const cnode_native_ops* ops) {
  auto* h = hosted(native);
  if (!h || !ops) return false;
  if (to) to->retain();
  {
    std::lock_guard guard{h->lock};
    unlink(h, h->version);
    std::swap(h->object, object);
    std::swap(h->ops, ops);
    std::swap(h->version, to);
    link(h);
  }
  if (ops->destroy) ops->destroy(object);
  if (to) to->release();
  return true;
}

bool adopt_by_layout(term native, module_version& to) {
  auto* h = hosted(native);
  return h && adopt_by_layout(h, to);
}

void adopt_all_by_layout(module_version& from, module_version& to) {
  std::vector<hosted_object*> objects;
  {
    auto& f = code_server_impl::file(from);
    std::lock_guard guard{f.natives_lock};
    for (auto* h = f.natives; h; h = h->next) {
      // One whose last reference is just going waits for this lock, to leave the list.
      std::atomic_ref<std::uint32_t> refs{h->refs};
      auto n = refs.load(std::memory_order_relaxed);
      while (n != 0 && !refs.compare_exchange_weak(n, n + 1, std::memory_order_acq_rel)) {
      }
      if (n != 0) objects.push_back(h);
    }
  }
  for (auto* h : objects) {
    adopt_by_layout(h, to);
    if (std::atomic_ref<std::uint32_t>{h->refs}.fetch_sub(1, std::memory_order_acq_rel) == 1) h->release(h);
  }
}

}  // namespace cnode::actors
