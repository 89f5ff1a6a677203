// The environment and the specifications change while applications run: prep_config_change, change_application_data, config_change.
#include <algorithm>

#include <cnode/actors/reports.hpp>

#include "../otp_atoms.hpp"
#include "application_process.hpp"
#include "application_spec.hpp"
#include "sys_config.hpp"

namespace cnode::actors {

term environments_before(call_context& cx, const controller_state& s) {
  auto& b = cx.heap();
  std::vector<term> list;
  for (const auto& r : s.running) list.push_back(make_tuple_of(b, r.name, s.table->all_env(b, r.name)));
  return make_list(b, list.data(), list.size());
}

namespace {

struct difference {
  std::vector<term> changed, fresh, removed;
  bool empty() const { return changed.empty() && fresh.empty() && removed.empty(); }
};

// Both sorted by key.
difference compare_environments(term now, term before) {
  difference d;
  for (term l = now; l.is_cons(); l = l.tail()) {
    const term old = key_value(before, l.head()[0], term{});
    if (!old) d.fresh.insert(d.fresh.begin(), l.head());
    else if (!exactly_equal(old, l.head()[1])) d.changed.insert(d.changed.begin(), l.head());
  }
  for (term l = before; l.is_cons(); l = l.tail())
    if (l.head().is_tuple(2) && !key_value(now, l.head()[0], term{})) d.removed.insert(d.removed.begin(), l.head()[0]);
  return d;
}

term list_of(block& b, const std::vector<term>& v) { return make_list(b, v.data(), v.size()); }

// Whether `catch M:F(...)` said that the function is not there.
bool is_undefined(term result) {
  const auto& n = names();
  return result.is_tuple(2) && result[0].same(n.EXIT) && result[1].is_tuple(2) && result[1][0].same(n.undef);
}

// do_config_change/2 for one application: none when all is well, else the reason.
task<term> tell(call_context& cx, controller_state& s, term app, const difference& d) {
  const auto& n = names();
  const auto loaded = s.table->loaded(app);
  if (!loaded) co_return make_tuple_of(cx.heap(), atom("application_not_found"), app);
  if (loaded->mod().is_nil()) co_return make_tuple_of(cx.heap(), atom("module_not_defined"), app);
  auto& b = cx.heap();
  const term args = make_list_of(b, list_of(b, d.changed), list_of(b, d.fresh), list_of(b, d.removed));
  const term result = co_await catch_call(cx, loaded->mod()[0], atom("config_change"), args);
  if (result.same(n.ok) || is_undefined(result)) co_return term{};
  co_return result.is_tuple(2) && result[0].same(n.error) ? result[1] : result;
}

}  // namespace

task<term> config_change(call_context& cx, controller_state& s, term before) {
  term errors = nil;
  const auto running = s.running;
  for (const auto& r : running) {
    const term now = s.table->all_env(cx.heap(), r.name);
    const difference d = compare_environments(now, key_value(before, r.name, nil));
    if (d.empty()) continue;
    if (const term wrong = co_await tell(cx, s, r.name, d)) errors = make_cons(cx.heap(), wrong, errors);
  }
  co_return errors.is_nil() ? names().ok : make_tuple_of(cx.heap(), names().error, errors);
}

task<term> change_application_data(call_context& cx, controller_state& s, term applications, term config) {
  auto& b = cx.heap();
  std::vector<config_mistake> mistakes;
  const term whole = include_config_files(b, config, {}, mistakes);
  for (const auto& m : mistakes)
    reports::error_text(cx.self(), "~ts: ~ts~n", make_list_of(b, make_charlist(b, m.file), make_charlist(b, m.text)), "application_controller",
                        "do_change_apps", 3);
  // All are checked before one changes.
  std::vector<new_application> changed;
  for (const auto& old : s.table->all_loaded())
    for (term l = applications; l.is_cons(); l = l.tail())
      if (l.head().is_tuple(3) && l.head()[0].same(atom("application")) && exactly_equal(l.head()[1], old->name)) {
        new_application fresh = make_application(b, l.head());
        fresh.env = merge_app_env(b, fresh.env, key_value(whole, old->name, nil));
        changed.push_back(std::move(fresh));
        break;
      }
  for (auto& fresh : changed) {
    const term name = fresh.app->name;
    s.table->delete_env(name);
    add_env(*s.table, name, fresh.env);
    s.table->insert(std::move(fresh.app));
  }
  s.config = owned_term(whole);
  co_return names().ok;
}

}  // namespace cnode::actors
