// `cnode describe FILE`: the checks of the loader, and what the module says of itself, asked in a process of its own.
#include <cstdio>
#include <cstring>
#include <string>

#include <cnode/actors/code_server.hpp>

#include "code/module_file.hpp"
#include "code/probe.hpp"
#include "code/run_directory.hpp"

namespace cnode::actors {

namespace {

std::string field(const char* text, std::size_t size) { return {text, strnlen(text, size)}; }

const char* sanitizer(std::uint32_t kind) {
  return kind == CNODE_SANITIZE_ADDRESS ? "address" : kind == CNODE_SANITIZE_THREAD ? "thread" : "none";
}

// The very bytes that were checked are opened, as by the loader.
probe_result open_copy(const module_file& f, const std::string& module) {
  probe_result result;
  const auto directory = make_run_directory(result.why);
  if (directory.empty()) return result;
  const auto copy = directory + "/described.so";
  if (write_private_copy(copy, f.bytes, f.bytes.size(), result.why)) result = f.is_signed ? probe_file(copy, module) : probe_unsigned_file(copy, module);
  remove_run_directory(directory);
  return result;
}

std::string stamp_text(const cnode_stamp& s) {
  char hash[32];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(s.header_hash));
  std::string text = "stamp: abi " + std::to_string(s.abi_major) + "." + std::to_string(s.abi_minor) + ", headers " + hash + ", sanitizer " + sanitizer(s.sanitizer);
  if (s.cxx11_abi != CNODE_CXX11_ABI_NONE) text += ", cxx11 abi " + std::to_string(s.cxx11_abi);
  if (s.debug_mode) text += ", _GLIBCXX_DEBUG";
  text += "\ncompiler: " + field(s.compiler, sizeof s.compiler);
  if (s.cplusplus) text += ", C++ " + std::to_string(s.cplusplus);
  if (s.libstdcxx) text += ", libstdc++ " + std::to_string(s.libstdcxx);
  return text + "\n";
}

}  // namespace

std::string describe_module_file(const std::string& path, int& status) {
  status = 1;
  module_file f;
  std::string why;
  if (read_module_file(path, f.bytes, why) != file_error::none) return why + "\n";
  const auto slash = path.rfind('/');
  if (!check_module_file(f, {}, why) ||
      !check_needed_libraries(f, {slash == std::string::npos ? "." : path.substr(0, slash)}, [](const auto&) { return false; }, why))
    return path + ": refused: " + why + "\n";
  const auto module = stamped_name(f.stamp);
  const auto probe = open_copy(f, module);
  if (!probe.ok) return path + ": refused: " + probe.why + "\n";
  status = 0;
  std::string text = "module: " + module + "\n" + probe.output + stamp_text(f.stamp) + "digest: ";
  char hex[3];
  for (const auto byte : f.digest) {
    std::snprintf(hex, sizeof hex, "%02x", byte);
    text += hex;
  }
  text += f.is_signed ? " (signed)\n" : " (not signed: opened by a probe first)\n";
  text += "needs:";
  for (const auto& n : f.needed) text += " " + n;
  text += "\n";
  for (const auto& w : f.warnings) text += "warning: " + w + "\n";
  return text;
}

}  // namespace cnode::actors
