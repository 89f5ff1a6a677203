// `cnode describe FILE`: the checks of the loader, and what the module says of itself, asked in a process of its own.
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstring>
#include <string>

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cnode/protocol/term_text.hpp>

#include "code/module_file.hpp"

#include <cnode/actors/code_server.hpp>

extern char** environ;

namespace cnode::actors {

namespace {

constexpr std::chrono::seconds probe_time{10};
constexpr std::size_t probe_output = 1 << 20;

struct probe_outcome {
  bool ok = false;
  std::string output, why;
};

// Reads until the other end closes, the time is over or there is too much.
std::string read_all(int fd) {
  std::string text;
  const auto deadline = std::chrono::steady_clock::now() + probe_time;
  char part[4096];
  while (text.size() < probe_output) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now()).count();
    pollfd p{fd, POLLIN, 0};
    if (left <= 0 || (::poll(&p, 1, static_cast<int>(left)) <= 0 && errno != EINTR)) break;
    const auto n = ::read(fd, part, sizeof part);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    text.append(part, static_cast<std::size_t>(n));
  }
  return text;
}

// Waits a moment for the end; a probe that hangs is killed.
int reap_probe(pid_t child) {
  int status = 0;
  for (int i = 0; i < 200; ++i) {
    if (::waitpid(child, &status, WNOHANG) == child) return status;
    ::usleep(5000);
  }
  ::kill(child, SIGKILL);
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  return status;
}

probe_outcome run_probe(const std::string& path) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return {false, {}, std::strerror(errno)};
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, ends[1], STDOUT_FILENO);
  std::string program = "/proc/self/exe", verb = "--probe-module", file = path;
  char* argv[] = {program.data(), verb.data(), file.data(), nullptr};
  pid_t child = 0;
  const int failed = ::posix_spawn(&child, program.c_str(), &actions, nullptr, argv, environ);
  posix_spawn_file_actions_destroy(&actions);
  ::close(ends[1]);
  probe_outcome o;
  if (failed) {
    o.why = std::string{"cannot start a process to open it: "} + std::strerror(failed);
  } else {
    o.output = read_all(ends[0]);
    const int status = reap_probe(child);
    o.ok = WIFEXITED(status) && WEXITSTATUS(status) == 0;
    if (WIFSIGNALED(status)) o.why = std::string{"opening it ends the process: "} + ::strsignal(WTERMSIG(status));
    else if (!o.ok) o.why = o.output.empty() ? "opening it fails" : o.output;
  }
  ::close(ends[0]);
  while (!o.why.empty() && o.why.back() == '\n') o.why.pop_back();
  return o;
}

std::string field(const char* text, std::size_t size) { return {text, strnlen(text, size)}; }

const char* sanitizer(std::uint32_t kind) {
  return kind == CNODE_SANITIZE_ADDRESS ? "address" : kind == CNODE_SANITIZE_THREAD ? "thread" : "none";
}

}  // namespace

std::string describe_module_file(const std::string& path, int& status) {
  status = 1;
  module_file f;
  std::string why;
  if (read_module_file(path, f.bytes, why) != file_error::none) return why + "\n";
  if (!check_module_file(f, {}, why)) return path + ": refused: " + why + "\n";
  const auto probe = run_probe(path);
  if (!probe.ok) return path + ": refused: " + probe.why + "\n";
  status = 0;
  char hash[32], hex[33];
  std::snprintf(hash, sizeof hash, "%016llx", static_cast<unsigned long long>(f.stamp.header_hash));
  for (int i = 0; i < 16; ++i) std::snprintf(hex + 2 * i, 3, "%02x", f.digest[i]);
  std::string text = probe.output;
  text += "stamp: abi " + std::to_string(f.stamp.abi_major) + "." + std::to_string(f.stamp.abi_minor) + ", headers " + hash + ", sanitizer " +
          sanitizer(f.stamp.sanitizer) + ", compiler " + field(f.stamp.compiler, sizeof f.stamp.compiler) + "\n";
  text += "digest: " + std::string{hex} + "\n";
  for (const auto& w : f.warnings) text += "warning: " + w + "\n";
  return text;
}

int probe_main(const char* path) {
  // Absolute or with a slash: a bare name would be searched for.
  const std::string file = std::strchr(path, '/') ? path : std::string{"./"} + path;
  void* handle = ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL);
  if (!handle) {
    const char* text = ::dlerror();
    std::printf("%s\n", text ? text : "dlopen failed");
    return 1;
  }
  auto entry = reinterpret_cast<cnode_module_entry_function>(::dlsym(handle, "cnode_module_entry"));
  const auto* d = entry ? entry(&host_functions()) : nullptr;
  if (!d || d->size < sizeof(cnode_module) || !d->name || (d->export_count && !d->exports)) {
    std::printf("%s\n", !entry ? "does not export cnode_module_entry" : !d ? "its entry refuses this host" : "its description is damaged or too small");
    return 1;
  }
  std::printf("module: %s\nvsn: %s\n", d->name, d->vsn && *d->vsn ? d->vsn : "(from the digest)");
  if (d->behaviour) std::printf("behaviour: %s\n", d->behaviour);
  std::printf("exports:");
  for (std::uint32_t i = 0; i < d->export_count; ++i)
    std::printf(" %s/%u", d->exports[i].name ? d->exports[i].name : "(none)", d->exports[i].arity);
  std::printf("\n");
  return std::fflush(stdout) == 0 ? 0 : 1;
}

}  // namespace cnode::actors
