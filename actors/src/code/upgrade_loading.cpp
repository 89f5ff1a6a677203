// Versions for an upgrade: opened before the point of no return, made current at their `load`, put back when something fails after it.
#include <cnode/actors/upgrade.hpp>

#include <algorithm>
#include <utility>

#include "code/code_impl.hpp"
#include "code/code_path.hpp"

namespace cnode::actors {

class prepared_version {
 public:
  code_server_impl::candidate_ptr candidate;
};

namespace {

// beam_lib:version/1 as release_handler_1:get_vsn/1 takes it: a string as it is, else the only element, else the list.
term vsn_in(block& b, const module_version& v) {
  const auto& attributes = code_server_impl::file(v).attributes;
  for (term l = attributes ? attributes->root : nil; l.is_cons(); l = l.tail()) {
    const term a = l.head();
    if (!a.is_tuple(2) || !a[0].same(atom("vsn"))) continue;
    bool string = a[1].is_cons();  // misc_supp:is_string/1
    std::size_t n = 0;
    for (term e = a[1]; e.is_cons(); e = e.tail(), ++n) string = string && e.head().is_small() && e.head().small() >= ' ' && e.head().small() <= 255;
    return copy(b, !string && n == 1 ? a[1].head() : a[1]);
  }
  return atom("undefined");
}

}  // namespace

held_version hold_current(code_server& code, term module) {
  auto* v = code_server_impl::of(code).retain_current(module);
  return held_version{v && v->builtin() ? nullptr : v};
}

term vsn_of(block& b, const held_version& v) { return v ? vsn_in(b, *v.get()) : atom("undefined"); }
term vsn_of(block& b, const prepared_version& v) { return vsn_in(b, *v.candidate->version); }

void prepare_version(code_server& code, term module, std::string file, std::string bytes, prepare_done done) {
  auto c = std::make_shared<code_server_impl::candidate>();
  c->module = module;
  c->path = std::move(file);
  c->file.bytes = std::move(bytes);
  c->purge_first = true;
  auto& impl = code_server_impl::of(code);
  impl.post([&impl, c, done = std::move(done)] {
    load_result failure;
    c->done = [&](const load_result& r) { failure = r; };
    bool opened = false;
    try {
      opened = impl.prepare(*c);
    } catch (const std::bad_alloc&) {
      impl.refuse(*c, "badfile", c->path + ": no memory to load it");
    }
    c->done = nullptr;
    if (!opened) return done(nullptr, failure);
    auto out = std::make_shared<prepared_version>();
    out->candidate = c;
    done(std::move(out), {true, c->module, {}, {}});
  }, code_server_impl::urgency::may_pass_unloads);
}

void load_prepared(code_server& code, const prepared_version_ptr& v, load_done done) {
  auto& impl = code_server_impl::of(code);
  auto c = v->candidate;
  auto load = [&impl, c] {
    impl.purge_now(c->module, false);
    if (!impl.may_enter(*c)) return;  // the version goes with the candidate
    if (c->version->description()->on_load) return impl.run_on_load(c);
    impl.publish(c);
  };
  impl.post([&impl, c, load, done = std::move(done)] {
    c->done = done;
    if (!impl.wait_for_on_load(c->module, {}, c->done, load)) load();
  }, code_server_impl::urgency::may_pass_unloads);
}

void put_back(code_server& code, term module, const held_version& v, std::function<void()> done) {
  auto& impl = code_server_impl::of(code);
  auto* wanted = v.get();
  if (wanted) wanted->retain();
  impl.post([&impl, module, wanted, done = std::move(done)] {
    module_version* surplus = wanted;  // the reference that is not the table's in the end
    {
      std::lock_guard guard{impl.table_lock};
      auto& slot = impl.make_slot(module);
      auto* current = slot.current.load(std::memory_order_relaxed);
      if (current != wanted) {
        surplus = slot.old;  // of `wanted` itself when it is there: one of two references
        slot.old = current;
        slot.current.store(wanted, std::memory_order_release);
      }
    }
    if (surplus) surplus->release();
    impl.purge_now(module, false);
    done();
  });
}

old_code users_of_old_code(code_server& code, term module) {
  auto& impl = code_server_impl::of(code);
  module_version* v;
  {
    std::lock_guard guard{impl.table_lock};
    auto* slot = impl.slot_of(module);
    v = slot ? slot->old : nullptr;
    if (v) v->retain();
  }
  if (!v) return old_code::none;
  const bool used = !impl.users_of(*v).empty();
  v->release();
  return used ? old_code::used : old_code::unused;
}

bool replace_path(code_server& code, const std::string& application, const std::string& name) {
  const auto dir = joined(name);
  if (!is_directory(dir)) return false;
  auto& impl = code_server_impl::of(code);
  std::lock_guard guard{impl.path_lock};
  const auto i = std::find_if(impl.path.begin(), impl.path.end(), [&](const std::string& d) { return application_of(d) == application; });
  if (i == impl.path.end()) impl.path.push_back(dir);
  else *i = dir;
  return true;
}

void set_path(code_server& code, std::vector<std::string> path) {
  auto& impl = code_server_impl::of(code);
  std::lock_guard guard{impl.path_lock};
  impl.path = std::move(path);
}

}  // namespace cnode::actors
