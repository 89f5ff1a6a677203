#include "release/release_files.hpp"

#include <cerrno>
#include <cstring>
#include <filesystem>

#include "release/script_checks.hpp"
#include "release/term_file.hpp"

namespace cnode::release {
namespace {

namespace fs = std::filesystem;

refusal bad(block& b, const char* reason, const std::string& file, const std::string& text) {
  return {make_tuple_of(b, atom("error"), make_tuple_of(b, atom(reason), make_charlist(b, file))), file + ": " + text};
}

term need_term(block& b, const std::string& file) {
  auto read = read_term(b, file);
  if (auto* t = std::get_if<0>(&read)) return *t;
  auto& problem = std::get<1>(read);
  throw refusal{make_tuple_of(b, atom("error"), problem.reason), std::move(problem.text)};
}

std::string need_text(block& b, const std::string& file) {
  std::string text;
  if (read_whole(file, text)) return text;
  const int error = errno;
  throw refusal{make_tuple_of(b, atom("error"), make_tuple_of(b, atom("open"), make_charlist(b, file), posix_name(error))), file + ": " + std::strerror(error)};
}

// What stands there, not too much of it.
std::string shown(term t) { return text_of(t).substr(0, 200); }

installed_library parse_library(block& b, const std::string& file, term t) {
  std::string dir;
  if (!t.is_tuple(3) || !t[0].is_atom() || !is_string(t[1]) || !is_string(t[2]) || !chardata_to_string(t[2], dir))
    throw bad(b, "bad_releases_file", file, "libs: " + shown(t) + " is not {Application, Vsn, Directory}");
  return {t[0], t[1], dir};
}

installed_release parse_installed(block& b, const std::string& file, term t) {
  if (!is_tagged(t, "release", 6)) throw bad(b, "bad_releases_file", file, shown(t) + " is not {release, Name, Vsn, ErtsVsn, Libs, Status}");
  static constexpr const char* fields[] = {"name", "vsn", "erts_vsn"};
  for (unsigned i = 1; i <= 3; ++i)
    if (!is_string(t[i])) throw bad(b, "bad_releases_file", file, std::string(fields[i - 1]) + ": " + shown(t[i]) + " is no string");
  if (list_length(t[4]) < 0) throw bad(b, "bad_releases_file", file, "libs: " + shown(t[4]) + " is no list");
  bool known = false;
  for (const char* s : {"permanent", "current", "tmp_current", "unpacked", "old"}) known = known || is(t[5], s);
  if (!known) throw bad(b, "bad_releases_file", file, "status: " + shown(t[5]) + " is not permanent, current, tmp_current, unpacked or old");
  installed_release r{t[1], t[2], t[3], {}, t[5]};
  for (const term l : elements(t[4])) r.libraries.push_back(parse_library(b, file, l));
  return r;
}

std::vector<relup_entry> parse_entries(block& b, const std::string& file, term list, const char* key) {
  const std::string where = std::string("the list of versions to ") + key;
  if (list_length(list) < 0) throw bad(b, "bad_relup_file", file, where + " is none: " + shown(list));
  std::vector<relup_entry> out;
  for (const term t : elements(list)) {
    if (!t.is_tuple(3) || !is_string(t[0])) throw bad(b, "bad_relup_file", file, where + ": " + shown(t) + " is not {Vsn, Description, Script}");
    if (list_length(t[2]) < 0) throw bad(b, "bad_relup_file", file, where + ": the script for " + text_of(t[0]) + " is no list: " + shown(t[2]));
    out.push_back({t[0], t[1], elements(t[2])});
    try {
      check_syntax(b, out.back().script);
    } catch (refusal& r) {
      r.text = file + ": " + where + ", the script for " + text_of(t[0]) + ": " + r.text;
      throw;
    }
  }
  return out;
}

// The words of one line, with quotes and comments taken away. False: a quote does not end.
bool split_words(const std::string& line, std::vector<std::string>& out) {
  std::size_t i = 0;
  while (i < line.size()) {
    if (std::isspace(static_cast<unsigned char>(line[i]))) {
      ++i;
      continue;
    }
    if (line[i] == '#') return true;
    std::string word;
    for (; i < line.size() && !std::isspace(static_cast<unsigned char>(line[i])); ++i) {
      if (line[i] == '\\' && i + 1 < line.size()) {
        word += line[++i];
      } else if (line[i] == '"' || line[i] == '\'') {
        const auto end = line.find(line[i], i + 1);
        if (end == std::string::npos) return false;
        word += line.substr(i + 1, end - i - 1);
        i = end;
      } else {
        word += line[i];
      }
    }
    out.push_back(std::move(word));
  }
  return true;
}

bool is_flag(const std::string& word) { return word.size() > 1 && (word[0] == '-' || word[0] == '+') && !std::isdigit(static_cast<unsigned char>(word[1])); }

// The .rel of a version's folder: *-VSN.rel, else the only one.
std::string release_of(block& b, const std::string& dir, const std::string& vsn) {
  std::vector<std::string> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(dir, error)) {
    const auto name = entry.path().filename().string();
    if (name.ends_with("-" + vsn + ".rel")) return entry.path().string();
    if (name.ends_with(".rel")) found.push_back(name);
  }
  if (error) throw refusal{make_tuple_of(b, atom("error"), make_tuple_of(b, atom("open"), make_charlist(b, dir), posix_name(error.value()))), dir + ": " + error.message()};
  if (found.empty()) throw bad(b, "bad_rel_name", dir, "holds no .rel");
  if (found.size() > 1) throw bad(b, "bad_rel_name", dir, "holds more than one .rel: " + found[0] + " and " + found[1]);
  return dir + "/" + found[0];
}

}  // namespace

