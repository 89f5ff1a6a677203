#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <string>
#include <vector>

#include "epmd_client.hpp"

namespace cnode::node {
namespace {

namespace fs = std::filesystem;

std::string executable(const fs::path& p) { return ::access(p.c_str(), X_OK) == 0 ? p.string() : std::string{}; }

std::string find_epmd() {
  const char* path = std::getenv("PATH");
  for (std::string rest = path ? path : ""; !rest.empty();) {
    const auto end = rest.find(':');
    if (auto found = executable(fs::path(rest.substr(0, end)) / "epmd"); !found.empty()) return found;
    rest = end == rest.npos ? std::string{} : rest.substr(end + 1);
  }
  for (const char* root : {"/usr/lib/erlang", "/usr/local/lib/erlang", "/usr/lib64/erlang", "/opt/erlang"}) {
    std::error_code e;
    for (const auto& entry : fs::directory_iterator(root, e))
      if (entry.path().filename().string().starts_with("erts-"))
        if (auto found = executable(entry.path() / "bin" / "epmd"); !found.empty()) return found;
  }
  return {};
}

}  // namespace

bool start_epmd(const node_config& config) {
  const auto program = find_epmd();
  if (program.empty()) return false;
  std::vector<std::string> arguments{program, "-daemon", "-port", std::to_string(config.epmd_port)};
  if (!config.epmd_address.empty()) arguments.insert(arguments.end(), {"-address", config.epmd_address});
  std::vector<char*> argv;
  for (auto& a : arguments) argv.push_back(a.data());
  argv.push_back(nullptr);
  pid_t child = 0;
  if (::posix_spawn(&child, program.c_str(), nullptr, nullptr, argv.data(), environ) != 0) return false;
  // It detaches itself at once; the daemon is no child of ours.
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace cnode::node
