#include "precompiled_header.hpp"

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <optional>
#include <sstream>
#include <system_error>
#include <utility>

#include <sys/stat.h>
#include <unistd.h>

#include "code/sha256.hpp"

namespace cnode::actors {

namespace {

namespace fs = std::filesystem;

constexpr std::size_t kept = 4;  // one has 30 to 45 MB

// The cache directory, made when missing; empty when there is none that is ours alone: a header somebody else could have written would
// be code of theirs in our node.
std::string cache_directory() {
  std::string base;
  if (const char* xdg = std::getenv("XDG_CACHE_HOME"); xdg && *xdg == '/') base = xdg;
  else if (const char* home = std::getenv("HOME"); home && *home == '/') base = std::string{home} + "/.cache";
  if (base.empty()) return {};
  std::error_code ignored;
  fs::create_directories(base, ignored);
  const auto directory = base + "/cnode";
  ::mkdir(directory.c_str(), 0700);
  struct stat s {};
  if (::lstat(directory.c_str(), &s) != 0 || !S_ISDIR(s.st_mode) || s.st_uid != ::geteuid() || (s.st_mode & 022) != 0) return {};
  return directory;
}

std::string identity(const std::string& file) {
  struct stat s {};
  if (::stat(file.c_str(), &s) != 0) return {};
  std::ostringstream text;
  text << s.st_mtim.tv_sec << '.' << s.st_mtim.tv_nsec << ' ' << s.st_size << ' ' << file << '\n';
  return text.str();
}

std::string contents(const fs::path& file) {
  std::ifstream in{file, std::ios::binary};
  return {std::istreambuf_iterator<char>{in}, {}};
}

std::string find_program(const std::string& name) {
  if (name.find('/') != std::string::npos) return name;
  std::istringstream path{std::getenv("PATH") ? std::getenv("PATH") : ""};
  for (std::string dir; std::getline(path, dir, ':');)
    if (::access((dir + "/" + name).c_str(), X_OK) == 0) return dir + "/" + name;
  return {};
}

std::optional<std::string> header_path(const header_recipe& recipe) {
  for (const auto& d : recipe.include_directories)
    if (auto file = d + "/cnode/gen_server.hpp"; ::access(file.c_str(), R_OK) == 0) return file;
  return std::nullopt;
}

std::string key_of(const header_recipe& recipe) {
  std::string all = identity(find_program(recipe.compiler));
  for (const auto& o : recipe.options) (all += o) += '\0';
  for (const auto& d : recipe.include_directories) {
    std::vector<fs::path> files;
    std::error_code error;
    for (fs::directory_iterator i{d + "/cnode", error}, end; !error && i != end; i.increment(error))
      if (i->path().extension() == ".hpp" || i->path().extension() == ".h") files.push_back(i->path());
    std::sort(files.begin(), files.end());
    for (const auto& f : files) ((all += f.native()) += '\0') += contents(f);
  }
  static constexpr char digit[] = "0123456789abcdef";
  std::string hex;
  for (const auto byte : sha256(all)) {
    hex += digit[byte >> 4];
    hex += digit[byte & 15];
  }
  return hex.substr(0, 32);
}

struct place {
  std::string directory, header, list;
};
place place_of(const header_recipe& recipe, const std::string& directory) {
  return {directory, directory + (recipe.clang ? "/gen_server.pch" : "/cnode/gen_server.hpp.gch"), directory + "/headers"};
}

// Each line is the identity of a header it was made from.
bool is_fresh(const place& p) {
  std::ifstream in{p.list};
  bool any = false;
  for (std::string line; std::getline(in, line); any = true) {
    const auto name = line.find(' ', line.find(' ') + 1);
    if (name == std::string::npos || identity(line.substr(name + 1)) != line + '\n') return false;
  }
  return any && ::access(p.header.c_str(), R_OK) == 0;
}

// The files of a makefile rule as the compiler writes it (-MD): "target: a b \\\n c", blanks in names escaped.
std::vector<std::string> rule_files(const std::string& rule) {
  std::vector<std::string> files;
  std::string word;
  const auto end = [&] {
    if (!word.empty() && word.back() != ':') files.push_back(word);
    word.clear();
  };
  for (std::size_t i = 0; i < rule.size(); ++i) {
    const char c = rule[i];
    if (c == '\\' && i + 1 < rule.size() && rule[i + 1] == '\n') ++i, end();
    else if (c == '\\' && i + 1 < rule.size() && (rule[i + 1] == ' ' || rule[i + 1] == '#')) word += rule[++i];
    else if (c == ' ' || c == '\n') end();
    else word += c;
  }
  end();
  return files;
}

// The newest stay, and what may be in the making.
void remove_older(const std::string& cache) {
  std::vector<std::pair<fs::file_time_type, fs::path>> entries;
  std::error_code error;
  for (fs::directory_iterator i{cache, error}, end; !error && i != end; i.increment(error)) {
    std::error_code gone;
    const auto time = fs::last_write_time(i->path(), gone);
    const bool whole = i->path().filename().native().size() == 32;
    if (!gone && (whole || time < fs::file_time_type::clock::now() - std::chrono::hours{1})) entries.emplace_back(time, i->path());
  }
  std::sort(entries.begin(), entries.end(), std::greater<>{});
  for (std::size_t i = kept; i < entries.size(); ++i) fs::remove_all(entries[i].second, error);
}

}  // namespace

std::vector<std::string> precompiled_header_options(const header_recipe& recipe) {
  const auto cache = cache_directory();
  if (cache.empty()) return {};
  const auto p = place_of(recipe, cache + "/" + key_of(recipe));
  if (!is_fresh(p)) return {};
  // g++ looks for x.hpp.gch where it looks for x.hpp, and goes on when it does not fit.
  if (!recipe.clang) return {"-I" + p.directory};
  return {"-include-pch", p.header};
}

bool make_precompiled_header(const header_recipe& recipe, const command_limits& limits, const std::atomic<bool>* cancelled) {
  const auto cache = cache_directory();
  const auto header = header_path(recipe);
  if (cache.empty() || !header) return false;
  const auto key = key_of(recipe);
  const auto p = place_of(recipe, cache + "/" + key);
  if (is_fresh(p)) return true;

  std::string pattern = cache + "/new-XXXXXX";
  if (::mkdtemp(pattern.data()) == nullptr) return false;
  std::error_code error;
  const auto made = place_of(recipe, pattern);
  fs::create_directories(fs::path{made.header}.parent_path(), error);
  std::vector<std::string> command{recipe.compiler};
  command.insert(command.end(), recipe.options.begin(), recipe.options.end());
  for (const auto& d : recipe.include_directories) command.push_back("-I" + d);
  const auto rule = pattern + "/rule";
  command.insert(command.end(), {"-w", "-x", "c++-header", *header, "-MD", "-MF", rule, "-o", made.header});
  const auto run = run_command(command, limits, {}, cancelled);

  bool ok = run.how == command_result::exited && run.status == 0;
  if (ok) {
    std::ofstream list{made.list};
    for (const auto& f : rule_files(contents(rule)))
      if (f != made.header) list << identity(f);
    list.close();
    ok = list.good() && is_fresh(made) && key_of(recipe) == key;  // nobody edited a header meanwhile
  }
  if (ok) {
    fs::remove_all(p.directory, error);  // one that is stale
    fs::rename(pattern, p.directory, error);
    if (error) ok = is_fresh(p);  // somebody else was quicker
    remove_older(cache);
  }
  fs::remove_all(pattern, error);
  return ok;
}

}  // namespace cnode::actors
