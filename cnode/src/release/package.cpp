#include "release/package.hpp"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>

#include "release/archive.hpp"
#include "release/bin_script.hpp"
#include "release/release_files.hpp"
#include "release/relup.hpp"
#include "release/term_file.hpp"

namespace cnode::release {
namespace {

namespace fs = std::filesystem;

class temporary_folder {
 public:
  temporary_folder() {
    std::error_code error;
    std::string name = (fs::temp_directory_path(error) / "cnode_release_XXXXXX").string();
    if (const char* made = ::mkdtemp(name.data())) path_ = made;
  }
  ~temporary_folder() {
    std::error_code error;
    if (!path_.empty()) fs::remove_all(path_, error);
  }
  temporary_folder(const temporary_folder&) = delete;
  temporary_folder& operator=(const temporary_folder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

[[noreturn]] void fail(std::string text) { throw refusal{nil, std::move(text)}; }

// Names that become parts of file names and of a shell script.
void check_name(const std::string& what, const std::string& name) {
  const bool plain = !name.empty() && name != "." && name != ".." && name[0] != '-' && std::all_of(name.begin(), name.end(), [](unsigned char c) {
    return std::isalnum(c) || c == '_' || c == '.' || c == '-' || c == '+' || c == '~';
  });
  if (!plain) fail(what + " '" + name + "' becomes part of file names: letters, digits and _ . - + ~ only");
}

class packager {
 public:
  explicit packager(const package_request& r) : request_(r), b_(block::make(4096)) {}

  package_result run() {
    package_result out;
    try {
      out.archive = make();
    } catch (const refusal& r) {
      out.error = r.text;
    } catch (const fs::filesystem_error& e) {
      out.error = e.path1().string() + ": " + e.code().message();
    }
    out.warnings = std::move(warnings_);
    return out;
  }

 private:
  std::string make() {
    if (temporary_.path().empty()) fail(std::string("a temporary folder cannot be made: ") + std::strerror(errno));
    path_ = expand_path(request_.path);
    const auto release = read_release(*b_, request_.rel, {});
    std::vector<base_release> old;
    for (const auto& from : request_.upgrade_from) old.push_back({find_old(from)});
    provide_own_applications(release);
    for (const auto& o : old) provide_own_applications(read_release(*b_, o.file, {}));

    checked_ = get_release(*b_, request_.rel, path_);
    const auto& r = checked_.release;
    name_ = text_of(r.name), vsn_ = text_of(r.vsn), erts_ = text_of(r.erts_vsn);
    check_name(r.file + ": the name", name_);
    check_name(r.file + ": the version", vsn_);
    check_name(r.file + ": the version of erts", erts_);
    if (!checked_.warnings.empty()) warnings_.push_back(r.file + ": without the application sasl the release cannot be upgraded");

    add_programs();
    for (const auto& a : checked_.applications) add_application(a);
    add_release_files();
    if (!old.empty()) add_relup(old);

    std::error_code error;
    fs::create_directories(request_.output, error);
    if (error) fail("--output " + request_.output + ": " + error.message());
    const std::string file = request_.output + "/" + name_ + "-" + vsn_ + ".tar.gz";
    if (auto problem = write_archive(file, std::move(entries_)); !problem.empty()) fail(problem);
    return file;
  }

  // An archive is unpacked, as far as its descriptions go; of an installed release the version that starts counts. Their applications
  // join the path.
  std::string find_old(const std::string& from) {
    std::error_code error;
    std::string root = from;
    if (!fs::is_directory(from, error)) {
      if (from.ends_with(".rel")) return from;
      if (!fs::exists(from, error)) fail("--upgrade-from " + from + ": there is no such archive, folder or .rel");
      root = temporary_.path() + "/old" + std::to_string(++old_);
      fs::create_directories(root);
      unpack_options options;
      options.wanted = [](std::string_view name) { return name.ends_with(".rel") || name.ends_with(".app") || name.ends_with(".appup") || name.ends_with("/start_erl.data"); };
      int code = 0;
      if (auto problem = unpack_archive(from, root, options, code); !problem.empty()) fail("--upgrade-from " + problem);
    }
    auto opened = open_release(*b_, root, "");
    if (!opened) fail("--upgrade-from " + opened.error().text);
    for (const auto& dir : opened->code_path) path_.push_back(dir);
    return opened->resources.release.file;
  }

  // kernel, stdlib and sasl are part of the program: when the path has no .app of theirs, they get one of the version the .rel names.
  void provide_own_applications(const release_resource& release) {
    static constexpr struct {
      const char *name, *description, *applications;
    } own[] = {{"kernel", "ERTS  CXC 138 10", ""}, {"stdlib", "ERTS  CXC 138 10", "kernel"}, {"sasl", "SASL  CXC 138 11", "kernel,stdlib"}};
    for (const auto& line : release.applications) {
      const auto i = std::find_if(std::begin(own), std::end(own), [&](const auto& o) { return is(line.name, o.name); });
      if (i == std::end(own)) continue;
      const auto found = attempt([&] { return read_application(*b_, line, path_); });
      if (found) continue;
      const std::string name = i->name, vsn = text_of(line.vsn);
      check_name(release.file + ": the version of " + name, vsn);
      const std::string dir = temporary_.path() + "/" + name + "-" + vsn + "/ebin";
      fs::create_directories(dir);
      const std::string restart = "[{<<\".*\">>,[restart_new_emulator]}]";
      if (!write_whole(dir + "/" + name + ".app", "{application," + name + ",[{description,\"" + i->description + "\"},{vsn,\"" + vsn +
                                                      "\"},{modules,[]},{registered,[]},{applications,[" + i->applications + "]}]}.\n") ||
          !write_whole(dir + "/" + name + ".appup", "{\"" + vsn + "\"," + restart + "," + restart + "}.\n"))
        fail(dir + ": " + std::strerror(errno));
      path_.push_back(dir);
    }
  }

  void add_file(const std::string& name, const std::string& file) { entries_.push_back({name, file, {}, false}); }
  void add_text(const std::string& name, std::string text, bool executable = false) { entries_.push_back({name, {}, std::move(text), executable}); }

  void add_programs() {
    for (const auto& program : request_.programs) {
      entries_.push_back({"erts-" + erts_ + "/bin/" + fs::path(program).filename().string(), program, {}, true});
    }
    add_text("bin/" + name_, bin_script(name_), true);
  }

  void add_application(const application_resource& a) {
    const std::string name = text_of(a.name), vsn = text_of(a.vsn);
    check_name("the application", name);
    check_name(a.dir + "/" + name + ".app: the version", vsn);
    const std::string to = "lib/" + name + "-" + vsn;
    add_file(to + "/ebin/" + name + ".app", a.dir + "/" + name + ".app");
    std::error_code error;
    if (fs::exists(a.dir + "/" + name + ".appup", error)) add_file(to + "/ebin/" + name + ".appup", a.dir + "/" + name + ".appup");
    std::string missing;
    for (const term m : a.modules) {
      const std::string file = text_of(m) + ".so";
      if (file.find('/') != std::string::npos) fail(a.dir + "/" + name + ".app: modules: " + text_of(m) + " is no module of a file");
      if (fs::exists(a.dir + "/" + file, error)) add_file(to + "/ebin/" + file, a.dir + "/" + file);
      else missing += (missing.empty() ? "" : ", ") + file;
    }
    if (!missing.empty()) fail(a.dir + "/" + name + ".app: modules: there is no " + missing + " beside it");
    const fs::path priv = fs::path(a.dir).parent_path() / "priv";
    if (fs::path(a.dir).filename() != "ebin" || !fs::is_directory(priv, error)) return;
    for (const auto& e : fs::recursive_directory_iterator(priv, error))
      if (e.is_regular_file(error)) add_file(to + "/priv/" + fs::relative(e.path(), priv, error).string(), e.path().string());
    if (error) fail(priv.string() + ": " + error.message());
  }

  // `given`, else the file of that name beside the .rel, else none.
  std::string beside(const std::string& given, const std::string& name) {
    std::error_code error;
    if (!given.empty()) return given;
    const auto file = fs::path(checked_.release.file).parent_path() / name;
    return fs::exists(file, error) ? file.string() : "";
  }

  void add_release_files() {
    const std::string dir = "releases/" + vsn_ + "/", &rel = checked_.release.file;
    add_file("releases/" + name_ + "-" + vsn_ + ".rel", rel);
    add_file(dir + name_ + "-" + vsn_ + ".rel", rel);  // where release_handler copies it to when it unpacks
    if (const auto config = beside(request_.sys_config, "sys.config"); !config.empty()) {
      auto read = read_sys_config(*b_, config);
      if (!read) fail(read.error().text);
      add_file(dir + "sys.config", config);
    } else {
      add_text(dir + "sys.config", "[].\n");
    }
    if (const auto args = beside(request_.vm_args, "vm.args"); !args.empty()) {
      auto read = read_vm_args(*b_, args);
      if (!read) fail(read.error().text);
      add_file(dir + "vm.args", args);
    } else {
      add_text(dir + "vm.args", "# The node's name; the cookie is that of ~/.erlang.cookie unless -setcookie says another.\n-sname " + name_ + "\n");
    }
    add_text("releases/start_erl.data", start_data_text({erts_, vsn_}));
    installed_release installed{checked_.release.name, checked_.release.vsn, checked_.release.erts_vsn, {}, atom("permanent")};
    for (const auto& line : checked_.release.applications) installed.libraries.push_back({line.name, line.vsn, "lib/" + text_of(line.name) + "-" + text_of(line.vsn)});
    add_text("releases/RELEASES", releases_text(*b_, {installed}));
  }

  void add_relup(const std::vector<base_release>& old) {
    relup_options options;
    options.path = path_;
    auto made = make_relup(*b_, request_.rel, old, old, options);
    if (!made) fail(made.error().text);
    for (const term entry : elements(made->relup[1])) {
      if (text_of(entry[0]) == vsn_) fail("--upgrade-from: " + request_.rel + " has the same version, " + vsn_ + ": an upgrade needs a new one");
    }
    for (const term w : made->warnings) warnings_.push_back(w.is_tuple(2) ? text_of(w[0]) + ": " + text_of(w[1]) : text_of(w));
    add_text("releases/" + vsn_ + "/relup", file_text(made->relup));
  }

  const package_request& request_;
  block_ptr b_;
  temporary_folder temporary_;
  unsigned old_ = 0;
  std::vector<std::string> path_, warnings_;
  checked_release checked_;
  std::string name_, vsn_, erts_;
  std::vector<archive_entry> entries_;
};

}  // namespace

package_result make_package(const package_request& request) { return packager(request).run(); }

}  // namespace cnode::release
