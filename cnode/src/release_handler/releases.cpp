#include "releases.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <set>

#include "release/archive.hpp"
#include "release/term_file.hpp"

namespace cnode::release_handler {

namespace fs = std::filesystem;
using release::installed_release;
using release::is;
using release::text_of;

namespace {

bool is_file(const std::string& file, bool folder) {
  struct stat s{};
  return ::stat(file.c_str(), &s) == 0 && (folder ? S_ISDIR(s.st_mode) : S_ISREG(s.st_mode));
}

bool same(term a, term b) { return exactly_equal(a, b); }

installed_release* find_in(release_list& all, term vsn) {
  for (auto& r : all)
    if (same(r.vsn, vsn)) return &r;
  return nullptr;
}

installed_release release_of(block& b, term t) {
  installed_release r{t[1], t[2], t[3], {}, t[5]};
  for (const term l : release::elements(t[4])) r.libraries.push_back({copy(b, l[0]), l[1], text_of(l[2])});
  return r;
}

}  // namespace

term state_term(block& b, const handler_state& s) {
  const term no = atom("false");
  return make_tuple_of(b, atom("state"), release::list_of(b, s.unpurged), make_charlist(b, s.root), make_charlist(b, s.releases_dir),
                       release::releases_term(b, s.releases), s.timer ? atom("true") : atom("undefined"),
                       make_tuple_of(b, atom("no_check"), make_charlist(b, s.root + "/bin/start")), no, no, no,
                       release::list_of(b, s.pre_sync_nodes));
}

handler_state state_of(block& b, term t) {
  t = copy(b, t);
  handler_state s;
  s.unpurged = release::elements(t[1]);
  s.root = text_of(t[2]);
  s.releases_dir = text_of(t[3]);
  for (const term r : release::elements(t[4])) s.releases.push_back(release_of(b, r));
  s.timer = is(t[5], "true");
  s.pre_sync_nodes = release::elements(t[10]);
  return s;
}

void set_status(release_list& all, term vsn, const char* status) {
  for (auto& r : all) {
    if (same(r.vsn, vsn)) {
      if (!is(r.status, "permanent")) r.status = atom(status);
    } else if (is(r.status, status)) {
      r.status = atom("old");
    }
  }
}

// ---- small things

void installation::fail(const char* what, term with) const { throw failure{make_tuple_of(b_, atom(what), with)}; }
void installation::fail(const char* what, const std::string& file) const { fail(what, make_charlist(b_, file)); }

void installation::write(const std::string& file, const std::string& text) const {
  if (release::write_whole(file, text)) return;
  const int error = errno;
  s_.log(actors::log_level::error, file + ": " + std::strerror(error));
  throw failure{make_tuple_of(b_, release::posix_name(error), make_charlist(b_, file))};
}

// Never `current`: a node that starts again runs the permanent one.
void installation::write_releases(const release_list& all) const {
  release_list disk = all;
  for (auto& r : disk)
    if (is(r.status, "current")) r.status = atom("unpacked");
  write(state_.releases_dir + "/RELEASES", release::releases_text(b_, disk));
}

void installation::check_file(const std::string& file, bool folder) const {
  if (!is_file(s_.below_root(file), folder)) throw failure{make_tuple_of(b_, atom("no_such_file"), make_charlist(b_, file))};
}

installed_release& installation::find(term vsn) {
  if (auto* r = find_in(state_.releases, vsn)) return *r;
  fail("no_such_release", vsn);
}

const installed_release& installation::permanent() const {
  for (const auto& r : state_.releases)
    if (is(r.status, "permanent")) return r;
  throw failure{atom("no_permanent_release")};
}

const installed_release& installation::latest() const {
  for (const auto& r : state_.releases)
    if (is(r.status, "current")) return r;
  return permanent();
}

// ---- the list

void installation::open(const std::string& name, const std::string& vsn, const std::string& erts_vsn) {
  const auto file = state_.releases_dir + "/RELEASES";
  auto read = release::read_releases(b_, file);
  if (!read) {
    s_.log(actors::log_level::warning, read.error().text + "; only the release that runs is known");
    state_.releases = {{make_charlist(b_, name), make_charlist(b_, vsn), make_charlist(b_, erts_vsn), {}, atom("permanent")}};
    return;
  }
  state_.releases = std::move(*read);
  // A node that was started as a release that was not permanent yet: on the disk it no longer is what starts.
  const bool restarted = std::any_of(state_.releases.begin(), state_.releases.end(), [](const auto& r) { return is(r.status, "tmp_current"); });
  if (!restarted) return;
  auto disk = state_.releases;
  for (auto& r : disk)
    if (is(r.status, "tmp_current")) r.status = atom("unpacked");
  write_releases(disk);
  for (auto& r : state_.releases)
    if (is(r.status, "tmp_current")) r.status = atom(text_of(r.vsn) == vsn ? "current" : "unpacked");
}

release::installed_release read_rel(session& s, const std::string& root, const std::string& rel_file, term lib_dirs) {
  auto& b = s.heap();
  const term name = s.text(rel_file);
  auto read = release::read_terms(b, s.below_root(rel_file));
  if (auto* problem = std::get_if<1>(&read)) {
    s.log(actors::log_level::warning, problem->text);
    if (release::is_tagged(problem->reason, "open", 3)) throw failure{s.tuple(problem->reason[2], name)};
    throw failure{s.tuple(atom("bad_rel_file"), name)};
  }
  const auto& all = std::get<0>(read);
  if (all.size() != 1) throw failure{s.tuple(atom("bad_rel_file"), name)};
  const term t = all[0];
  const auto bad = [&] { return failure{s.tuple(atom("bad_rel_data"), t)}; };
  if (!release::is_tagged(t, "release", 4) || !t[1].is_tuple(2) || !release::is_tagged(t[2], "erts", 2) || list_length(t[3]) < 0) throw bad();
  if (!release::is_string(t[1][0]) || !release::is_string(t[1][1]) || !release::is_string(t[2][1])) throw bad();
  installed_release r{t[1][0], t[1][1], t[2][1], {}, atom("unpacking")};
  for (const term lib : release::elements(t[3])) {
    if (!lib.is_tuple() || lib.size() < 2 || !lib[0].is_atom() || !release::is_string(lib[1])) throw bad();
    const auto folder = text_of(lib[0]) + "-" + text_of(lib[1]);
    std::string dir = root.empty() ? "lib/" + folder : root + "/lib/" + folder;
    for (const term given : release::elements(lib_dirs))
      if (given.is_tuple(3) && given[0].same(lib[0])) {
        dir = text_of(given[2]) + "/" + folder;
        if (is_file(s.below_root(dir), true)) break;
        throw failure{s.tuple(atom(is_file(s.below_root(dir), false) ? "not_a_directory" : "no_such_directory"), s.text(dir))};
      }
    r.libraries.push_back({lib[0], lib[1], dir});
  }
  return r;
}

void create_releases(session& s, const std::string& root, const std::string& releases_dir, const std::string& rel_file, term lib_dirs) {
  auto r = read_rel(s, root, rel_file, lib_dirs);
  r.status = atom("permanent");
  const auto file = s.below_root(releases_dir) + "/RELEASES";
  if (!release::write_whole(file, release::releases_text(s.heap(), {r}))) throw failure{s.tuple(release::posix_name(errno), s.text(file))};
}

// ---- what comes in

term installation::unpack(const std::string& name) {
  const auto tar = state_.releases_dir + "/" + name + ".tar.gz";
  check_file(tar, false);
  const auto rel = name + ".rel", rel_file = state_.releases_dir + "/" + rel;
  // What a failure leaves behind goes again: whatever was not there before.
  std::vector<std::string> fresh;
  const auto clean = [&] {
    std::error_code ignored;
    for (const auto& f : fresh) fs::remove_all(f, ignored);
  };
  const auto track = [&](const std::string& file) {
    std::error_code ignored;
    if (!fs::exists(fs::symlink_status(file, ignored))) fresh.push_back(file);
  };
  const auto extract = [&](const release::unpack_options& options) {
    int error = 0;
    const auto text = release::unpack_archive(tar, state_.root, options, error);
    if (text.empty()) return;
    s_.log(actors::log_level::error, text);
    const auto file = error ? text.substr(0, text.rfind(": ")) : tar;
    throw failure{make_tuple_of(b_, atom("cannot_extract_file"), make_charlist(b_, file), error ? release::posix_name(error) : make_charlist(b_, text))};
  };
  track(rel_file);
  try {
    extract({false, [&](std::string_view n) { return n == "releases/" + rel; }});
    auto r = read_rel(s_, "", rel_file, nil);
    if (find_in(state_.releases, r.vsn)) fail("existing_release", r.vsn);
    for (const auto& l : r.libraries) track(s_.below_root(l.dir));
    const auto dir = version_dir(r.vsn);
    track(dir);
    track(state_.root + "/erts-" + text_of(r.erts_vsn));
    extract({true, {}});
    std::string text;
    const auto copy_of_rel = dir + "/" + rel;
    if (!is_file(copy_of_rel, false)) {
      if (!release::read_whole(rel_file, text)) throw failure{make_tuple_of(b_, release::posix_name(errno), make_charlist(b_, rel_file))};
      write(copy_of_rel, text);
    }
    r.status = atom("unpacked");
    auto all = state_.releases;
    all.insert(all.begin(), r);
    write_releases(all);
    state_.releases = std::move(all);
    std::error_code ignored;
    fs::remove(tar, ignored);
    fs::remove(rel_file, ignored);
    return r.vsn;
  } catch (const failure&) {
    clean();
    throw;
  }
}

term installation::set_unpacked(const std::string& rel_file, term lib_dirs) {
  auto r = read_rel(s_, state_.root, rel_file, lib_dirs);
  if (find_in(state_.releases, r.vsn)) fail("existing_release", r.vsn);
  r.status = atom("unpacked");
  std::error_code ignored;
  fs::create_directory(version_dir(r.vsn), ignored);
  auto all = state_.releases;
  all.insert(all.begin(), r);
  write_releases(all);
  state_.releases = std::move(all);
  return r.vsn;
}

void installation::install_file(const std::string& file, term vsn) {
  find(vsn);
  std::string text;
  if (!release::read_whole(s_.below_root(file), text)) throw failure{make_tuple_of(b_, release::posix_name(errno), make_charlist(b_, file))};
  write(version_dir(vsn) + "/" + fs::path(file).filename().string(), text);
}

// ---- what goes

void installation::set_removed(term vsn) {
  if (is_status(find(vsn), "permanent")) fail("permanent", vsn);
  auto all = state_.releases;
  std::erase_if(all, [&](const auto& r) { return same(r.vsn, vsn); });
  write_releases(all);
  state_.releases = std::move(all);
}

// The list first: files that are left over do less harm than a release without its files.
void installation::remove(term vsn) {
  const auto gone = find(vsn);
  set_removed(vsn);
  std::error_code error;
  const auto rest = state_.releases;
  for (const auto& l : gone.libraries) {
    const bool shared = std::any_of(rest.begin(), rest.end(), [&](const auto& r) {
      return std::any_of(r.libraries.begin(), r.libraries.end(), [&](const auto& o) { return o.name.same(l.name) && same(o.vsn, l.vsn); });
    });
    if (!shared) fs::remove_all(s_.below_root(l.dir), error);
  }
  fs::remove_all(version_dir(vsn), error);
  const bool program_used = std::any_of(rest.begin(), rest.end(), [&](const auto& r) { return same(r.erts_vsn, gone.erts_vsn); });
  if (!program_used) fs::remove_all(state_.root + "/erts-" + text_of(gone.erts_vsn), error);
  if (error) s_.log(actors::log_level::warning, "not all files of " + text_of(vsn) + " could be removed: " + error.message());
}

// ---- what starts

// Both files or neither.
void installation::write_start_data(const installed_release& r, const release_list& all) const {
  const auto file = state_.releases_dir + "/start_erl.data";
  std::string before;
  const bool there = release::read_whole(file, before);
  write(file, release::start_data_text({text_of(r.erts_vsn), text_of(r.vsn)}));
  try {
    write_releases(all);
  } catch (const failure&) {
    if (there && !release::write_whole(file, before)) s_.log(actors::log_level::error, file + " could not be put back: " + std::strerror(errno));
    throw;
  }
}

bool installation::make_permanent(term vsn) {
  auto& r = find(vsn);
  if (is_status(r, "permanent")) return false;
  if (is_status(r, "unpacked") || is_status(r, "old")) fail("bad_status", r.status);
  auto all = state_.releases;
  set_status(all, vsn, "permanent");
  write_start_data(r, all);
  state_.releases = std::move(all);
  return true;
}

void installation::make_old_permanent(term vsn) {
  auto& r = find(vsn);
  if (!is_status(r, "old")) fail("bad_status", r.status);
  auto all = state_.releases;
  set_status(all, vsn, "permanent");
  write_start_data(r, all);
  state_.releases = std::move(all);
}

void installation::set_current(term vsn) { set_status(state_.releases, vsn, "current"); }

void installation::set_restarting(term vsn) {
  const auto& r = find(vsn);
  auto all = state_.releases;
  set_status(all, vsn, "current");
  set_status(all, vsn, "tmp_current");
  write(state_.releases_dir + "/new_start_erl.data", release::start_data_text({text_of(r.erts_vsn), text_of(r.vsn)}));
  write_releases(all);
}

// ---- what an installation reads

void installation::check_files(const installed_release& r, bool& has_relup) {
  const auto dir = version_dir(r.vsn);
  check_file(dir, true);
  has_relup = is_file(dir + "/relup", false);
  for (const auto* optional : {"/relup", "/sys.config"})
    if (!is_file(dir + optional, false)) s_.log(actors::log_level::info, dir + optional + " missing (optional)");
  for (const auto& l : r.libraries) {
    check_file(l.dir, true);
    check_file(l.dir + "/ebin", true);
  }
}

script installation::script_between(const installed_release& from, const installed_release& to) {
  const auto read = [&](term owner, bool optional, auto choose) -> const release::relup_entry* {
    const auto file = version_dir(owner) + "/relup";
    if (!is_file(file, false)) {
      if (optional) return nullptr;
      throw failure{make_tuple_of(b_, release::posix_name(ENOENT), make_charlist(b_, file))};
    }
    auto relup = release::read_relup(b_, file);
    if (!relup || !same(relup->vsn, owner)) {
      s_.log(actors::log_level::error, relup ? file + ": is not for version " + text_of(owner) : relup.error().text);
      fail("bad_relup_file", file);
    }
    return choose(*relup);
  };
  release::relup_entry found;
  const auto take = [&](const std::vector<release::relup_entry>& entries, term vsn) -> const release::relup_entry* {
    for (const auto& e : entries)
      if (same(e.vsn, vsn)) return found = e, &found;
    return nullptr;
  };
  if (!read(to.vsn, true, [&](const auto& r) { return take(r.up, from.vsn); }) && !read(from.vsn, false, [&](const auto& r) { return take(r.down, to.vsn); }))
    throw failure{make_tuple_of(b_, atom("no_matching_relup"), to.vsn, from.vsn)};
  return {found.vsn, found.description, found.script};
}

term installation::specifications(const installed_release& r) {
  terms out;
  for (const auto& l : r.libraries) {
    const auto file = l.dir + "/ebin/" + std::string(atom_text(l.name)) + ".app";
    auto read = release::read_term(b_, s_.below_root(file));
    if (auto* problem = std::get_if<1>(&read)) {
      s_.log(actors::log_level::error, problem->text);
      fail(problem->missing ? "no_such_file" : "bad_app_file", file);
    }
    out.push_back(std::get<0>(read));
  }
  return release::list_of(b_, out);
}

term installation::configuration(const installed_release& r) {
  const auto file = version_dir(r.vsn) + "/sys.config";
  if (!is_file(file, false)) return nil;
  auto read = release::read_sys_config(b_, file);
  if (read) return *read;
  s_.log(actors::log_level::warning, read.error().text);
  return nil;
}

}  // namespace cnode::release_handler
