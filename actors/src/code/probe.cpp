#include "code/probe.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <system_error>
#include <filesystem>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cnode/actors/code_server.hpp>

#include "compile_flags.hpp"

extern char** environ;

namespace cnode::actors {

namespace {

namespace fs = std::filesystem;
using clock = std::chrono::steady_clock;

constexpr std::chrono::milliseconds time_limit{1000};
constexpr std::size_t output_limit = 1 << 20, text_limit = 400;
// What comes before the mark was written by the file's own code.
constexpr std::string_view mark = "\n\x01" "cnode_probe\n";

const char* told_program = nullptr;  // set before other objects here are made

// Where we were told, beside the program (a build tree), where it is installed, or where it was built.
std::string probe_program() {
  std::error_code error;
  if (told_program && ::access(told_program, X_OK) == 0) return told_program;
  const auto here = fs::read_symlink("/proc/self/exe", error).parent_path();
  for (const fs::path& p : {here / "cnode_probe", here.parent_path() / built_with::installed_libexec / "cnode/cnode_probe", fs::path{built_with::probe}})
    if (::access(p.c_str(), X_OK) == 0) return p;
  return {};
}

class spawn_settings {
 public:
  explicit spawn_settings(int output) {
    posix_spawn_file_actions_init(&files);
    posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_adddup2(&files, output, 2);
    posix_spawn_file_actions_addopen(&files, 1, "/dev/null", O_WRONLY, 0);
    posix_spawn_file_actions_addclosefrom_np(&files, 3);
    posix_spawnattr_init(&attributes);
    sigset_t none, all;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawnattr_setsigmask(&attributes, &none);
    posix_spawnattr_setsigdefault(&attributes, &all);
    posix_spawnattr_setpgroup(&attributes, 0);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
  }
  ~spawn_settings() {
    posix_spawn_file_actions_destroy(&files);
    posix_spawnattr_destroy(&attributes);
  }
  spawn_settings(const spawn_settings&) = delete;

  posix_spawn_file_actions_t files;
  posix_spawnattr_t attributes;
};

int milliseconds_to(clock::time_point t) {
  return static_cast<int>(std::max<std::int64_t>(0, std::chrono::ceil<std::chrono::milliseconds>(t - clock::now()).count()));
}

// Until the other end closes, the time is over or there is too much.
std::string read_until(int fd, clock::time_point deadline) {
  std::string text;
  char part[4096];
  while (text.size() < output_limit) {
    const int left = milliseconds_to(deadline);
    pollfd p{fd, POLLIN, 0};
    if (left == 0) break;
    if (::poll(&p, 1, left) <= 0) continue;
    const auto n = ::read(fd, part, sizeof part);
    if (n < 0 && (errno == EINTR || errno == EAGAIN)) continue;
    if (n <= 0) break;
    text.append(part, static_cast<std::size_t>(n));
  }
  return text;
}

// False: it runs on at the deadline. Its number stays taken until it is waited for.
bool ends_until(pid_t child, clock::time_point deadline) {
  siginfo_t info{};
  for (;;) {
    if (::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOHANG | WNOWAIT) == 0 && info.si_pid == child) return true;
    if (milliseconds_to(deadline) == 0) return false;
    ::poll(nullptr, 0, 1);
  }
}

// What the file's code wrote, on one line.
std::string last_words(std::string_view text) {
  std::string line{text.substr(0, text_limit)};
  std::replace_if(line.begin(), line.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  while (!line.empty() && line.back() == ' ') line.pop_back();
  return line.empty() ? line : " (it wrote: " + line + ")";
}

}  // namespace

void use_probe_program(const char* path) { told_program = path; }

probe_result probe_file(const std::string& file, std::string_view module) {
  probe_result result;
  auto program = probe_program();
  if (program.empty()) {
    result.why = "carries no digest, and cnode_probe, the program that would open it first, is not installed: build the module with cnode_add_module or cnode compile";
    return result;
  }
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    result.why = std::string{"cannot start a process to open it: "} + std::strerror(errno);
    return result;
  }
  pid_t child = 0;
  int failed;
  const auto deadline = clock::now() + time_limit;
  {
    spawn_settings settings{ends[1]};
    std::string path = file, name{module};
    char* argv[] = {program.data(), path.data(), name.data(), nullptr};
    failed = ::posix_spawn(&child, program.c_str(), &settings.files, &settings.attributes, argv, environ);
  }
  ::close(ends[1]);
  if (failed) {
    ::close(ends[0]);
    result.why = std::string{"cannot start a process to open it: "} + std::strerror(failed);
    return result;
  }
  const auto output = read_until(ends[0], deadline);
  ::close(ends[0]);
  const bool ended = ends_until(child, deadline);
  ::kill(-child, SIGKILL);  // also what the file's code may have started
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  const auto at = output.find(mark);
  const auto before = std::string_view{output}.substr(0, at);
  const auto after = at == std::string::npos ? std::string_view{} : std::string_view{output}.substr(at + mark.size());
  if (!ended) result.why = "opening it takes longer than 1 s" + last_words(before);
  else if (WIFSIGNALED(status)) result.why = std::string{"opening it ends the process: "} + ::strsignal(WTERMSIG(status)) + last_words(before);
  else if (at == std::string::npos) result.why = "opening it ends the process with exit status " + std::to_string(WEXITSTATUS(status)) + last_words(before);
  else if (WEXITSTATUS(status) != 0) result.why = after;
  else result.ok = true, result.output = after;
  return result;
}

probe_result probe_unsigned_file(const std::string& file, std::string_view module) {
  auto result = probe_file(file, module);
  if (result.ok && result.output.find(probe_on_load) != std::string::npos) {
    result.ok = false;
    result.why = "has an on_load, which runs in the node, and no digest to trust it by (cnode sign FILE, after the last strip or edit)";
  }
  return result;
}

}  // namespace cnode::actors
