#include "compiler_process.hpp"

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdlib>

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

namespace cnode::actors {

namespace {

using clock = std::chrono::steady_clock;

std::vector<char*> pointers(const std::vector<std::string>& texts) {
  std::vector<char*> p;
  for (const auto& t : texts) p.push_back(const_cast<char*>(t.c_str()));
  p.push_back(nullptr);
  return p;
}

// Diagnostics in English whatever the node's locale: they are parsed by people and programs on other machines.
std::vector<std::string> environment() {
  std::vector<std::string> e{"LC_ALL=C.UTF-8"};
  for (const char* name : {"PATH", "HOME", "TMPDIR", "CCACHE_DIR"})
    if (const char* value = std::getenv(name)) e.push_back(std::string{name} + "=" + value);
  return e;
}

// What the driver starts (cc1plus, as, ld) inherits the limit; the driver has not come to that when posix_spawn returns.
void limit(pid_t pid, const command_limits& limits) {
  const rlimit address_space{limits.memory, limits.memory}, file{limits.file, limits.file}, no_core{0, 0};
  ::prlimit(pid, RLIMIT_AS, &address_space, nullptr);
  ::prlimit(pid, RLIMIT_FSIZE, &file, nullptr);
  ::prlimit(pid, RLIMIT_CORE, &no_core, nullptr);
}

// Reads until end of file (exited), the deadline, or until somebody has cancelled.
command_result::outcome collect(int fd, clock::time_point deadline, std::size_t output_limit, const std::atomic<bool>* cancelled,
                            command_result& result) {
  constexpr int look_every = 50;  // ms
  char buffer[4096];
  for (;;) {
    if (cancelled && *cancelled) return command_result::cancelled;
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - clock::now()).count();
    if (left <= 0) return command_result::timed_out;
    pollfd p{fd, POLLIN, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(left < look_every ? left : look_every));
    if (ready <= 0) continue;
    const auto n = ::read(fd, buffer, sizeof buffer);
    if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN)) return command_result::exited;
    if (n < 0) continue;
    const auto room = output_limit - result.output.size();
    result.output.append(buffer, std::min(room, static_cast<std::size_t>(n)));
    if (room < static_cast<std::size_t>(n)) result.truncated = true;
  }
}

}  // namespace

command_result run_command(const std::vector<std::string>& arguments, const command_limits& limits, const std::string& directory,
                           const std::atomic<bool>* cancelled) {
  command_result result;
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    result.status = errno;
    return result;
  }
  posix_spawn_file_actions_t files;
  posix_spawn_file_actions_init(&files);
  posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&files, ends[1], 1);
  posix_spawn_file_actions_adddup2(&files, ends[1], 2);
  if (!directory.empty()) posix_spawn_file_actions_addchdir_np(&files, directory.c_str());
  posix_spawn_file_actions_addclosefrom_np(&files, 3);  // the node's sockets are none of its business
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none, defaults;
  sigemptyset(&none);
  sigemptyset(&defaults);
  for (int s : {SIGPIPE, SIGTERM, SIGINT, SIGCHLD, SIGHUP}) sigaddset(&defaults, s);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);

  const auto env = environment();
  pid_t pid = -1;
  const int failure = ::posix_spawnp(&pid, arguments[0].c_str(), &files, &attributes, pointers(arguments).data(), pointers(env).data());
  posix_spawn_file_actions_destroy(&files);
  posix_spawnattr_destroy(&attributes);
  ::close(ends[1]);
  if (failure != 0) {
    ::close(ends[0]);
    result.status = failure;
    return result;
  }
  limit(pid, limits);

  const auto how = collect(ends[0], clock::now() + limits.time, limits.output, cancelled, result);
  ::close(ends[0]);
  // Also after a proper end: whatever of the group is left holds our pipe or runs for nobody. The leader is not waited for yet, so
  // the group's number cannot have been given to others.
  siginfo_t info{};
  if (how == command_result::exited) ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);
  ::kill(-pid, SIGKILL);
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (how != command_result::exited)
    result.how = how;
  else if (WIFEXITED(status))
    result.how = command_result::exited, result.status = WEXITSTATUS(status);
  else
    result.how = command_result::signalled, result.status = WTERMSIG(status);
  return result;
}

}  // namespace cnode::actors