outcome<start_data> read_start_data(block& b, const std::string& file) {
  return attempt([&] {
    std::vector<std::string> words;
    std::string line = need_text(b, file);
    line = line.substr(0, line.find('\n'));
    if (!split_words(line, words) || words.size() != 2) throw bad(b, "bad_start_erl_data", file, "must be 'ErtsVsn Vsn' and is '" + line.substr(0, 100) + "'");
    return start_data{words[0], words[1]};
  });
}

std::string start_data_text(const start_data& d) { return d.erts_vsn + " " + d.vsn + "\n"; }

outcome<std::vector<installed_release>> read_releases(block& b, const std::string& file) {
  return attempt([&] {
    const term t = need_term(b, file);
    if (list_length(t) < 0) throw bad(b, "bad_releases_file", file, "must be a list of releases and is " + shown(t));
    std::vector<installed_release> out;
    for (const term r : elements(t)) out.push_back(parse_installed(b, file, r));
    return out;
  });
}

term releases_term(block& b, const std::vector<installed_release>& all) {
  terms out;
  for (const auto& r : all) {
    terms libraries;
    for (const auto& l : r.libraries) libraries.push_back(make_tuple_of(b, l.name, l.vsn, make_charlist(b, l.dir)));
    out.push_back(make_tuple_of(b, atom("release"), r.name, r.vsn, r.erts_vsn, list_of(b, libraries), r.status));
  }
  return list_of(b, out);
}

std::string releases_text(block& b, const std::vector<installed_release>& all) { return file_text(releases_term(b, all)); }

outcome<relup_file> read_relup(block& b, const std::string& file) {
  return attempt([&] {
    const term t = need_term(b, file);
    if (!t.is_tuple(3) || !is_string(t[0])) throw bad(b, "bad_relup_file", file, "must be {Vsn, UpFrom, DownTo} and is " + shown(t));
    relup_file out;
    out.vsn = t[0];
    out.up = parse_entries(b, file, t[1], "upgrade from");
    out.down = parse_entries(b, file, t[2], "downgrade to");
    return out;
  });
}

outcome<term> read_sys_config(block& b, const std::string& file) {
  return attempt([&] {
    const term t = need_term(b, file);
    if (list_length(t) < 0) throw bad(b, "bad_config", file, "must be a list of {Application, [{Key, Value}]} and is " + shown(t));
    for (const term app : elements(t)) {
      if (is_string(app) && !app.is_nil()) continue;  // the name of a further file
      if (!app.is_tuple(2) || !app[0].is_atom()) throw bad(b, "bad_config", file, shown(app) + " is not {Application, [{Key, Value}]}");
      if (!is_pair_list(app[1])) throw bad(b, "bad_config", file, text_of(app[0]) + ": " + shown(app[1]) + " is not a list of {Key, Value}");
    }
    return t;
  });
}

outcome<std::vector<vm_flag>> read_vm_args(block& b, const std::string& file) {
  return attempt([&] {
    const auto text = need_text(b, file);
    std::vector<vm_flag> out;
    unsigned number = 0;
    for (std::size_t at = 0; at < text.size();) {
      const auto end = std::min(text.find('\n', at), text.size());
      const auto line = text.substr(at, end - at);
      at = end + 1;
      ++number;
      std::vector<std::string> words;
      if (!split_words(line, words)) throw bad(b, "bad_vm_args", file + ":" + std::to_string(number), "a quote does not end");
      for (auto& word : words) {
        if (is_flag(word)) out.push_back({std::move(word), {}, number});
        else if (out.empty()) throw bad(b, "bad_vm_args", file + ":" + std::to_string(number), "'" + word + "' stands before any flag");
        else out.back().values.push_back(std::move(word));
      }
    }
    return out;
  });
}

outcome<runnable_release> open_release(block& b, const std::string& root, const std::string& vsn) {
  return attempt([&] {
    runnable_release r;
    r.root = root;
    r.vsn = vsn;
    if (vsn.empty()) {
      auto data = read_start_data(b, root + "/releases/start_erl.data");
      if (!data) throw data.error();
      r.vsn = data->vsn;
    }
    const std::string dir = root + "/releases/" + r.vsn;
    auto release = read_release(b, release_of(b, dir, r.vsn), {});
    if (text_of(release.vsn) != r.vsn) throw bad(b, "bad_rel_data", release.file, "is version " + text_of(release.vsn) + " in the folder of " + r.vsn);
    r.name = text_of(release.name);
    r.erts_vsn = text_of(release.erts_vsn);
    std::vector<application_resource> applications;
    for (const auto& line : release.applications) {
      const std::vector<std::string> place{root + "/lib/" + text_of(line.name) + "-" + text_of(line.vsn) + "/ebin"};
      applications.push_back(read_application(b, line, place));
    }
    r.resources = check_release(b, std::move(release), std::move(applications));
    for (const auto& a : r.resources.applications) r.code_path.push_back(a.dir);
    std::error_code error;
    for (auto [name, out] : {std::pair{"/sys.config", &r.sys_config}, std::pair{"/vm.args", &r.vm_args}})
      if (fs::exists(dir + name, error)) *out = dir + name;
    return r;
  });
}

}  // namespace cnode::release
