#include "program/release.hpp"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "program/cookie.hpp"

#include "release/package.hpp"
#include "release/release_files.hpp"

namespace cnode::program {
namespace {

namespace fs = std::filesystem;
using release::vm_flag;

int complain(const std::string& text) {
  std::fprintf(stderr, "cnode: %s\n", text.c_str());
  return 1;
}

// This program and the one that tries files without a digest.
std::vector<std::string> programs(std::string& problem) {
  std::error_code error;
  const auto self = fs::read_symlink("/proc/self/exe", error);
  const auto here = self.parent_path();
  for (const auto& probe : {here / "cnode_probe", here.parent_path() / CNODE_LIBEXEC / "cnode/cnode_probe"})
    if (fs::exists(probe, error)) return {self.string(), probe.string()};
  problem = "cnode_probe is neither beside " + self.string() + " nor in " + (here.parent_path() / CNODE_LIBEXEC / "cnode").string() + ": is cnode installed whole?";
  return {};
}

bool number(const std::string& text, unsigned long least, unsigned long most, unsigned long& out) {
  if (text.empty() || text.find_first_not_of("0123456789") != std::string::npos || text.size() > 9) return false;
  out = std::strtoul(text.c_str(), nullptr, 10);
  return out >= least && out <= most;
}

// One flag of vm.args into the options, unless the command line has set them. False: cnode has no such flag, or not with these values.
bool apply(const vm_flag& f, start_options& o) {
  const auto set = [&f](std::string& to) {
    if (f.values.size() != 1) return false;
    if (to.empty()) to = f.values[0];
    return true;
  };
  unsigned long n = 0;
  const bool named = !o.release_named;  // by the command line
  if (f.name == "-sname") return named ? f.values.size() == 1 : set(o.sname);
  if (f.name == "-name") return named ? f.values.size() == 1 : set(o.name);
  if (f.name == "-setcookie") return f.values.size() == 1 && (!o.cookie_file.empty() || set(o.cookie));
  if (f.name == "-config") return set(o.config);
  if (f.name == "-mode") return f.values.size() == 1 && (f.values[0] == "embedded" || f.values[0] == "interactive") && (o.mode != "interactive" || (o.mode = f.values[0], true));
  if (f.name == "-proto_dist") return f.values.size() == 1 && node::proto_dist_named(f.values[0]) && (o.proto_dist != "inet_tcp" || (o.proto_dist = f.values[0], true));
  if (f.name == "-ssl_dist_optfile") return set(o.ssl_dist_optfile);
  if (f.name == "-hidden") return f.values.empty() && (o.hidden = true);
  if (f.name == "-pa" || f.name == "-pz") {
    o.code_path.insert(o.code_path.end(), f.values.begin(), f.values.end());
    return !f.values.empty();
  }
  if (f.name == "-env") return f.values.size() == 2 && ::setenv(f.values[0].c_str(), f.values[1].c_str(), 1) == 0;
  if (f.name == "-erl_epmd_port") return f.values.size() == 1 && number(f.values[0], 1, 65535, n) && (o.dist_port ? true : (o.dist_port = static_cast<std::uint16_t>(n)));
  if (f.name == "-start_epmd") return f.values.size() == 1 && (f.values[0] == "true" || (f.values[0] == "false" && (o.no_epmd = true)));
  if (f.name == "+S") return f.values.size() == 1 && number(f.values[0].substr(0, f.values[0].find(':')), 1, 1024, n) && (o.schedulers || (o.schedulers = static_cast<unsigned>(n)));
  if (f.name == "-kernel" && f.values.size() == 2) {
    const auto& key = f.values[0];
    if (key == "inet_dist_listen_min" && number(f.values[1], 1, 65535, n)) return o.dist_listen_min || (o.dist_listen_min = static_cast<std::uint16_t>(n));
    if (key == "inet_dist_listen_max" && number(f.values[1], 1, 65535, n)) return o.dist_listen_max || (o.dist_listen_max = static_cast<std::uint16_t>(n));
    if (key == "net_ticktime" && number(f.values[1], 1, 1000000, n)) return o.net_ticktime != 60 || (o.net_ticktime = static_cast<unsigned>(n));
  }
  return false;
}

std::string written(const vm_flag& f) {
  std::string out = f.name;
  for (const auto& v : f.values) out += " " + v;
  return out;
}

}  // namespace

int make_release(const release_options& options) {
  release::package_request request;
  request.rel = options.rel;
  request.path = options.path;
  request.output = options.output;
  request.upgrade_from = options.upgrade_from;
  request.sys_config = options.sys_config;
  request.vm_args = options.vm_args;
  std::string problem;
  request.programs = programs(problem);
  if (!problem.empty()) return complain(problem);
  if (request.path.empty()) request.path = {"."};
  const auto made = release::make_package(request);
  for (const auto& w : made.warnings) std::fprintf(stderr, "cnode: warning: %s\n", w.c_str());
  if (!made.error.empty()) return complain(made.error);
  std::printf("%s\n", made.archive.c_str());
  return 0;
}

node_of_vm_args read_node(const std::string& file) {
  auto b = block::make(64);
  auto flags = release::read_vm_args(*b, file);
  node_of_vm_args out;
  const auto failed = [](std::string text) {
    node_of_vm_args n;
    n.error = std::move(text);
    return n;
  };
  if (!flags) return failed(flags.error().text);
  node::node_config config;
  bool no_epmd = false;
  unsigned long port = 0;
  for (const auto& f : *flags) {
    if (f.values.size() != 1) continue;
    if (f.name == "-sname" || f.name == "-name") config.name = f.values[0], config.long_names = f.name == "-name";
    if (f.name == "-setcookie") out.cookie = f.values[0];
    if (f.name == "-start_epmd") no_epmd = f.values[0] == "false";
    if (f.name == "-erl_epmd_port") number(f.values[0], 1, 65535, port);
  }
  if (config.name.empty()) return failed(file + ": has no -sname and no -name");
  if (auto e = node::complete_name(config)) return failed(file + ": " + e->text);
  if (no_epmd) out.dist_port = static_cast<std::uint16_t>(port);
  out.name = config.name;
  return out;
}

int print_node(const std::string& vm_args, bool cookie) {
  auto node = read_node(vm_args);
  if (!node.error.empty()) return complain(node.error);
  if (cookie) {
    auto found = find_cookie(node.cookie, "");
    if (!found.error.empty()) return complain(found.error);
    std::puts(found.cookie.c_str());
  } else {
    std::puts(node.name.c_str());
  }
  return 0;
}

std::string apply_release(start_options& o) {
  if (o.release_root.empty()) return {};
  std::error_code error;
  const auto root = fs::canonical(o.release_root, error);
  if (error) return "--release-root " + o.release_root + ": " + error.message();
  o.release_root = root.string();
  auto b = block::make(1024);
  auto opened = release::open_release(*b, o.release_root, o.release_version);
  if (!opened) return "--release-root " + opened.error().text;
  o.release_version = opened->vsn;
  o.release_name = opened->name;
  o.release_erts = opened->erts_vsn;
  o.release_named = o.sname.empty() && o.name.empty();
  if (!opened->vm_args.empty()) {
    auto flags = release::read_vm_args(*b, opened->vm_args);
    if (!flags) return flags.error().text;
    for (const auto& f : *flags)
      if (!apply(f, o)) return opened->vm_args + ":" + std::to_string(f.line) + ": cnode start has no flag '" + written(f) + "'";
  }
  if (o.config.empty()) o.config = opened->sys_config;
  o.code_path.insert(o.code_path.end(), opened->code_path.begin(), opened->code_path.end());
  for (const auto& a : opened->resources.applications) {
    if (release::is(a.type, "none")) continue;
    bool included = false;
    for (const auto& other : opened->resources.applications) included = included || release::member(a.name, other.includes);
    o.applications.push_back({release::text_of(a.name), release::text_of(a.type), included || release::is(a.type, "load")});
  }
  ::setenv("ROOTDIR", o.release_root.c_str(), 1);
  ::setenv("RELDIR", (o.release_root + "/releases").c_str(), 1);
  return {};
}

}  // namespace cnode::program
