// application: the one application there is, and the environment (--config) of any.
#include "application.hpp"

#include <map>
#include <mutex>
#include <shared_mutex>

#include "modules.hpp"

namespace cnode::services {

struct environment::impl {
  mutable std::shared_mutex lock;
  std::map<std::pair<cnode_term, cnode_term>, kept> values;  // by the atoms' words
};

environment::environment() : impl_(std::make_unique<impl>()) {}
environment::~environment() = default;

kept environment::get(term application, term key) const {
  std::shared_lock guard(impl_->lock);
  const auto i = impl_->values.find({application.word(), key.word()});
  return i == impl_->values.end() ? kept{} : i->second;
}

void environment::set(term application, term key, kept value) {
  std::unique_lock guard(impl_->lock);
  if (value) impl_->values[{application.word(), key.word()}] = std::move(value);
  else impl_->values.erase({application.word(), key.word()});
}

std::vector<std::pair<term, kept>> environment::all(term application) const {
  std::shared_lock guard(impl_->lock);
  std::vector<std::pair<term, kept>> out;
  for (const auto& [name, value] : impl_->values)
    if (name.first == application.word()) out.emplace_back(term{name.second}, value);
  return out;
}

void environment::configure(term config) {
  for (term apps = config; apps.is_cons(); apps = apps.tail()) {
    const term app = apps.head();
    if (!app.is_tuple(2) || !app[0].is_atom()) continue;
    for (term l = app[1]; l.is_cons(); l = l.tail())
      if (l.head().is_tuple(2) && l.head()[0].is_atom()) set(app[0], l.head()[0], keep(l.head()[1]));
  }
}

namespace {

term description(call& c) { return c.tuple(atom("cnode"), c.text("An Erlang node in C++"), c.text(CNODE_VERSION)); }
term which_applications_0(call& c) { return c.list(description(c)); }
term no_such_application(call& c, term app) {
  if (!app.is_atom()) return c.tuple(atom("error"), c.tuple(atom("bad_application"), app));
  return c.tuple(atom("error"), c.tuple(c.text("no such file or directory"), c.text(std::string(atom_text(app)) + ".app")));
}
term start_1(call& c) {
  return is(c[0], "cnode") ? c.tuple(atom("error"), c.tuple(atom("already_started"), c[0])) : no_such_application(c, c[0]);
}
term load_1(call& c) {
  return is(c[0], "cnode") ? c.tuple(atom("error"), c.tuple(atom("already_loaded"), c[0])) : no_such_application(c, c[0]);
}
term ensure_all_started_1(call& c) {
  if (is(c[0], "cnode")) return c.tuple(ok(), nil);
  return c.tuple(atom("error"), c.tuple(c[0], no_such_application(c, c[0])[1]));
}
term ensure_started_1(call& c) { return is(c[0], "cnode") ? ok() : no_such_application(c, c[0]); }
term stop_application(call& c) { return c.tuple(atom("error"), c.tuple(atom("not_started"), c[0])); }

term get_env_2(call& c) {
  const auto v = environment_of(c.node()).get(c[0], c[1]);
  return v ? c.tuple(ok(), copy(c.heap(), get(v))) : undefined();
}
term get_env_3(call& c) {
  const auto v = environment_of(c.node()).get(c[0], c[1]);
  return v ? copy(c.heap(), get(v)) : c[2];
}
term get_all_env_1(call& c) {
  std::vector<term> out;
  for (const auto& [key, value] : environment_of(c.node()).all(c[0])) out.push_back(c.tuple(key, copy(c.heap(), get(value))));
  return make_list(c.heap(), out.data(), out.size());
}
term set_env_3(call& c) {
  if (!c[0].is_atom() || !c[1].is_atom()) return c.function_clause();
  environment_of(c.node()).set(c[0], c[1], keep(c[2]));
  return ok();
}
term unset_env_2(call& c) {
  environment_of(c.node()).set(c[0], c[1], {});
  return ok();
}
term get_key_2(call& c) {
  if (!is(c[0], "cnode")) return undefined();
  if (is(c[1], "vsn")) return c.tuple(ok(), c.text(CNODE_VERSION));
  return is(c[1], "description") ? c.tuple(ok(), c.text("An Erlang node in C++")) : undefined();
}

constexpr actors::builtin_function application_table[] = {
    {"which_applications", 0, bif<which_applications_0>}, {"which_applications", 1, bif<which_applications_0>}, {"loaded_applications", 0, bif<which_applications_0>},
    {"start", 1, bif<start_1>}, {"start", 2, bif<start_1>}, {"load", 1, bif<load_1>}, {"ensure_all_started", 1, bif<ensure_all_started_1>},
    {"ensure_all_started", 2, bif<ensure_all_started_1>}, {"ensure_started", 1, bif<ensure_started_1>}, {"ensure_started", 2, bif<ensure_started_1>},
    {"stop", 1, bif<stop_application>}, {"get_env", 2, bif<get_env_2>}, {"get_env", 3, bif<get_env_3>}, {"get_all_env", 1, bif<get_all_env_1>},
    {"set_env", 3, bif<set_env_3>}, {"set_env", 4, bif<set_env_3>}, {"unset_env", 2, bif<unset_env_2>}, {"get_key", 2, bif<get_key_2>},
};

}  // namespace

void add_application_functions(actors::code_server& code) { code.add_builtin("application", application_table); }

}  // namespace cnode::services
