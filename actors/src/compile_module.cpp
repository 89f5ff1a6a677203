#include <cnode/actors/compile_module.hpp>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <string_view>
#include <system_error>

#include <unistd.h>

#include <cnode/actors/code_server.hpp>

#include "code/module_file.hpp"
#include "compile_flags.hpp"
#include "compiler_process.hpp"
#include "precompiled_header.hpp"

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
    case command_result::cancelled:
      return "the compiler was killed: nobody waits for it any more";
    case command_result::not_started:
      break;
  }
  return "cannot run the compiler " + compiler + ": " + std::strerror(run.status);
}

// The stamp names the file: it must be a plain name.
bool is_file_name(const std::string& name) {
  return !name.empty() && name.size() <= 240 && name[0] != '.' && name.find('/') == std::string::npos;
}

std::string compiler_of(const compile_request& request) { return request.compiler.empty() ? built_with::compiler : request.compiler; }

// What is the same for every module: the precompiled header is made with these.
std::vector<std::string> common_options() {
  std::vector<std::string> o{"-std=c++20", "-O2", "-Wall", "-Wextra"};
  o.insert(o.end(), std::begin(built_with::compile_options), std::end(built_with::compile_options));
  return o;
}

header_recipe recipe_of(const compile_request& request) {
  return {compiler_of(request), built_with::clang, common_options(), include_directories()};
}

command_limits limits_of(const compile_request& r) { return {r.time_limit, r.memory_limit, r.output_limit, r.file_limit}; }

bool mentions(const std::string& text, std::string_view words) { return text.find(words) != std::string::npos; }

std::string file_text(const std::string& path) {
  std::ifstream in{path, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

// clang takes a precompiled header only when told to, and only with the options it was made with.
bool may_precompile(const compile_request& request) {
  if (!built_with::clang) return true;
  return request.options.empty() && mentions(request.text ? *request.text : file_text(request.source), "cnode/gen_server.hpp");
}

// What the module knows about its own making, for module_info(compile): the source's whole path, and in a file of its own the options.
std::vector<std::string> record_options(const compile_request& request) {
  std::vector<std::string> o;
  if (!request.text && request.source[0] != '/' && !mentions(request.source, "=")) {
    std::error_code error;
    const auto absolute = fs::absolute(request.source, error).lexically_normal().string();
    if (!error) o.push_back("-fmacro-prefix-map=" + request.source + "=" + absolute);
  }
  return o;
}

// Where the compiler runs and what it is given: text gets a file of its own under the name that diagnostics shall show.
struct place {
  std::string directory, source;
};
place place_source(const compile_request& request, const std::string& work) {
  if (!request.text) return {{}, request.source[0] == '-' ? "./" + request.source : request.source};
  place p{work + "/source", request.source};
  std::error_code ignored;
  fs::create_directory(p.directory, ignored);
  std::string first;
  if (!is_file_name(request.source) || request.source[0] == '-') {
    p.source = "source.cpp";
    first = "#line 1 \"";
    for (const char c : request.source) {
      if (c == '"' || c == '\\') first += '\\';
      first += c == '\n' ? ' ' : c;
    }
    first += "\"\n";
  }
  std::ofstream{p.directory + "/" + p.source, std::ios::binary} << first << *request.text;
  return p;
}

void write_options(const std::string& file, const std::string& options) {
  std::string text;
  for (const char c : options) {
    if (c == '"' || c == '\\') text += '\\';
    text += c == '\n' ? ' ' : c;
  }
  std::ofstream{file} << "extern \"C\" {\nextern __attribute__((visibility(\"hidden\"))) const char cnode_module_options[];\n"
                         "const char cnode_module_options[] = \"[" << text << "]\";\n}\n";
}

std::string no_source_text(const std::string& source) {
  std::error_code error;
  const auto status = fs::status(source, error);
  if (source.empty() || !fs::exists(status)) return "no such source file: " + source;
  return fs::is_regular_file(status) ? "" : source + ": not a plain file";
}

}  // namespace

std::vector<std::string> compile_command(const compile_request& request, const std::string& output, const std::string& exports_map) {
  std::vector<std::string> c{compiler_of(request)};
  const auto common = common_options();
  c.insert(c.end(), common.begin(), common.end());
  c.emplace_back("-shared");
  c.emplace_back(built_with::clang ? "-ferror-limit=20" : "-fmax-errors=20");
  c.emplace_back("-fdiagnostics-color=never");
  for (const auto& directory : include_directories()) c.push_back("-I" + directory);
  c.insert(c.end(), std::begin(built_with::link_options), std::end(built_with::link_options));
  c.push_back("-Wl,--version-script=" + exports_map);
  const auto record = record_options(request);
  c.insert(c.end(), record.begin(), record.end());
  const auto is_library = [](const std::string& o) { return o.starts_with("-l"); };
  std::copy_if(request.options.begin(), request.options.end(), std::back_inserter(c), std::not_fn(is_library));
  c.insert(c.end(), {"-o", output, "-x", "c++", request.source[0] == '-' ? "./" + request.source : request.source});
  // The linker looks into libraries for what it has seen missing before.
  std::copy_if(request.options.begin(), request.options.end(), std::back_inserter(c), is_library);
  return c;
}

bool precompile_headers(const compile_request& request) {
  return make_precompiled_header(recipe_of(request), limits_of(request), request.cancelled);
}

compile_result compile_module(const compile_request& request) {
  compile_result result;
  std::error_code error;
  if (!request.text && !(result.error = no_source_text(request.source)).empty()) return result;
  const auto parent = request.write ? request.directory : fs::temp_directory_path(error).string();
  work_directory work{parent};
  if (work.path().empty()) {
    result.error = "cannot write to " + parent + ": " + std::strerror(work.error());
    return result;
  }
  const auto work_path = fs::absolute(work.path(), error).string();
  const auto map = work_path + "/exports.map", output = work_path + "/module.so";
  std::ofstream{map} << "{ global: cnode_module_entry; local: *; };\n";
  const auto place = place_source(request, work_path);
  auto placed = request;
  placed.source = place.source;

  auto command = compile_command(placed, output, map);
  if (!request.recorded_options.empty()) {
    command.push_back(work_path + "/options.cpp");
    write_options(command.back(), request.recorded_options);
  }
  const auto header = may_precompile(request) ? precompiled_header_options(recipe_of(request)) : std::vector<std::string>{};
  auto quick = command;
  quick.insert(quick.begin() + 1, header.begin(), header.end());
  auto run = run_command(quick, limits_of(request), place.directory, request.cancelled);
  // clang refuses a header that does not fit where g++ passes it over.
  if (!header.empty() && run.status != 0 && (mentions(run.output, "PCH") || mentions(run.output, "precompiled")))
    run = run_command(command, limits_of(request), place.directory, request.cancelled);
  result.diagnostics = std::move(run.output);
  if (run.truncated) result.diagnostics += "\n... (more was cut off)\n";
  if (run.how != command_result::exited || run.status != 0) {
    result.error = failure_text(run, request, command[0]);
    result.compiler_failed = run.how == command_result::exited;
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
  if (request.write) {
    const auto target = request.directory + "/" + module + ".so";
    fs::rename(output, target, error);
    if (error) {
      result.error = "cannot write " + target + ": " + error.message();
      return result;
    }
    result.file = target;
  }
  result.ok = true;
  result.module = module;
  result.bytes = std::move(file.bytes);
  return result;
}

}  // namespace cnode::actors
