#include "release/resources.hpp"

#include <glob.h>

#include <algorithm>
#include <filesystem>
#include <optional>

#include "release/term_file.hpp"

namespace cnode::release {
namespace {

constexpr std::string_view make = "systools_make";

bool is_start_type(term t) { return is(t, "permanent") || is(t, "transient") || is(t, "temporary") || is(t, "none") || is(t, "load"); }

// {App, Vsn}, {App, Vsn, Type}, {App, Vsn, Incl}, {App, Vsn, Type, Incl}
std::optional<release_application> parse_line(term t) {
  release_application a;
  a.type = atom("permanent");
  if (!t.is_tuple() || t.arity() < 2 || t.arity() > 4 || !t[0].is_atom() || !is_string(t[1])) return {};
  a.name = t[0], a.vsn = t[1];
  term includes;
  if (t.arity() == 3) (t[2].is_list() ? includes : a.type) = t[2];
  if (t.arity() == 4) a.type = t[2], includes = t[3];
  if (!is_start_type(a.type) || (includes && !is_atom_list(includes))) return {};
  if (includes) a.has_includes = true, a.includes = elements(includes);
  return a;
}

release_resource parse_release(block& b, term t, const std::string& file) {
  const auto bad = [&](term what, const std::string& text) -> refusal { return refused(b, make, what, file + ": " + text); };
  if (!is_tagged(t, "release", 4) || !t[1].is_tuple(2) || !is_tagged(t[2], "erts", 2) || !t[3].is_list())
    throw bad(atom("badly_formatted_release"), "must be {release, {Name, Vsn}, {erts, Vsn}, [{Application, Vsn}]}. and is " + text_of(t));
  release_resource r;
  r.file = file;
  r.name = t[1][0], r.vsn = t[1][1], r.erts_vsn = t[2][1];
  if (!is_string(r.name)) throw bad(make_tuple_of(b, atom("illegal_name"), r.name), "the name " + text_of(r.name) + " is no string");
  if (!is_string(r.vsn)) throw bad(make_tuple_of(b, atom("illegal_form"), r.vsn), "the version " + text_of(r.vsn) + " is no string");
  if (!is_string(r.erts_vsn))
    throw bad(make_tuple_of(b, atom("illegal_form"), make_tuple_of(b, atom("erts"), r.erts_vsn)), "the version of erts, " + text_of(r.erts_vsn) + ", is no string");
  terms illegal;
  for (const term line : elements(t[3])) {
    if (auto a = parse_line(line)) r.applications.push_back(*a);
    else illegal.push_back(line);
  }
  if (!illegal.empty())
    throw bad(make_tuple_of(b, atom("illegal_applications"), list_of(b, illegal)),
              text_of(illegal.front()) + " is not {Application, Vsn}, with a start type and a list of included applications behind it if need be");
  term kernel, stdlib;  // of several lines the first counts
  for (const auto& a : r.applications) {
    if (is(a.name, "kernel") && !kernel) kernel = a.type;
    if (is(a.name, "stdlib") && !stdlib) stdlib = a.type;
  }
  for (const auto& [name, type] : {std::pair{"kernel", kernel}, std::pair{"stdlib", stdlib}}) {
    if (!type) throw bad(make_tuple_of(b, atom("missing_mandatory_app"), atom(name)), std::string("names no ") + name + ", which every release has");
    if (!is(type, "permanent"))
      throw bad(make_tuple_of(b, atom("mandatory_app"), atom(name), type), std::string(name) + " must be permanent and is " + text_of(type));
  }
  return r;
}

term find_key(term dictionary, std::string_view key) {
  for (; dictionary.is_cons(); dictionary = dictionary.tail()) {
    const term t = dictionary.head();
    if (t.is_tuple() && t.arity() >= 1 && is(t[0], key)) return t;
  }
  return {};
}

struct bad_item {
  const char* why;  // bad_param, missing_param
  std::string_view key;
};

// The value of a key that has to satisfy `good`; `otherwise` when it is not there. check_item/2.
term item(term dictionary, std::string_view key, bool (*good)(term), term otherwise) {
  const term t = find_key(dictionary, key);
  if (!t && otherwise) return otherwise;
  if (!t || t.arity() != 2) throw bad_item{"missing_param", key};
  if (!good(t[1])) throw bad_item{"bad_param", key};
  return t[1];
}

bool is_limit(term t) { return is(t, "infinity") || (t.is_integer() && t.kind() != CNODE_BIG_NEG && !(t.is_small() && t.small() <= 0)); }
bool is_phases(term t) { return is(t, "undefined") || is_pair_list(t); }

term module_item(term dictionary) {
  const term t = find_key(dictionary, "mod");
  if (!t) return nil;
  if (t.arity() == 2 && (t[1].is_nil() || (t[1].is_tuple(2) && t[1][0].is_atom()))) return t[1];
  throw bad_item{"missing_param", "mod"};
}

}  // namespace

application_resource parse_application(block& b, term t, const std::string& file) {
  if (!is_tagged(t, "application", 3) || !t[1].is_atom() || !t[2].is_list())
    throw refused(b, make, make_tuple_of(b, atom("badly_formatted_application"), t), file + ": must be {application, Name, [{Key, Value}]}. and is " + text_of(t));
  const term d = t[2];
  application_resource a;
  a.name = t[1];
  a.type = atom("permanent");
  a.dir = std::filesystem::path(file).parent_path().string();
  try {
    a.vsn = item(d, "vsn", is_string, {});
    a.id = item(d, "id", is_string, nil);
    a.description = item(d, "description", is_string, {});
    a.modules = elements(item(d, "modules", is_atom_list, {}));
    a.registered = elements(item(d, "registered", is_atom_list, {}));
    a.uses = elements(item(d, "applications", is_atom_list, {}));
    a.optional = elements(item(d, "optional_applications", is_atom_list, nil));
    a.includes = elements(item(d, "included_applications", is_atom_list, nil));
    a.mod = module_item(d);
    a.start_phases = item(d, "start_phases", is_phases, atom("undefined"));
    a.env = item(d, "env", is_pair_list, nil);
    a.max_t = item(d, "maxT", is_limit, atom("infinity"));
    a.max_p = item(d, "maxP", is_limit, atom("infinity"));
  } catch (const bad_item& bad) {
    const std::string key(bad.key);
    const term found = find_key(d, key);
    throw refused(b, make, make_tuple_of(b, make_tuple_of(b, atom(bad.why), atom(key)), t),
                  file + ": " + (found ? "the key " + key + " has the wrong shape: " + text_of(found) : "the key " + key + " is missing"));
  }
  return a;
}

term application_resource::record(block& b) const {
  const term fields[] = {atom("application"), name, type, vsn, id, description, list_of(b, modules), list_of(b, uses), list_of(b, optional), list_of(b, includes),
                         list_of(b, registered), env, max_t, max_p, mod, start_phases, make_charlist(b, dir)};
  return make_tuple(b, fields, std::size(fields));
}

release_resource read_release(block& b, const std::string& file, const std::vector<std::string>& path) {
  const std::string name = file.ends_with(".rel") ? file : file + ".rel";
  std::vector<std::string> places{""};
  if (!name.starts_with("/"))
    for (const auto& dir : path) places.push_back(dir + "/");
  for (const auto& place : places) {
    auto read = read_term(b, place + name);
    if (auto* t = std::get_if<0>(&read)) return parse_release(b, *t, place + name);
    auto& problem = std::get<1>(read);
    if (!problem.missing) throw refused(b, make, problem.reason, problem.text);
  }
  throw refused(b, make, make_tuple_of(b, atom("not_found"), make_charlist(b, name)), name + ": there is no such file, here or in the path");
}

application_resource read_application(block& b, const release_application& wanted, const std::vector<std::string>& path) {
  const std::string file = text_of(wanted.name) + ".app";
  term first_error;
  std::string first_text;
  for (const auto& dir : path) {
    const std::string full = dir + "/" + file;
    auto read = read_term(b, full);
    if (auto* problem = std::get_if<1>(&read)) {
      if (!first_error && is_tagged(problem->reason, "parse", 3) && problem->reason[2].is_tuple(3)) {
        first_error = make_tuple_of(b, atom("parse_error"), make_tuple_of(b, make_charlist(b, full), problem->reason[2][0], problem->reason[2][2]));
        first_text = problem->text;
      } else if (!first_error && !problem->missing && !is(problem->reason[2], "enotdir")) {
        first_text = problem->text;
      }
      continue;
    }
    auto a = parse_application(b, std::get<0>(read), full);
    if (text_of(a.vsn) != text_of(wanted.vsn)) {
      if (!first_error) {
        first_error = make_tuple_of(b, atom("no_valid_version"),
                                    make_tuple_of(b, make_tuple_of(b, make_charlist(b, "should be"), wanted.vsn),
                                                  make_tuple_of(b, make_charlist(b, "found file"), make_charlist(b, full), a.vsn)));
        first_text = full + ": is version " + text_of(a.vsn) + ", the release wants " + text_of(wanted.vsn);
      }
      continue;
    }
    if (wanted.has_includes) {
      const auto unknown = difference(wanted.includes, a.includes);
      if (!unknown.empty())
        throw refused(b, make, make_tuple_of(b, atom("override_include"), list_of(b, unknown)),
                      full + ": included_applications does not name " + text_of(unknown.front()) + ", which the release includes");
      a.includes = wanted.includes;
    }
    a.type = wanted.type;
    return a;
  }
  if (!first_error) first_error = make_tuple_of(b, atom("not_found"), make_charlist(b, file));
  if (first_text.empty()) first_text = file + " (version " + text_of(wanted.vsn) + "): in none of the folders of the path (--path)";
  throw refused(b, make, first_error, first_text);
}

std::vector<std::string> expand_path(const std::vector<std::string>& path) {
  std::vector<std::string> out;
  const auto add = [&out](std::string dir) {
    if (std::find(out.begin(), out.end(), dir) == out.end()) out.push_back(std::move(dir));
  };
  for (const auto& dir : path) {
    glob_t found{};
    if (dir.find('*') != std::string::npos) {
      if (::glob(dir.c_str(), GLOB_ONLYDIR, nullptr, &found) == 0)
        for (std::size_t i = 0; i < found.gl_pathc; ++i) add(found.gl_pathv[i]);
      ::globfree(&found);
    } else {
      add(dir);
    }
  }
  return out;
}

checked_release get_release(block& b, const std::string& file, const std::vector<std::string>& path) {
  auto release = read_release(b, file, path);
  std::vector<application_resource> applications;
  terms errors;
  std::string text;
  for (const auto& line : release.applications) {
    const auto bad = [&](term what, const std::string& why) {
      errors.insert(errors.begin(), what);
      text += (text.empty() ? "" : "; ") + why;
    };
    try {
      auto a = read_application(b, line, path);
      if (a.name.same(line.name)) applications.push_back(std::move(a));
      else
        bad(make_tuple_of(b, atom("bad_application_name"), make_tuple_of(b, line.name, make_tuple_of(b, a.name, a.vsn))),
            a.dir + "/" + text_of(line.name) + ".app: names the application " + text_of(a.name));
    } catch (const refusal& r) {
      bad(make_tuple_of(b, atom("error_reading"), make_tuple_of(b, line.name, r.reason.is_tuple(3) && is(r.reason[0], "error") ? r.reason[2] : r.reason)), r.text);
    }
  }
  if (!errors.empty()) throw refused(b, make, list_of(b, errors), text);
  return check_release(b, std::move(release), std::move(applications));
}

}  // namespace cnode::release
