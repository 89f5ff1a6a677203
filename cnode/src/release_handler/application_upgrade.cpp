// upgrade_app, downgrade_app and their parts: one application by its appup, without a release.
#include <filesystem>

#include <cnode/actors/applications.hpp>

#include "handler.hpp"
#include "release/relup.hpp"
#include "release/resources.hpp"
#include "release/script_translation.hpp"
#include "release/term_file.hpp"

namespace cnode::release_handler {

using release::is;
using release::is_tagged;

namespace {

std::string directory(session& s, term dir) { return s.below_root(release::text_of(dir)); }

// The version of a running application. Throws {app_not_running, App}.
routine<term> ensure_running(session& s, term app) {
  const auto a = co_await s.apply("application", "which_applications", nil);
  if (a.value)
    for (const term t : release::elements(a.value))
      if (t.is_tuple(3) && t[0].same(app)) co_return t[2];
  throw failure{s.tuple(atom("app_not_running"), app)};
}

routine<std::string> lib_dir(session& s, term app) {
  const term args = s.list(app);
  const auto a = co_await s.apply("code", "lib_dir", args);
  if (!a.value || !a.value.is_list()) throw failure{s.tuple(atom("app_not_running"), app)};
  co_return release::text_of(a.value);
}

struct appup {
  term vsn, script;
};
appup find_script(session& s, term app, const std::string& dir, term old_vsn, release::direction d) {
  auto& b = s.heap();
  const auto file = dir + "/ebin/" + std::string(atom_text(app)) + ".appup";
  auto read = release::read_terms(b, file);
  if (auto* problem = std::get_if<1>(&read)) {
    if (problem->missing) throw failure{atom("no_appup_found")};
    throw failure{problem->reason};
  }
  const auto& all = std::get<0>(read);
  if (all.size() != 1 || !all[0].is_tuple(3)) throw failure{s.tuple(atom("bad_appup_file"), s.text(file))};
  auto found = release::appup_search_for_version(b, old_vsn, all[0][d == release::direction::up ? 1 : 2]);
  if (!found) throw failure{found.error().reason};
  if (!*found) throw failure{s.tuple(atom("version_not_in_appup"), old_vsn)};
  return {all[0][0], **found};
}

release::application_resource read_app(session& s, term app, term vsn, const std::string& dir) {
  release::release_application wanted;
  wanted.name = app;
  wanted.vsn = vsn;
  wanted.type = atom("permanent");
  const std::vector<std::string> path{dir + "/ebin"};
  auto read = release::attempt([&] { return release::read_application(s.heap(), wanted, path); });
  if (read) return std::move(*read);
  const term reason = read.error().reason;
  if (!std::filesystem::exists(dir + "/ebin/" + std::string(atom_text(app)) + ".app")) throw failure{s.tuple(atom("no_app_found"), vsn, s.text(dir))};
  throw failure{is_tagged(reason, "error", 3) ? reason[2] : reason};
}

term translate(session& s, release::direction d, const appup& script, const release::application_resource& to, const release::application_resource& from) {
  auto translated = release::attempt([&] { return release::translate_scripts(s.heap(), d, {release::elements(script.script)}, {to}, {from}); });
  if (translated) return release::list_of(s.heap(), *translated);
  const term reason = translated.error().reason;
  throw failure{is_tagged(reason, "error", 3) ? reason[2] : reason};
}

}  // namespace

libraries libraries_of(term list) {
  libraries out;
  for (const term l : release::elements(list))
    if (l.is_tuple(3) && l[0].is_atom()) out.push_back({l[0], l[1], release::text_of(l[2])});
  return out;
}

term evaluation_term(block& b, const evaluation& e) {
  switch (e.how) {
    case evaluation::refused: return make_tuple_of(b, atom("error"), e.reason);
    case evaluation::failed: return make_tuple_of(b, atom("EXIT"), e.reason);
    case evaluation::restart_emulator: return atom("restart_emulator");
    case evaluation::restart_new_emulator: return make_tuple_of(b, atom("error"), atom("restart_new_emulator"));
    case evaluation::done: break;
  }
  terms unpurged;
  for (const auto& u : e.unpurged) unpurged.push_back(make_tuple_of(b, u.name, atom(u.soft ? "soft_purge" : "brutal_purge")));
  return make_tuple_of(b, atom("ok"), release::list_of(b, unpurged));
}

routine<term> upgrade_script(session& s, term app, term new_dir) {
  const term old_vsn = co_await ensure_running(s, app);
  const auto to = directory(s, new_dir), from = co_await lib_dir(s, app);
  const auto script = find_script(s, app, to, old_vsn, release::direction::up);
  const auto old_app = read_app(s, app, old_vsn, from), new_app = read_app(s, app, script.vsn, to);
  const term low = translate(s, release::direction::up, script, new_app, old_app);
  co_return s.tuple(atom("ok"), script.vsn, low);
}

routine<term> downgrade_script(session& s, term app, term old_vsn, term old_dir) {
  const term new_vsn = co_await ensure_running(s, app);
  const auto to = directory(s, old_dir), from = co_await lib_dir(s, app);
  const auto script = find_script(s, app, from, old_vsn, release::direction::down);
  const auto old_app = read_app(s, app, old_vsn, to), new_app = read_app(s, app, new_vsn, from);
  const term low = translate(s, release::direction::down, script, old_app, new_app);
  co_return s.tuple(atom("ok"), low);
}

routine<term> upgrade_app(session& s, term app, term dir) {
  const term script = co_await upgrade_script(s, app, dir);
  co_return co_await eval_appup_script(s, app, script[1], dir, script[2]);
}

routine<term> downgrade_app(session& s, term app, term vsn, term dir) {
  const term script = co_await downgrade_script(s, app, vsn, dir);
  co_return co_await eval_appup_script(s, app, vsn, dir, script[1]);
}

routine<term> eval_appup_script(session& s, term app, term vsn, term to_dir, term script) {
  const auto before = co_await s.apply("application_controller", "prep_config_change", nil);
  const auto dir = directory(s, to_dir);
  auto read = release::read_term(s.heap(), dir + "/ebin/" + std::string(atom_text(app)) + ".app");
  if (auto* problem = std::get_if<1>(&read)) throw failure{is_tagged(problem->reason, "open", 3) ? problem->reason[2] : problem->reason};
  const libraries to{{app, vsn, dir}};
  evaluator e(s, to, to, {});
  const auto r = co_await e.run(release::elements(script));
  if (r.how == evaluation::done) {
    const term data = s.list(s.list(std::get<0>(read)), nil);
    co_await s.apply("application_controller", "change_application_data", data);
    if (before.value) {
      const term environments = s.list(before.value);
      co_await s.apply("application_controller", "config_change", environments);
    }
  }
  co_return evaluation_term(s.heap(), r);
}

}  // namespace cnode::release_handler
