#include "code/code_path.hpp"

#include <filesystem>

#include <sys/stat.h>
#include <unistd.h>

namespace cnode::actors {

namespace {

bool has_nul(const std::string& name) { return name.find('\0') != std::string::npos; }

std::string_view last_part(std::string_view dir) {
  const auto slash = dir.rfind('/');
  return slash == std::string_view::npos ? dir : dir.substr(slash + 1);
}

std::string_view parent(std::string_view dir) {
  const auto slash = dir.rfind('/');
  return slash == std::string_view::npos ? std::string_view{} : dir.substr(0, slash);
}

}  // namespace

std::string joined(std::string_view dir) {
  std::string out;
  if (dir.starts_with('/')) out = "/";
  for (std::size_t at = 0; at < dir.size();) {
    auto end = dir.find('/', at);
    if (end == std::string_view::npos) end = dir.size();
    const auto part = dir.substr(at, end - at);
    at = end + 1;
    if (part.empty() || (part == "." && !out.empty())) continue;
    if (!out.empty() && out.back() != '/') out += '/';
    out += part;
  }
  return out;
}

std::string application_of(std::string_view dir) {
  auto name = last_part(dir);
  if (name == "ebin" && dir.size() > name.size()) name = last_part(parent(dir));
  return std::string{name.substr(0, name.find('-'))};
}

std::string application_dir(const std::string& dir) {
  if (last_part(dir) != "ebin") return dir;
  const auto whole = dir.find('/') == std::string::npos ? absolute_name(dir) : dir;
  return std::string{parent(whole)};
}

std::string absolute_name(const std::string& file) {
  if (file.starts_with('/')) return joined(file);
  std::error_code error;
  const auto here = std::filesystem::current_path(error);
  return error ? file : joined(here.native() + "/" + file);
}

bool is_directory(const std::string& dir) {
  struct stat s;
  return !dir.empty() && !has_nul(dir) && ::stat(dir.c_str(), &s) == 0 && S_ISDIR(s.st_mode);
}

bool is_readable_file(const std::string& file) {
  struct stat s;
  return !has_nul(file) && ::stat(file.c_str(), &s) == 0 && !S_ISDIR(s.st_mode) && ::access(file.c_str(), R_OK) == 0;
}

}  // namespace cnode::actors
