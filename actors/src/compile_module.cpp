#include <cnode/actors/compile_module.hpp>

#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <system_error>

#include <unistd.h>

#include "code/digest_trailer.hpp"
#include "code/module_file.hpp"
#include "compile_flags.hpp"
#include "compiler_process.hpp"

namespace cnode::actors {

namespace {

namespace fs = std::filesystem;

// The headers this node belongs to: installed ones beside the program, or the source tree it was built from.
std::vector<std::string> include_directories() {
  std::error_code error;
  const auto program = fs::read_symlink("/proc/self/exe", error);
  if (!error) {
    const auto installed = program.parent_path().parent_path() / built_with::installed_include;
    if (fs::exists(installed / "cnode/gen_server.hpp", error)) return {installed.string()};
  }
  return {std::begin(built_with::include_directories), std::end(built_with::include_directories)};
}

// A directory of our own inside DIR (renaming stays within one file system), gone with all in it at the end.
class work_directory {
 public:
  explicit work_directory(const std::string& parent) : path_(parent + "/.cnode-compile-XXXXXX") {
    if (::mkdtemp(path_.data()) == nullptr) {
      error_ = errno;
      path_.clear();
    }
  }
  ~work_directory() {
    std::error_code ignored;
    if (!path_.empty()) fs::remove_all(path_, ignored);
  }
  work_directory(const work_directory&) = delete;
  const std::string& path() const { return path_; }
  int error() const { return error_; }

 private:
  std::string path_;
  int error_ = 0;
};

std::string failure_text(const command_result& run, const compile_request& request, const std::string& compiler) {
  switch (run.how) {
    case command_result::exited:
      return "the compiler found errors (exit status " + std::to_string(run.status) + ")";
    case command_result::signalled:
      return "the compiler was ended by signal " + std::to_string(run.status);
    case command_result::timed_out:
      return "the compiler took more than " + std::to_string(request.time_limit.count()) + " ms and was killed";
    case command_result::not_started:
      break;
  }
  return "cannot run the compiler " + compiler + ": " + std::strerror(run.status);
}

// The stamp names the file: it must be a plain name.
bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 240 && name[0] != '.' && name.find('/') == std::string::npos;
}

}  // namespace

std::vector<std::string> compile_command(const compile_request& request, const std::string& output, const std::string& exports_map) {
  std::vector<std::string> c{request.compiler.empty() ? built_with::compiler : request.compiler, "-std=c++20", "-O2", "-Wall", "-Wextra", "-shared"};
  c.insert(c.end(), std::begin(built_with::compile_options), std::end(built_with::compile_options));
  c.emplace_back(built_with::clang ? "-ferror-limit=20" : "-fmax-errors=20");
  c.emplace_back("-fdiagnostics-color=never");
  for (const auto& directory : include_directories()) c.push_back("-I" + directory);
  c.insert(c.end(), std::begin(built_with::link_options), std::end(built_with::link_options));
  c.push_back("-Wl,--version-script=" + exports_map);
  c.insert(c.end(), request.options.begin(), request.options.end());
  c.insert(c.end(), {"-o", output, request.source[0] == '-' ? "./" + request.source : request.source});
  return c;
}

compile_result compile_module(const compile_request& request) {
  compile_result result;
  std::error_code error;
  if (request.source.empty() || !fs::is_regular_file(request.source, error)) {
    result.error = "no such source file: " + request.source;
    return result;
  }
  work_directory work{request.directory};
  if (work.path().empty()) {
    result.error = "cannot write to " + request.directory + ": " + std::strerror(work.error());
    return result;
  }
  const auto map = work.path() + "/exports.map", output = work.path() + "/module.so";
  std::ofstream{map} << "{ global: cnode_module_entry; local: *; };\n";

  const auto command = compile_command(request, output, map);
  auto run = run_command(command, request.time_limit, request.memory_limit, request.output_limit);
  result.diagnostics = std::move(run.output);
  if (run.truncated) result.diagnostics += "\n... (more was cut off)\n";
  if (run.how != command_result::exited || run.status != 0) {
    result.error = failure_text(run, request, command[0]);
    return result;
  }

  module_file file;
  std::string why;
  if (!sign_module_file(output, why) || read_module_file(output, file.bytes, why) != file_error::none || !check_module_file(file, {}, why)) {
    result.error = request.source + " is no callback module: " + why;
    return result;
  }
  const std::string module{file.stamp.module_name, ::strnlen(file.stamp.module_name, sizeof file.stamp.module_name)};
  if (!is_file_name(module)) {
    result.error = request.source + ": the module's name '" + module + "' cannot be a file name";
    return result;
  }
  const auto target = request.directory + "/" + module + ".so";
  fs::rename(output, target, error);
  if (error) {
    result.error = "cannot write " + target + ": " + error.message();
    return result;
  }
  result.ok = true;
  result.module = module;
  result.file = target;
  return result;
}

}  // namespace cnode::actors
